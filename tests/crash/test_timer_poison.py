"""A timer that cannot fire costs its entity's next step and nothing else; a state that grows too
large costs the record that made it so (design 2.10, style 8)."""

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
from tests.crash.faulty_world import LAYOUT, Fault, MakeTask, Plan, Rig, sizes
from tests.crash.test_poison import header, opened
from tests.testing.builders import job

PEOPLE = 40


class Startled(ContactProcessor):
    """A processor that cannot wake those named `bad`."""

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        super().fire(turn, key, state)  # half of it is done by then
        if key.endswith(b"bad"):
            raise ZeroDivisionError("no")


def tasks(role: str) -> Callable[[Partition], Task]:
    """The tasks of all roles, the contacts' with that processor."""
    if role == "contact":
        return lambda partition: Task(Startled(), partition.number)
    return task_maker(role, LAYOUT)


def told(bad: set[int], plan: Plan | None = None, made: MakeTask = tasks) -> Rig:
    """All have had a job, and their first touch is long due."""
    rig = opened(plan, made)
    with sizes(rig.plan):
        for n in range(PEOPLE):
            rig.append(job(f"j{n}", contact_id=f"p{n}bad" if n in bad else f"p{n}"))
        rig.settle()
        rig.advance_hours(30)
    return rig


def woken(rig: Rig) -> set[str]:
    """Who was asked to be written to."""
    return {str(f.contact_id) for f in rig.facts() if f.fact == "touch.requested"}


def good(bad: set[int]) -> set[str]:
    return {f"p{n}" for n in range(PEOPLE) if n not in bad}


@settings(max_examples=15, deadline=None)
@given(
    st.sets(st.integers(0, PEOPLE - 1), max_size=4),
    st.sampled_from((1, 7, 2_000)),
    st.integers(1, 3),
    st.dictionaries(st.integers(1, 60), st.sampled_from(Fault), max_size=8),
)
def test_whoever_cannot_be_woken_is_parked_once_and_the_others_go_on(
    bad: set[int], steps: int, commit_every: int, faults: dict[int, Fault]
) -> None:
    rig = told(bad, Plan(steps_max=steps, commit_every=commit_every, faults=faults))
    letters = rig.broker.topic(Topic.DEAD_LETTERS)
    assert sorted(header(x, "origin_key") for x in letters) == sorted(f"acme/p{n}bad" for n in bad)
    assert {header(x, "reason") for x in letters} <= {"TIMER_FAILED"}
    assert woken(rig) == good(bad)


def test_the_state_of_a_silenced_timer_stays_and_wakes_again_when_it_is_touched() -> None:
    rig = told({3})
    key = b"acme/p3bad"
    assert key in [name for _, name in rig.states("contact")]
    rig._tasks = lambda role: task_maker(role, LAYOUT)  # the bug is mended
    for name in rig.workers:
        rig.workers[name] = rig.worker(name)
    with sizes(rig.plan):
        rig.settle()
        assert "p3bad" not in woken(rig)
        rig.append(m.ContactUpserted("acme", "p3bad", "/crm#1", rig.now, m.Person("Ann")))
        rig.settle()
        rig.advance_hours(30)
    assert "p3bad" in woken(rig)
    assert len(rig.broker.topic(Topic.DEAD_LETTERS)) == 1


@pytest.mark.parametrize("commit_every", [1, 3])
def test_a_state_that_grows_too_large_costs_the_record_that_made_it_so(commit_every: int) -> None:
    rig = told(set(), Plan(commit_every=commit_every), lambda role: task_maker(role, LAYOUT))
    with patch.object(store, "STATE_MAX_BYTES", 20_000), sizes(rig.plan):
        for size in (5_000, 30_000, 6_000):
            note = {"note": "x" * size}
            reported_at = rig.now + size
            rig.append(
                m.ContactUpserted("acme", "p1", f"/crm#{size}", reported_at, m.Person(), note)
            )
        rig.settle()
    (letter,) = rig.broker.topic(Topic.DEAD_LETTERS)
    assert header(letter, "reason") == "FOLD_FAILED"
    assert header(letter, "detail").startswith("StateTooLarge: 3")
    (state,) = [v for (_, key), v in rig.states("contact").items() if key == b"acme/p1"]
    assert b"x" * 6_000 in state and len(state) < 7_000
