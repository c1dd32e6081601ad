"""Pauses of a campaign: enrollments freeze, and go on by its late policy (F-4, C-31)."""

from typing import Any

import pytest

from processors.contact import paced_sweeps
from schemas.base.times import HOUR
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from schemas.internal.messages import Person
from tests.testing.builders import step
from tests.testing.story import (
    START,
    World,
    change_campaign,
    contact_of,
    deliver,
    enrolled,
    enrollment_of,
    failed,
    job,
    reasons,
    reviewed,
    revocations,
    scheduled_steps,
    sent,
    tenant,
    touch_of,
    unsubscribed,
    working_senders,
    world_with_campaign,
)

TWO = [step("a", hours=24), step("b", hours=24)]


def paused(at: float, until: float, **settings: Any) -> World:
    """A campaign of two mails that was paused from one hour to another."""
    world = enrolled(steps=TWO, settings={"quiet_hours": "none", **settings})
    world.advance_hours(at, working_senders())
    deliver(world, change_campaign(world, "paused"))
    world.advance_to(START + int(until * HOUR), working_senders())
    return deliver(world, change_campaign(world, "resumed"))


def test_while_paused_nothing_is_sent() -> None:
    world = enrolled(steps=TWO)
    deliver(world, change_campaign(world, "paused"))
    world.advance_hours(500, working_senders())
    assert world.commanded_touches() == []
    assert (enrollment_of(world).status, enrollment_of(world).frozen_at) == (Status.FROZEN, START)


def test_shift_by_pause_keeps_every_distance() -> None:
    world = paused(at=20, until=50)
    world.advance_hours(60, working_senders())
    assert scheduled_steps(world) == [("a", 54), ("b", 78)]


def test_send_now_sends_what_is_late_at_once_and_the_next_touch_keeps_its_time() -> None:
    world = paused(at=20, until=30, late_policy="send_now")
    world.advance_hours(60, working_senders())
    assert scheduled_steps(world) == [("a", 30), ("b", 48)]


def test_send_now_keeps_the_order_after_a_long_pause() -> None:
    world = paused(at=20, until=200, late_policy="send_now")
    world.advance_hours(0.4, working_senders())
    assert scheduled_steps(world) == [("a", 200), ("b", 200)]


@pytest.mark.parametrize(("until", "expected"), [(25, [("a", 25), ("b", 48)]), (27, [("b", 48)])])
def test_skip_older_than_skips_what_is_too_old(until: float, expected: list[Any]) -> None:
    world = paused(at=20, until=until, late_policy="skip_older_than", late_skip_hours=2)
    world.advance_hours(60, working_senders())
    assert scheduled_steps(world) == expected


def test_skip_older_than_skips_every_touch_that_is_too_old() -> None:
    world = paused(at=20, until=500, late_policy="skip_older_than", late_skip_hours=2)
    world.advance_hours(1, working_senders())
    first = enrollment_of(world).touches[0]
    assert (first.phase, first.reason) == (Phase.SKIPPED, "late_after_pause")


def test_a_late_touch_still_respects_quiet_hours() -> None:
    world = enrolled(steps=TWO, settings={"late_policy": "send_now"})
    world.advance_hours(20)
    deliver(world, change_campaign(world, "paused"))
    world.advance_hours(18)  # 23:00 in Chicago
    deliver(world, change_campaign(world, "resumed"))
    world.advance_hours(60, working_senders())
    assert scheduled_steps(world)[0] == ("a", 47)


def test_a_pause_does_not_revoke_a_command_that_is_out() -> None:
    world = enrolled(steps=TWO)
    world.advance_hours(24)
    deliver(world, change_campaign(world, "paused"))
    assert (touch_of(world).phase, revocations(world)) == (Phase.COMMANDED, [])
    deliver(world, *sent(world, world.commanded_touches()[0]))
    assert enrollment_of(world).touches[0].phase is Phase.SENT
    world.advance_hours(100)
    assert len(world.commanded_touches()) == 1
    deliver(world, change_campaign(world, "resumed"))
    world.advance_hours(25, working_senders(world))
    assert scheduled_steps(world)[1] == ("b", 148)


def test_a_failure_during_a_pause_is_retried_after_it() -> None:
    world = enrolled(steps=[step("a", hours=24)])
    world.advance_hours(24)
    deliver(world, change_campaign(world, "paused"))
    deliver(world, *failed(world, world.commanded_touches()[0]))
    world.advance_hours(10)
    assert len(world.commanded_touches()) == 1
    deliver(world, change_campaign(world, "resumed"))
    world.advance_hours(15, working_senders(world))
    assert [t.attempt for t in world.commanded_touches()] == [1, 2]


