"""A restored state is never older than the committed offset of its group, and a task whose log or
changelog was lost folds nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar
from unittest.mock import patch

import msgspec
import pytest

from schemas.internal.messages import TICK, CommandDue
from schemas.internal.states import POSITION_KEY
from schemas.internal.topics import Topic
from streams.base.transport import LogChanged, LogFacts, Partition
from streams.memory.transport import MemoryChangelogReader, MemoryInquiry, MemoryTransport
from streams.runtime import worker
from streams.runtime.restoring import ATTEMPTS_MAX
from tests.testing.builders import step
from tests.testing.story import enrolled
from tests.testing.world import World


class LateChangelog(MemoryTransport):
    """A transport whose first three changelog readers miss the last transaction, because its commit
    marker has reached the offsets only."""

    readers: ClassVar[int] = 0

    def open_changelog(self, changelog: Partition, end_offset: int) -> MemoryChangelogReader:
        LateChangelog.readers += 1
        log = self.broker.log(changelog)
        positions = [index for index, stored in enumerate(log) if stored.key == POSITION_KEY]
        if LateChangelog.readers > 3 or len(positions) < 2:
            return super().open_changelog(changelog, end_offset)
        return MemoryChangelogReader(log[: positions[-2] + 1])


def emitted(world: World) -> Counter[tuple[str, int]]:
    due = [command for command in world.commands() if isinstance(command, CommandDue)]
    return Counter((command.touch.command_id, command.touch.emission) for command in due)


def test_a_changelog_behind_the_offsets_is_read_again_before_anything_is_folded() -> None:
    world = enrolled(steps=[step("a", hours=24)])
    world.advance_hours(24.1)
    before = emitted(world)
    assert sum(before.values()) == 1
    successor = world.worker("dispatch")
    successor.transport.__class__ = LateChangelog
    world.workers["dispatch"] = successor
    world.settle()
    assert LateChangelog.readers > 3
    assert emitted(world) == before


# What a task with states must not fold on with.


def world_after_a_day() -> World:
    """A world with one enrollment whose first touch was commanded."""
    world = enrolled(steps=[step("a", hours=24), step("b", hours=24)])
    world.advance_hours(24.1)
    assert sum(emitted(world).values()) == 1
    return world


def busiest(world: World, topic: Topic) -> Partition:
    """The partition of a topic that has the most records."""
    numbers = range(world.layout.partitions(topic))
    return max((Partition(topic, n) for n in numbers), key=lambda p: len(world.broker.log(p)))


def refusal(world: World, role: str) -> str:
    """Why a new worker of the role refuses to go on."""
    world.workers[role] = world.worker(role)
    with pytest.raises(LogChanged) as refused:
        for _ in range(2 * ATTEMPTS_MAX):
            world.workers[role].run_round()
    return str(refused.value)


def test_a_changelog_that_was_lost_while_the_group_has_an_offset_is_refused() -> None:
    world = world_after_a_day()
    changelog = busiest(world, Topic.CONTACT_CHANGELOG)
    world.broker.log(changelog).clear()
    text = refusal(world, "contact")
    assert f"{changelog.topic}[{changelog.number}] has lost the states" in text
    assert "touchstream rebuild-state" in text


def test_a_changelog_that_has_lost_its_end_is_refused() -> None:
    world = world_after_a_day()
    changelog = busiest(world, Topic.DISPATCH_CHANGELOG)
    records = world.broker.log(changelog)
    positions = [index for index, stored in enumerate(records) if stored.key == POSITION_KEY]
    del records[positions[-2] + 1 :]
    assert "has lost its end" in refusal(world, "dispatch")


def test_a_log_that_ends_before_the_position_is_refused() -> None:
    world = world_after_a_day()
    contact_log = busiest(world, Topic.CONTACT_LOG)
    end = world.broker.ends[contact_log] - 1
    world.broker.ends[contact_log] = end
    assert f"has lost its end: it ends at {end}" in refusal(world, "contact")


def test_a_log_that_was_made_anew_is_refused_however_long_it_is() -> None:
    world = world_after_a_day()
    world.broker.topic_ids[Topic.CONTACT_LOG] = "made twice"
    assert "was deleted and made anew" in refusal(world, "contact")


def test_a_log_whose_records_were_deleted_before_they_were_folded_is_refused() -> None:
    world = world_after_a_day()
    contact_log = busiest(world, Topic.CONTACT_LOG)
    start = world.broker.ends[contact_log] + 3
    world.broker.starts[contact_log] = world.broker.ends[contact_log] = start
    assert f"is cut at {start}" in refusal(world, "contact")


def test_a_task_of_a_partition_that_was_added_to_a_log_is_refused_too() -> None:
    world = world_after_a_day()
    world.layout = world.broker.layout = msgspec.structs.replace(world.layout, contact=3)
    transport = MemoryTransport(world.broker, "contact", [Partition(Topic.CONTACT_LOG, 2)])
    added = world.worker("contact")
    added.transport = transport
    transport.on_assigned = added._assigned
    with pytest.raises(LogChanged, match=r"had 2 partitions .* has 3 now"):
        for _ in range(2 * ATTEMPTS_MAX):
            added.run_round()


def test_an_abort_keeps_what_other_tasks_have_restored() -> None:
    """The position of one task may have come with the records before the abort."""
    world = world_after_a_day()
    contact_log = busiest(world, Topic.CONTACT_LOG)
    world.broker.offsets["contact", contact_log] = 0
    before = emitted(world)
    with patch.object(worker, "RESTORE_RECORDS_MAX", 1):
        world.workers["contact"] = successor = world.worker("contact")
        while not successor.owned or successor.owned[contact_log].task.next_offset == 0:
            successor.run_round()
        reached = successor.owned[contact_log].task.next_offset
        successor._abort_batch()
        assert successor.owned[contact_log].task.next_offset == reached
        world.settle()
    assert emitted(world) == before


class LateAnswers(MemoryTransport):
    """A transport whose brokers answer no question before `answers` is set."""

    answers: ClassVar[bool] = False

    def inquire(self, partitions: Sequence[Partition]) -> MemoryInquiry:
        return LateInquiry(self.broker, self.group, partitions)


class LateInquiry(MemoryInquiry):
    """The answers of a LateAnswers transport."""

    def answer(self) -> Mapping[Partition, LogFacts] | None:
        return super().answer() if LateAnswers.answers else None


def test_tasks_go_on_while_the_brokers_do_not_answer_about_new_partitions() -> None:
    world = enrolled(steps=[step("a", hours=24)])
    late, ready = (Partition(Topic.CONTACT_LOG, number) for number in range(2))
    worker_ = world.workers["contact"]
    assert isinstance(worker_.transport, MemoryTransport)
    worker_.transport.revoke([late])
    worker_.run_round()
    LateAnswers.answers = False
    worker_.transport.__class__ = LateAnswers
    worker_.transport.assign([late])
    before = world.broker.offsets["contact", ready]
    world.broker.append(ready.topic, None, TICK, partition=ready.number)
    for _ in range(10):
        worker_.run_round()
    assert world.broker.offsets["contact", ready] == before + 1
    assert worker_.owned[late].restoring is not None
    LateAnswers.answers = True
    world.settle()
    assert worker_.owned[late].restoring is None
