"""Bugs planted on purpose: a check that finds none of them would be worth nothing (style 14)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from processors.fold.store import Store
from processors.fold.task import Record, Task
from schemas.base.times import SECOND
from schemas.internal.states import POSITION_KEY
from streams.base.transport import Partition
from streams.runtime.roles import PROCESSORS
from tests.crash.faulty_world import (
    LAYOUT,
    Fault,
    MakeTask,
    Plan,
    Rig,
    SlowWorker,
    Stuck,
    UnsureTransport,
)
from tests.crash.histories import Move, chance
from tests.crash.history_player import hurry, play, sleep
from tests.crash.refold import differences

HISTORY: Sequence[Move] = chance(5, 30)
ABORTS = Plan(faults=dict.fromkeys(range(3, 5_000, 3), Fault.ABORT))
DEATHS = Plan(faults=dict.fromkeys(range(3, 5_000, 3), Fault.DIE_AFTER))


MOVING = Plan(crew=2, commit_every=40)


class StateFirst(SlowWorker):
    """The state is replaced before the commit is known to be through."""

    def _commit(self) -> None:
        for owned in self.owned.values():
            task = owned.task
            if task.dirty:
                outputs = task.outputs
                task.commit(task.changes())
                task.outputs, task.dirty = outputs, True
        super()._commit()


class NoRewind(SlowWorker):
    """After an abort the batch is forgotten, and reading goes on where it was."""

    def _abort_batch(self) -> None:
        super()._abort_batch()
        self._rewind_pending = False


class Clinging(SlowWorker):
    """What was said for a partition is kept in the open transaction when the partition goes."""

    def _revoked(self, partitions: Sequence[Partition]) -> None:
        self._drop(partitions)


class OffsetsApart(UnsureTransport):
    """The offsets follow in a transaction of their own, if the worker lives to see it."""

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        super().commit({})
        for place, offset in offsets.items():
            self.broker.offsets[self.group, place] = offset


class CommitFirst(UnsureTransport):
    """What is read counts as read before what was said of it stands in the logs."""

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        for place, offset in offsets.items():
            self.broker.offsets[self.group, place] = offset
        super().commit(offsets)


class Placeless(Task):
    """A task that believes the group's offset alone: its state does not say where it stands."""

    def restore(self, key: bytes, value: bytes | None) -> None:
        if key != POSITION_KEY:
            super().restore(key, value)


class Hasty(Task):
    """A task whose clock is ahead of its log: timers fire early."""

    def feed(self, records: Sequence[Record]) -> None:
        super().feed([replace(r, timestamp=r.timestamp + 30 * SECOND) for r in records])


class Tardy(Task):
    """A task that takes a record before it fires what was due until then."""

    def advance(self, budget: int) -> int:
        if self.inbox:
            self.stream_time = max(self.stream_time, self.inbox[0].timestamp)
            self._apply(self.inbox.popleft())
            return 1
        return super().advance(budget)


class Leaky(Store):
    """A store that does not give back the timers which a rolled-back batch took."""

    def rollback(self) -> None:
        self._armed = self._armed_committed
        self._end()


class Forgetful(Task):
    """A task over a leaky store."""

    def __init__(self, processor: object, partition: int) -> None:
        super().__init__(processor, partition)  # type: ignore[arg-type]
        self.store = Leaky(self.processor.decode_state)


class Ageing(Task):
    """A task whose stream time is not rolled back with its batch."""

    def rollback(self) -> None:
        reached = self.stream_time
        super().rollback()
        self.stream_time = reached


class Unfiltered(Task):
    """A task that folds whatever it is handed, again if need be."""

    def feed(self, records: Sequence[Record]) -> None:
        self.inbox.extend(records)


def made_of(kind: type[Task]) -> MakeTask:
    """Every role's tasks, of that broken kind."""

    def tasks(role: str) -> Callable[[Partition], Task]:
        processor = PROCESSORS[role][1](LAYOUT)
        return lambda partition: kind(processor, partition.number)

    return tasks


def found(plan: Plan | None = None, how: Callable[..., Rig] = play, **pieces: Any) -> list[str]:
    """What the check says of a run with these pieces."""
    try:
        return differences(how(HISTORY, plan, **pieces))
    except Stuck:
        return ["what was lost is waited for without end"]


@pytest.mark.parametrize("plan", [Plan(), ABORTS, DEATHS, Plan(rewind_every=7), MOVING])
@pytest.mark.parametrize("how", [play, sleep, hurry])
def test_without_a_planted_bug_nothing_is_found(plan: Plan, how: Callable[..., Rig]) -> None:
    assert found(plan, how) == []


def test_a_state_that_is_replaced_before_the_commit_is_caught() -> None:
    assert found(ABORTS, workers=StateFirst)


def test_reading_on_after_an_abort_is_caught() -> None:
    assert found(ABORTS, workers=NoRewind)


def test_a_timer_that_fires_early_is_caught() -> None:
    assert found(tasks=made_of(Hasty))


def test_a_timer_that_fires_after_a_later_record_is_caught() -> None:
    assert found(how=sleep, tasks=made_of(Tardy))


def test_a_timer_lost_on_rollback_is_caught() -> None:
    assert found(ABORTS, tasks=made_of(Forgetful))


def test_what_is_said_for_a_partition_that_has_gone_is_caught() -> None:
    assert found(MOVING, hurry, workers=Clinging)


def test_time_that_a_rollback_leaves_ahead_is_caught() -> None:
    assert found(ABORTS._replace(commit_every=40), hurry, tasks=made_of(Ageing))


def test_offsets_outside_the_transaction_are_caught() -> None:
    assert found(DEATHS, transports=OffsetsApart, tasks=made_of(Placeless))


def test_a_commit_before_what_was_said_stands_is_caught() -> None:
    early = DEATHS._replace(faults=dict.fromkeys(DEATHS.faults, Fault.DIE_BEFORE))
    assert found(early) == []
    assert found(early, transports=CommitFirst, tasks=made_of(Placeless))


def test_a_stale_offset_is_outvoted_by_the_place_in_the_changelog() -> None:
    """Two witnesses: the state says itself where it stands, so nothing is folded twice."""
    assert all("committed" in sentence for sentence in found(DEATHS, transports=OffsetsApart))


def test_folding_again_what_comes_again_is_caught() -> None:
    short = play(HISTORY[:3], Plan(rewind_every=40), tasks=made_of(Unfiltered))
    assert differences(short)
