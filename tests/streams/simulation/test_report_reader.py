"""`touchstream why --simulated` explains a contact of a report as the engine explains it."""

import json
from pathlib import Path

import msgspec
import pytest

from processors.why import explain
from schemas.internal.enrollment import (
    Assignment,
    CallItem,
    CallLog,
    CameBack,
    Enrollment,
    RunResults,
    Touch,
    Waiting,
)
from schemas.internal.facts import Fact
from streams.simulation import enrollment_lines
from streams.simulation.engine import OwnedEnrollment
from streams.simulation.report import ENROLLMENTS
from tests.testing.command_line import Touchstream
from tests.testing.simulation_harness import (
    MIXED_BEHAVIOUR,
    scenario,
    sequence,
    simulate,
    write_simulation_report,
)
from tests.testing.world import START

PEOPLE = 30


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a simulation that ended while some people wait."""
    place = tmp_path_factory.mktemp("simulated") / "report"
    write_simulation_report(
        scenario(sequence(), behaviour=MIXED_BEHAVIOUR, people=PEOPLE, hours=150), place
    )
    return place


def test_every_contact_is_explained_as_from_the_states(
    report: Path, touchstream: Touchstream
) -> None:
    trial = simulate(scenario(sequence(), behaviour=MIXED_BEHAVIOUR, people=PEOPLE, hours=150))
    runs = list(trial.result.enrollments)
    assert len(runs) == PEOPLE
    waiting = 0
    for tenant_id, contact_id, run in runs:
        facts = [f for f in trial.recorded.facts if f.contact_id == contact_id]
        expected = msgspec.to_builtins(explain(tenant_id, contact_id, facts, [run]))
        result = touchstream("why", "--contact", contact_id, "--simulated", report, "--json")
        assert result.code == 0
        assert result.json() == json.loads(json.dumps(expected))
        waiting += "waits" in result.json()["runs"][0]
    assert 0 < waiting < PEOPLE


def test_an_enrollment_and_a_command_are_found_by_their_ids(
    report: Path, touchstream: Touchstream
) -> None:
    rows = [json.loads(line) for line in (report / ENROLLMENTS).read_text().splitlines()]
    retried = next(r for r in rows if any(t["attempt"] > 1 for t in r["touches"]))
    facts = [json.loads(line) for line in (report / "facts.jsonl").read_text().splitlines()]
    first_command = next(
        f["command_id"]
        for f in facts
        if f.get("enrollment_id") == retried["enrollment_id"] and f.get("attempt") == 1
        and "command_id" in f
    )  # fmt: skip
    for sought in (retried["enrollment_id"], first_command):
        result = touchstream("why", sought, "--simulated", report, "--json").json()
        assert [run["enrollment_id"] for run in result["runs"]] == [retried["enrollment_id"]]
    (touch,) = result["runs"][0]["touches"]
    assert first_command in touch["commands"]


def test_an_unknown_id_and_a_broken_report_are_reported(
    report: Path, touchstream: Touchstream, tmp_path: Path
) -> None:
    options = ("--contact", "nobody", "--simulated", report)
    assert touchstream("why", *options).code == 1
    assert "does not have the contact nobody" in touchstream("why", *options).err
    assert touchstream("why", "no-such-id", "--simulated", report).code == 1
    assert touchstream("why", *options, "--from-log").code == 2
    missing = touchstream("why", "x", "--simulated", tmp_path)
    assert (missing.code, "no facts.jsonl" in missing.err) == (2, True)
    (tmp_path / "facts.jsonl").write_text("x is no fact\n")
    broken = touchstream("why", "x", "--simulated", tmp_path)
    assert (broken.code, "facts.jsonl line 1" in broken.err) == (2, True)


def test_an_enrollment_row_is_read_back_unchanged(report: Path) -> None:
    trial = simulate(scenario(sequence(), behaviour=MIXED_BEHAVIOUR, people=PEOPLE, hours=150))
    for run in trial.result.enrollments:
        again = enrollment_lines.from_row(json.loads(json.dumps(enrollment_lines.to_row(run))))
        assert again == OwnedEnrollment(
            run.tenant_id, run.contact_id, _without_digests(run.enrollment)
        )


def _without_digests(run: Enrollment) -> Enrollment:
    touches = [msgspec.structs.replace(touch, recipient=None) for touch in run.touches]
    return msgspec.structs.replace(run, touches=touches)


def test_the_names_in_an_enrollment_row_do_not_change() -> None:
    """Programs read the file by these names; a field that is added to a state is added here."""
    touch = Touch("mail", 1, "email", START, START, command_step_id="old-mail")
    run = Enrollment("e", "reviews", 1, 1, "j", "hvac", START, START, touches=[touch])
    for struct in (touch, run):
        for field in msgspec.structs.fields(type(struct)):
            if getattr(struct, field.name) in (None, []):
                is_time = field.name.endswith("_at") or field.name == "send_before"
                setattr(struct, field.name, START if is_time else "x")
    touch.pool_id, touch.sender_id, touch.call_seconds = "calls", "one", 5
    touch.call_log = CallLog({1: "busy"}, 3, "user-busy", START)
    run.waiting = Waiting(START, START)
    touch.came_back = CameBack(1, START, 2, 3)
    run.call = CallItem("agent", "+12125550100", START, 5, 1, "script", True, "failed")
    variant = Assignment("java-q1", "A", 17, 50, "winner", 1, START)
    person = {"title": "Engineer"}
    results = (3, START, START, True, True, START, person, "interview-1", "email")
    run.results = RunResults([variant], *results)
    row = enrollment_lines.to_row(OwnedEnrollment("acme", "ann", run))
    assert set(row) == set(ENROLLMENT_NAMES.split())
    assert set(row["touches"][0]) == set(TOUCH_NAMES.split())
    assert set(row["waiting"]) == {"since", "until"}
    assert set(row["call"]) == set(CALL_NAMES.split())
    assert set(row["results"]) == set(RESULT_NAMES.split())
    assert set(row["results"]["variants"][0]) == set(VARIANT_NAMES.split())
    assert set(row["touches"][0]["came_back"]) == {"attempt", "at", "soft", "taken_back"}
    assert set(row["touches"][0]["call_log"]) == {"ends", "progress", "status", "reviewed_at"}
    again = enrollment_lines.from_row(json.loads(json.dumps(row)))
    assert again.enrollment == _without_digests(run)


ENROLLMENT_NAMES = """
tenant_id contact_id enrollment_id campaign_id version cycle job_id service_type anchor_at
started_at status reason ended_at frozen_at touches converted_at conversion variables waiting
holds errors last_error reply_cause call results
"""
RESULT_NAMES = """
variants counted responded_at opted_out_at implied is_reached bounced_at person entity_id
response_channel
"""
VARIANT_NAMES = "experiment_id variant bucket split assigned_by counted reached_at touch_number"
CALL_NAMES = "agent_id from_number scheduled_for priority position template_id direct counted"
TOUCH_NAMES = """
step_id number channel scheduled_at due_at phase wait attempt emission command_id reason
requested_at commanded_at sent_at resolved_at delivered_at opened_at clicked_at read_at
bounced_at converted_at error template_id visit first_attempt awaited_at awaited outcome
call_outcome called_at call_attempt asked_id uncounted lapsed pool_id sender_id call_id
call_seconds reviewed call_log came_back
retry_at send_before
"""


def test_facts_have_tenant_and_contact_side_by_side() -> None:
    """The reader finds the lines of a contact by these bytes."""
    names = [field.name for field in msgspec.structs.fields(Fact)]
    assert names[2:4] == ["tenant_id", "contact_id"]
