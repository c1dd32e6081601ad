"""Every reason in a fact has the values that it was decided on (X-3, X-9)."""

from collections.abc import Callable
from typing import Any

import pytest

from schemas.base.times import DAY, format_rfc3339
from schemas.internal import messages as m
from schemas.internal.facts import Fact, FactKind
from schemas.internal.messages import DeleteTemplate, Person
from tests.testing.builders import CAMPAIGN, TENANT, step
from tests.testing.history_player import play
from tests.testing.random_histories import random_history
from tests.testing.story import (
    HOUR,
    START,
    World,
    bounced,
    change_campaign,
    deliver,
    enroll_by_hand,
    enrolled,
    enrollment_of,
    event_fields,
    reviewed,
    tenant,
    unsubscribed,
    upserted,
    working_senders,
    world_with_campaign,
)
from tests.testing.story import job as finished

TWO = [step("a", hours=24), step("b", "sms", hours=24)]
DECIDED = (FactKind.TOUCH_SKIPPED, FactKind.TOUCH_DEFERRED, FactKind.ENROLLMENT_DECLINED)
SELF_EXPLANATORY = {
    *("JOB_DUPLICATE", "JOB_DELETED", "ENROLLMENT_DECLINED_BY_JOB", "CAMPAIGN_UNKNOWN"),
    *("CAMPAIGN_PAUSED", "CAMPAIGN_COMPLETED", "CAMPAIGN_ARCHIVED", "CAMPAIGN_DELETED"),
    *("CAMPAIGN_CANCELLED", "campaign_cancelled"),
    *("CAMPAIGN_DRAFT", "campaign_completed", "campaign_archived", "campaign_deleted"),
    *("owner_stopped", "contact_erased", "contact_gone", "repeat_job", "job_deleted"),
    *("review_clicked", "feedback_submitted", "replied", "reenrolled"),
}
"""Reasons that need no values: the fact names the job or the campaign, or the enrollment.stopped of
the same reason names its cause."""


def at(hours: float) -> str:
    """A time in hours since START, in the form of a fact's values."""
    return format_rfc3339(START + round(hours * HOUR))


def opted_out() -> World:
    world = enrolled(steps=TWO)
    world.advance_hours(2)
    deliver(world, unsubscribed(world, "email"))
    world.advance_hours(30)
    return world


def opted_out_while_out() -> World:
    world = enrolled(steps=TWO)
    world.advance_hours(24)
    return deliver(world, unsubscribed(world, "email"))


def opted_out_of_all() -> World:
    world = enrolled(steps=TWO)
    return deliver(world, unsubscribed(world, "all"))


def bounced_hard() -> World:
    world = enrolled(steps=[step("a", hours=24), step("b", hours=24)])
    world.advance_hours(25, working_senders())
    deliver(world, bounced(world, world.commanded_touches()[0]))
    world.advance_hours(30)
    return world


def bounced_for_another() -> World:
    world = bounced_hard()
    deliver(world, finished("j2", world.now, contact_id="ben"))
    world.advance_hours(25)
    return world


def without_a_template() -> World:
    world = enrolled(steps=[step("a", hours=24, template_id=None)])
    world.advance_hours(25)
    return world


def with_a_deleted_template() -> World:
    world = enrolled(steps=[step("a", hours=24)])
    deliver(world, DeleteTemplate(TENANT, "t", "x#1", START))
    world.advance_hours(25)
    return world


def without_a_phone() -> World:
    world = enrolled(
        steps=[step("a", "sms", hours=24)], changes={"person": Person(email="a@example.com")}
    )
    world.advance_hours(25)
    return world


def late() -> World:
    settings = {"late_policy": "skip_older_than", "late_skip_hours": 3, "quiet_hours": "none"}
    world = enrolled(steps=TWO, settings=settings)
    deliver(world, change_campaign(world, "paused"))
    world.advance_hours(30)
    return deliver(world, change_campaign(world, "resumed"))


def expired() -> World:
    world = enrolled(steps=TWO, settings={"expire_after_hours": 2})
    deliver(world, tenant(limits={"email": 0}))
    world.advance_hours(27)
    return world


@pytest.mark.parametrize(
    ("story", "reason", "values"),
    [
        (opted_out, "opted_out_email", {"opted_out_at": at(2)}),
        (opted_out_while_out, "opted_out_email", {"opted_out_at": at(24)}),
        (opted_out_of_all, "opted_out_all", {"opted_out_at": at(0)}),
        (bounced_hard, "address_bounced", {"bounced_at": at(25)}),
        (without_a_template, "no_template", {"template_id": None, "version": 1}),
        (with_a_deleted_template, "no_template", {"template_id": "t", "version": 1}),
        (without_a_phone, "no_address", {"field": "phone"}),
        (late, "late_after_pause", {"scheduled_at": at(24)}),
        (expired, "expired", {"expires_at": at(26)}),
    ],
)
def test_a_skipped_touch_has_the_values_it_was_decided_on(
    story: Callable[[], World], reason: str, values: dict[str, Any]
) -> None:
    fact = story().facts(FactKind.TOUCH_SKIPPED)[0]
    assert (fact.reason, fact.values) == (reason, values)


