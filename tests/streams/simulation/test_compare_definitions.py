"""Two simulations of the same people and events are compared: touches are added, removed, moved."""

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
from streams.simulation.report_html import render_page
from streams.simulation.scenario import (
    RecordedEvents,
    Scenario,
    SimulatedCampaign,
    with_event_times,
)
from tests.testing.builders import step
from tests.testing.command_line import Touchstream
from tests.testing.simulation_harness import (
    MIXED_BEHAVIOUR,
    campaign,
    lines,
    scenario,
    sequence,
    simulate,
    tenant,
    write_simulation_report,
)
from tests.testing.world import START

PEOPLE = 40
ONLY_SENT: dict[str, Any] = {"email": {}, "sms": {}}
"""A behaviour in which everything is sent and people do not react."""

THREE = (step("mail"), step("second", hours=48), step("text", "sms", 48))


def compare(before: Scenario, after: Scenario) -> Comparison:
    """Runs both scenarios as `touchstream simulate --against` does."""
    touches_before, touches_after = TouchRecorder(), TouchRecorder()
    before.run([touches_before])
    with_substitute_senders(after, touches_before).run([touches_after])
    answers = () if after.recorded is None else after.recorded.answers
    return Comparison(touches_before, touches_after, answers)


def mixed_scenario(given: SimulatedCampaign, **changes: Any) -> Scenario:
    return scenario(given, behaviour=MIXED_BEHAVIOUR, people=PEOPLE, **changes)


def test_two_equal_sides_have_no_difference() -> None:
    comparison = compare(mixed_scenario(sequence()), mixed_scenario(sequence()))
    assert list(comparison.changed_contacts()) == []
    summary = comparison.summary()
    assert summary["people"] == {"changed": 0, "all": PEOPLE}
    assert {kind for kind, number in summary["touches"].items() if number} == {"same"}


def test_without_a_step_its_touches_are_removed_and_no_others() -> None:
    sides = [
        scenario(campaign(*steps), behaviour=ONLY_SENT, people=PEOPLE)
        for steps in (THREE, THREE[:2])
    ]
    summary = compare(*sides).summary()
    assert summary["touches"] == {
        "same": 2 * PEOPLE,
        "moved_earlier": 0,
        "moved_later": 0,
        "added": 0,
        "removed": PEOPLE,
    }
    assert [row["step_id"] for row in summary["by_step"] if row["removed"]] == ["text"]


def test_a_longer_delay_moves_its_step_and_the_steps_after_it() -> None:
    later = (THREE[0], step("second", hours=72), THREE[2])
    comparison = compare(
        *(scenario(campaign(*steps), behaviour=ONLY_SENT, people=3) for steps in (THREE, later))
    )
    shifts = {row["step_id"]: row["median_shift_hours"] for row in comparison.summary()["by_step"]}
    assert shifts == {"mail": None, "second": 24.0, "text": 24.0}
    first = next(iter(comparison.changed_contacts()))
    assert [touch["step_id"] for touch in first["moved"]] == ["second", "text"]
    assert first["moved"][0]["was_at"] < first["moved"][0]["at"]


def test_recorded_answers_to_a_removed_touch_are_marked(tmp_path: Path) -> None:
    drawn = write_simulation_report(mixed_scenario(campaign(*THREE)), tmp_path / "was")[
        "events.jsonl"
    ]
    events = [Decoder().decode((), line) for line in drawn.splitlines()]
    recorded = RecordedEvents(with_event_times(events), [], START)
    was = scenario(campaign(*THREE), recorded=recorded, people=PEOPLE)
    now = scenario(campaign(*THREE[:2]), recorded=recorded, people=PEOPLE)
    comparison = compare(was, now)
    texts = {line["command_id"] for line in map(_data, lines(drawn))}
    gone = {row["command_id"] for row in comparison.marked_events if row["why"] == "touch_gone"}
    assert gone and gone < texts
    assert all(is_text_message(command_id, tmp_path) for command_id in gone)


