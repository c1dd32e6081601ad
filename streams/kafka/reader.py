"""A topic read from its beginning, again and again from where the last look ended."""

import time
from collections.abc import Iterator
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from processors.fold.task import Record
from schemas.internal.topics import Topic
from streams.base.settings import Settings
from streams.base.transport import FatalClientError
from streams.kafka.clients import reader, unstable_reader

CALL_TIMEOUT_S = 15.0
LINES_MAX = 10_000
AGAIN_S = 0.2


class Line(NamedTuple):
    """A record as a processor meets it, and its value as it stands: None is a tombstone."""

    record: Record
    value: bytes | None


class LogCut(Exception):
    """A log no longer begins at its beginning: retention has cut it, so nothing can be
    recounted."""


class TopicReader:
    """All partitions of one topic, or one of them alone."""

    def __init__(self, settings: Settings, topic: Topic, only: int | None = None) -> None:
        self.topic = topic
        self._name = settings.topic_prefix + topic.value
        self._consumer, self._outlook = reader(settings), unstable_reader(settings)
        found = self._consumer.list_topics(self._name, timeout=CALL_TIMEOUT_S).topics[self._name]
        numbers = sorted(found.partitions) if only is None else [only]
        self._at = dict.fromkeys(numbers, 0)

    def ends(self) -> dict[int, int]:
        """Where each partition ends now. Raises LogCut."""
        ends = {}
        for number in self._at:
            place = TopicPartition(self._name, number)
            low, high = watermarks(self._outlook, place)
            if low and not self._name.endswith("changelog"):
                raise LogCut(
                    f"{self._name}[{number}] begins at {low}, not 0: it cannot be recounted"
                )
            ends[number] = high
        return ends

    def grown(self) -> bool:
        """Whether there is more than was read."""
        return any(end > self._at[number] for number, end in self.ends().items())

    def read(self) -> Iterator[tuple[int, list[Line]]]:
        """What stands between the last look and now, partition by partition, in pieces.

        Waits for open transactions to end: what they hold back belongs to the log or does not.
        """
        for number, end in self.ends().items():
            if end > self._at[number]:
                yield from self._read(number, end)

    def between(self, since: int | None, before: int | None) -> Iterator[tuple[int, list[Line]]]:
        """From the first record at or after `since` to the first at or after `before`, by the log's
        own times in microseconds; where one is None, all that is there now."""
        starts, ends = self._at_time(since), self._at_time(before)
        for number in self._at:
            low, high = watermarks(self._outlook, TopicPartition(self._name, number))
            start = low if since is None else starts.get(number, high)
            end = ends.get(number, high)
            self._at[number] = start
            if end > start:
                for _, lines in self._read(number, end):
                    yield number, [line for line in lines if line.record.offset < end]

    def _at_time(self, micros: int | None) -> dict[int, int]:
        """The first offset of each partition that is not earlier, where there is one."""
        if micros is None:
            return {}
        stamp = -(-micros // 1_000)
        asked = [TopicPartition(self._name, number, stamp) for number in self._at]
        found = self._consumer.offsets_for_times(asked, timeout=CALL_TIMEOUT_S)
        return {place.partition: place.offset for place in found if place.offset >= 0}

    def _read(self, number: int, end: int) -> Iterator[tuple[int, list[Line]]]:
        start = self._at[number] or OFFSET_BEGINNING
        self._consumer.assign([TopicPartition(self._name, number, start)])
        while self._at[number] < end:
            lines = []
            messages = self._consumer.consume(1, 1.0)
            messages += self._consumer.consume(LINES_MAX, 0)
            for message in messages:
                error = message.error()
                offset = message.offset() or 0
                if error is None:
                    lines.append(_line(message))
                    self._at[number] = offset + 1
                elif error.code() == KafkaError._PARTITION_EOF:
                    self._at[number] = max(self._at[number], offset)
                elif error.fatal() or not error.retriable():
                    raise FatalClientError(f"{self._name}: {error.str()}") from KafkaException(
                        error
                    )
            if lines:
                yield number, lines
        self._consumer.unassign()

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()
        self._outlook.close()


def watermarks(consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
    """Where a partition begins and ends, asked again while its leader is not known (a topic just
    made, a broker just back). The end is past open transactions if the client reads uncommitted.
    Raises KafkaException."""
    deadline = time.monotonic() + CALL_TIMEOUT_S
    while True:
        try:
            low, high = consumer.get_watermark_offsets(place, timeout=CALL_TIMEOUT_S)
            return low, high
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(AGAIN_S)


def _line(message: object) -> Line:
    value: bytes | None = message.value()  # type: ignore[attr-defined]
    record = Record(
        message.offset(),  # type: ignore[attr-defined]
        message.timestamp()[1] * 1_000,  # type: ignore[attr-defined]
        message.key() or b"",  # type: ignore[attr-defined]
        value or b"",
        message.headers,  # type: ignore[attr-defined]
    )
    return Line(record, value)
