"""The limit of an account: 100 commands in any hour by default, as a sliding window (F-11)."""

from typing import Any

import pytest

from processors.shared.limit_rules import GATHER_US
from schemas.base.times import HOUR, SECOND
from schemas.internal.facts import FactKind
from schemas.internal.messages import Message, Person
from tests.testing.builders import publish, step
from tests.testing.story import (
    START,
    World,
    change_campaign,
    commanded_steps,
    contact_of,
    deliver,
    hours_since_start,
    job,
    reasons,
    revocations,
    tenant,
    upserted,
    world_with_campaign,
)

ONE = [step("a", hours=1)]
GATHERED = GATHER_US / HOUR
"""How long the requests of one moment wait for one another under a small limit, in hours."""

PATIENT = {"answer_timeout_minutes": 10_080}
NONE = {"quiet_hours": "none", **PATIENT}


def jobs_of(number: int, first: int = 0, **changes: Any) -> list[Message]:
    """Jobs of so many contacts, one second apart."""
    return [
        job(
            f"j{n}",
            START + n * SECOND,
            contact_id=f"p{n:04}",
            person=Person(
                email=f"p{n}@example.com", phone=f"+1312555{n:04}", timezone="America/Chicago"
            ),
            **changes,
        )
        for n in range(first, first + number)
    ]


def world_with_touches(number: int, per_hour: int | None, **campaign: Any) -> World:
    """A world with so many touches under a limit, due one second apart."""
    world = world_with_campaign(**{"steps": ONE, "settings": NONE, **campaign})
    deliver(world, tenant(limits={"email": per_hour, "sms": per_hour}))
    return deliver(world, *jobs_of(number))


def test_the_first_touch_over_the_limit_waits_until_the_first_command_leaves_the_hour() -> None:
    world = world_with_campaign(steps=ONE, settings=NONE)
    deliver(world, *jobs_of(101))
    world.advance_hours(3)
    times = [at for _, at in commanded_steps(world)]
    assert times[:80] == [round(1 + n / 3600, 6) for n in range(80)]
    # From here on few slots are free, and the requests of a moment are gathered.
    assert times[80:100] == [round(1 + n / 3600 + GATHERED, 6) for n in range(80, 100)]
    # The first went out at 1.0; a request of the moment of the slot could have a higher priority.
    assert times[100] == round(2 + GATHERED, 6)
    fact = world.facts(FactKind.TOUCH_DEFERRED)[0]
    assert fact.reason == "throttled" and fact.until is not None
    assert round(hours_of(fact.until), 6) == round(2 + GATHERED, 6)
    assert fact.values == {"used": 100, "limit": 100, "window": "1h sliding"}


def hours_of(until: Any) -> float:
    """A time in hours since the start."""
    return float(until.timestamp()) / 3600 - START / HOUR


def test_no_hour_has_more_commands_than_the_limit() -> None:
    world = world_with_touches(40, per_hour=7)
    world.advance_hours(12)
    times = sorted(at for _, at in commanded_steps(world))
    assert len(times) == 40
    assert all(
        later - earlier >= 1 - 1e-6 for earlier, later in zip(times, times[7:], strict=False)
    )


def test_email_and_sms_are_counted_separately() -> None:
    world = world_with_touches(3, per_hour=3)
    steps = [step("s", "sms", 1)]
    deliver(world, publish(campaign_id="s", service_type="hvac", steps=steps, settings=PATIENT))
    deliver(world, *jobs_of(3, first=10, service_type="hvac"))
    world.advance_hours(2)
    assert sorted(at for _, at in commanded_steps(world))[-1] < 1.1
    assert len(commanded_steps(world)) == 6


def test_tenants_are_counted_separately() -> None:
    world = world_with_touches(2, per_hour=2)
    deliver(world, tenant(tenant_id="other", limits={"email": 2}))
    deliver(world, publish(tenant_id="other", steps=ONE, settings=NONE))
    deliver(world, *jobs_of(2, tenant_id="other"))
    world.advance_hours(1.5)
    assert len(world.commanded_touches()) == 4


def test_without_a_limit_nothing_waits() -> None:
    world = world_with_touches(150, per_hour=None)
    world.advance_hours(1.1)
    assert len(world.commanded_touches()) == 150
    assert world.facts(FactKind.TOUCH_DEFERRED) == []


def test_a_raised_limit_releases_at_once() -> None:
    world = world_with_touches(5, per_hour=2)
    world.advance_hours(1.5)
    assert len(world.commanded_touches()) == 2
    deliver(world, tenant(limits={"email": 4}))
    world.advance_hours(0.01)
    assert len(world.commanded_touches()) == 4
    deliver(world, tenant(limits={"email": None}))
    world.advance_hours(0.01)
    assert len(world.commanded_touches()) == 5


def test_a_lowered_limit_counts_what_went_out_before() -> None:
    world = world_with_touches(4, per_hour=3)
    world.advance_hours(1.5)
    deliver(world, tenant(limits={"email": 1}))
    world.advance_hours(1)
    assert commanded_steps(world)[3][1] == pytest.approx(2 + 2 / 3600 + 2 * GATHERED, abs=1e-5)


