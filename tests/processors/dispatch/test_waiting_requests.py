"""A request that waits is sent as things are then, or taken back (C-36, S1-42, C-35)."""

from typing import Any

import pytest

from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.messages import Person
from tests.testing.builders import TENANT, about, publish
from tests.testing.story import (
    START,
    World,
    bounced,
    enrolled,
    failed,
    job,
    outside,
    reasons,
    revocations,
    sending,
    step,
    tell,
    tenant,
    told,
    touch_of,
    unsubscribed,
)

ONE = [step("a", template="old")]


def waiting(**campaign: Any) -> World:
    """Ann's touch is requested, and the limit lets nothing go."""
    world = enrolled(**{"steps": ONE, **campaign})
    tell(world, tenant(limits={"email": 0}))
    world.hours(24.1)
    assert touch_of(world).wait == "throttled"
    return world


def released(world: World) -> World:
    """The limit is lifted."""
    return tell(world, tenant(limits={"email": None}, at=world.now))


def test_a_template_deleted_meanwhile_is_not_sent() -> None:
    world = waiting()
    tell(world, m.DeleteTemplate(TENANT, "old", "t#9", world.now))
    released(world)
    assert world.due() == []
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["no_template"]


def test_a_template_of_a_new_version_is_the_one_that_is_sent() -> None:
    world = waiting()
    tell(world, publish(steps=[step("a", template="new")]))
    released(world)
    assert [touch.template_id for touch in world.due()] == ["new"]


def test_a_new_name_and_new_attributes_are_the_ones_that_are_sent() -> None:
    world = waiting()
    tell(world, told(world, first_name="Anna"))
    tell(world, m.ContactUpserted(**outside(world), person=Person(), attributes={"offer": "x"}))
    released(world)
    assert world.due()[0].variables["first_name"] == "Anna"
    assert world.due()[0].variables["offer"] == "x"


def test_a_request_that_waits_past_its_expiry_is_refused_then_and_not_later() -> None:
    world = waiting(settings={"expire_after_hours": 2})
    world.hours(3)
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["expired"]
    skipped = world.facts(FactKind.TOUCH_SKIPPED)[0]
    assert skipped.at.timestamp() == pytest.approx((START + 26 * HOUR) / 1e6, abs=1)


def test_a_late_answer_to_the_first_attempt_calls_the_second_back() -> None:
    world = enrolled(steps=[step("a")])
    world.hours(24)
    first = world.due()[0]
    tell(world, *failed(world, first))
    world.now = touch_of(world).due_at
    world.workers["contact"].turn()  # it ticks,
    world.workers["contact"].turn()  # and asks for the second attempt
    world.tell(m.TouchSent(**about(first, world)))
    world.settle()
    later = [touch.command_id for touch in world.due()[1:]]
    assert [order.command_id for order in revocations(world)] == later


def test_an_address_of_somebody_who_opted_out_is_closed_once_it_is_known() -> None:
    world = enrolled(steps=ONE)
    bob = unsubscribed(world)
    bob = m.ContactUnsubscribed(bob.tenant_id, "bob", bob.cause, bob.at, "email")
    tell(world, bob)
    tell(world, told(world, "bob", email="ann@example.com"))
    world.hours(25)
    assert world.due() == []
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["opted_out_email"]


def test_the_cool_down_outlives_many_other_runs() -> None:
    world = enrolled(steps=[step("a")], settings={"cooldown_days": 365})
    tell(world, m.ContactStopped(**outside(world)))
    tell(world, publish(campaign_id="pipes", service_type="plumbing"))
    for number in range(12):
        world.hours(1)
        tell(world, job(f"p{number}", world.now, service_type="plumbing"))
    world.hours(1)
    tell(world, job("h2", world.now))
    assert reasons(world, FactKind.ENROLLMENT_DECLINED)[-1] == "ENROLLMENT_COOLDOWN"


def test_a_bounce_closes_the_address_even_if_it_was_told_again_meanwhile() -> None:
    world = enrolled(steps=[step("a"), step("b")])
    world.hours(25, sending())
    tell(world, told(world, email="ann@example.com"))
    tell(world, bounced(world, world.due()[0]))
    world.hours(48, sending(world))
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["address_bounced"]


def test_after_a_night_the_higher_priority_goes_first() -> None:
    world = enrolled(steps=ONE, settings={"quiet_hours": {"start": "21:00", "end": "08:00"}})
    tell(
        world, publish(campaign_id="vip", settings={"priority": 9}, steps=ONE, service_type="other")
    )
    people = [f"p{n:02}" for n in range(12)]
    jobs = [
        job(who, contact_id=who, service_type="other" if n % 3 == 0 else "hvac")
        for n, who in enumerate(people)
    ]
    tell(world, tenant(limits={"email": 0}), *jobs)
    world.hours(44)  # requested in the afternoon, held by the limit and then by the night
    tell(world, tenant(limits={"email": 4}, at=world.now))
    world.hours(4)
    assert [touch.priority for touch in world.due()[:4]] == [9, 9, 9, 9]
