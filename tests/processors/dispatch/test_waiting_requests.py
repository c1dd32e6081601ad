"""A waiting request is sent with the current data, or withdrawn (C-36, S1-42, C-35)."""

from typing import Any

import pytest

from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.messages import Person
from tests.testing.builders import TENANT, answer_fields, publish, step
from tests.testing.story import (
    START,
    World,
    bounced,
    deliver,
    enrolled,
    event_fields,
    failed,
    job,
    reasons,
    revocations,
    tenant,
    touch_of,
    unsubscribed,
    upserted,
    working_senders,
)

ONE = [step("a", hours=24, template_id="old")]


def world_with_waiting_request(**campaign: Any) -> World:
    """A world in which Ann's touch is requested and waits for a limit of zero."""
    world = enrolled(**{"steps": ONE, **campaign})
    deliver(world, tenant(limits={"email": 0}))
    world.advance_hours(24.1)
    assert touch_of(world).wait == "throttled"
    return world


def remove_limit(world: World) -> World:
    """Removes the limit."""
    return deliver(world, tenant(limits={"email": None}, at=world.now))


def test_a_template_deleted_during_the_wait_is_not_sent() -> None:
    world = world_with_waiting_request()
    deliver(world, m.DeleteTemplate(TENANT, "old", "t#9", world.now))
    remove_limit(world)
    assert world.commanded_touches() == []
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["no_template"]


def test_the_template_of_a_new_version_is_sent() -> None:
    world = world_with_waiting_request()
    deliver(world, publish(steps=[step("a", hours=24, template_id="new")]))
    remove_limit(world)
    assert [touch.template_id for touch in world.commanded_touches()] == ["new"]


def test_a_new_name_and_new_attributes_are_sent() -> None:
    world = world_with_waiting_request()
    deliver(world, upserted(world, first_name="Anna"))
    deliver(
        world, m.ContactUpserted(**event_fields(world), person=Person(), attributes={"offer": "x"})
    )
    remove_limit(world)
    assert world.commanded_touches()[0].variables["first_name"] == "Anna"
    assert world.commanded_touches()[0].variables["offer"] == "x"


def test_a_waiting_request_is_refused_at_its_expiry() -> None:
    world = world_with_waiting_request(settings={"expire_after_hours": 2})
    world.advance_hours(3)
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["expired"]
    skipped = world.facts(FactKind.TOUCH_SKIPPED)[0]
    assert skipped.at.timestamp() == pytest.approx((START + 26 * HOUR) / 1e6, abs=1)


def test_a_late_answer_to_the_first_attempt_revokes_the_second() -> None:
    world = enrolled(steps=[step("a", hours=24)])
    world.advance_hours(24)
    first = world.commanded_touches()[0]
    deliver(world, *failed(world, first))
    world.now = touch_of(world).due_at
    world.workers["contact"].run_round()  # it ticks,
    world.workers["contact"].run_round()  # and asks for the second attempt
    world.append(m.TouchSent(**answer_fields(first, world)))
    world.settle()
    later = [touch.command_id for touch in world.commanded_touches()[1:]]
    assert [order.command_id for order in revocations(world)] == later


def test_the_address_of_a_contact_who_opted_out_is_suppressed_when_it_is_reported_later() -> None:
    world = enrolled(steps=ONE)
    bob = unsubscribed(world)
    bob = m.ContactUnsubscribed(bob.tenant_id, "bob", bob.cause, bob.at, "email")
    deliver(world, bob)
    deliver(world, upserted(world, "bob", email="ann@example.com"))
    world.advance_hours(25)
    assert world.commanded_touches() == []
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["opted_out_email"]


def test_the_cool_down_holds_after_many_other_runs() -> None:
    world = enrolled(steps=[step("a", hours=24)], settings={"cooldown_days": 365})
    deliver(world, m.ContactStopped(**event_fields(world)))
    deliver(world, publish(campaign_id="pipes", service_type="plumbing"))
    for number in range(12):
        world.advance_hours(1)
        deliver(world, job(f"p{number}", world.now, service_type="plumbing"))
    world.advance_hours(1)
    deliver(world, job("h2", world.now))
    assert reasons(world, FactKind.ENROLLMENT_DECLINED)[-1] == "ENROLLMENT_COOLDOWN"


def test_a_bounce_closes_an_address_that_was_reported_again_before() -> None:
    world = enrolled(steps=[step("a", hours=24), step("b", hours=24)])
    world.advance_hours(25, working_senders())
    deliver(world, upserted(world, email="ann@example.com"))
    deliver(world, bounced(world, world.commanded_touches()[0]))
    world.advance_hours(48, working_senders(world))
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["address_bounced"]


def test_after_a_night_the_higher_priority_goes_first() -> None:
    world = enrolled(steps=ONE, settings={"quiet_hours": {"start": "21:00", "end": "08:00"}})
    deliver(
        world, publish(campaign_id="vip", settings={"priority": 9}, steps=ONE, service_type="other")
    )
    people = [f"p{n:02}" for n in range(12)]
    jobs = [
        job(who, contact_id=who, service_type="other" if n % 3 == 0 else "hvac")
        for n, who in enumerate(people)
    ]
    deliver(world, tenant(limits={"email": 0}), *jobs)
    world.advance_hours(44)  # requested in the afternoon, held by the limit and then by the night
    deliver(world, tenant(limits={"email": 4}, at=world.now))
    world.advance_hours(4)
    assert [touch.priority for touch in world.commanded_touches()[:4]] == [9, 9, 9, 9]
