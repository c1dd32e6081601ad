"""Senders that are down, and commands that they come to after their send window has closed."""

from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis.strategies import floats, integers

from schemas.base.times import HOUR, MINUTE, format_rfc3339, to_datetime
from schemas.internal.facts import FactKind
from schemas.internal.messages import CommandDue, CommandRevoked, RequestTouch
from streams.simulation.behaviour import Behaviour, BehaviourInvalid
from streams.simulation.senders import SimulatedSenders
from streams.simulation.simulated_events import build_event
from tests.testing.builders import step
from tests.testing.simulation_harness import (
    SENT_AT_ONCE,
    SimulationTrial,
    campaign,
    scenario,
    simulate,
)
from tests.testing.world import START

SENT_AND_OPENED = {**SENT_AT_ONCE, "opened": {"probability": 1, "after_minutes": 5}}


def down(since_hours: float, until_hours: float) -> dict[str, str]:
    """An outage as a behaviour model has it, in hours after START."""
    since, until = (START + int(hours * HOUR) for hours in (since_hours, until_hours))
    return {"from": format_rfc3339(since), "until": format_rfc3339(until)}


def senders(**model: Any) -> SimulatedSenders:
    return SimulatedSenders(Behaviour.of({"email": {**SENT_AND_OPENED, **model}}), 7)


def touch(**changes: Any) -> RequestTouch:
    made = simulate(scenario(campaign(step("mail")))).recorded.commanded_touches()[0]
    return msgspec.structs.replace(made, **changes)


def due(send_before_hours: float, **changes: Any) -> CommandDue:
    return CommandDue(touch(**changes), START + int(send_before_hours * HOUR))


def answers(of: SimulatedSenders) -> list[tuple[str, str, float]]:
    """The type and the code of every event that is still to come, and its minutes after START."""
    events = []
    while of.next_at < START + 1_000 * HOUR:
        drawn = of.pop()
        if drawn is not None:
            event = build_event(*drawn)
            at = round((drawn[1].at - START) / MINUTE, 1)
            events.append((event.ce_type, event.fields.get("code", ""), at))
    return events


def test_a_command_that_comes_in_an_outage_is_sent_after_it() -> None:
    held = senders(down=down(1, 3))
    held.receive(due(10), START + 2 * HOUR)
    assert answers(held) == [("touch.sent", "", 180.0), ("touch.opened", "", 185.0)]


