"""A pause moves what is planned, and not the send window: the opening is looked for again (C-31,
F-6)."""

from typing import Any

import pytest

from schemas.base.times import MINUTE
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase
from schemas.internal.facts import FactKind
from tests.testing.builders import publish, step
from tests.testing.story import (
    HOUR,
    START,
    World,
    change_campaign,
    commanded_steps,
    deliver,
    enroll_by_hand,
    enrollment_of,
    failed,
    new_event,
    prospecting,
    tenant,
    touch_of,
    upserted,
    working_senders,
    world_with_campaign,
)

# START is a Monday, 15:00 UTC; the quiet hours are 21:00 to 08:00, so they end at hour 17.


def utc(*rows: dict[str, Any], kind: str = "review", **settings: Any) -> World:
    """Ann, whose clock is UTC, was just enrolled by hand."""
    world = world_with_campaign(kind=kind, steps=list(rows), settings=settings)
    person = {"email": "ann@example.com", "linkedin_url": "https://linkedin.com/in/ann"}
    deliver(world, upserted(world, timezone="UTC", **person))
    return deliver(world, enroll_by_hand(world))


def paused(world: World, at: float, until: float, days: float = 10) -> World:
    """Pauses the campaign from one hour to another."""
    senders = working_senders()
    world.advance_hours(at, senders)
    deliver(world, change_campaign(world, "paused"))
    world.advance_hours(until - at, senders)
    deliver(world, change_campaign(world, "resumed"))
    world.advance_hours(days * 24, senders)
    return world


@pytest.mark.parametrize(
    ("planned", "at", "until", "goes"),
    [
        (7.5, 12, 14, 17),  # 22:30, put off to 08:00, paused from 03:00 to 05:00
        (7.5, 12, 18, 18),  # paused over the opening
        (16.5, 12, 14, 18.5),  # 07:30 becomes 09:30
        (5.5, 4, 4.75, 17),  # 20:30 becomes 21:15, which is quiet
        (7.5, 1, 2, 17),  # paused long before
    ],
)
def test_a_pause_moves_the_schedule_and_then_the_window_is_asked(
    planned: float, at: float, until: float, goes: float
) -> None:
    world = paused(utc(step("a", hours=planned)), at, until)
    assert commanded_steps(world) == [("a", goes)]


def test_a_pause_over_a_weekend_does_not_cost_the_monday() -> None:
    window = {"start": "09:00", "end": "17:00", "days": ["mon", "tue", "wed", "thu", "fri"]}
    row = step("a", "linkedin", 99, window=window)  # Friday 18:00
    world = paused(utc(row, kind="prospecting"), 115, 139)  # Saturday to Sunday, 10:00
    assert commanded_steps(world) == [("a", 162)]


def fails_once(world: World, at: float) -> World:
    """The sender fails at this hour."""
    world.advance_to(START + round(at * 60) * MINUTE)
    return deliver(world, *failed(world, world.commanded_touches()[0]))


def pause_between(world: World, at: float, until: float) -> World:
    for hour, action in ((at, "paused"), (until, "resumed")):
        world.advance_to(START + round(hour * 60) * MINUTE)
        deliver(world, change_campaign(world, action))
    world.advance_hours(48, working_senders(world))
    return world


def test_a_retry_that_waits_for_the_morning_goes_in_the_morning() -> None:
    world = fails_once(utc(step("a", hours=5.9, retry_minutes=[10])), 5.95)
    assert touch_of(world).wait == "quiet_hours"
    pause_between(world, 12, 14)
    assert commanded_steps(world)[1:] == [("a", 17)]


def test_a_retry_keeps_its_own_delay() -> None:
    world = fails_once(utc(step("a", hours=1, retry_minutes=[60])), 1)
    pause_between(world, 1.25, 1.75)
    assert commanded_steps(world)[1:] == [("a", 2.5)]


def test_the_delay_of_a_retry_that_a_pause_delays_begins_with_the_failure() -> None:
    world = utc(step("a", hours=1, retry_minutes=[60]))
    world.advance_hours(1)
    deliver(world, change_campaign(world, "paused"))
    fails_once(world, 1.25)
    world.advance_hours(0.25)
    deliver(world, change_campaign(world, "resumed"))
    world.advance_hours(48, working_senders(world))
    assert commanded_steps(world)[1:] == [("a", 2.5)]  # as long after 1.5 as it was after 1.25


def test_a_cap_is_asked_again_after_a_pause() -> None:
    quiet = {"quiet_hours": "none"}
    world = prospecting(step("a"), **quiet)
    deliver(world, tenant(at=START + 1, cause="t#2", caps={"per_day": 1}))
    two = {"campaign_id": "two", "kind": "prospecting", "settings": quiet}
    deliver(world, publish(**two, steps=[step("b", hours=1)]))
    deliver(world, enroll_by_hand(world, "two"))
    senders = working_senders()
    world.advance_hours(2, senders)
    assert touch_of(world).wait == "frequency_cap"
    deliver(world, change_campaign(world, "paused", "two"))
    world.advance_hours(8, senders)
    deliver(world, change_campaign(world, "resumed", "two"))
    world.advance_hours(48, senders)
    assert commanded_steps(world) == [("a", 0), ("b", 24)]


def test_a_repeat_that_waits_for_the_morning_goes_in_the_morning() -> None:
    world = utc(step("a", hours=5.9))  # its answer is overdue in quiet hours
    world.advance_hours(12)
    assert (touch_of(world).phase, touch_of(world).wait) == (Phase.COMMANDED, "quiet_hours")
    pause_between(world, 12, 14)
    assert commanded_steps(world) == [("a", 5.9), ("a", 17)]


def test_a_time_zone_told_in_a_pause_counts_when_it_is_over() -> None:
    world = utc(step("a", hours=7.5))
    world.advance_hours(8)
    deliver(world, change_campaign(world, "paused"))
    deliver(world, upserted(world, timezone="America/Los_Angeles"))  # 15:00 there
    world.advance_hours(1)
    deliver(world, change_campaign(world, "resumed"))
    world.advance_hours(1, working_senders())
    assert commanded_steps(world) == [("a", 9)]


def test_a_pause_by_hand_moves_the_schedule_too() -> None:
    world = utc(step("a", hours=7.5), step("b", hours=24))
    senders = working_senders()
    world.advance_hours(12, senders)
    deliver(world, new_event(world, m.ContactPaused))
    world.advance_hours(2, senders)
    deliver(world, new_event(world, m.ContactResumed))
    world.advance_hours(60, senders)
    planned = [(touch.scheduled_at - START) / HOUR for touch in enrollment_of(world).touches]
    assert planned == [9.5, 33.5]
    assert commanded_steps(world) == [("a", 17), ("b", 41)]
    scheduled = world.facts(FactKind.TOUCH_SCHEDULED)[1]
    assert (scheduled.reason, enrollment_of(world).holds) == ("quiet_hours", [])
