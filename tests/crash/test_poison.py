"""A record that cannot be folded becomes a dead letter, and all others are folded (promise 10)."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.contact import ContactProcessor
from processors.fold.task import Record, Task
from processors.fold.turn import Turn
from schemas.internal import messages as m
from schemas.internal.messages import encode
from schemas.internal.topics import Topic
from streams.base.transport import Partition
from streams.runtime.roles import task_maker
from tests.testing.builders import TENANT, job, publish, tenant
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

FAILING = "bad"


class FailingProcessor(ContactProcessor):
    """A processor that fails for records whose key ends with FAILING: always, or with `works_alone`
    only after other records of the batch. `tried` are the offsets of these records."""

    works_alone = False
    tried: list[int]

    def __init__(self) -> None:
        self.tried = []

    def apply(self, turn: Turn, record: Record) -> None:
        if record.key.endswith(FAILING.encode()):
            self.tried.append(record.offset)
            if not self.works_alone or turn.outputs:
                raise ValueError("no")
        super().apply(turn, record)


class FailingInCompany(FailingProcessor):
    """A processor that folds the records only if they come first in their batch."""

    works_alone = True


def failing_tasks(kind: type[FailingProcessor]) -> tuple[RoleTasks, FailingProcessor]:
    """The tasks of all roles, those of contacts with a processor of this class, which is returned
    too."""
    processor = kind()

    def tasks(role: str) -> Callable[[Partition], Task]:
        if role == "contact":
            return lambda partition: Task(processor, partition.number)
        return task_maker(role, LAYOUT)

    return tasks, processor


def jobs_with(failing: set[int], number: int = 200) -> list[m.JobCompleted]:
    """Many completed jobs; those with the numbers in `failing` cannot be folded."""
    return [
        job(f"j{n}", contact_id=f"p{n}{FAILING}" if n in failing else f"p{n}")
        for n in range(number)
    ]


def world_after(
    failing: set[int],
    plan: FaultPlan | None = None,
    kind: type[FailingProcessor] = FailingProcessor,
) -> FaultyWorld:
    """A world in which all these jobs arrive at once."""
    tasks, _ = failing_tasks(kind)
    world = world_with_tasks(plan, tasks)
    with loop_sizes(world.plan):
        world.append(*jobs_with(failing))
        world.settle()
    return world


def folded_contacts(world: FaultyWorld) -> set[str]:
    """The contacts that have a state."""
    prefix = f"{TENANT}/".encode()
    return {
        key.decode().partition("/")[2]
        for _, key in world.states("contact")
        if key.startswith(prefix)
    }


def good_contacts(failing: set[int], number: int = 200) -> set[str]:
    return {f"p{n}" for n in range(number) if n not in failing}


def test_only_the_record_that_cannot_be_folded_becomes_a_dead_letter() -> None:
    world = world_after({100})
    (letter,) = world.broker.topic(Topic.DEAD_LETTERS)
    assert letter.value == encode(jobs_with({100})[100])
    assert (header_of(letter, "reason"), header_of(letter, "detail")) == (
        "FOLD_FAILED",
        "ValueError: no",
    )
    assert header_of(letter, "origin_key") == f"{TENANT}/p100{FAILING}"
    log = Partition(
        Topic(header_of(letter, "origin_topic")), int(header_of(letter, "origin_partition"))
    )
    origin = [
        r for r in world.broker.log(log) if r.offset == int(header_of(letter, "origin_offset"))
    ]
    assert [r.value for r in origin] == [letter.value]
    assert folded_contacts(world) == good_contacts({100})


@settings(max_examples=20, deadline=None)
@given(
    st.sets(st.integers(0, 199), max_size=6),
    st.sampled_from((1, 7, 2_000)),
    st.sampled_from((1, 50, 1_000)),
    st.integers(1, 3),
    st.dictionaries(st.integers(1, 60), st.sampled_from(Fault), max_size=12),
)
def test_all_other_records_are_folded_once_whatever_else_fails(
    failing: set[int], steps: int, records: int, commit_every: int, faults: dict[int, Fault]
) -> None:
    plan = FaultPlan(steps_max=steps, records_max=records, commit_every=commit_every, faults=faults)
    world = world_after(failing, plan)
    letters = [letter.value for letter in world.broker.topic(Topic.DEAD_LETTERS)]
    assert sorted(letter or b"" for letter in letters) == sorted(
        encode(jobs_with(failing)[n]) for n in failing
    )
    assert folded_contacts(world) == good_contacts(failing)
    started = [f.contact_id for f in world.facts() if f.fact == "enrollment.started"]
    assert sorted(started, key=str) == sorted(good_contacts(failing))


@pytest.mark.parametrize("failing", [{0}, {199}, {5, 6, 7}, set(range(200))])
def test_poison_may_come_first_last_in_a_row_or_alone(failing: set[int]) -> None:
    world = world_after(failing)
    assert len(world.broker.topic(Topic.DEAD_LETTERS)) == len(failing)
    assert folded_contacts(world) == good_contacts(failing)


def test_a_record_that_fails_only_after_others_is_folded_alone_and_is_no_poison() -> None:
    world = world_after({3, 90, 91}, FaultPlan(commit_every=2), FailingInCompany)
    assert world.broker.topic(Topic.DEAD_LETTERS) == []
    assert len(folded_contacts(world)) == 200


def test_a_record_is_tried_alone_before_it_becomes_a_dead_letter() -> None:
    tasks, processor = failing_tasks(FailingProcessor)
    world = FaultyWorld(FaultPlan(), tasks=tasks)
    with loop_sizes(world.plan):
        world.append(tenant())
        world.settle()
        world.append(*jobs_with({1}, 20))
        world.settle()
    assert len(processor.tried) == 2  # after others, and alone; then it is not tried any more


def test_bytes_that_are_no_message_are_poison_too() -> None:
    world = FaultyWorld()
    with loop_sizes(world.plan):
        world.append(tenant(), publish())
        world.settle()
        for value in (b"", b"\xc1", encode(m.Tick())[:-1]):
            for topic in (Topic.CONTACT_LOG, Topic.DISPATCH_LOG, Topic.CAMPAIGN_LOG):
                world.broker.append(topic, b"acme/ann", value)
        world.append(job())
        world.settle()
    assert len(world.broker.topic(Topic.DEAD_LETTERS)) == 9
    assert folded_contacts(world) == {"ann"}


def test_a_dead_letter_is_written_once_even_if_its_commit_fails() -> None:
    world = world_after({9}, FaultPlan(faults=dict.fromkeys(range(1, 40), Fault.ABORT)))
    assert len(world.broker.topic(Topic.DEAD_LETTERS)) == 1
    assert folded_contacts(world) == good_contacts({9})
