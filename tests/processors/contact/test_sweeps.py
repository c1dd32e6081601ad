"""Sweeps over a campaign: even if one fails, nobody is written to by mistake (X-3)."""

from typing import Any

import pytest

from processors.contact import paced_sweeps, sweep_effects
from processors.contact.context import Context
from schemas.internal import messages as m
from schemas.internal.enrollment import Enrollment
from tests.testing.builders import job, step, tenant
from tests.testing.story import (
    change_campaign,
    commanded_steps,
    deliver,
    enrolled,
    enrollment_of,
    world_with_campaign,
)
from tests.testing.world import World


def people(*names: str) -> World:
    """A campaign in which these people are enrolled."""
    world = world_with_campaign()
    for name in names:
        person = m.Person(first_name=name, email=f"{name}@x.com", phone=f"+1{name}")
        deliver(world, job(f"j-{name}", contact_id=name, person=person))
    return world


@pytest.mark.parametrize("batch", [1, 2, 3, 150])
@pytest.mark.parametrize(("action", "broken"), [("paused", "freeze"), ("deleted", "stop")])
def test_only_the_person_at_whom_a_sweep_fails_is_left_out_and_not_written_to(
    action: str, broken: str, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = people("a", "b", "c", "d")
    whole = getattr(sweep_effects, broken)

    def breaking(context: Context, enrollment: Enrollment, *rest: Any) -> None:
        if context.contact_id == "b":
            raise RuntimeError("boom")
        whole(context, enrollment, *rest)

    monkeypatch.setattr(sweep_effects, broken, breaking)
    monkeypatch.setattr(paced_sweeps, "turn_size", lambda *_: batch)
    deliver(world, change_campaign(world, action))
    reached = "FROZEN" if action == "paused" else "STOPPED"
    swept = [
        name for name in "abcd" if enrollment_of(world, contact_id=name).status.name == reached
    ]
    assert swept == ["a", "c", "d"]
    world.advance_hours(30)
    assert world.commanded_touches() == []
    names = {enrollment_of(world, contact_id=name).status.name for name in "abcd"}
    assert names == {reached}


def test_resuming_skips_every_touch_that_is_too_old() -> None:
    world = enrolled(settings={"late_policy": "skip_older_than", "late_skip_hours": 1})
    deliver(world, change_campaign(world, "paused"))
    world.advance_hours(24 * 8)
    deliver(world, change_campaign(world, "resumed"))
    world.advance_hours(30)
    late = [t.step_id for t in enrollment_of(world).touches if t.reason == "late_after_pause"]
    assert len(late) >= 2
    assert all(name not in late for name, _ in commanded_steps(world))


def test_new_quiet_hours_reach_what_waits_at_dispatch() -> None:
    world = world_with_campaign(steps=[step("a", hours=1)])
    deliver(world, tenant(at=world.now + 1, limits={"email": 0}), job())
    world.advance_hours(2)
    quiet: Any = {"quiet_start": 9 * 60, "quiet_end": 20 * 60}
    deliver(world, tenant(at=world.now + 2, limits={"email": 0}, **quiet))
    deliver(world, tenant(at=world.now + 3, limits={"email": None}, **quiet))
    world.advance_hours(1)
    assert commanded_steps(world) == []
