"""The transport port over logs in memory: tests run the engine's worker and tasks without Kafka.

It keeps Kafka's guarantees and no others: the records of a transaction are invisible before its
commit, an aborted transaction leaves a gap in the offsets, and offsets are committed together with
the records or not at all.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from processors.fold.task import Record
from schemas.internal.topics import POSITION_TOPICS, Layout, Topic
from streams.base.partitioner import partition_of
from streams.base.transport import GroupOffset, Headers, LogFacts, Partition


class StoredRecord(NamedTuple):
    """One record of a log. `timestamp` is microseconds, cut to milliseconds as in Kafka."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers | None


class MemoryBroker:
    """Logs as lists of records, and the committed offsets of groups. `now` returns the timestamp of
    a new record in microseconds."""

    def __init__(self, layout: Layout, now: Callable[[], int]) -> None:
        self.layout = layout
        self.now = now
        self.logs: dict[Partition, list[StoredRecord]] = {}
        self.starts: dict[Partition, int] = {}  # of partitions that have lost their beginning
        self.ends: dict[Partition, int] = {}
        self.offsets: dict[tuple[str, Partition], int] = {}
        self.metadata: dict[tuple[str, Partition], str] = {}
        self.topic_ids = dict.fromkeys(Topic, "made once")

    def log(self, partition: Partition) -> list[StoredRecord]:
        """The committed records of a partition. The list is the log itself, so it grows."""
        return self.logs.setdefault(partition, [])

    def topic(self, topic: Topic) -> list[StoredRecord]:
        """The committed records of a topic, partition after partition."""
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
        """Appends a record to `partition`, or to the partition of its key."""
        number = partition
        if number is None:
            number = partition_of(key or b"", self.layout.partitions(topic))
        log = Partition(topic, number)
        offset = self.ends.get(log, 0)
        self.ends[log] = offset + 1
        timestamp = self.now() // 1_000 * 1_000
        self.log(log).append(StoredRecord(offset, timestamp, key, value, headers))

    def skip_offset(self, topic: Topic, key: bytes | None, partition: int | None = None) -> None:
        """Leaves a gap where a record would be appended, as an aborted transaction does."""
        number = partition
        if number is None:
            number = partition_of(key or b"", self.layout.partitions(topic))
        log = Partition(topic, number)
        self.ends[log] = self.ends.get(log, 0) + 1


