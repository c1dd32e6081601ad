"""The same people and events under two definitions: what is added, removed and moved."""

import json
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from schemas.internal.messages import CommandDue
from schemas.public.codec import Decoder
from streams.simulation.compare_definitions import (
    Comparison,
    TouchRecorder,
    with_substitute_senders,
)
from streams.simulation.report_html import page
from streams.simulation.scenario import (
    RecordedEvents,
    Scenario,
    SimulatedCampaign,
    with_event_times,
)
from tests.streams.cli.conftest import Touchstream
from tests.testing.simulation_harness import (
    LIVELY,
    campaign,
    lines,
    scenario,
    sequence,
    step,
    tenant,
    tried,
    written,
)
from tests.testing.world import START

PEOPLE = 40
QUIET: dict[str, Any] = {"email": {}, "sms": {}}
"""Everything is sent, and nobody stirs."""

THREE = (step("mail"), step("second", hours=48), step("text", "sms", 48))


def compared(was: Scenario, now: Scenario) -> Comparison:
    before, after = TouchRecorder(), TouchRecorder()
    was.run([before])
    with_substitute_senders(now, before).run([after])
    return Comparison(before, after, () if now.recorded is None else now.recorded.heard)


def lively(given: SimulatedCampaign, **changes: Any) -> Scenario:
    return scenario(given, behaviour=LIVELY, people=PEOPLE, **changes)


def test_the_same_on_both_sides_is_no_difference() -> None:
    found = compared(lively(sequence()), lively(sequence()))
    assert list(found.people()) == []
    told = found.told()
    assert told["people"] == {"changed": 0, "all": PEOPLE}
    assert {name for name, number in told["touches"].items() if number} == {"same"}


def test_a_step_less_removes_its_touches_and_no_others() -> None:
    sides = [
        scenario(campaign(*steps), behaviour=QUIET, people=PEOPLE) for steps in (THREE, THREE[:2])
    ]
    found = compared(*sides).told()
    assert found["touches"] == {
        "same": 2 * PEOPLE,
        "moved_earlier": 0,
        "moved_later": 0,
        "added": 0,
        "removed": PEOPLE,
    }
    assert [row["step_id"] for row in found["by_step"] if row["removed"]] == ["text"]


def test_a_longer_delay_moves_what_comes_after_it() -> None:
    later = (THREE[0], step("second", hours=72), THREE[2])
    found = compared(
        *(scenario(campaign(*steps), behaviour=QUIET, people=3) for steps in (THREE, later))
    )
    shifts = {row["step_id"]: row["median_shift_hours"] for row in found.told()["by_step"]}
    assert shifts == {"mail": None, "second": 24.0, "text": 24.0}
    first = next(iter(found.people()))
    assert [touch["step_id"] for touch in first["moved"]] == ["second", "text"]
    assert first["moved"][0]["was_at"] < first["moved"][0]["at"]


def test_recorded_answers_to_a_touch_that_is_gone_are_marked(tmp_path: Path) -> None:
    drawn = written(lively(campaign(*THREE)), tmp_path / "was")["events.jsonl"]
    events = [Decoder().decode((), line) for line in drawn.splitlines()]
    recorded = RecordedEvents(with_event_times(events), [], START)
    was = scenario(campaign(*THREE), recorded=recorded, people=PEOPLE)
    now = scenario(campaign(*THREE[:2]), recorded=recorded, people=PEOPLE)
    found = compared(was, now)
    texts = {line["command_id"] for line in map(_data, lines(drawn))}
    gone = {row["command_id"] for row in found.marked if row["why"] == "touch_gone"}
    assert gone and gone < texts
    assert all(was_text(drawn, command_id, tmp_path) for command_id in gone)