def test_a_refusal_of_dispatch_has_the_moment_and_event_behind_it() -> None:
    world = bounced_for_another()
    fact = next(f for f in world.facts(FactKind.TOUCH_SKIPPED) if f.contact_id == "ben")
    cause = world.facts(FactKind.TOUCH_BOUNCED)[0].cause
    assert (fact.reason, fact.values) == ("address_bounced", {"since": at(25), "cause": cause})


def declined(world: World, *messages: m.Message) -> Fact:
    """The fact that declines the last of these messages."""
    deliver(world, *messages)
    return world.facts(FactKind.ENROLLMENT_DECLINED)[-1]


def test_a_cooldown_has_its_beginning_and_its_end() -> None:
    world = enrolled(steps=TWO, settings={"cooldown_days": 2})
    deliver(world, reviewed(world))
    world.advance_hours(3)
    fact = declined(world, finished("j2", world.now))
    assert (fact.reason, fact.values) == ("ENROLLMENT_COOLDOWN", {"ended_at": at(0)})
    assert fact.until is not None and fact.until.timestamp() == (START + 2 * DAY) / 1e6


def test_a_job_beyond_a_time_limit_has_its_completion_and_the_limit() -> None:
    world = world_with_campaign()
    fact = declined(world, finished(at=START + DAY + HOUR))
    assert (fact.reason, fact.values) == (
        "JOB_IN_FUTURE",
        {"completed_at": at(25), "limit": at(24)},
    )
    world.advance_hours(100)
    fact = declined(world, finished("j2"))
    assert (fact.reason, fact.values) == ("JOB_TOO_OLD", {"completed_at": at(0), "limit": at(96)})


def test_the_enrollment_that_blocks_another_is_named() -> None:
    world = enrolled(settings={"repeat_job": "ignore"})
    named = {"enrollment_id": enrollment_of(world).enrollment_id}
    world.advance_hours(1)
    for message in (finished("j2", world.now), enroll_by_hand(world)):
        fact = declined(world, message)
        assert (fact.reason, fact.values) == ("ENROLLMENT_ALREADY_ACTIVE", named)
    world = enrolled()
    fact = declined(world, finished("j0", at=START - HOUR))
    assert (fact.reason, fact.values) == ("JOB_OLDER_THAN_ENROLLMENT", named)


def test_the_channels_of_an_opt_out_are_named() -> None:
    world = world_with_campaign()
    deliver(world, unsubscribed(world, "sms"), unsubscribed(world, "email"))
    for message in (finished(), enroll_by_hand(world)):
        fact = declined(world, message)
        assert (fact.reason, fact.values) == (
            "CONTACT_UNSUBSCRIBED",
            {"channels": ["email", "sms"]},
        )


def test_a_service_type_without_campaign_is_named() -> None:
    fact = declined(world_with_campaign(service_type="hvac"), finished(service_type="roofing"))
    assert (fact.reason, fact.values) == (
        "CAMPAIGN_NONE_FOR_SERVICE",
        {"service_type": "roofing"},
    )


def test_a_deferral_to_the_morning_has_the_quiet_hours() -> None:
    world = enrolled(steps=[step("a", hours=11.75)])  # 20:45 in Chicago
    deliver(world, upserted(world, first_name="Anna"))
    world.advance_hours(13)
    (fact,) = world.facts(FactKind.TOUCH_DEFERRED)
    assert fact.reason == "quiet_hours" and fact.values is not None


@pytest.mark.parametrize("seed", range(80))
def test_in_any_history_a_reason_has_its_values_or_needs_none(seed: int) -> None:
    facts = play(random_history(seed, 40)).facts()
    decided = [fact for fact in facts if fact.fact in DECIDED and fact.values is None]
    assert {fact.reason for fact in decided} <= SELF_EXPLANATORY
    stops = [fact for fact in facts if fact.fact is FactKind.ENROLLMENT_STOPPED]
    assert all(fact.cause or fact.values for fact in stops)
    ends = {(fact.enrollment_id, fact.reason) for fact in stops}
    skips = [fact for fact in decided if fact.fact is FactKind.TOUCH_SKIPPED]
    assert {(fact.enrollment_id, fact.reason) for fact in skips} <= ends


def test_the_reason_of_a_campaign_that_does_not_run_needs_no_values() -> None:
    world = deliver(
        world_with_campaign(), change_campaign(world_with_campaign(), "paused", CAMPAIGN)
    )
    assert declined(world, finished()).reason in SELF_EXPLANATORY
    stopped = enrolled(steps=TWO)
    deliver(stopped, m.ContactStopped(**event_fields(stopped)))
    assert {f.reason for f in stopped.facts(FactKind.TOUCH_SKIPPED)} <= SELF_EXPLANATORY
