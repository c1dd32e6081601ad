"""Reads a topic from its beginning. Each further read continues where the last one ended."""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from processors.fold.task import Record
from schemas.internal.topics import Topic
from streams.base.settings import Settings
from streams.base.transport import FatalClientError, Partition
from streams.kafka.clients import read_committed_consumer, read_uncommitted_consumer

CALL_TIMEOUT_S = 15.0
RECORDS_MAX = 10_000
RETRY_INTERVAL_S = 0.2
NEW_TOPIC_WAIT_S = 5.0


KnownOffsets = Mapping[tuple[str, int], tuple[int, int]]
"""The first offset and the end of partitions, by name on the broker and number."""


class TopicEntry(NamedTuple):
    """A record as a processor gets it, and its original value: None is a tombstone."""

    record: Record
    value: bytes | None


class LogTruncated(Exception):
    """Retention has deleted records of a log that are needed, so the log cannot be recounted."""


class TopicReader:
    """Reads the committed records of all partitions of a topic, or of one `partition`. If the
    topic `may_be_cut`, it is read from where it begins: `begins` has the first offset of each
    partition that is cut, from the first call on."""

    def __init__(
        self,
        settings: Settings,
        topic: Topic,
        partition: int | None = None,
        *,
        may_be_cut: bool = False,
    ) -> None:
        self.topic = topic
        self.begins: dict[int, int] = {}
        self._may_be_cut = may_be_cut
        self._name = settings.topic_prefix + topic.value
        self._consumer = read_committed_consumer(settings)
        self._uncommitted = read_uncommitted_consumer(settings)
        numbers = (
            [partition] if partition is not None else partitions_of(self._consumer, self._name)
        )
        self._next_offsets = dict.fromkeys(numbers, 0)

    @property
    def partitions(self) -> list[tuple[str, int]]:
        """The partitions by name on the broker and number."""
        return [(self._name, number) for number in self._next_offsets]

    def ends(self, known: KnownOffsets | None = None) -> dict[int, int]:
        """The current end offset of each partition, open transactions included, or those that are
        `known` for all of them. Raises LogTruncated for a topic that is not compacted and has lost
        records that were not read."""
        ends = {}
        for number, next_offset in self._next_offsets.items():
            if known is None:
                low, high = watermarks(self._uncommitted, TopicPartition(self._name, number))
            else:
                low, high = known[self._name, number]
            if low > next_offset and not self._name.endswith("changelog"):
                self._skip_what_is_cut(number, low)
            ends[number] = high
        return ends

    def _skip_what_is_cut(self, number: int, low: int) -> None:
        where = f"{self._name}[{number}]: log cut at {low}"
        if not self._may_be_cut:
            raise LogTruncated(f"{where}, so it cannot be folded again")
        if self._next_offsets[number]:
            raise LogTruncated(f"{where} while it was read: try again")
        self.begins[number] = self._next_offsets[number] = low

    def has_grown(self, known: KnownOffsets | None = None) -> bool:
        """Whether a partition has records beyond those that were read. Raises LogTruncated."""
        return any(end > self._next_offsets[number] for number, end in self.ends(known).items())

    def read(self, known: KnownOffsets | None = None) -> Iterator[tuple[int, list[TopicEntry]]]:
        """The records between the last read and the current ends, or those that are `known`, in
        batches of a partition's number and its records. Raises LogTruncated, FatalClientError.

        Waits for open transactions to end, because their records may still become a part of the
        log.
        """
        ends = self.ends(known).items()
        grown = {number: end for number, end in ends if end > self._next_offsets[number]}
        if grown:
            yield from self._read_partitions(grown)

    def read_between(
        self, since_at: int | None, before_at: int | None
    ) -> Iterator[tuple[int, list[TopicEntry]]]:
        """The records from the first at or after `since_at` to the last before the first at or
        after `before_at`, by record timestamps in microseconds, in batches as `read` yields them.
        None means the current beginning or end."""
        starts, ends = self._offsets_at(since_at), self._offsets_at(before_at)
        for number in self._next_offsets:
            low, high = watermarks(self._uncommitted, TopicPartition(self._name, number))
            start = low if since_at is None else starts.get(number, high)
            end = ends.get(number, high)
            self._next_offsets[number] = start
            if end > start:
                for _, entries in self._read_partitions({number: end}):
                    yield number, [entry for entry in entries if entry.record.offset < end]

    def _offsets_at(self, moment_at: int | None) -> dict[int, int]:
        """The offset of the first record at or after `moment_at`, for each partition that has
        one."""
        if moment_at is None:
            return {}
        timestamp_ms = -(-moment_at // 1_000)
        times = [TopicPartition(self._name, number, timestamp_ms) for number in self._next_offsets]
        offsets = self._consumer.offsets_for_times(times, timeout=CALL_TIMEOUT_S)
        return {p.partition: p.offset for p in offsets if p.offset >= 0}

    def _read_partitions(self, ends: Mapping[int, int]) -> Iterator[tuple[int, list[TopicEntry]]]:
        self._consumer.assign(
            [
                TopicPartition(self._name, number, self._next_offsets[number] or OFFSET_BEGINNING)
                for number in ends
            ]
        )
        while any(self._next_offsets[number] < end for number, end in ends.items()):
            messages = self._consumer.consume(1, 1.0)
            messages += self._consumer.consume(RECORDS_MAX, 0)
            batches: dict[int, list[TopicEntry]] = {}
            for message in messages:
                error, number = message.error(), message.partition() or 0
                offset = message.offset() or 0
                if error is None:
                    batches.setdefault(number, []).append(_entry(message))
                    self._next_offsets[number] = offset + 1
                elif error.code() == KafkaError._PARTITION_EOF:
                    self._next_offsets[number] = max(self._next_offsets[number], offset)
                elif error.fatal() or not error.retriable():
                    text = f"{self._name}: {error.str()}"
                    raise FatalClientError(text) from KafkaException(error)
            yield from batches.items()
        self._consumer.unassign()

    def close(self) -> None:
        """Closes both consumers."""
        self._consumer.close()
        self._uncommitted.close()


def read_in_turns(
    readers: Iterable[TopicReader], known: KnownOffsets | None = None
) -> Iterator[tuple[Partition, list[TopicEntry]]]:
    """The records that the readers have not read yet, a batch of each topic in turn: so a record
    and the records that it has led to on other topics are read soon after each other."""
    pending = [(reader.topic, reader.read(known)) for reader in readers]
    while pending:
        unfinished = []
        for topic, batches in pending:
            batch = next(batches, None)
            if batch is not None:
                unfinished.append((topic, batches))
                yield Partition(topic, batch[0]), batch[1]
        pending = unfinished


def partitions_of(consumer: Consumer, name: str) -> list[int]:
    """The numbers of the partitions of a topic; none if no broker knows the topic for
    NEW_TOPIC_WAIT_S. One of several brokers may not know a topic yet that was just created, and
    would answer that it has no partition: then nothing of it would be read."""
    deadline_s = time.monotonic() + NEW_TOPIC_WAIT_S
    while True:
        topic = consumer.list_topics(name, timeout=CALL_TIMEOUT_S).topics[name]
        if topic.partitions or time.monotonic() > deadline_s:
            return sorted(topic.partitions)
        time.sleep(RETRY_INTERVAL_S)


def watermarks(consumer: Consumer, partition: TopicPartition) -> tuple[int, int]:
    """The first offset and the end offset of a partition. Asks again while its leader is not known
    (a topic was just created, a broker just came back); raises KafkaException after that.

    For a read_uncommitted consumer the end includes open transactions; for a read_committed one it
    is the last stable offset.
    """
    deadline_s = time.monotonic() + CALL_TIMEOUT_S
    while True:
        try:
            low, high = consumer.get_watermark_offsets(partition, timeout=CALL_TIMEOUT_S)
            return low, high
        except KafkaException:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(RETRY_INTERVAL_S)


def _entry(message: object) -> TopicEntry:
    value: bytes | None = message.value()  # type: ignore[attr-defined]
    record = Record(
        message.offset(),  # type: ignore[attr-defined]
        message.timestamp()[1] * 1_000,  # type: ignore[attr-defined]
        message.key() or b"",  # type: ignore[attr-defined]
        value or b"",
        message.headers,  # type: ignore[attr-defined]
        value is None,
    )
    return TopicEntry(record, value)
