"""Triggers that come early, late or twice, for every event that a step can wait for; and backfills
(S2-19, X-1)."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from schemas.internal import messages as m
from schemas.internal.enrollment import Status
from schemas.internal.facts import FactKind
from tests.testing.builders import connection_request, step
from tests.testing.story import (
    HOUR,
    START,
    World,
    accepted,
    contact_of,
    deliver,
    enroll_by_hand,
    enrollment_of,
    new_event,
    prospecting,
    reasons,
    replied,
    scheduled_steps,
    seen,
    tenant,
    upserted,
    working_senders,
)

MakeEvent = Callable[[World, m.RequestTouch], m.ExternalEvent]


def _call(world: World, touch: m.RequestTouch) -> m.ExternalEvent:
    return new_event(world, m.CallEnded, command_id=touch.command_id, outcome="answered")


EVENTS: dict[str, tuple[dict[str, Any], MakeEvent]] = {
    "connection_accepted": (connection_request(), lambda world, _: accepted(world)),
    "reply": (step("a"), lambda world, _: replied(world)),
    "open": (step("a"), seen),
    "click": (step("a"), lambda world, touch: seen(world, touch, "clicked")),
    "delivered": (step("a", "sms"), lambda world, touch: seen(world, touch, "delivered")),
    "read": (step("a", "whatsapp"), lambda world, touch: seen(world, touch, "read")),
    "conversion": (
        step("a"),
        lambda world, _: new_event(world, m.ConversionRecorded, conversion_type="meeting"),
    ),
    "call_outcome": (step("a", "voice"), _call),
}


def waiting_for(event: str, **settings: Any) -> World:
    """A run at a step that waits five hours, and is followed by one a day later."""
    wait = {"event": event, "max_wait_hours": 5, "on_event": "complete"}
    first = {**EVENTS[event][0], "wait_for": wait}
    usual = {"quiet_hours": "none", "on_reply": "continue"}
    world = prospecting(first, step("b", hours=24), **{**usual, **settings})
    world.advance_hours(1, working_senders())
    return world


@pytest.mark.parametrize("event", EVENTS)
def test_a_trigger_in_time_is_met_once_however_often_it_arrives(event: str) -> None:
    world = waiting_for(event)
    trigger = EVENTS[event][1](world, world.commanded_touches()[0])
    deliver(world, trigger, trigger)
    assert reasons(world, FactKind.TRIGGER_MET) == [event]
    assert enrollment_of(world).status is Status.COMPLETED


@pytest.mark.parametrize("event", EVENTS)
def test_a_trigger_after_its_timeout_is_recorded_and_moves_nothing(event: str) -> None:
    world = waiting_for(event)
    world.advance_hours(5, working_senders(world))
    before = enrollment_of(world)
    assert [touch.step_id for touch in before.touches][1:] == ["b"]
    deliver(world, EVENTS[event][1](world, world.commanded_touches()[0]))
    assert not world.facts(FactKind.TRIGGER_MET)
    assert enrollment_of(world).touches[-1].due_at == before.touches[-1].due_at
    world.advance_hours(24, working_senders(world))
    assert len(scheduled_steps(world)) == 2


@pytest.mark.parametrize("event", EVENTS)
def test_a_trigger_for_an_ended_run_is_recorded_and_sends_nothing(event: str) -> None:
    world = waiting_for(event)
    deliver(world, new_event(world, m.ContactStopped))
    facts = len(world.facts())
    deliver(world, EVENTS[event][1](world, world.commanded_touches()[0]))
    world.advance_hours(100, working_senders(world))
    assert len(world.facts()) > facts
    assert not world.facts(FactKind.TRIGGER_MET, FactKind.EVENT_REFUSED)
    assert len(scheduled_steps(world)) == 1


@pytest.mark.parametrize("event", ["connection_accepted", "reply", "conversion"])
def test_an_event_from_before_the_run_is_no_trigger(event: str) -> None:
    world = waiting_for(event)
    trigger = EVENTS[event][1](world, world.commanded_touches()[0])
    deliver(world, msgspec.structs.replace(trigger, at=START - HOUR))
    assert enrollment_of(world).waiting is not None
    assert not world.facts(FactKind.TRIGGER_MET)


def backfilled(event: m.ExternalEvent) -> m.BackfilledEvent:
    ids = (event.tenant_id, event.contact_id, event.cause, event.at)
    return m.BackfilledEvent(*ids, m.encode(event))


@pytest.mark.parametrize("fenced", [False, True])
def test_a_backfilled_year_of_prospecting_is_recorded_and_sends_nothing(fenced: bool) -> None:
    """Marked as a backfill, or from before the tenant's fence."""
    world = prospecting(step("a", hours=24), quiet_hours="none")
    world.advance_hours(30, working_senders())
    (touch,) = world.commanded_touches()
    year = world.now - 365 * 24 * HOUR
    if fenced:
        deliver(world, tenant(at=START + 1, cause="t#2", fence=world.now - HOUR))
    history: list[m.ExternalEvent] = []
    for day in range(0, 364, 7):
        of_that_day = (
            upserted(world, first_name=f"Ann {day}"),
            enroll_by_hand(world),
            accepted(world),
            replied(world),
            new_event(world, m.ContactPaused),
            new_event(world, m.ConversionRecorded, conversion_type="deal"),
            seen(world, touch),
        )
        at = year + day * 24 * HOUR
        history += [msgspec.structs.replace(each, at=at) for each in of_that_day]
    deliver(world, *(history if fenced else map(backfilled, history)))
    world.advance_hours(1_000, working_senders(world))
    assert world.commanded_touches() == [touch]
    assert len(contact_of(world).enrollments) == 1
    assert set(reasons(world, FactKind.ENROLLMENT_DECLINED)) == {"EVENT_IN_PAST"}
    assert contact_of(world).connected_at == year
    assert contact_of(world).replied["email"] == year + 357 * 24 * HOUR
    assert contact_of(world).profile.first_name == "Ann 357"
    (opened,) = world.facts(FactKind.TOUCH_OPENED)
    assert opened.step_id == "a"  # so the metrics count it
