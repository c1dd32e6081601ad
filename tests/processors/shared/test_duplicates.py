"""The same event again, by source and id, does nothing again (design 2.9, X-9)."""

from schemas.internal import messages as m
from schemas.internal.enrollment import Status
from schemas.internal.facts import FactKind
from tests.testing.builders import CAMPAIGN, TENANT, publish
from tests.testing.story import (
    by_hand,
    change,
    enrolled,
    outside,
    reasons,
    run,
    sending,
    step,
    tell,
)


def test_an_enrollment_by_hand_told_again_after_its_end_starts_nothing() -> None:
    world = enrolled(steps=[step("a")])
    world.hours(25, sending())
    told = by_hand(world)
    tell(world, told)
    world.hours(25, sending(world))
    tell(world, told)
    assert [run(world).cycle, run(world).status] == [2, Status.COMPLETED]
    assert reasons(world, FactKind.EVENT_REFUSED) == ["EVENT_DUPLICATE"]


def test_a_stop_told_again_leaves_the_next_run_alone() -> None:
    world = enrolled()
    stop = m.ContactStopped(**outside(world))
    tell(world, stop, by_hand(world), stop)
    assert run(world).status is Status.ACTIVE


def test_a_pause_told_again_after_the_resume_pauses_nothing() -> None:
    world = enrolled()
    pause = change(world, "paused")
    tell(world, pause)
    tell(world, change(world, "resumed"))
    tell(world, pause)
    assert run(world).status is Status.ACTIVE
    assert reasons(world, FactKind.EVENT_REFUSED) == ["EVENT_DUPLICATE"]


def test_an_old_version_told_again_is_no_new_version() -> None:
    first = publish(steps=[step("a")])
    world = enrolled(steps=[step("z")])
    tell(world, first)
    tell(world, publish(steps=[step("b")]))
    tell(world, first)
    published = world.facts(FactKind.CAMPAIGN_PUBLISHED)
    assert [fact.version for fact in published] == [1, 2, 3]
    assert {fact.campaign_id for fact in published} == {CAMPAIGN}
    assert {fact.tenant_id for fact in published} == {TENANT}
