"""Seeded bugs: the check of `fold_check.py` must find every one of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from processors.fold.store import Store
from processors.fold.task import Record, Task
from schemas.base.times import SECOND
from schemas.internal.states import POSITION_KEY
from streams.base.transport import GroupOffset, LogChanged, Partition
from streams.runtime.roles import PROCESSORS
from tests.crash.fold_check import differences
from tests.testing.faulty_world import (
    LAYOUT,
    AbortingTransport,
    Fault,
    FaultPlan,
    FaultyWorld,
    PacedWorker,
    RoleTasks,
    Stuck,
)
from tests.testing.history_player import play, play_hurried, play_without_ticks
from tests.testing.random_histories import Action, random_history

HISTORY: Sequence[Action] = random_history(8, 30)
ABORTS = FaultPlan(faults=dict.fromkeys(range(3, 5_000, 3), Fault.ABORT))
CRASHES = FaultPlan(faults=dict.fromkeys(range(3, 5_000, 3), Fault.CRASH_AFTER))
MOVING = FaultPlan(workers_per_role=2, commit_every=40)


class StateBeforeCommit(PacedWorker):
    """The states are replaced before the commit has succeeded."""

    def _commit(self) -> None:
        for owned in self.owned.values():
            task = owned.task
            if task.dirty:
                outputs = task.outputs
                task.commit(task.changes())
                task.outputs, task.dirty = outputs, True
        super()._commit()


class KeepsRevokedOutputs(PacedWorker):
    """The outputs of a revoked partition stay in the open transaction."""

    def _revoked(self, partitions: Sequence[Partition]) -> None:
        self._drop(partitions)


class OffsetsInOwnTransaction(AbortingTransport):
    """The offsets are committed in a transaction of their own, unless the worker crashes first."""

    def commit(self, offsets: Mapping[Partition, GroupOffset]) -> None:
        super().commit({})
        for partition, committed in offsets.items():
            self.broker.offsets[self.group, partition] = committed.offset


class OffsetsFirst(AbortingTransport):
    """The offsets are committed before the outputs."""

    def commit(self, offsets: Mapping[Partition, GroupOffset]) -> None:
        for partition, committed in offsets.items():
            self.broker.offsets[self.group, partition] = committed.offset
        super().commit(offsets)


class NoPosition(Task):
    """A task that starts at the group's offset: it does not restore its position."""

    def restore(self, key: bytes, value: bytes | None) -> None:
        if key != POSITION_KEY:
            super().restore(key, value)


class TimersTooEarly(Task):
    """A task whose stream time is ahead of its log, so that timers fire early."""

    def feed(self, records: Sequence[Record]) -> None:
        super().feed([replace(r, timestamp=r.timestamp + 30 * SECOND) for r in records])


class TimersTooLate(Task):
    """A task that applies a record before the timers that are due by its timestamp."""

    def advance(self, budget: int) -> int:
        if self.inbox:
            self.stream_time = max(self.stream_time, self.inbox[0].timestamp)
            self._apply(self.inbox.popleft())
            return 1
        return super().advance(budget)


class LosesTimers(Store):
    """A store that does not restore the timers which a rolled-back batch has removed."""

    def rollback(self) -> None:
        self._armed = self._armed_committed
        self._end()


class LosesTimersOnRollback(Task):
    """A task over a store that loses timers."""

    def __init__(self, processor: object, partition: int) -> None:
        super().__init__(processor, partition)  # type: ignore[arg-type]
        self.store = LosesTimers(self.processor.decode_state)


class ForgetsBatch(Task):
    """A task whose rollback does not keep the records of the batch, so they are lost."""

    def rollback(self) -> None:
        super().rollback()
        self.inbox.clear()


class KeepsStreamTime(Task):
    """A task whose stream time is not rolled back with its batch."""

    def rollback(self) -> None:
        reached = self.stream_time
        super().rollback()
        self.stream_time = reached


class FoldsTwice(Task):
    """A task that folds records again when they are delivered again."""

    def feed(self, records: Sequence[Record]) -> None:
        self.inbox.extend(records)


def tasks_of_class(kind: type[Task]) -> RoleTasks:
    """The tasks of every role, of this class."""

    def tasks(role: str) -> Callable[[Partition], Task]:
        processor = PROCESSORS[role][1](LAYOUT)
        return lambda partition: kind(processor, partition.number)

    return tasks


def problems(
    plan: FaultPlan | None = None, player: Callable[..., FaultyWorld] = play, **pieces: Any
) -> list[str]:
    """The problems that the check finds in a run with these pieces."""
    try:
        return differences(player(HISTORY, plan, **pieces))
    except Stuck:
        return ["the world waits without end for something that was lost"]
    except LogChanged as error:
        return [str(error)]


@pytest.mark.parametrize(
    "plan", [FaultPlan(), ABORTS, CRASHES, FaultPlan(redeliver_every=7), MOVING]
)
@pytest.mark.parametrize("player", [play, play_without_ticks, play_hurried])
def test_without_a_bug_no_problem_is_found(
    plan: FaultPlan, player: Callable[..., FaultyWorld]
) -> None:
    assert problems(plan, player) == []


def test_a_state_that_is_replaced_before_the_commit_is_found() -> None:
    assert problems(ABORTS, workers=StateBeforeCommit)


def test_reading_on_after_an_abort_is_found() -> None:
    assert problems(ABORTS, tasks=tasks_of_class(ForgetsBatch))


def test_a_timer_that_fires_early_is_found() -> None:
    assert problems(tasks=tasks_of_class(TimersTooEarly))


def test_a_timer_that_fires_after_a_later_record_is_found() -> None:
    assert problems(player=play_without_ticks, tasks=tasks_of_class(TimersTooLate))


def test_a_timer_that_is_lost_on_rollback_is_found() -> None:
    assert problems(ABORTS, tasks=tasks_of_class(LosesTimersOnRollback))


def test_outputs_of_a_revoked_partition_are_found() -> None:
    assert problems(MOVING, play_hurried, workers=KeepsRevokedOutputs)


def test_stream_time_that_a_rollback_leaves_ahead_is_found() -> None:
    assert problems(
        ABORTS._replace(commit_every=40), play_hurried, tasks=tasks_of_class(KeepsStreamTime)
    )


def test_offsets_outside_of_the_transaction_are_found() -> None:
    assert problems(CRASHES, transports=OffsetsInOwnTransaction, tasks=tasks_of_class(NoPosition))


def test_offsets_that_are_committed_before_the_outputs_are_found() -> None:
    early = CRASHES._replace(faults=dict.fromkeys(CRASHES.faults, Fault.CRASH_BEFORE))
    assert problems(early) == []
    assert problems(early, transports=OffsetsFirst, tasks=tasks_of_class(NoPosition))


def test_the_position_in_the_changelog_takes_precedence_over_a_stale_offset() -> None:
    """The position is stored with the states, so no record is folded twice: only the committed
    offset differs."""
    assert all(
        "committed" in problem for problem in problems(CRASHES, transports=OffsetsInOwnTransaction)
    )


def test_records_that_are_folded_twice_are_found() -> None:
    short = play(HISTORY[:3], FaultPlan(redeliver_every=40), tasks=tasks_of_class(FoldsTwice))
    assert differences(short)