def test_a_limit_counts_from_when_it_is_set() -> None:
    world = world_with_touches(5, per_hour=None)
    world.advance_hours(1.1)
    deliver(world, tenant(limits={"email": 2}))
    deliver(world, *jobs_of(3, first=5))
    world.advance_hours(0.01)
    times = [at for _, at in commanded_steps(world)]
    first = round(1.1 + GATHERED, 6)
    assert times[5:] == [first, first]  # the hour has seen seven, five of them before the limit
    world.advance_hours(1.1)
    assert commanded_steps(world)[7][1] == round(2.1 + 2 * GATHERED, 6)


def test_touches_under_a_limit_of_zero_expire() -> None:
    world = world_with_touches(2, per_hour=0, settings={**NONE, "expire_after_hours": 5})
    world.advance_hours(10)
    assert world.commanded_touches() == []
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["expired", "expired"]


def test_a_wait_for_the_limit_may_be_followed_by_quiet_hours() -> None:
    world = world_with_campaign(steps=[step("a", hours=11.5)], settings=PATIENT)
    deliver(world, tenant(limits={"email": 1}), *jobs_of(2))
    world.advance_hours(30)
    first, later = (round(at + GATHERED, 6) for at in (11.5, 23.0))
    gathered = round(12.5 + 2 * GATHERED, 6)
    assert [at for _, at in commanded_steps(world)] == [first, later]
    told_why = [(f.reason, hours_since_start(f)) for f in world.facts(FactKind.TOUCH_DEFERRED)]
    held_at = pytest.approx(11.5, abs=1e-3)
    assert told_why == [("throttled", held_at), ("quiet_hours", gathered)]


def test_the_higher_priority_goes_first_then_the_earlier_due() -> None:
    world = world_with_touches(1, per_hour=1)
    urgent = {"campaign_id": "urgent", "service_type": "roofing", "steps": ONE}
    deliver(world, publish(**urgent, settings={**NONE, "priority": 9}))
    deliver(world, *jobs_of(2, first=1))
    deliver(world, *jobs_of(1, first=3, service_type="roofing"))
    world.advance_hours(5)
    order = [f.contact_id for f in world.facts(FactKind.TOUCH_COMMANDED)]
    assert order == ["p0000", "p0003", "p0001", "p0002"]


def test_a_waiting_request_goes_to_the_current_address() -> None:
    world = world_with_touches(2, per_hour=1)
    world.advance_hours(1.5)
    deliver(world, upserted(world, "p0001", email="moved@example.com"))
    world.advance_hours(1)
    assert world.commanded_touches()[1].recipient == "moved@example.com"


def test_a_waiting_request_without_an_address_is_skipped() -> None:
    world = world_with_touches(2, per_hour=1)
    world.advance_hours(1.5)
    deliver(world, upserted(world, "p0001", email=""))
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["no_address"]
    world.advance_hours(5)
    assert len(world.commanded_touches()) == 1


def test_a_waiting_request_moves_with_the_contacts_zone() -> None:
    world = world_with_campaign(steps=[step("a", hours=11.5)], settings=PATIENT)
    deliver(world, tenant(limits={"email": 1}), *jobs_of(2))
    world.advance_hours(14)
    deliver(world, upserted(world, "p0001", timezone="Pacific/Honolulu"))  # 19:00 there
    world.advance_hours(0.1)
    assert len(world.commanded_touches()) == 2


def test_a_pause_withdraws_a_waiting_request_and_a_resume_requests_it_again() -> None:
    world = world_with_touches(2, per_hour=1)
    world.advance_hours(1.5)
    deliver(world, change_campaign(world, "paused"))
    assert len(world.facts(FactKind.TOUCH_WITHDRAWN)) == 1
    world.advance_hours(5)
    assert len(world.commanded_touches()) == 1
    deliver(world, change_campaign(world, "resumed"))
    world.advance_hours(0.1)
    assert (len(world.commanded_touches()), revocations(world)) == (2, [])
    assert world.commanded_touches()[1].emission == 1  # the withdrawn request was none


def test_a_large_limit_is_not_exceeded() -> None:
    world = world_with_touches(30, per_hour=2_000)
    world.advance_hours(2)
    assert len(world.commanded_touches()) == 30


def test_many_touches_after_quiet_hours_go_out_at_the_limit() -> None:
    world = world_with_campaign(steps=[step("a", hours=15)], settings=PATIENT)
    deliver(world, tenant(limits={"email": 10}), *jobs_of(25))
    world.advance_hours(26)
    times = [round(at, 2) for _, at in commanded_steps(world)]
    assert (times.count(23.0), times.count(24.0), times.count(25.0)) == (10, 10, 5)


def test_the_contact_has_the_reason_and_the_end_of_the_wait() -> None:
    world = world_with_touches(2, per_hour=1)
    world.advance_hours(1.5)
    touch = contact_of(world, "p0001").enrollments[-1].touches[-1]
    assert (touch.wait, touch.due_at) == ("throttled", START + 2 * HOUR + 2 * GATHER_US)