def test_a_send_that_falls_into_an_outage_is_made_after_it() -> None:
    held = senders(down=[down(4, 5), down(1, 3)], sent={"after_minutes": 30})
    held.receive(due(10), START + HOUR * 3 // 4)
    assert answers(held)[0] == ("touch.sent", "", 180.0)


def test_other_channels_are_up_in_an_outage() -> None:
    model = {"email": {"down": down(1, 3)}, "sms": SENT_AT_ONCE}
    held = SimulatedSenders(Behaviour.of(model), 7)
    held.receive(due(10, channel="sms"), START + 2 * HOUR)
    assert answers(held) == [("touch.sent", "", 120.0)]


@pytest.mark.parametrize(("minutes", "answer"), [(59, "touch.sent"), (60, "touch.failed")])
def test_from_send_before_on_nothing_is_sent(minutes: int, answer: str) -> None:
    late = senders(sent={"after_minutes": minutes})
    late.receive(due(1), START)
    found = answers(late)
    assert found[0][0] == answer
    assert len(found) == (2 if answer == "touch.sent" else 1)
    assert found[0][1] == ("" if answer == "touch.sent" else "window_closed")


def test_a_send_that_would_have_failed_is_not_tried_after_its_window() -> None:
    late = senders(failed={"probability": 1, "code": "500", "after_minutes": 90})
    late.receive(due(1), START)
    assert answers(late) == [("touch.failed", "window_closed", 90.0)]


def test_a_repeat_of_a_command_that_was_too_late_is_sent() -> None:
    held = senders(down=down(0, 12))
    held.receive(due(1), START)
    held.receive(due(20, emission=2), START + 13 * HOUR)
    assert [answer[:2] for answer in answers(held)] == [
        ("touch.failed", "window_closed"),
        ("touch.sent", ""),
        ("touch.opened", ""),
    ]


def test_the_answers_to_two_emissions_are_two_events() -> None:
    held = senders(down=down(0, 12))
    held.receive(due(1), START)
    held.receive(due(2, emission=2), START + HOUR)
    first, second = held.pop(), held.pop()
    assert first is not None and second is not None
    assert build_event(*first).event_id != build_event(*second).event_id


def test_a_repeat_of_a_command_that_is_sent_is_dropped() -> None:
    held = senders(down=down(0, 12))
    held.receive(due(20), START)
    held.receive(due(20, emission=2), START + HOUR)
    assert [answer[0] for answer in answers(held)] == ["touch.sent", "touch.opened"]


def test_a_command_that_is_revoked_in_an_outage_is_not_answered() -> None:
    held = senders(down=down(0, 12))
    held.receive(due(1), START)
    command_id = touch().command_id
    held.receive(CommandRevoked(command_id, "acme", "p-0", "email", "stopped"), START + HOUR)
    assert answers(held) == []


@pytest.mark.parametrize(
    ("outage", "place"),
    [
        ({"from": "2026-03-02T20:50:00", "until": "2026-03-03T03:00:00Z"}, "email.down.0.from"),
        ({"from": "2026-03-03T03:00:00Z", "until": "2026-03-03T03:00:00Z"}, "email.down.0"),
        ({"from": "2026-03-03T03:00:00Z"}, "email.down.0.until"),
        ("20:50", "email.down.0"),
    ],
)
def test_an_outage_that_is_none_is_refused_with_its_place(outage: Any, place: str) -> None:
    with pytest.raises(BehaviourInvalid) as refused:
        Behaviour.of({"email": {"down": outage}})
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [place]


def test_a_model_in_yaml_needs_no_quotes_around_the_times() -> None:
    text = "email:\n  down: {from: 2026-03-02T20:50:00-06:00, until: 2026-03-03T03:00:00-06:00}\n"
    ((since, until),) = Behaviour.read(text).outages["email"]
    assert (until - since) / MINUTE == 370


EVENING, NIGHT = 11 + 5 / 6, 18
"""20:50 and 03:00 in Chicago, where START is at 09:00; in hours after START."""

STEPS = (step("mail", hours=11.5), step("again", hours=0.4), step("last", hours=30))


def evening(people: int = 40, **model: Any) -> SimulationTrial:
    """A campaign with quiet hours, whose first mails are due in the evening, one after the other
    over half an hour."""
    quiet = {"start": "21:00", "end": "08:00"}
    behaviour = {"email": {**SENT_AND_OPENED, "sent": {"after_minutes": [0, 20]}, **model}}
    trial = campaign(*STEPS, quiet_hours=quiet, answer_timeout_minutes=240)
    return simulate(scenario(trial, behaviour=behaviour, people=people, arrival_span_us=HOUR // 2))


def sends_outside_of_windows(trial: SimulationTrial) -> list[str]:
    """The times by the person's clock of sends in quiet hours."""
    zones = {
        touch.command_id: touch.quiet.zone
        for touch in trial.recorded.commanded_touches()
        if touch.quiet is not None
    }
    times = [
        to_datetime(signal.at).astimezone(ZoneInfo(zones[touch.command_id]))
        for touch, signal, event in trial.recorded.events
        if event.ce_type == "touch.sent"
    ]
    return [f"{at:%H:%M}" for at in times if not 8 <= at.hour < 21]


def sends_of_each_step(trial: SimulationTrial) -> dict[str | None, int]:
    return Counter(fact.step_id for fact in trial.recorded.facts_of(FactKind.TOUCH_SENT))


def test_senders_that_are_down_over_the_evening_lose_nothing_and_send_nothing_at_night() -> None:
    trial = evening(down=down(EVENING, NIGHT))
    assert sends_outside_of_windows(trial) == []
    assert sends_of_each_step(trial) == {"mail": 40, "again": 40, "last": 40}
    retried = trial.recorded.facts_of(FactKind.TOUCH_RETRIED)
    assert {fact.reason for fact in retried} == {"window_closed"}
    assert trial.recorded.facts_of(FactKind.TOUCH_FAILED) == []
    assert trial.summary["runs"]["completed"] == 40
    assert {run.enrollment.errors for run in trial.result.enrollments} == {0}


@given(
    since=floats(8, 60, allow_nan=False),
    hours=floats(0.1, 40, allow_nan=False),
    slowest=integers(0, 200),
)
@settings(max_examples=40)
def test_whenever_senders_are_down_they_send_inside_the_windows(
    since: float, hours: float, slowest: int
) -> None:
    """After a long outage inside a window a touch is given up, because nobody answers (S0-5); it is
    never sent twice, and never in quiet hours."""
    trial = evening(12, down=down(since, since + hours), sent={"after_minutes": [0, slowest]})
    assert sends_outside_of_windows(trial) == []
    sent = Counter(
        (touch.contact_id, fact.step_id)
        for touch, _, event in trial.recorded.events
        if event.ce_type == "touch.sent"
        for fact in trial.recorded.facts_of(FactKind.TOUCH_COMMANDED)
        if fact.command_id == touch.command_id and fact.values and fact.values["emission"] == 1
    )
    assert set(sent.values()) <= {1}
    assert trial.result.finished
