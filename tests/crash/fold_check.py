"""The check of promise 1: each log, folded again in one go, leads to exactly what the broker holds.

Every difference is described in a sentence. Without differences, states, outputs and offsets follow
from the logs alone.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from processors.fold.task import Record, Task
from schemas.internal import messages as m
from schemas.internal.messages import CommandDue
from schemas.internal.state_bytes import NEVER, payload_of
from schemas.internal.states import POSITION_KEY, TaskPosition
from schemas.internal.topics import CHANGELOG_OF, CHANGELOGS, Topic
from streams.audit.recorded_events import FROM_INTAKE
from streams.base.partitioner import partition_of
from streams.base.transport import Headers, Partition
from streams.memory.transport import MemoryBroker
from streams.runtime.roles import PROCESSORS
from tests.testing.faulty_world import ENCODE, FaultyWorld, tasks_of_role

_DECODE = {
    Topic.CONTACT_LOG: m.decode_contact,
    Topic.DISPATCH_LOG: m.decode_dispatch,
    Topic.CAMPAIGN_LOG: m.decode_campaign,
}
_NOT_FROM_PROCESSORS = (*FROM_INTAKE, m.Tick)


class WrittenRecord(NamedTuple):
    """A record of any topic, without its offset."""

    key: bytes | None
    value: bytes | None


class FreshFold:
    """A log partition that a new task folds in one go. `outputs` are its records by partition."""

    def __init__(self, world: FaultyWorld, role: str, partition: Partition) -> None:
        self.broker: MemoryBroker = world.broker
        self.outputs: dict[Partition, list[WrittenRecord]] = {}
        self.task: Task = tasks_of_role(role)(partition)
        self.task.feed(
            [
                Record(r.offset, r.timestamp, r.key or b"", r.value or b"")
                for r in world.broker.log(partition)
            ]
        )
        while self.task.advance(1_000_000):
            pass
        ENCODE(self.task.outputs, self)
        if self.task.dirty:
            self.task.commit(self.task.changes())

    def send(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> None:
        """Collects an output of the task."""
        number = partition
        if number is None:
            number = partition_of(key or b"", self.broker.layout.partitions(topic))
        self.outputs.setdefault(Partition(topic, number), []).append(WrittenRecord(key, value))


def differences(world: FaultyWorld) -> list[str]:
    """The differences between what the broker holds and what the logs lead to, and the promises
    that the run has broken."""
    folds: list[FreshFold] = []
    found: list[str] = []
    for role, (topic, _) in PROCESSORS.items():
        for number in range(world.layout.partitions(topic)):
            partition = Partition(topic, number)
            fold = FreshFold(world, role, partition)
            folds.append(fold)
            found += _compare_state(world, role, partition, fold)
    found += _compare_outputs(world, folds)
    found += _broken_promises(world)
    return found


def position_of_fold(value: bytes) -> bytes:
    """The bytes of a position without what the runtime adds to it."""
    position = msgspec.msgpack.decode(payload_of(value), type=TaskPosition)
    return msgspec.msgpack.encode(position.of_fold())


def _compare_state(
    world: FaultyWorld, role: str, partition: Partition, fold: FreshFold
) -> Iterator[str]:
    changelog = Partition(CHANGELOG_OF[partition.topic], partition.number)
    stored: dict[bytes, bytes] = {}
    for record in world.broker.log(changelog):
        assert record.key is not None
        stored.pop(record.key, None)
        if record.value is not None:
            stored[record.key] = record.value
    expected = dict(fold.task.store.items())
    for states in (stored, expected):
        if POSITION_KEY in states:
            states[POSITION_KEY] = position_of_fold(states[POSITION_KEY])
    for key in sorted({*stored, *expected}):
        if stored.get(key) != expected.get(key):
            name = "its position" if key == POSITION_KEY else f"state {key!r}"
            yield f"{partition}: {name} does not follow from its log"
    offset = world.broker.offsets.get((role, partition), 0)
    if offset != fold.task.next_offset:
        yield f"{partition}: offset {offset} committed, {fold.task.next_offset} folded"
    in_memory = {key: value for (p, key), value in world.states(role).items() if p == partition}
    if POSITION_KEY in in_memory:
        in_memory[POSITION_KEY] = position_of_fold(in_memory[POSITION_KEY])
    if in_memory != stored:
        yield f"{partition}: the worker's states differ from the changelog"


def _compare_outputs(world: FaultyWorld, folds: Sequence[FreshFold]) -> Iterator[str]:
    partitions = {partition for fold in folds for partition in fold.outputs} | set(
        world.broker.logs
    )
    for partition in sorted(partitions):
        if partition.topic in CHANGELOGS:
            continue
        on_topic = list(_processor_records(world, partition))
        expected = Counter(w for fold in folds for w in fold.outputs.get(partition, ()))
        missing, extra = expected - Counter(on_topic), Counter(on_topic) - expected
        if missing:
            yield f"{partition}: {missing.total()} records missing"
        if extra:
            yield f"{partition}: {extra.total()} records too many"
        for fold in folds:
            if not missing and not _is_subsequence(fold.outputs.get(partition, ()), on_topic):
                yield f"{partition}: records out of order"


def _processor_records(world: FaultyWorld, partition: Partition) -> Iterator[WrittenRecord]:
    """The records that processors have written, without those of intake and without ticks."""
    decode = _DECODE.get(partition.topic)
    for record in world.broker.log(partition):
        if decode is None or not isinstance(decode(record.value or b""), _NOT_FROM_PROCESSORS):
            yield WrittenRecord(record.key, record.value)


def _is_subsequence(few: Iterable[WrittenRecord], many: Sequence[WrittenRecord]) -> bool:
    ahead = iter(many)
    return all(one in ahead for one in few)


def _broken_promises(world: FaultyWorld) -> Iterator[str]:
    """Promises that must hold in every run, whatever the logs are."""
    due = [c.touch for c in world.commands() if isinstance(c, CommandDue)]
    ids = Counter((touch.command_id, touch.emission) for touch in due)
    if ids and max(ids.values()) > 1:
        yield "a command went out twice"
    if any(touch.due_at < touch.scheduled_at for touch in due):
        yield "a touch went out before its time"
    late = world.next_due()
    if late != NEVER and late <= world.now:
        yield "a timer is overdue"
