"""A world whose workers crash, whose transactions fail and whose partitions move, all as planned
beforehand."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import NamedTuple
from unittest.mock import patch

from processors.fold.task import Task
from schemas.internal.topics import Layout
from streams.base.transport import CommitOutcomeUnknown, GroupOffset, Partition, TransactionAborted
from streams.memory.transport import MemoryBroker, MemoryTransport, StoredRecord
from streams.runtime import worker
from streams.runtime.output_encoding import encoder
from streams.runtime.roles import PROCESSORS, task_maker
from streams.runtime.worker import Worker
from tests.testing.builders import publish, tenant
from tests.testing.world import START, Crash, World, WorldClock, encode_command

LAYOUT = Layout(public=1, contact=2, dispatch=2, campaign=1, commands=1, facts=2)
ENCODE = encoder(encode_command)

ROUNDS_MAX = 2_000
"""A world that has not settled after this number of rounds never will."""


class Stuck(Exception):
    """The world does not settle."""


class Fault(Enum):
    """A fault of a commit: a crash, an abort or an unknown outcome, before or after it took
    effect."""

    CRASH_BEFORE = 0
    CRASH_AFTER = 1
    ABORT = 2
    UNKNOWN_BEFORE = 3
    UNKNOWN_AFTER = 4


_RAISES = {
    Fault.CRASH_BEFORE: ("before commit", Crash),
    Fault.CRASH_AFTER: ("after commit", Crash),
    Fault.ABORT: ("before commit", TransactionAborted),
    Fault.UNKNOWN_BEFORE: ("before commit", CommitOutcomeUnknown),
    Fault.UNKNOWN_AFTER: ("after commit", CommitOutcomeUnknown),
}


class FaultPlan(NamedTuple):
    """The sizes of a worker's loop, how many workers a role has, and the fault of each commit by
    the commit's number. With `redeliver_every` the transports deliver all records again after that
    many rounds."""

    steps_max: int = 2_000
    records_max: int = 1_000
    restore_records_max: int = 20_000
    commit_every: int = 1
    faults: Mapping[int, Fault] = {}
    workers_per_role: int = 1
    redeliver_every: int = 0


class AbortingTransport(MemoryTransport):
    """A transport that aborts the open transaction after a crash or an unknown outcome, as the
    broker does for a new producer."""

    def commit(self, offsets: Mapping[Partition, GroupOffset]) -> None:
        try:
            super().commit(offsets)
        except (Crash, CommitOutcomeUnknown):
            self.abort()
            raise


class PacedWorker(Worker):
    """A worker that commits at every `commit_every`th opportunity. It does not use its clock, which
    stands still in a world."""

    commit_every = 1
    opportunities = 0

    def _commit_is_due(self) -> bool:
        if not any(owned.task.dirty for owned in self.owned.values()):
            return False
        self.opportunities += 1
        return self.opportunities % self.commit_every == 0


RoleTasks = Callable[[str], Callable[[Partition], Task]]


def tasks_of_role(role: str) -> Callable[[Partition], Task]:
    """The function that makes the real tasks of a role."""
    return task_maker(role, LAYOUT)


class FaultyWorld(World):
    """A world that goes by a plan. Its tasks, workers and transports can be replaced by broken
    ones."""

    def __init__(
        self,
        plan: FaultPlan | None = None,
        *,
        tasks: RoleTasks = tasks_of_role,
        workers: type[PacedWorker] = PacedWorker,
        transports: type[AbortingTransport] = AbortingTransport,
    ) -> None:
        self.plan = plan or FaultPlan()
        self.now = START
        self.layout = LAYOUT
        self.broker = MemoryBroker(LAYOUT, lambda: self.now)
        self.commits = 0
        self.rounds = 0
        self.faults_raised = 0
        self._tasks, self._workers, self._transports = tasks, workers, transports
        self._assignments = {name: self._initial_assignment(name) for name in self._worker_names()}
        self.workers = {name: self.worker(name) for name in self._assignments}

    def _worker_names(self) -> list[str]:
        return [f"{role}#{n}" for role in PROCESSORS for n in range(self.plan.workers_per_role)]

    def _initial_assignment(self, name: str) -> list[Partition]:
        role, _, number = name.partition("#")
        topic = PROCESSORS[role][0]
        numbers = range(int(number), self.layout.partitions(topic), self.plan.workers_per_role)
        return [Partition(topic, number) for number in numbers]

    def worker(self, name: str) -> Worker:
        """A new worker with the assignment of its predecessor."""
        role, _, _ = name.partition("#")
        assignment = self._assignments[name]
        transport = self._transports(self.broker, role, assignment, self._raise_planned_fault)
        clock = WorldClock(world=self)
        worker_ = self._workers(transport, self._tasks(role), ENCODE, clock, commit_interval_us=0)
        worker_.commit_every = self.plan.commit_every
        return worker_

    def _raise_planned_fault(self, step: str) -> None:
        self.commits += step == "before commit"
        fault = self.plan.faults.get(self.commits)
        if fault is not None and _RAISES[fault][0] == step:
            self.faults_raised += 1
            raise _RAISES[fault][1]

    def settle(self) -> None:
        """Runs all workers until nothing moves any more at this moment, and all states are
        restored. Raises Stuck."""
        quiet, until = 0, self.rounds + ROUNDS_MAX
        while quiet < 2 * self.plan.commit_every + 2:
            if self.rounds > until:
                raise Stuck
            before = sum(self.broker.ends.values())
            self.run_round()
            self.rounds += 1
            if self.plan.redeliver_every and self.rounds % self.plan.redeliver_every == 0:
                self._redeliver()
            moved = sum(self.broker.ends.values()) != before
            quiet = 0 if moved or self._has_backlog() else quiet + 1

    def run_round(self) -> None:
        """Runs one round of every worker; their batches may stay open."""
        for name in self.workers:
            self.run_worker(name)

    def _has_backlog(self) -> bool:
        """Whether a worker still restores states, or has records to read."""
        for worker_ in self.workers.values():
            for partition, owned in worker_.owned.items():
                log = self.broker.log(partition)
                if owned.restoring or (log and log[-1].offset >= owned.task.next_offset):
                    return True
        return False

    def _redeliver(self) -> None:
        """Delivers all records again, also those that are folded already."""
        for worker_ in self.workers.values():
            ready = [p for p, owned in worker_.owned.items() if owned.restoring is None]
            worker_.transport.read_from(dict.fromkeys(ready, 0))

    def move_partition(self, role: str, number: int) -> None:
        """Moves a partition to the next worker of its role: it is revoked from its owner first, and
        assigned to the other one in a later round."""
        topic = PROCESSORS[role][0]
        partition = Partition(topic, number % self.layout.partitions(topic))
        names = [name for name in self.workers if name.startswith(f"{role}#")]
        owner = next(name for name in names if partition in self._assignments[name])
        successor = names[(names.index(owner) + 1) % len(names)]
        self._assignments[owner] = [p for p in self._assignments[owner] if p != partition]
        self._transport(owner).revoke([partition])
        self.run_worker(owner)
        self._assignments[successor] = [*self._assignments[successor], partition]
        self._transport(successor).assign([partition])

    def _transport(self, name: str) -> MemoryTransport:
        transport = self.workers[name].transport
        assert isinstance(transport, MemoryTransport)
        return transport

    def states(self, role: str) -> dict[tuple[Partition, bytes], bytes]:
        """The committed states of a role's tasks, encoded, by partition and key."""
        return {
            (partition, key): value
            for name, worker_ in self.workers.items()
            if name.startswith(f"{role}#")
            for partition, owned in worker_.owned.items()
            for key, value in owned.task.store.items()
        }


@contextmanager
def loop_sizes(plan: FaultPlan) -> Iterator[None]:
    """A context in which workers have the sizes of the plan, and repeat a tick without a pause."""
    with patch.multiple(
        worker,
        STEPS_MAX=plan.steps_max,
        RECORDS_MAX=plan.records_max,
        RESTORE_RECORDS_MAX=plan.restore_records_max,
        TICK_RETRY_US=0,
    ):
        yield


def world_with_tasks(plan: FaultPlan | None, tasks: RoleTasks) -> FaultyWorld:
    """A world with these tasks, in which every partition knows a tenant and a campaign."""
    world = FaultyWorld(plan, tasks=tasks)
    with loop_sizes(world.plan):
        for message in (tenant(), publish()):
            world.append(message)
            world.settle()
    return world


def header_of(record: StoredRecord, name: str) -> str:
    """A header of a dead letter as text."""
    value = dict(record.headers or []).get(name)
    return value.decode() if isinstance(value, bytes) else str(value)