def _data(line: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = line["data"]
    return found


def was_text(drawn: bytes, command_id: str, tmp_path: Path) -> bool:
    """Whether the command was a text message."""
    commands = lines((tmp_path / "was" / "commands.jsonl").read_bytes())
    found = {line["data"]["command_id"]: line["data"].get("step_id") for line in commands}
    return bool(found[command_id] == "text")


def test_an_answer_from_before_its_touch_is_marked_too(tmp_path: Path) -> None:
    drawn = written(lively(campaign(*THREE)), tmp_path / "was")["events.jsonl"]
    events = [Decoder().decode((), line) for line in drawn.splitlines()]
    later = campaign(THREE[0], step("second", hours=500), THREE[2])
    recorded = RecordedEvents(with_event_times(events), [], START)
    sides = (scenario(one, recorded=recorded, people=PEOPLE) for one in (campaign(*THREE), later))
    told = compared(*sides).told()
    assert told["marked_events"]["touch_later"] > 0


FIVE = [step(f"mail-{n}", hours=24 * bool(n)) for n in range(5)]


def recording(place: Path, *steps: dict[str, Any], **model: Any) -> RecordedEvents:
    """What was drawn for a campaign of these steps."""
    drawn = written(scenario(campaign(*steps), behaviour=model, people=PEOPLE), place)
    events = [Decoder().decode((), line) for line in drawn["events.jsonl"].splitlines()]
    return RecordedEvents(with_event_times(events), [], START)


def test_a_touch_that_its_recorded_answer_comes_too_early_for_is_sent_all_the_same(
    tmp_path: Path,
) -> None:
    recorded = recording(tmp_path / "was", *FIVE, email={"sent": {"after_minutes": 1}})
    later = [step("mail-0", hours=500), *FIVE[1:]]
    sides = (scenario(campaign(*s), recorded=recorded, people=PEOPLE) for s in (FIVE, later))
    touches = compared(*sides).told()["touches"]
    assert (touches["moved_later"], touches["removed"]) == (5 * PEOPLE, 0)


def test_nobody_answers_a_touch_that_a_limit_still_holds(tmp_path: Path) -> None:
    """Its command's id is known before it is out; so are its recorded answers."""
    recorded = recording(tmp_path / "was", FIVE[0], email={"sent": {"after_minutes": 1}})
    limited = tenant(limits={"email": 4})
    sides = (
        scenario(campaign(FIVE[0]), recorded=recorded, people=PEOPLE, owner=owner)
        for owner in (None, limited)
    )
    found = compared(*sides).told()
    assert found["touches"] | {"same": 0} == {
        "same": 0,
        "moved_earlier": 0,
        "moved_later": PEOPLE - 4,
        "added": 0,
        "removed": 0,
    }
    assert found["marked_events"] == {"touch_later": PEOPLE - 4}


def test_whom_nobody_answered_nobody_answers_on_the_other_side() -> None:
    nothing = RecordedEvents([], [], START)
    sides = (scenario(campaign(*FIVE), recorded=nothing, people=3) for _ in range(2))
    assert compared(*sides).told()["people"]["changed"] == 0


def test_tenants_with_a_campaign_of_one_name_are_counted_apart() -> None:
    touches = TouchRecorder()
    for owner in ("acme", "bee"):
        due = tried(scenario(campaign(FIVE[0]), behaviour=QUIET)).kept.due()[0]
        touches.command(CommandDue(replace(due, tenant_id=owner)), START)
    rows = Comparison(touches, TouchRecorder(), ()).told()["by_step"]
    assert [(row["tenant_id"], row["removed"]) for row in rows] == [("acme", 1), ("bee", 1)]


def test_events_alone_are_compared_under_other_limits_and_definitions(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    """Nothing else is given than what is recorded: tenants, campaigns and people are among it."""
    owner = {"tenant_id": "acme", "timezone": "UTC", "limits": {"email": {}}}
    whole = campaign(FIVE[0], FIVE[1])
    ids = {"tenant_id": "acme", "campaign_id": "trial"}
    told: list[tuple[str, dict[str, Any]]] = [
        ("tenant.upserted", owner),
        ("campaign.published", {**ids, "definition": whole.document}),
    ]
    for n in range(10):
        who = {"tenant_id": "acme", "contact_id": f"p-{n}"}
        told.append(("contact.upserted", {**who, "email": f"p{n}@example.com"}))
        told.append(("contact.enrolled", {**who, "campaign_id": "trial"}))
    told.append(told[1])  # told again, it is no order that was refused
    events, other = tmp_path / "events.jsonl", tmp_path / "other.json"
    lines_of = [
        {
            "specversion": "1.0",
            "type": kind,
            "id": f"e-{1 if n == len(told) - 1 else n}",
            "source": "/test",
            "time": f"2026-03-02T15:00:{n:02}Z",
            "data": data,
        }
        for n, (kind, data) in enumerate(told)
    ]
    events.write_text("".join(json.dumps(line) + "\n" for line in lines_of))
    limited = touchstream("simulate", "--events", events, "--against-per-hour", "email=4", "--json")
    assert limited.code == 0, limited.err
    assert limited.json()["against"]["touches"]["moved_later"] >= 6
    other.write_text(json.dumps(campaign(FIVE[0]).document))
    shorter = touchstream("simulate", "--events", events, "--against", other, "--json").json()
    assert shorter["against"]["touches"]["removed"] == 10
    held = touchstream("simulate", "--events", events, "--per-hour", "email=4", "--json").json()
    assert held["waited"][0]["reason"] == "throttled"


def test_the_command_compares_definitions_and_limits(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    files = [tmp_path / "was.json", tmp_path / "now.json"]
    for file, steps in zip(files, (THREE, THREE[:2]), strict=True):
        file.write_text(json.dumps(campaign(*steps).document))
    usual = ("simulate", files[0], "--people", 20, "--against", files[1])
    said = touchstream(*usual, "--out", tmp_path / "report")
    assert said.code == 0
    assert "Under the other: 0 touches added, 20 removed, 0 moved, 40 the same" in said.out
    report = {path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()}
    assert len(report["differences.jsonl"].splitlines()) == 20
    assert report["marked.jsonl"] == b""
    told = touchstream(
        "simulate", files[0], "--people", 20, "--against-per-hour", "sms=5", "--json"
    )
    found = told.json()["against"]
    assert found["touches"]["moved_later"] == 15
    assert found["summary"]["limits"][1] == {"tenant_id": "acme", "channel": "sms", "per_hour": 5}
    assert "Under the other definition" in page(told.json())


def test_another_campaign_is_no_other_side(touchstream: Touchstream, tmp_path: Path) -> None:
    file = tmp_path / "was.json"
    file.write_text(json.dumps(campaign(*THREE).document))
    said = touchstream("simulate", file, "--people", 1, "--against", "examples/outreach.yaml")
    assert said.code == 2
    assert "is of none of the campaigns that are simulated" in said.err


def test_limits_count_more_than_what_is_recorded_of_a_tenant(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    """A record with a tenant without limits; what the options say of it holds throughout."""
    events, file = tmp_path / "events.jsonl", tmp_path / "was.json"
    file.write_text(json.dumps(campaign(THREE[0]).document))
    told = {"tenant_id": "acme", "timezone": "Europe/Berlin", "limits": {"email": {}}}
    line = {"specversion": "1.0", "type": "tenant.upserted", "id": "t-1", "source": "/test"}
    events.write_text(json.dumps({**line, "time": "2026-03-02T15:00:00Z", "data": told}))
    model = ("--behaviour", tmp_path / "model.yaml")
    model[1].write_text("email: {}")
    usual = ("simulate", file, "--people", 10, "--events", events, *model, "--json")
    assert touchstream(*usual).json()["waited"] == []
    limited = touchstream(*usual, "--per-hour", "email=4").json()
    assert [row["times"] for row in limited["waited"]] == [6]
    other = touchstream(*usual, "--against-per-hour", "email=4").json()
    assert other["waited"] == []
    assert other["against"]["touches"]["moved_later"] == 6
