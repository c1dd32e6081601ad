"""A world whose workers die, transactions fail and partitions move, all as planned beforehand."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import NamedTuple
from unittest.mock import patch

from processors.fold.task import Task
from schemas.internal.topics import Layout
from streams.base.transport import CommitOutcomeUnknown, Partition, TransactionAborted
from streams.memory.transport import MemoryBroker, MemoryTransport
from streams.runtime import worker
from streams.runtime.output_encoding import encoder
from streams.runtime.roles import PROCESSORS, task_maker
from streams.runtime.worker import Worker
from tests.testing.world import START, Crash, World, WorldClock, encode_command

LAYOUT = Layout(public=1, contact=2, dispatch=2, campaign=1, commands=1, facts=2)
ENCODE = encoder(encode_command)


PATIENCE = 2_000


class Stuck(Exception):
    """Nothing comes to rest any more."""


class Fault(Enum):
    """What can happen to a commit."""

    DIE_BEFORE = 0
    DIE_AFTER = 1
    ABORT = 2
    UNSURE_BEFORE = 3
    UNSURE_AFTER = 4


_RAISES = {
    Fault.DIE_BEFORE: ("before commit", Crash),
    Fault.DIE_AFTER: ("after commit", Crash),
    Fault.ABORT: ("before commit", TransactionAborted),
    Fault.UNSURE_BEFORE: ("before commit", CommitOutcomeUnknown),
    Fault.UNSURE_AFTER: ("after commit", CommitOutcomeUnknown),
}


class Plan(NamedTuple):
    """How a run goes: the size of everything, and which commit fails in which way."""

    steps_max: int = 2_000
    records_max: int = 1_000
    restore_records_max: int = 20_000
    commit_every: int = 1
    faults: Mapping[int, Fault] = {}
    crew: int = 1
    rewind_every: int = 0


class UnsureTransport(MemoryTransport):
    """Who does not know how a commit ended has a new producer, and the broker aborts the rest."""

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        try:
            super().commit(offsets)
        except (Crash, CommitOutcomeUnknown):
            self.abort()
            raise


class SlowWorker(Worker):
    """Commits each so many times that it might: time stands still in a world, so it cannot tell."""

    commit_every = 1
    asked = 0

    def _commit_is_due(self) -> bool:
        if not any(owned.task.dirty for owned in self.owned.values()):
            return False
        self.asked += 1
        return self.asked % self.commit_every == 0


MakeTask = Callable[[str], Callable[[Partition], Task]]


def real_tasks(role: str) -> Callable[[Partition], Task]:
    """The tasks of a role as they are."""
    return task_maker(role, LAYOUT)


class Rig(World):
    """A world under a plan. Its pieces can be swapped for broken ones."""

    def __init__(
        self,
        plan: Plan | None = None,
        *,
        tasks: MakeTask = real_tasks,
        workers: type[SlowWorker] = SlowWorker,
        transports: type[UnsureTransport] = UnsureTransport,
    ) -> None:
        self.plan = plan or Plan()
        self.now = START
        self.layout = LAYOUT
        self.broker = MemoryBroker(LAYOUT, lambda: self.now)
        self.commits = 0
        self.rounds = 0
        self.deaths = 0
        self._tasks, self._workers, self._transports = tasks, workers, transports
        self._shares = {name: self._share(name) for name in self._names()}
        self.workers = {name: self.worker(name) for name in self._shares}

    def _names(self) -> list[str]:
        return [f"{role}#{n}" for role in PROCESSORS for n in range(self.plan.crew)]

    def _share(self, name: str) -> list[Partition]:
        role, _, number = name.partition("#")
        topic = PROCESSORS[role][0]
        count = self.layout.partitions(topic)
        return [Partition(topic, n) for n in range(count) if n % self.plan.crew == int(number)]

    def worker(self, name: str) -> Worker:
        """A fresh worker with the share of its predecessor."""
        role, _, _ = name.partition("#")
        transport = self._transports(self.broker, role, self._shares[name], self._fail)
        clock = WorldClock(world=self)
        made = self._workers(transport, self._tasks(role), ENCODE, clock, commit_interval_us=0)
        made.commit_every = self.plan.commit_every
        return made

    def _fail(self, step: str) -> None:
        self.commits += step == "before commit"
        fault = self.plan.faults.get(self.commits)
        if fault is not None and _RAISES[fault][0] == step:
            self.deaths += 1
            raise _RAISES[fault][1]

    def settle(self) -> None:
        """Until nothing moves any more at this moment, and nobody is still restoring."""
        quiet, until = 0, self.rounds + PATIENCE
        while quiet < 2 * self.plan.commit_every + 2:
            if self.rounds > until:
                raise Stuck
            before = sum(self.broker.ends.values())
            self.look()
            self.rounds += 1
            if self.plan.rewind_every and self.rounds % self.plan.rewind_every == 0:
                self._deliver_again()
            moved = sum(self.broker.ends.values()) != before
            quiet = 0 if moved or self._behind() else quiet + 1

    def look(self) -> None:
        """A round of everybody, whose batches may stay open."""
        for name in self.workers:
            self.turn(name)

    def _behind(self) -> bool:
        """Somebody is still restoring, or has something to read."""
        for made in self.workers.values():
            for partition, owned in made.owned.items():
                log = self.broker.log(partition)
                if owned.changelog or (log and log[-1].offset >= owned.task.next_offset):
                    return True
        return False

    def _deliver_again(self) -> None:
        """The log service hands out what was folded already."""
        for made in self.workers.values():
            ready = [p for p, owned in made.owned.items() if owned.changelog is None]
            made.transport.read_from(dict.fromkeys(ready, 0))

    def move(self, role: str, number: int) -> None:
        """A partition goes to the next worker of its role; its owner hears of it first."""
        partition = Partition(
            PROCESSORS[role][0], number % self.layout.partitions(PROCESSORS[role][0])
        )
        names = [name for name in self.workers if name.startswith(f"{role}#")]
        owner = next(name for name in names if partition in self._shares[name])
        heir = names[(names.index(owner) + 1) % len(names)]
        self._shares[owner] = [p for p in self._shares[owner] if p != partition]
        giver = self.workers[owner].transport
        assert isinstance(giver, MemoryTransport)
        giver.revoke([partition])
        self.turn(owner)
        self._shares[heir] = [*self._shares[heir], partition]
        taker = self.workers[heir].transport
        assert isinstance(taker, MemoryTransport)
        taker.assign([partition])

    def states(self, role: str) -> dict[tuple[Partition, bytes], bytes]:
        """Everything the tasks of a role have committed."""
        return {
            (partition, key): value
            for name, made in self.workers.items()
            if name.startswith(f"{role}#")
            for partition, owned in made.owned.items()
            for key, value in owned.task.store.items()
        }


@contextmanager
def sizes(plan: Plan) -> Iterator[None]:
    """The loop's figures, as the plan wants them; a tick whenever one is wanted."""
    with patch.multiple(
        worker,
        STEPS_MAX=plan.steps_max,
        RECORDS_MAX=plan.records_max,
        RESTORE_RECORDS_MAX=plan.restore_records_max,
        TICK_RETRY_US=0,
    ):
        yield
