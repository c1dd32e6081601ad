"""A campaign is edited while it runs: a run stays on its version, follows, or is moved (C-36)."""

from collections.abc import Mapping
from itertools import count
from typing import Any

import pytest

from processors.contact.version_migration import next_after, repeated_and_lost
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from tests.testing.builders import publish, step
from tests.testing.story import (
    HOUR,
    START,
    World,
    deliver,
    enrollment_of,
    new_event,
    prospecting,
    reasons,
    scheduled_steps,
    touch_of,
    working_senders,
)

_orders = count()


def edited(world: World, *rows: dict[str, Any], **settings: Any) -> World:
    quiet = {"quiet_hours": "none", **settings}
    return deliver(world, publish(kind="prospecting", steps=list(rows), settings=quiet))


def moved(
    world: World, steps: Mapping[str, str | None] | None = None, from_version: int | None = None
) -> World:
    order = m.MoveRuns(
        "acme", "reviews", f"move#{next(_orders)}", world.now, from_version, dict(steps or {})
    )
    return deliver(world, order)


def two_mails(**settings: Any) -> World:
    return prospecting(step("a", hours=10), step("b", hours=10), quiet_hours="none", **settings)


def test_a_run_stays_on_its_version() -> None:
    world = edited(two_mails(), step("a", hours=1), step("c", hours=1))
    world.advance_hours(100, working_senders())
    assert scheduled_steps(world) == [("a", 10), ("b", 20)]


def test_a_run_may_follow_every_version() -> None:
    world = edited(two_mails(), step("a", hours=20), step("c", hours=5), on_edit="follow")
    assert enrollment_of(world).version == 2
    world.advance_hours(100, working_senders())
    assert scheduled_steps(world) == [("a", 20), ("c", 25)]
    (fact,) = world.facts(FactKind.ENROLLMENT_MOVED)
    assert fact.values == {"from": 1, "to": 2, "step": "a", "becomes": "a"}


def test_a_run_is_moved_by_a_map() -> None:
    world = two_mails()
    world.advance_hours(12, working_senders())  # it stands at b
    edited(world, step("x", hours=1), step("y", hours=3))
    moved(world, {"a": "x", "b": "y"})
    world.advance_hours(100, working_senders())
    assert scheduled_steps(world) == [("a", 10), ("y", 13)]
    assert enrollment_of(world).status is Status.COMPLETED


def test_a_run_whose_step_is_removed_goes_on_with_the_next_step() -> None:
    world = prospecting(
        step("a", hours=10), step("b", hours=10), step("c", hours=10), quiet_hours="none"
    )
    world.advance_hours(12, working_senders())
    edited(world, step("a", hours=10), step("c", hours=4))
    moved(world)
    (skipped,) = world.facts(FactKind.TOUCH_SKIPPED)
    assert (skipped.reason, skipped.step_id) == ("step_removed", "b")
    assert skipped.values == {"from": 1, "to": 2, "step": "b"}
    world.advance_hours(100, working_senders())
    assert scheduled_steps(world) == [("a", 10), ("c", 16)]


def test_a_run_without_a_step_left_is_completed() -> None:
    world = two_mails()
    world.advance_hours(12, working_senders())
    edited(world, step("a", hours=10))
    moved(world)
    assert enrollment_of(world).status is Status.COMPLETED


def test_a_run_whose_command_is_out_stays_on_its_version() -> None:
    world = two_mails()
    world.advance_hours(10.2)
    assert touch_of(world).phase is Phase.COMMANDED
    edited(world, step("b", hours=10))
    moved(world)
    assert enrollment_of(world).version == 1
    assert reasons(world, FactKind.ENROLLMENT_KEPT) == ["STEP_GONE"]


def test_a_wait_is_replaced_by_that_of_the_new_version() -> None:
    wait = {"event": "reply", "max_wait_hours": 100}
    world = prospecting(step("a", hours=0, wait_for=wait), step("b", hours=1), quiet_hours="none")
    world.advance_hours(5, working_senders())
    shorter = {"event": "reply", "max_wait_hours": 20}
    edited(world, step("a", hours=0, wait_for=shorter), step("b", hours=1))
    moved(world)
    waiting = enrollment_of(world).waiting
    assert waiting is not None
    assert waiting.until == START + 20 * HOUR
    edited(world, step("a", hours=0), step("b", hours=8))
    moved(world)
    assert enrollment_of(world).waiting is None
    world.advance_hours(10, working_senders())
    assert scheduled_steps(world) == [("a", 0), ("b", 8)]


def test_only_runs_of_the_named_version_move() -> None:
    world = edited(two_mails(), step("a", hours=10), step("b", hours=10), step("c", hours=10))
    edited(world, step("a", hours=10), step("b", hours=10), step("d", hours=10))
    moved(world, from_version=2)
    assert enrollment_of(world).version == 1
    moved(world, from_version=1)
    assert enrollment_of(world).version == 3


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"steps": {"a": "moon"}}, "CAMPAIGN_STEP_UNKNOWN"),
        ({"from_version": 7}, "CAMPAIGN_VERSION_UNKNOWN"),
        ({"campaign_id": "moon"}, "CAMPAIGN_UNKNOWN"),
        ({"tenant_id": "moon"}, "TENANT_UNKNOWN"),
    ],
)
def test_an_invalid_order_is_refused_with_a_code(changes: dict[str, Any], code: str) -> None:
    fields: dict[str, Any] = {
        "tenant_id": "acme",
        "campaign_id": "reviews",
        "cause": "move#1",
        "at": START,
        "from_version": None,
        "steps": {},
    }
    world = deliver(two_mails(), m.MoveRuns(**{**fields, **changes}))
    assert reasons(world, FactKind.EVENT_REFUSED) == [code]
    assert enrollment_of(world).version == 1


def test_a_paused_run_moves_and_stays_paused() -> None:
    world = two_mails()
    deliver(world, new_event(world, m.ContactPaused))
    edited(world, step("a", hours=30), step("b", hours=10))
    moved(world)
    world.advance_hours(5, working_senders())
    assert (enrollment_of(world).version, enrollment_of(world).status) == (2, Status.FROZEN)
    deliver(world, new_event(world, m.ContactResumed))
    world.advance_hours(100, working_senders())
    assert scheduled_steps(world) == [("a", 35), ("b", 45)]


def definition(*names: str) -> Definition:
    whole = {"tenant_id": "acme", "campaign_id": "c", "name": "Moving", "kind": "prospecting"}
    found = validate_definition({**whole, "steps": [step(name, hours=10) for name in names]})
    assert isinstance(found, Definition)
    return found


def test_repeated_and_lost_steps_are_computed() -> None:
    old, new = definition("a", "b", "c"), definition("b", "n", "c", "a")
    assert next_after("a", old, new, {"a": None}) == 0
    assert repeated_and_lost(["a", "b"], new.step_index("c"), new) == (["a"], ["n"])
