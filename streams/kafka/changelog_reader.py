"""Reads a changelog partition from its beginning to an end offset, open transactions included."""

from confluent_kafka import OFFSET_BEGINNING, KafkaError, TopicPartition

from streams.base.settings import Settings
from streams.base.transport import FatalClientError
from streams.kafka.clients import read_committed_consumer
from streams.kafka.errors import is_fatal_for_consumer


class KafkaChangelogReader:
    """Reads a changelog partition from its beginning to `end_offset`, its high watermark at some
    moment.

    An open transaction of a dead owner holds back the records that are readable. The end is reached
    when that transaction has ended.
    """

    def __init__(self, settings: Settings, topic: str, partition: int, end_offset: int) -> None:
        self._end_offset = end_offset
        self._consumer = read_committed_consumer(settings)
        self._consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])

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
