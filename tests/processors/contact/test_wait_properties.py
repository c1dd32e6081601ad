"""Waits under any order of events, with duplicates, late ones, and clocks that are ahead: an event
ends at most one wait of a run, and the wait is for what came after the send (S2-19)."""

from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.facts import Fact, FactKind
from tests.testing.builders import step
from tests.testing.story import (
    START,
    World,
    accepted,
    deliver,
    make_sender,
    new_event,
    prospecting,
    replied,
)

EVENTS = ("reply", "connection_accepted", "conversion")
SIGNAL_OF = {
    m.ContactReplied: "reply",
    m.ConnectionAccepted: "connection_accepted",
    m.ConversionRecorded: "conversion",
}


class ReportedEvent(NamedTuple):
    """An event, and when it was reported."""

    event: m.ExternalEvent
    at: int
    is_new: bool


class Wait(NamedTuple):
    """A wait: when its step was sent, when it was awaited by the engine, and its end."""

    events: tuple[str, ...]
    sent_at: int
    begins: int
    ends: int
    ended_by: Fact | None


names = st.sampled_from("abc")
exits = st.one_of(st.just("advance"), st.builds(lambda name: {"branch": name}, names))
waits = st.fixed_dictionaries(
    {
        "event": st.lists(st.sampled_from(EVENTS), min_size=1, max_size=3, unique=True),
        "max_wait_hours": st.integers(1, 9),
        "on_event": exits,
        "on_timeout": exits,
    }
)


@st.composite
def definitions(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Three steps that wait, and lead to one another; the first one leads to the second, and so on,
    where they are not sent."""
    rows = []
    for name in "abc":
        wait_for, hours = draw(waits), draw(st.sampled_from((0, 0.5, 2)))
        action = {"action": "send_connection_request"}
        row = step(name, "linkedin", hours, wait_for=wait_for, **action)
        rows.append(row)
    rows[0]["wait_for"]["on_timeout"] = "advance"
    rows[1]["wait_for"]["on_timeout"] = "advance"  # so that every step can be reached
    return rows


happenings = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(EVENTS), st.integers(-6, 20)),
        st.tuples(st.just("again"), st.integers(0, 9)),
        st.tuples(st.just("senders"), st.just(0)),
    ),
    min_size=1,
    max_size=14,
)
pauses = st.lists(st.sampled_from((0.25, 1, 1.5)), min_size=14, max_size=14)


def _event(world: World, name: str, hours: float) -> m.ExternalEvent:
    at = world.now + round(hours * HOUR)
    if name == "reply":
        return replied(world, at=at)
    if name == "conversion":
        return new_event(world, m.ConversionRecorded, conversion_type="call", at=at)
    return accepted(world, at=at)


def _played(rows: list[dict[str, Any]], reported: list[ReportedEvent], plan: Any) -> World:
    """Plays what happens; the senders answer only when the plan says so."""
    world = prospecting(*rows, quiet_hours="none", on_reply="continue")
    sender = make_sender(_sent_when_commanded)
    deliver(world, m.UpsertTenant("acme", "t#9", START + 1, "UTC", limits={"linkedin": None}))
    for (name, number), hours in plan:
        world.advance_hours(hours)
        if name == "senders":
            sender(world)
            world.settle()
        elif name == "again" and reported:
            event = reported[number % len(reported)].event
            reported.append(ReportedEvent(event, world.now, False))
            deliver(world, event)
        elif name != "again":
            # A fraction of an hour that no other time has.
            event = _event(world, name, number + len(reported) / 100 - 0.005)
            reported.append(ReportedEvent(event, world.now, True))
            deliver(world, event)
    world.advance_hours(30, [sender])
    return world


def _sent_when_commanded(world: World, touch: m.RequestTouch) -> list[m.Message]:
    ids = {"command_id": touch.command_id, "sent_at": touch.due_at}
    return [msgspec.structs.replace(new_event(world, m.TouchSent, **ids), cause=touch.command_id)]


def _waits(world: World, rows: list[dict[str, Any]]) -> list[Wait]:
    """The waits of the run by its facts."""
    events = {row["id"]: tuple(row["wait_for"]["event"]) for row in rows}
    kinds = (FactKind.TOUCH_SENT, FactKind.TRIGGER_MET, FactKind.TRIGGER_TIMED_OUT)
    sent: dict[int, Fact] = {}
    found = []
    for fact in world.facts(*kinds):
        number = fact.touch_number or 0
        if fact.fact is FactKind.TOUCH_SENT:
            if fact.reason is None:  # else the run had left the step
                sent[number] = fact
        else:
            report = sent.pop(number)
            ended_by = fact if fact.fact is FactKind.TRIGGER_MET else None
            found.append(_wait(events, report, _us(fact.at), ended_by))
    found += [_wait(events, report, world.now, None) for report in sent.values()]
    return found


def _wait(events: Any, report: Fact, ends: int, ended_by: Fact | None) -> Wait:
    assert report.occurred_at is not None
    step_events = events[report.step_id or ""]
    return Wait(step_events, _us(report.occurred_at), _us(report.at), ends, ended_by)


def _us(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


@settings(max_examples=60, deadline=None)
@given(definitions(), happenings, pauses)
def test_an_event_ends_at_most_one_wait_and_none_whose_step_was_sent_later(
    rows: list[dict[str, Any]], events: list[tuple[str, int]], hours: list[float]
) -> None:
    reported: list[ReportedEvent] = []
    world = _played(rows, reported, list(zip(events, hours, strict=False)))
    by_cause = {each.event.cause: each for each in reported if each.is_new}
    ended = _waits(world, rows)
    causes = [wait.ended_by.cause for wait in ended if wait.ended_by is not None]
    assert len(set(causes)) == len(causes)
    for wait in ended:
        if wait.ended_by is not None:
            ending = by_cause[wait.ended_by.cause or ""]
            assert SIGNAL_OF[type(ending.event)] in wait.events
            assert ending.event.at >= wait.sent_at
            assert ending.at >= wait.sent_at  # a clock that is ahead answers nothing before it
        for each in reported:
            signal = SIGNAL_OF[type(each.event)]
            if each.is_new and signal in wait.events and each.event.at >= wait.sent_at:
                in_time = wait.begins < each.at < wait.ends
                assert not in_time or each.event.cause in causes