@pytest.mark.parametrize("end", ["completed", "deleted"])
def test_a_frozen_enrollment_stops_with_its_campaign(end: str) -> None:
    world = enrolled()
    deliver(world, change_campaign(world, "paused"))
    deliver(world, change_campaign(world, end))
    assert (enrollment_of(world).status, enrollment_of(world).reason) == (
        Status.STOPPED,
        f"campaign_{end}",
    )


def test_reviews_and_opt_outs_stop_a_frozen_enrollment() -> None:
    for event in (reviewed, lambda world: unsubscribed(world, "all")):
        world = enrolled()
        deliver(world, change_campaign(world, "paused"))
        deliver(world, event(world))
        deliver(world, change_campaign(world, "resumed"))
        assert enrollment_of(world).status is Status.STOPPED


def test_a_pause_of_no_length_changes_no_time() -> None:
    world = enrolled(steps=TWO)
    deliver(world, *[change_campaign(world, action) for action in ("paused", "resumed")] * 3)
    world.advance_hours(60, working_senders())
    assert scheduled_steps(world) == [("a", 24), ("b", 48)]


def test_two_pauses_add_up() -> None:
    world = enrolled(steps=TWO)
    for _ in range(2):
        deliver(world, change_campaign(world, "paused"))
        world.advance_hours(24)
        deliver(world, change_campaign(world, "resumed"))
    world.advance_hours(100, working_senders())
    assert scheduled_steps(world) == [("a", 72), ("b", 96)]


def test_the_facts_record_the_pause_and_its_effect() -> None:
    world = paused(at=20, until=50)
    assert len(world.facts(FactKind.ENROLLMENT_FROZEN)) == 1
    resumed = world.facts(FactKind.ENROLLMENT_RESUMED)[0]
    assert resumed.values == {"late_policy": "shift_by_pause", "paused_seconds": 30 * 3600}
    assert reasons(world, FactKind.TOUCH_SCHEDULED) == ["delay", "delay"]


@pytest.mark.parametrize("size", [1, 3, 500])
def test_a_sweep_reaches_everybody_in_batches_of_any_size(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paced_sweeps, "turn_size", lambda *_: size)
    world = world_with_campaign()
    names = [f"p{n}" for n in range(20)]
    person = Person(email="a@example.com", timezone="America/Chicago")
    deliver(world, *[job(name, contact_id=name, person=person) for name in names])
    deliver(world, change_campaign(world, "paused"))
    assert statuses(world, names) == {Status.FROZEN}
    deliver(world, change_campaign(world, "resumed"))
    assert statuses(world, names) == {Status.ACTIVE}
    deliver(world, change_campaign(world, "deleted"))
    assert statuses(world, names) == {Status.STOPPED}


def statuses(world: World, names: list[str]) -> set[Status]:
    """The statuses of their newest enrollments."""
    return {contact_of(world, name).enrollments[-1].status for name in names}


def withdrawn_repeat() -> World:
    """A world in which a command is out, and a pause has withdrawn its waiting repeat."""
    world = enrolled(steps=[step("a", hours=24)])
    deliver(world, tenant(limits={"email": 1}))
    world.advance_hours(24.6)
    deliver(world, change_campaign(world, "paused"))
    assert (touch_of(world).phase, touch_of(world).emission) == (Phase.SCHEDULED, 1)
    return world


@pytest.mark.usefixtures("repeats_wait_for_limits")
def test_a_repeat_that_a_pause_withdrew_is_requested_again() -> None:
    world = withdrawn_repeat()
    deliver(world, change_campaign(world, "resumed"))
    world.advance_hours(0.5)
    assert [t.emission for t in world.commanded_touches()] == [1, 2]


@pytest.mark.usefixtures("repeats_wait_for_limits")
def test_a_stop_after_that_revokes_the_command_that_is_out() -> None:
    world = withdrawn_repeat()
    deliver(world, reviewed(world))
    assert [r.reason for r in revocations(world)] == ["review_clicked"]


@pytest.mark.usefixtures("repeats_wait_for_limits")
@pytest.mark.parametrize(("permanent", "phase"), [(True, Phase.FAILED), (False, Phase.SCHEDULED)])
def test_a_failure_after_that_counts_for_the_command_that_is_out(
    permanent: bool, phase: Phase
) -> None:
    world = withdrawn_repeat()
    deliver(world, *failed(world, world.commanded_touches()[0], permanent=permanent))
    assert touch_of(world).phase is phase
    assert touch_of(world).error == "timeout"
