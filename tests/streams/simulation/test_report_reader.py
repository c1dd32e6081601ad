"""`touchstream why --simulated`: what a report tells of a person is what the engine would tell."""

import json
from pathlib import Path

import msgspec
import pytest

from processors.why import explain
from schemas.internal.facts import Fact
from schemas.internal.states import Enrollment
from streams.simulation import enrollment_lines
from streams.simulation.engine import OwnedEnrollment
from streams.simulation.report import ENROLLMENTS
from tests.streams.cli.conftest import Touchstream
from tests.testing.simulation_harness import LIVELY, scenario, sequence, tried, written

PEOPLE = 30


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of a lively sequence, ended while some still wait."""
    place = tmp_path_factory.mktemp("asking") / "report"
    written(scenario(sequence(), behaviour=LIVELY, people=PEOPLE, hours=150), place)
    return place


def test_a_report_explains_everybody_as_the_states_do(told: Path, touchstream: Touchstream) -> None:
    trial = tried(scenario(sequence(), behaviour=LIVELY, people=PEOPLE, hours=150))
    runs = list(trial.ended.enrollments)
    assert len(runs) == PEOPLE
    waiting = 0
    for tenant_id, contact_id, run in runs:
        facts = [f for f in trial.kept.told if f.contact_id == contact_id]
        expected = msgspec.to_builtins(explain(tenant_id, contact_id, facts, [run]))
        said = touchstream("why", "--contact", contact_id, "--simulated", told, "--json")
        assert said.code == 0
        assert said.json() == json.loads(json.dumps(expected))
        waiting += "waits" in said.json()["runs"][0]
    assert 0 < waiting < PEOPLE


def test_an_id_finds_its_enrollment_and_its_touch(told: Path, touchstream: Touchstream) -> None:
    rows = [json.loads(line) for line in (told / ENROLLMENTS).read_text().splitlines()]
    retried = next(r for r in rows if any(t["attempt"] > 1 for t in r["touches"]))
    facts = [json.loads(line) for line in (told / "facts.jsonl").read_text().splitlines()]
    early = next(
        f["command_id"]
        for f in facts
        if f.get("enrollment_id") == retried["enrollment_id"] and f.get("attempt") == 1
        and "command_id" in f
    )  # fmt: skip
    for known in (retried["enrollment_id"], early):
        said = touchstream("why", known, "--simulated", told, "--json").json()
        assert [run["enrollment_id"] for run in said["runs"]] == [retried["enrollment_id"]]
    (touch,) = said["runs"][0]["touches"]
    assert early in touch["commands"]


def test_what_it_does_not_know_it_says(
    told: Path, touchstream: Touchstream, tmp_path: Path
) -> None:
    who = ("--contact", "nobody", "--simulated", told)
    assert touchstream("why", *who).code == 1
    assert "does not know the contact nobody" in touchstream("why", *who).err
    assert touchstream("why", "no-such-id", "--simulated", told).code == 1
    assert touchstream("why", *who, "--from-log").code == 2
    nothing = touchstream("why", "x", "--simulated", tmp_path)
    assert (nothing.code, "no facts.jsonl" in nothing.err) == (2, True)
    (tmp_path / "facts.jsonl").write_text("x is no fact\n")
    broken = touchstream("why", "x", "--simulated", tmp_path)
    assert (broken.code, "facts.jsonl line 1" in broken.err) == (2, True)


def test_a_line_is_the_enrollment_again(told: Path) -> None:
    trial = tried(scenario(sequence(), behaviour=LIVELY, people=PEOPLE, hours=150))
    for run in trial.ended.enrollments:
        again = enrollment_lines.read(json.loads(json.dumps(enrollment_lines.told(run))))
        assert again == OwnedEnrollment(
            run.tenant_id, run.contact_id, _without_digests(run.enrollment)
        )


def _without_digests(run: Enrollment) -> Enrollment:
    touches = [msgspec.structs.replace(touch, recipient=None) for touch in run.touches]
    return msgspec.structs.replace(run, touches=touches)


def test_facts_and_enrollments_begin_with_whose_they_are() -> None:
    """A person is found by these bytes."""
    names = [field.name for field in msgspec.structs.fields(Fact)]
    assert names[2:4] == ["tenant_id", "contact_id"]