class MemoryTransport:
    """The transport of one worker over a MemoryBroker. `on_commit_step` is called with the name of
    each step of a commit, "before commit" and "after commit", and may raise."""

    def __init__(
        self,
        broker: MemoryBroker,
        group: str,
        partitions: Sequence[Partition],
        on_commit_step: Callable[[str], None] | None = None,
    ) -> None:
        self.broker = broker
        self.group = group
        self.on_assigned: Callable[[Sequence[Partition]], None] = lambda _: None
        self.on_revoked: Callable[[Sequence[Partition]], None] = lambda _: None
        self._to_assign: list[Partition] = list(partitions)
        self._to_revoke: list[Partition] = []
        self._positions: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._pending: list[tuple[Topic, bytes | None, bytes | None, int | None, Headers | None]]
        self._pending = []
        self._on_step = on_commit_step or (lambda _: None)

    # rebalances, requested by a test

    def assign(self, partitions: Sequence[Partition]) -> None:
        """Assigns partitions to this worker with its next poll."""
        self._to_assign.extend(partitions)

    def revoke(self, partitions: Sequence[Partition]) -> None:
        """Revokes partitions from this worker with its next poll. An assignment that no poll has
        reported yet is cancelled instead."""
        self._to_revoke.extend(p for p in partitions if p not in self._to_assign)
        self._to_assign = [p for p in self._to_assign if p not in partitions]

    # consuming

    def poll(self, wait_s: float, limit: int) -> Mapping[Partition, list[Record]]:
        if self._to_revoke:
            revoked, self._to_revoke = self._to_revoke, []
            self.on_revoked(revoked)
            for partition in revoked:
                self._positions.pop(partition, None)
        if self._to_assign:
            assigned, self._to_assign = self._to_assign, []
            self.on_assigned(assigned)
        return {
            partition: records
            for partition in list(self._positions)
            if partition not in self._paused and (records := self._next_records(partition, limit))
        }

    def _next_records(self, partition: Partition, limit: int) -> list[Record]:
        position = self._positions[partition]
        log = self.broker.log(partition)
        first = _index(log, position)
        stored = log[first : first + limit]
        if stored:
            self._positions[partition] = stored[-1].offset + 1
        return [
            Record(
                r.offset,
                r.timestamp,
                r.key or b"",
                r.value or b"",
                lambda r=r: r.headers,  # type: ignore[misc]
                r.value is None,
            )
            for r in stored
        ]

    def hold(self, partitions: Sequence[Partition]) -> None:
        self._positions.update(dict.fromkeys(partitions, 0))
        self._paused.update(partitions)

    def inquire(self, partitions: Sequence[Partition]) -> "MemoryInquiry":
        return MemoryInquiry(self.broker, self.group, partitions)

    def read_from(
        self, offsets: Mapping[Partition, int], leader_epochs: Mapping[Partition, int] | None = None
    ) -> None:
        self._positions.update(offsets)
        self._paused.difference_update(offsets)

    def leader_epoch(self, partition: Partition) -> int:
        return 0

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

    def commit(self, offsets: Mapping[Partition, GroupOffset]) -> None:
        self._on_step("before commit")
        for topic, key, value, number, headers in self._pending:
            self.broker.append(topic, key, value, number, headers)
        for partition, committed in offsets.items():
            self.broker.offsets[self.group, partition] = committed.offset
            self.broker.metadata[self.group, partition] = committed.metadata
        self._pending = []
        self._on_step("after commit")

    def abort(self) -> None:
        """Drops the records of the open transaction. They use up their offsets all the same, so
        readers see gaps, as in Kafka."""
        for topic, key, _, number, _ in self._pending:
            self.broker.skip_offset(topic, key, number)
        self._pending = []

    def open_changelog(self, changelog: Partition, end_offset: int) -> "MemoryChangelogReader":
        return MemoryChangelogReader(self.broker.log(changelog))

    def close(self) -> None:
        self.abort()


class MemoryInquiry:
    """The answers of a MemoryBroker, which are there at once."""

    def __init__(self, broker: MemoryBroker, group: str, partitions: Sequence[Partition]) -> None:
        self._broker, self._group, self._partitions = broker, group, partitions

    def answer(self) -> Mapping[Partition, LogFacts] | None:
        return {partition: self._facts(partition) for partition in self._partitions}

    def _facts(self, partition: Partition) -> LogFacts:
        broker, (topic, number) = self._broker, partition
        committed = broker.offsets.get((self._group, partition), 0)
        texts = {at: text for (group, at), text in broker.metadata.items() if group == self._group}
        return LogFacts(
            GroupOffset(committed, texts.get(partition, "")),
            [text for at, text in texts.items() if at.topic is topic],
            broker.topic_ids[topic],
            broker.layout.partitions(topic),
            broker.starts.get(partition, 0),
            broker.ends.get(partition, 0),
            broker.ends.get(Partition(POSITION_TOPICS[topic], number), 0),
        )


class MemoryChangelogReader:
    """Reads a changelog in memory up to the end that it has now."""

    def __init__(self, log: Sequence[StoredRecord]) -> None:
        self._log = list(log)
        self._next = 0

    def read(self, limit: int) -> tuple[Iterable[tuple[bytes, bytes | None]], bool]:
        records = self._log[self._next : self._next + limit]
        self._next += len(records)
        return [(r.key or b"", r.value) for r in records], self._next >= len(self._log)

    def close(self) -> None:
        """Holds no resources, so there is nothing to close."""


def _index(log: Sequence[StoredRecord], offset: int) -> int:
    """The index of the first record at or after `offset`."""
    low, high = 0, len(log)
    while low < high:
        middle = (low + high) // 2
        if log[middle].offset < offset:
            low = middle + 1
        else:
            high = middle
    return low
