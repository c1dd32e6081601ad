"""The three processors joined in memory, under a clock that the caller moves.

A log is nothing but the inbox of its task: a record is folded in the moment that it is appended,
and forgotten. It is stamped as Kafka stamps it, in whole milliseconds. Who has his turn at a moment
is fixed, and so is how much he does of it, so when a task commits changes nothing that is said.
"""

from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple

from processors.fold.task import Poison, Record, Task
from processors.fold.turn import Output
from schemas.base.times import MILLISECOND
from schemas.internal import messages as m
from schemas.internal.facts import Fact
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import Enrollment
from schemas.internal.topics import COMMANDS, ONE_MACHINE, Topic
from streams.audit.refold import refold
from streams.audit.state_scan import enrollments
from streams.base.transport import Partition
from streams.runtime.roles import PROCESSORS

STEPS_PER_TURN = 500
"""Records and timers of a task before the others have their turn."""

COMMIT_EVERY = 2_000

Command = m.CommandDue | m.CommandRevoked

_ORDER = ("campaign", "contact", "dispatch")


class OwnedEnrollment(NamedTuple):
    """An enrollment, and whose it is."""

    tenant_id: str
    contact_id: str
    enrollment: Enrollment


class _TaskLog:
    """A log of one partition, and the task that folds it; `batch` and `said` are what came in and
    went out since the last commit."""

    __slots__ = ("batch", "inbox", "offsets", "place", "said", "since_commit", "store", "task")

    def __init__(self, topic: Topic, task: Task) -> None:
        self.place = Partition(topic, 0)
        self.task = task
        self.store = task.store
        self.inbox = task.inbox
        self.batch: list[Record] = []
        self.offsets = count()
        self.since_commit = self.said = 0

    def append(self, now: int, key: bytes, value: bytes) -> None:
        record = Record(next(self.offsets), now, key, value)
        self.inbox.append(record)
        self.batch.append(record)

    def committed(self) -> None:
        """What is still to be folded belongs to the next batch."""
        self.batch = list(self.inbox)
        self.since_commit = self.said = 0


class SimulationEngine:
    """`hear` gets the facts of each step, in order; `command` each command as it goes out, and
    `park` the letter of each step that cannot be folded: it costs that one and nothing else."""

    def __init__(
        self,
        now: int,
        hear: Callable[[list[Fact]], None],
        command: Callable[[Command], None],
        park: Callable[[m.DeadLetter], None],
        *,
        commit_every: int = COMMIT_EVERY,
    ) -> None:
        self.now = now
        self.records = 0
        self._hear, self._command, self._park = hear, command, park
        self._commit_every = commit_every
        self._lanes: dict[Topic, _TaskLog] = {}
        for role in _ORDER:
            topic, make = PROCESSORS[role]
            self._lanes[topic] = _TaskLog(topic, Task(make(ONE_MACHINE), 0))
        self._each = tuple(self._lanes.values())

    def tell(self, topic: Topic, key: bytes, value: bytes) -> None:
        """One record, at the end of its log; folded when things settle."""
        self._lanes[topic].append(self.now, key, value)
        self.records += 1

    def settle(self) -> None:
        """Until nothing moves any more at this moment."""
        moved = True
        while moved:
            moved = False
            for lane in self._each:
                if lane.inbox or (
                    lane.store.soonest <= self.now and lane.store.next_due() <= self.now
                ):
                    self._fold(lane)
                    moved = True

    def next_due(self, before: int = NEVER) -> int:
        """The soonest timer of all tasks, if it is earlier than `before`."""
        for lane in self._each:
            if lane.store.soonest < before:
                before = min(before, lane.store.next_due())
        return before

    def enrollments(self) -> Iterator[OwnedEnrollment]:
        """All there are, as they stand now."""
        task = self._lanes[Topic.CONTACT_LOG].task
        task.commit(task.changes())
        for tenant_id, contact_id, runs in enrollments(task.store.items()):
            for run in runs:
                yield OwnedEnrollment(tenant_id, contact_id, run)

    def _fold(self, lane: _TaskLog) -> None:
        task = lane.task
        if not lane.inbox and task.stream_time < self.now:  # only time goes on
            lane.append(self.now, b"", m.TICK)
            self.records += 1
        try:
            lane.since_commit += task.advance(STEPS_PER_TURN)
        except Poison:
            self._fold_again(lane)
            return
        if task.outputs:
            lane.said += len(task.outputs)
            self._route(task.outputs)
            task.outputs.clear()
        if lane.since_commit >= self._commit_every:
            task.commit(task.changes())
            lane.committed()

    def _fold_again(self, lane: _TaskLog) -> None:
        """Since the last commit, as a worker does it, each step alone where one is in doubt. The
        same log says the same, so what was said already is passed over."""
        outputs: list[Output] = []
        lane.task.rollback()
        refold(lane.place, lane.task, lane.batch, outputs.append)
        said = lane.said
        lane.committed()
        self._route(outputs[said:])

    def _route(self, outputs: list[Output]) -> None:
        """What a task says is a record of the log that it is for, at once."""
        facts, lanes, encode, now = [], self._lanes, m.encode, self.now
        for output in outputs:
            topic = output.topic
            if topic is _FACTS:
                facts.append(output.message)
            elif (lane := lanes.get(topic)) is not None:
                lane.append(now, output.key, encode(output.message))
                self.records += 1
            elif topic in _COMMANDS:
                self._command(output.message)  # type: ignore[arg-type]
            elif topic is _DEAD_LETTERS:
                self._park(output.message)  # type: ignore[arg-type]
        if facts:
            self._hear(facts)  # type: ignore[arg-type]


_DEAD_LETTERS = Topic.DEAD_LETTERS
_FACTS = Topic.FACTS  # a member is looked up in Python, so once
_COMMANDS = frozenset(COMMANDS)


def log_timestamp(micros: int) -> int:
    """When a log has what happens at that moment: never before."""
    return -(-micros // MILLISECOND) * MILLISECOND
