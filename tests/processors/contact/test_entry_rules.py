"""Who may be enrolled: entering again, drafts, orders without effect, and history (F-9, S1-21)."""

from typing import Any

import pytest

from schemas.internal import messages as m
from schemas.internal.enrollment import Status
from schemas.internal.facts import FactKind
from tests.testing.builders import TENANT, publish, step
from tests.testing.story import (
    HOUR,
    START,
    change_campaign,
    contact_of,
    deliver,
    enroll_by_hand,
    enrollment_of,
    job,
    reasons,
    tenant,
    upserted,
    working_senders,
    world_with_campaign,
)

EMAIL = {"email": "ann@example.com", "timezone": "America/Chicago"}


@pytest.mark.parametrize(
    ("reentry", "running", "ended"),
    [
        ("once", "ENROLLMENT_ALREADY_ACTIVE", "ENROLLMENT_ONCE"),
        ("after_end", "ENROLLMENT_ALREADY_ACTIVE", None),
        ("restart", None, None),
    ],
)
def test_the_reentry_setting_decides_about_a_second_enrollment(
    reentry: str, running: str | None, ended: str | None
) -> None:
    world = world_with_campaign(
        kind="prospecting", steps=[step("a", hours=5)], settings={"reentry": reentry}
    )
    deliver(world, upserted(world, **EMAIL))
    deliver(world, enroll_by_hand(world), enroll_by_hand(world))
    assert reasons(world, FactKind.ENROLLMENT_DECLINED) == ([running] if running else [])
    stopped = {"restart": ["reenrolled"]}.get(reentry, [])
    assert reasons(world, FactKind.ENROLLMENT_STOPPED) == stopped
    world.advance_hours(10, working_senders())
    assert enrollment_of(world).status is Status.COMPLETED
    before = len(world.facts(FactKind.ENROLLMENT_DECLINED))
    deliver(world, enroll_by_hand(world))
    assert reasons(world, FactKind.ENROLLMENT_DECLINED)[before:] == ([ended] if ended else [])


def test_a_prospecting_campaign_takes_no_jobs_and_occupies_no_service_type() -> None:
    world = world_with_campaign()
    deliver(world, publish(campaign_id="two", kind="prospecting", steps=[step("a")]))
    deliver(world, publish(campaign_id="three", kind="prospecting", steps=[step("a")]))
    assert not world.facts(FactKind.CAMPAIGN_REFUSED)
    assert TENANT == "acme"
    deliver(world, job(at=world.now))
    assert enrollment_of(world).campaign_id == "reviews"


def test_an_import_into_a_draft_is_decided_anew_once_the_campaign_is_active() -> None:
    world = world_with_campaign(kind="prospecting", status="draft", steps=[step("a")])
    deliver(world, upserted(world, **EMAIL))
    order = enroll_by_hand(world)
    deliver(world, order)
    assert reasons(world, FactKind.ENROLLMENT_DECLINED) == ["CAMPAIGN_DRAFT"]
    deliver(world, change_campaign(world, "activated"))
    deliver(world, order)
    assert enrollment_of(world).status is Status.ACTIVE
    deliver(world, order)
    assert reasons(world, FactKind.EVENT_REFUSED) == ["EVENT_DUPLICATE"]


@pytest.mark.parametrize("order", [m.ContactStopped, m.ContactPaused, m.ContactResumed])
def test_an_order_without_effect_is_refused_with_a_code(order: Any) -> None:
    world = world_with_campaign(kind="prospecting", steps=[step("a", hours=5)])
    deliver(world, upserted(world, **EMAIL))
    deliver(world, order(TENANT, "ann", "x#1", world.now))
    assert reasons(world, FactKind.EVENT_REFUSED) == ["ENROLLMENT_NONE"]
    deliver(world, enroll_by_hand(world), tenant(at=START + 1, cause="t#2", fence=START + 1))
    deliver(world, order(TENANT, "ann", "x#2", START))
    assert reasons(world, FactKind.EVENT_REFUSED) == ["ENROLLMENT_NONE", "EVENT_IN_PAST"]
    assert enrollment_of(world).status is Status.ACTIVE


def test_history_is_recorded_and_sends_nothing() -> None:
    """One job is marked as a backfill, one lies before the fence."""
    world = world_with_campaign()
    year = 365 * 24 * HOUR
    old = job("old", START - year)
    deliver(
        world, m.BackfilledEvent(old.tenant_id, old.contact_id, old.cause, old.at, m.encode(old))
    )
    deliver(world, tenant(at=START + 1, cause="t#2", fence=START - HOUR))
    deliver(world, job("older", START - 2 * HOUR, cause="jobs#older"))
    world.advance_hours(1000, working_senders())
    assert not world.commands()
    assert reasons(world, FactKind.ENROLLMENT_DECLINED) == ["EVENT_IN_PAST", "EVENT_IN_PAST"]
    assert set(contact_of(world).jobs) == {"old", "older"}
    assert contact_of(world).profile.address("email") == "ann@example.com"
    deliver(world, job("new", world.now, cause="jobs#new"))
    assert enrollment_of(world).status is Status.ACTIVE