def _data(line: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = line["data"]
    return data


def is_text_message(command_id: str, tmp_path: Path) -> bool:
    """Whether the command belongs to the step `text`."""
    commands = lines((tmp_path / "was" / "commands.jsonl").read_bytes())
    step_ids = {line["data"]["command_id"]: line["data"].get("step_id") for line in commands}
    return bool(step_ids[command_id] == "text")


def test_a_recorded_answer_before_its_touch_is_marked(tmp_path: Path) -> None:
    drawn = write_simulation_report(mixed_scenario(campaign(*THREE)), tmp_path / "was")[
        "events.jsonl"
    ]
    events = [Decoder().decode((), line) for line in drawn.splitlines()]
    later = campaign(THREE[0], step("second", hours=500), THREE[2])
    recorded = RecordedEvents(with_event_times(events), [], START)
    sides = (scenario(each, recorded=recorded, people=PEOPLE) for each in (campaign(*THREE), later))
    summary = compare(*sides).summary()
    assert summary["marked_events"]["touch_later"] > 0


FIVE = [step(f"mail-{n}", hours=24 * bool(n)) for n in range(5)]


def record_events(place: Path, *steps: dict[str, Any], **model: Any) -> RecordedEvents:
    """The events that a simulation of these steps draws, as recorded events."""
    drawn = write_simulation_report(
        scenario(campaign(*steps), behaviour=model, people=PEOPLE), place
    )
    events = [Decoder().decode((), line) for line in drawn["events.jsonl"].splitlines()]
    return RecordedEvents(with_event_times(events), [], START)


def test_a_touch_later_than_its_recorded_answer_is_still_sent(
    tmp_path: Path,
) -> None:
    recorded = record_events(tmp_path / "was", *FIVE, email={"sent": {"after_minutes": 1}})
    later = [step("mail-0", hours=500), *FIVE[1:]]
    sides = (scenario(campaign(*s), recorded=recorded, people=PEOPLE) for s in (FIVE, later))
    touches = compare(*sides).summary()["touches"]
    assert (touches["moved_later"], touches["removed"]) == (5 * PEOPLE, 0)


def test_recorded_answers_do_not_answer_a_touch_that_a_limit_holds_back(tmp_path: Path) -> None:
    """The recording has answers to the command id before the command goes out."""
    recorded = record_events(tmp_path / "was", FIVE[0], email={"sent": {"after_minutes": 1}})
    limited = tenant(limits={"email": 4})
    sides = (
        scenario(campaign(FIVE[0]), recorded=recorded, people=PEOPLE, owner=owner)
        for owner in (None, limited)
    )
    summary = compare(*sides).summary()
    assert summary["touches"] | {"same": 0} == {
        "same": 0,
        "moved_earlier": 0,
        "moved_later": PEOPLE - 4,
        "added": 0,
        "removed": 0,
    }
    assert summary["marked_events"] == {"touch_later": PEOPLE - 4}


def test_a_touch_without_a_recorded_answer_is_not_answered_on_the_other_side() -> None:
    nothing = RecordedEvents([], [], START)
    sides = (scenario(campaign(*FIVE), recorded=nothing, people=3) for _ in range(2))
    assert compare(*sides).summary()["people"]["changed"] == 0


def test_campaigns_of_the_same_name_are_counted_by_tenant() -> None:
    touches = TouchRecorder()
    for owner in ("acme", "bee"):
        due = simulate(
            scenario(campaign(FIVE[0]), behaviour=ONLY_SENT)
        ).recorded.commanded_touches()[0]
        touches.on_command(CommandDue(replace(due, tenant_id=owner), due.expires_at), START)
    rows = Comparison(touches, TouchRecorder(), ()).summary()["by_step"]
    assert [(row["tenant_id"], row["removed"]) for row in rows] == [("acme", 1), ("bee", 1)]


def test_recorded_events_alone_are_compared_under_other_limits_and_definitions(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    """The tenants, campaigns and people come from the recording; no other input is given."""
    owner = {"tenant_id": "acme", "timezone": "UTC", "limits": {"email": {}}}
    whole = campaign(FIVE[0], FIVE[1])
    ids = {"tenant_id": "acme", "campaign_id": "trial"}
    events: list[tuple[str, dict[str, Any]]] = [
        ("tenant.upserted", owner),
        ("campaign.published", {**ids, "definition": whole.document}),
    ]
    for n in range(10):
        who = {"tenant_id": "acme", "contact_id": f"p-{n}"}
        events.append(("contact.upserted", {**who, "email": f"p{n}@example.com"}))
        events.append(("contact.enrolled", {**who, "campaign_id": "trial"}))
    events.append(events[1])  # a duplicate is not reported as a refused campaign
    events_file, other = tmp_path / "events.jsonl", tmp_path / "other.json"
    envelopes = [
        {
            "specversion": "1.0",
            "type": kind,
            "id": f"e-{1 if n == len(events) - 1 else n}",
            "source": "/test",
            "time": f"2026-03-02T15:00:{n:02}Z",
            "data": data,
        }
        for n, (kind, data) in enumerate(events)
    ]
    events_file.write_text("".join(json.dumps(envelope) + "\n" for envelope in envelopes))
    command = ("simulate", "--events", events_file, "--json")
    limited = touchstream(*command, "--against-per-hour", "email=4")
    assert limited.code == 0, limited.err
    assert limited.json()["against"]["touches"]["moved_later"] >= 6
    other.write_text(json.dumps(campaign(FIVE[0]).document))
    shorter = touchstream(*command, "--against", other).json()
    assert shorter["against"]["touches"]["removed"] == 10
    held = touchstream(*command, "--per-hour", "email=4").json()
    assert held["waited"][0]["reason"] == "throttled"


def test_the_command_compares_definitions_and_limits(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    files = [tmp_path / "was.json", tmp_path / "now.json"]
    for file, steps in zip(files, (THREE, THREE[:2]), strict=True):
        file.write_text(json.dumps(campaign(*steps).document))
    arguments = ("simulate", files[0], "--people", 20, "--against", files[1])
    result = touchstream(*arguments, "--out", tmp_path / "report")
    assert result.code == 0
    assert (
        "Under the other definition: 0 touches added, 20 removed, 0 moved, 40 the same"
        in result.out
    )
    report = {path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()}
    assert len(report["differences.jsonl"].splitlines()) == 20
    assert report["marked.jsonl"] == b""
    limited = touchstream(
        "simulate", files[0], "--people", 20, "--against-per-hour", "sms=5", "--json"
    ).json()
    comparison = limited["against"]
    assert comparison["touches"]["moved_later"] == 15
    limit = {"tenant_id": "acme", "channel": "sms", "per_hour": 5}
    assert comparison["summary"]["limits"][1] == limit
    assert "Under the other set-up" in render_page(limited)
    assert "Under the other definition" not in render_page(limited)


def test_a_campaign_that_is_not_simulated_cannot_be_the_other_side(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "was.json"
    file.write_text(json.dumps(campaign(*THREE).document))
    result = touchstream("simulate", file, "--people", 1, "--against", "examples/outreach.yaml")
    assert result.code == 2
    assert "defines none of the campaigns that are simulated" in result.err


def test_limits_of_the_options_take_precedence_over_the_recorded_tenant(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    """The recorded tenant has no limits, and comes again while the simulation runs."""
    events, file = tmp_path / "events.jsonl", tmp_path / "was.json"
    file.write_text(json.dumps(campaign(THREE[0]).document))
    recorded_tenant = {"tenant_id": "acme", "timezone": "Europe/Berlin", "limits": {"email": {}}}
    envelope = {"specversion": "1.0", "type": "tenant.upserted", "id": "t-1", "source": "/test"}
    events.write_text(
        json.dumps({**envelope, "time": "2026-03-02T15:00:00Z", "data": recorded_tenant})
    )
    model = ("--behaviour", tmp_path / "model.yaml")
    model[1].write_text("email: {}")
    arguments = ("simulate", file, "--people", 10, "--events", events, *model, "--json")
    assert touchstream(*arguments).json()["waited"] == []
    limited = touchstream(*arguments, "--per-hour", "email=4").json()
    assert [row["times"] for row in limited["waited"]] == [6]
    other = touchstream(*arguments, "--against-per-hour", "email=4").json()
    assert other["waited"] == []
    assert other["against"]["touches"]["moved_later"] == 6
