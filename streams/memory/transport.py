"""Logs in memory: the same worker and tasks without Kafka, for tests and simulation (design 7).

What is kept is what Kafka promises and no more: a transaction's records are seen by nobody before
its commit, an aborted one leaves a gap in the offsets, and offsets are committed with the records
or not at all.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from processors.fold.task import Record
from schemas.internal.topics import Layout, Topic
from streams.base.partitioner import partition_of
from streams.base.transport import Headers, Partition


class Stored(NamedTuple):
    """One record in a log; `headers` as Kafka would give them."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers | None


class MemoryBroker:
    """Topics as lists, and the offsets of groups. `now` stamps records, in microseconds."""

    def __init__(self, layout: Layout, now: Callable[[], int]) -> None:
        self.layout = layout
        self.now = now
        self.logs: dict[Partition, list[Stored]] = {}
        self.ends: dict[Partition, int] = {}
        self.offsets: dict[tuple[str, Partition], int] = {}

    def log(self, partition: Partition) -> list[Stored]:
        """What stands on a partition, as a read_committed reader sees it."""
        return self.logs.setdefault(partition, [])

    def topic(self, topic: Topic) -> list[Stored]:
        """All partitions of a topic, one after the other."""
        partitions = range(self.layout.partitions(topic))
        return [record for number in partitions for record in self.log(Partition(topic, number))]

    def append(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes | None,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> None:
        """One record, at the end of the partition that its key names."""
        number = partition
        if number is None:
            number = partition_of(key or b"", self.layout.partitions(topic))
        place = Partition(topic, number)
        offset = self.ends.get(place, 0)
        self.ends[place] = offset + 1
        millisecond = self.now() // 1_000 * 1_000
        self.log(place).append(Stored(offset, millisecond, key, value, headers))


class MemoryTransport:
    """One worker's view of a MemoryBroker. `crash` may raise at each step of a commit, named by
    it."""

    def __init__(
        self,
        broker: MemoryBroker,
        group: str,
        partitions: Sequence[Partition],
        crash: Callable[[str], None] | None = None,
    ) -> None:
        self.broker = broker
        self.group = group
        self.on_assigned: Callable[[Sequence[Partition]], None] = lambda _: None
        self.on_revoked: Callable[[Sequence[Partition]], None] = lambda _: None
        self._assign: list[Partition] = list(partitions)
        self._revoke: list[Partition] = []
        self._positions: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._pending: list[tuple[Topic, bytes | None, bytes | None, int | None, Headers | None]]
        self._pending = []
        self._crash = crash or (lambda _: None)

    # rebalances, as a test wants them

    def give(self, partitions: Sequence[Partition]) -> None:
        """The group gives this worker partitions; it hears of it at its next poll."""
        self._assign.extend(partitions)

    def take(self, partitions: Sequence[Partition]) -> None:
        """The group takes partitions away; it hears of it at its next poll, and of those that it
        has not heard of yet never."""
        self._revoke.extend(p for p in partitions if p not in self._assign)
        self._assign = [p for p in self._assign if p not in partitions]

    # consuming

    def poll(self, wait_s: float, limit: int) -> Mapping[Partition, list[Record]]:
        if self._revoke:
            taken, self._revoke = self._revoke, []
            self.on_revoked(taken)
            for partition in taken:
                self._positions.pop(partition, None)
        if self._assign:
            given, self._assign = self._assign, []
            self.on_assigned(given)
        return {
            partition: records
            for partition in list(self._positions)
            if partition not in self._paused and (records := self._take(partition, limit))
        }

    def _take(self, partition: Partition, limit: int) -> list[Record]:
        position = self._positions[partition]
        log = self.broker.log(partition)
        first = _index(log, position)
        taken = log[first : first + limit]
        if taken:
            self._positions[partition] = taken[-1].offset + 1
        return [
            Record(r.offset, r.timestamp, r.key or b"", r.value or b"", lambda r=r: r.headers)  # type: ignore[misc]
            for r in taken
        ]

    def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        return {p: self.broker.offsets.get((self.group, p), 0) for p in partitions}

    def read_from(self, offsets: Mapping[Partition, int]) -> None:
        self._positions.update(offsets)
        self._paused.difference_update(offsets)

    def pause(self, partitions: Sequence[Partition]) -> None:
        self._paused.update(partitions)

    def resume(self, partitions: Sequence[Partition]) -> None:
        self._paused.difference_update(partitions)

    # producing

    def send(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes | None,
        *,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> None:
        self._pending.append((topic, key, value, partition, headers))

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        self._crash("before commit")
        for topic, key, value, partition, headers in self._pending:
            self.broker.append(topic, key, value, partition, headers)
        for place, offset in offsets.items():
            self.broker.offsets[self.group, place] = offset
        self._pending = []
        self._crash("after commit")

    def abort(self) -> None:
        """Aborted records take offsets all the same: readers see gaps."""
        for topic, key, _, partition, _ in self._pending:
            number = partition
            if number is None:
                number = partition_of(key or b"", self.broker.layout.partitions(topic))
            place = Partition(topic, number)
            self.broker.ends[place] = self.broker.ends.get(place, 0) + 1
        self._pending = []

    def open_changelog(self, changelog: Partition) -> "MemoryChangelogReader":
        return MemoryChangelogReader(self.broker.log(changelog))

    def close(self) -> None:
        self.abort()


class MemoryChangelogReader:
    """A changelog in memory, read in steps."""

    def __init__(self, log: Sequence[Stored]) -> None:
        self._log = list(log)
        self._at = 0

    def read(self, limit: int) -> tuple[Iterable[tuple[bytes, bytes | None]], bool]:
        part = self._log[self._at : self._at + limit]
        self._at += len(part)
        return [(r.key or b"", r.value) for r in part], self._at >= len(self._log)

    def close(self) -> None:
        """Nothing to let go of."""


def _index(log: Sequence[Stored], offset: int) -> int:
    low, high = 0, len(log)
    while low < high:
        middle = (low + high) // 2
        if log[middle].offset < offset:
            low = middle + 1
        else:
            high = middle
    return low
