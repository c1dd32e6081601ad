"""A timer that fails becomes a dead letter, and a record that makes a state too large does too; all
others go on (promise 10)."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.contact import ContactProcessor
from processors.fold import store
from processors.fold.task import Task
from processors.fold.turn import Turn
from schemas.internal import messages as m
from schemas.internal.topics import Topic
from streams.base.transport import Partition
from streams.runtime.roles import task_maker
from tests.testing.builders import job
from tests.testing.faulty_world import (
    LAYOUT,
    Fault,
    FaultPlan,
    FaultyWorld,
    RoleTasks,
    header_of,
    loop_sizes,
    world_with_tasks,
)

PEOPLE = 40


class FailingTimers(ContactProcessor):
    """A processor that fails in the timers of contacts whose id ends with `bad`."""

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        super().fire(turn, key, state)  # the state has changed by then
        if key.endswith(b"bad"):
            raise ZeroDivisionError("no")


def tasks(role: str) -> Callable[[Partition], Task]:
    """The tasks of a role; those of contacts have the failing processor."""
    if role == "contact":
        return lambda partition: Task(FailingTimers(), partition.number)
    return task_maker(role, LAYOUT)


def world_after(
    failing: set[int], plan: FaultPlan | None = None, tasks_: RoleTasks = tasks
) -> FaultyWorld:
    """A world in which all contacts have completed a job, and their first touch was due."""
    world = world_with_tasks(plan, tasks_)
    with loop_sizes(world.plan):
        for n in range(PEOPLE):
            world.append(job(f"j{n}", contact_id=f"p{n}bad" if n in failing else f"p{n}"))
        world.settle()
        world.advance_hours(30)
    return world


def requested_contacts(world: FaultyWorld) -> set[str]:
    """The contacts whose touch was requested."""
    return {str(f.contact_id) for f in world.facts() if f.fact == "touch.requested"}


def good_contacts(failing: set[int]) -> set[str]:
    return {f"p{n}" for n in range(PEOPLE) if n not in failing}


@settings(max_examples=15, deadline=None)
@given(
    st.sets(st.integers(0, PEOPLE - 1), max_size=4),
    st.sampled_from((1, 7, 2_000)),
    st.integers(1, 3),
    st.dictionaries(st.integers(1, 60), st.sampled_from(Fault), max_size=8),
)
def test_a_failing_timer_becomes_one_dead_letter_and_the_others_fire(
    failing: set[int], steps: int, commit_every: int, faults: dict[int, Fault]
) -> None:
    world = world_after(
        failing, FaultPlan(steps_max=steps, commit_every=commit_every, faults=faults)
    )
    letters = world.broker.topic(Topic.DEAD_LETTERS)
    assert sorted(header_of(x, "origin_key") for x in letters) == sorted(
        f"acme/p{n}bad" for n in failing
    )
    assert {header_of(x, "reason") for x in letters} <= {"TIMER_FAILED"}
    assert requested_contacts(world) == good_contacts(failing)


def test_the_state_of_a_failed_timer_stays_and_its_timer_fires_again_after_a_change() -> None:
    world = world_after({3})
    key = b"acme/p3bad"
    assert key in [name for _, name in world.states("contact")]
    world._tasks = lambda role: task_maker(role, LAYOUT)  # the bug is fixed
    for name in world.workers:
        world.workers[name] = world.worker(name)
    with loop_sizes(world.plan):
        world.settle()
        assert "p3bad" not in requested_contacts(world)
        world.append(m.ContactUpserted("acme", "p3bad", "/crm#1", world.now, m.Person("Ann")))
        world.settle()
        world.advance_hours(30)
    assert "p3bad" in requested_contacts(world)
    assert len(world.broker.topic(Topic.DEAD_LETTERS)) == 1


@pytest.mark.parametrize("commit_every", [1, 3])
def test_a_record_that_makes_a_state_too_large_becomes_a_dead_letter(commit_every: int) -> None:
    world = world_after(
        set(), FaultPlan(commit_every=commit_every), lambda role: task_maker(role, LAYOUT)
    )
    with patch.object(store, "STATE_MAX_BYTES", 20_000), loop_sizes(world.plan):
        for size in (5_000, 30_000, 6_000):
            note = {"note": "x" * size}
            reported_at = world.now + size
            world.append(
                m.ContactUpserted("acme", "p1", f"/crm#{size}", reported_at, m.Person(), note)
            )
        world.settle()
    (letter,) = world.broker.topic(Topic.DEAD_LETTERS)
    assert header_of(letter, "reason") == "FOLD_FAILED"
    assert header_of(letter, "detail").startswith("StateTooLarge: 3")
    (state,) = [v for (_, key), v in world.states("contact").items() if key == b"acme/p1"]
    assert b"x" * 6_000 in state and len(state) < 7_000
