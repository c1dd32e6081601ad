"""An event that comes again, with the same source and id, has no effect (promise 9, X-9)."""

from schemas.internal import messages as m
from schemas.internal.enrollment import Status
from schemas.internal.facts import FactKind
from tests.testing.builders import CAMPAIGN, TENANT, publish, step
from tests.testing.story import (
    change_campaign,
    deliver,
    enroll_by_hand,
    enrolled,
    enrollment_of,
    event_fields,
    reasons,
    working_senders,
)


def test_a_repeated_enrollment_event_after_the_end_starts_nothing() -> None:
    world = enrolled(steps=[step("a", hours=24)])
    world.advance_hours(25, working_senders())
    order = enroll_by_hand(world)
    deliver(world, order)
    world.advance_hours(25, working_senders(world))
    deliver(world, order)
    assert [enrollment_of(world).cycle, enrollment_of(world).status] == [2, Status.COMPLETED]
    assert reasons(world, FactKind.EVENT_REFUSED) == ["EVENT_DUPLICATE"]


def test_a_repeated_stop_does_not_stop_the_next_run() -> None:
    world = enrolled()
    stop = m.ContactStopped(**event_fields(world))
    deliver(world, stop, enroll_by_hand(world), stop)
    assert enrollment_of(world).status is Status.ACTIVE


def test_a_repeated_pause_after_the_resume_pauses_nothing() -> None:
    world = enrolled()
    pause = change_campaign(world, "paused")
    deliver(world, pause)
    deliver(world, change_campaign(world, "resumed"))
    deliver(world, pause)
    assert enrollment_of(world).status is Status.ACTIVE
    assert reasons(world, FactKind.EVENT_REFUSED) == ["EVENT_DUPLICATE"]


def test_a_repeated_publication_of_an_old_version_is_no_new_version() -> None:
    first = publish(steps=[step("a", hours=24)])
    world = enrolled(steps=[step("z", hours=24)])
    deliver(world, first)
    deliver(world, publish(steps=[step("b", hours=24)]))
    deliver(world, first)
    published = world.facts(FactKind.CAMPAIGN_PUBLISHED)
    assert [fact.version for fact in published] == [1, 2, 3]
    assert {fact.campaign_id for fact in published} == {CAMPAIGN}
    assert {fact.tenant_id for fact in published} == {TENANT}


def test_of_two_events_with_one_source_and_id_the_first_counts_whatever_is_in_the_second() -> None:
    world = enrolled()
    fields = event_fields(world)
    deliver(world, m.ContactPaused(**fields), m.ContactStopped(**fields))
    deliver(world, m.ContactStopped(**fields))
    assert enrollment_of(world).status is Status.FROZEN  # paused, and not stopped
    assert reasons(world, FactKind.EVENT_REFUSED) == ["EVENT_DUPLICATE"] * 2
