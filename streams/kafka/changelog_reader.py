"""Reads a changelog partition to the end that it has now, open transactions included."""

from contextlib import closing

from confluent_kafka import OFFSET_BEGINNING, KafkaError, TopicPartition

from streams.base.settings import Settings
from streams.base.transport import FatalClientError
from streams.kafka.clients import read_committed_consumer, read_uncommitted_consumer
from streams.kafka.errors import is_fatal_for_consumer
from streams.kafka.reader import watermarks


class KafkaChangelogReader:
    """Reads a changelog partition from its beginning to the high watermark that it had when the
    reader was made.

    An open transaction of a dead owner holds back the records that are readable. The end is reached
    when that transaction has ended.
    """

    def __init__(self, settings: Settings, topic: str, partition: int) -> None:
        position = TopicPartition(topic, partition, OFFSET_BEGINNING)
        with closing(read_uncommitted_consumer(settings)) as uncommitted:
            _, self._end_offset = watermarks(uncommitted, position)
        self._consumer = read_committed_consumer(settings)
        self._consumer.assign([position])

    def read(self, limit: int) -> tuple[list[tuple[bytes, bytes | None]], bool]:
        """The next records and whether the end is reached. Control records leave gaps in the
        offsets, so the client's report of the partition's end counts too. Raises
        FatalClientError."""
        records: list[tuple[bytes, bytes | None]] = []
        if self._end_offset == 0:
            return records, True
        done = False
        messages = self._consumer.consume(1, 0.05)
        messages += self._consumer.consume(limit, 0)
        for message in messages:
            error = message.error()
            if error is None:
                records.append((message.key() or b"", message.value()))
                done = (message.offset() or 0) + 1 >= self._end_offset
            elif error.code() == KafkaError._PARTITION_EOF:
                done = (message.offset() or 0) >= self._end_offset
            elif is_fatal_for_consumer(error):
                raise FatalClientError(f"changelog: {error.str()}")
        return records, done

    def close(self) -> None:
        """Closes the consumer."""
        self._consumer.close()
