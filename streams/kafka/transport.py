"""The transport over Kafka: one group consumer, one transactional producer with a stable id
(design 4)."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from processors.fold.task import Record
from schemas.internal.topics import Topic
from streams.base.clock import Clock
from streams.base.settings import Settings
from streams.base.transport import FatalClientError, Headers, Partition, TransactionAborted
from streams.kafka.clients import group_consumer, reader, unstable_reader
from streams.kafka.errors import reader_dies
from streams.kafka.membership import Membership
from streams.kafka.producer import Transactions
from streams.kafka.reader import watermarks

log = logging.getLogger("touchstream.kafka")

COMMITTED_TIMEOUT_S = 25.0
COMMITTED_TRY_S = 2.0
TIMED_OUT_LATE_S = 1.5
"""The broker looks for transactions that have timed out once a second or slower."""

AGAIN_S = 0.2
UNKNOWN_EPOCH = -1


def _nobody(_: Sequence[Partition]) -> None:
    """Until a worker listens."""


class KafkaTransport:
    """`name` is the role; group, instance and transactional id derive from it and the slot."""

    def __init__(
        self, settings: Settings, name: str, topics: Sequence[Topic], clock: Clock | None = None
    ) -> None:
        self.settings = settings
        self.group = f"{settings.topic_prefix}{name}"
        self.identity = settings.identity(self.group)
        self._stamp = clock
        self._names = {topic: settings.topic_prefix + topic.value for topic in Topic}
        self._topics = {name: topic for topic, name in self._names.items()}
        self._longest_transaction_s = settings.transaction_timeout_ms / 1_000 + TIMED_OUT_LATE_S
        self._unsought: dict[tuple[str, int], TopicPartition] = {}
        self._leader_epochs: dict[tuple[str, int], int] = {}
        self.on_assigned: Callable[[Sequence[Partition]], None] = _nobody
        self.on_revoked: Callable[[Sequence[Partition]], None] = _nobody
        self._transactions = Transactions(settings, self.identity)
        self._consumer = group_consumer(settings, self.group, self.identity)
        self._membership = Membership(
            settings,
            self._consumer,
            self.group,
            self.identity,
            [self._names[topic] for topic in topics],
            self._assigned,
            self._revoked,
        )

    # consuming

    def poll(self, wait_s: float, limit: int) -> Mapping[Partition, list[Record]]:
        """Wakes at the first record, then takes what else is there."""
        self._membership.look()
        for unsought in list(self._unsought.values()):
            self._seek(unsought)
        messages = self._consumer.consume(1, wait_s)
        if messages and limit > 1:
            messages += self._consumer.consume(limit - 1, 0)
        found: dict[tuple[Any, Any], list[Record]] = {}
        latest: dict[tuple[Any, Any], Message] = {}
        topic = number = None
        records: list[Record] = []
        for message in messages:
            if message.error() is not None:
                self._consumer_error(message)
                continue
            if message.partition() != number or message.topic() != topic:  # they come in runs
                topic, number = message.topic(), message.partition()
                fresh = (topic, number) not in self._unsought  # or it will be read again
                records = found.setdefault((topic, number), []) if fresh else []
            stamp = message.timestamp()[1] * 1_000
            key, value = message.key() or b"", message.value() or b""
            record = Record(message.offset(), stamp, key, value, message.headers)  # type: ignore[arg-type]
            records.append(record)
            latest[topic, number] = message
        for place, message in latest.items():
            epoch = message.leader_epoch()
            self._leader_epochs[place] = UNKNOWN_EPOCH if epoch is None else epoch
        return {
            Partition(self._topics[topic], number): records
            for (topic, number), records in found.items()
        }

    def _consumer_error(self, message: Message) -> None:
        error = message.error()
        assert error is not None
        if reader_dies(error):
            raise FatalClientError(f"consumer: {error.str()}")
        log.warning("consumer error", extra={"error": error.str(), "code": error.name()})

    def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """The group's own offsets, waiting out transactions that still hold some of them.

        No transaction is open for longer than its timeout. A coordinator that speaks of one after
        that remembers what has ended: one that was restarted after a kill -9 did so for ever, with
        nothing open in its log. Then what was committed last holds; what the state itself says of
        its place comes before it anyway.
        """
        asked = [TopicPartition(self._names[p.topic], p.number) for p in partitions]
        begun = time.monotonic()
        while time.monotonic() < begun + COMMITTED_TIMEOUT_S:
            answers = self._ask(self._consumer, asked)
            if answers is None and time.monotonic() > begun + self._longest_transaction_s:
                log.warning("a transaction is remembered that must have ended: not waited for")
                with closing(unstable_reader(self.settings, self.group)) as consumer:
                    answers = self._ask(consumer, asked)
            if answers is not None:
                return {
                    Partition(self._topics[a.topic], a.partition): max(a.offset, 0) for a in answers
                }
            time.sleep(AGAIN_S)
        raise FatalClientError("the group's committed offsets cannot be read")

    def _ask(self, consumer: Consumer, asked: list[TopicPartition]) -> list[TopicPartition] | None:
        try:
            answers = consumer.committed(asked, timeout=COMMITTED_TRY_S)
            unknown = next((a.error.str() for a in answers if a.error is not None), None)
        except KafkaException as error:
            unknown = error.args[0].str()
        if unknown is None:
            return answers
        log.warning("committed offsets not known yet", extra={"error": unknown})
        return None

    def read_from(self, offsets: Mapping[Partition, int]) -> None:
        """Read from these offsets on; nothing fetched before is delivered.

        New ones are assigned, which belongs into a callback. The others are sought: outside a
        callback the client would take unassigning and assigning again for the answer to a
        rebalance that is under way, and join the next generation with what it must give back.
        """
        places = [
            TopicPartition(self._names[p.topic], p.number, offset or OFFSET_BEGINNING)
            for p, offset in offsets.items()
        ]
        present = {(p.topic, p.partition) for p in self._consumer.assignment()}
        if fresh := [p for p in places if (p.topic, p.partition) not in present]:
            self._consumer.incremental_assign(fresh)
        for place in places:
            if (place.topic, place.partition) in present:
                self._seek(place)
        self._consumer.resume(places)

    def _seek(self, place: TopicPartition) -> None:
        """A partition that the client has not begun to fetch yet cannot be sought: the next poll
        tries again."""
        try:
            self._consumer.seek(place)
            self._unsought.pop((place.topic, place.partition), None)
        except KafkaException as error:
            log.info("not to be sought yet", extra={"error": error.args[0].str()})
            self._unsought[place.topic, place.partition] = place

    def pause(self, partitions: Sequence[Partition]) -> None:
        self._consumer.pause([TopicPartition(self._names[p.topic], p.number) for p in partitions])

    def resume(self, partitions: Sequence[Partition]) -> None:
        self._consumer.resume([TopicPartition(self._names[p.topic], p.number) for p in partitions])

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.on_assigned([Partition(self._topics[p.topic], p.partition) for p in partitions])

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.on_revoked([Partition(self._topics[p.topic], p.partition) for p in partitions])
        for p in partitions:
            self._unsought.pop((p.topic, p.partition), None)
            self._leader_epochs.pop((p.topic, p.partition), None)
        consumer.incremental_unassign(partitions)

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
        stamp = self._stamp.now() // 1_000 if self._stamp is not None else 0
        number = -1 if partition is None else partition
        self._transactions.send(self._names[topic], value, key, number, stamp, headers)

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """With the group's metadata as it is now. Out of the group, which is not told yet, it
        might fence nobody."""
        places = [self._place(partition, offset) for partition, offset in offsets.items()]
        group = self._consumer.consumer_group_metadata()
        if not self._consumer.memberid():
            self.abort()
            raise TransactionAborted("no member of the group any more")
        self._transactions.commit(places, group)

    def _place(self, partition: Partition, offset: int) -> TopicPartition:
        """With the epoch of the leader that was read from last: a reader that checks it notices a
        log that was cut."""
        name, number = self._names[partition.topic], partition.number
        epoch = self._leader_epochs.get((name, number), UNKNOWN_EPOCH)
        return TopicPartition(name, number, offset, leader_epoch=epoch)

    def abort(self) -> None:
        self._transactions.abort()

    # restoring

    def open_changelog(self, changelog: Partition) -> "KafkaChangelogReader":
        try:
            return KafkaChangelogReader(
                self.settings, self._names[changelog.topic], changelog.number
            )
        except KafkaException as error:
            raise FatalClientError(f"{changelog.topic}: {error.args[0].str()}") from error

    def close(self) -> None:
        self._transactions.close()
        self._membership.close()
        self._consumer.close()


class KafkaChangelogReader:
    """A changelog partition from its beginning to the high watermark it had when this began.

    A dead owner's open transaction holds the readable end back: the end is reached once it is
    settled.
    """

    def __init__(self, settings: Settings, topic: str, partition: int) -> None:
        self._place = TopicPartition(topic, partition, OFFSET_BEGINNING)
        with closing(unstable_reader(settings)) as outlook:
            _, self._end = watermarks(outlook, self._place)
        self._consumer = reader(settings)
        self._consumer.assign([self._place])

    def read(self, limit: int) -> tuple[list[tuple[bytes, bytes | None]], bool]:
        """The next records. Control records leave gaps, so the end is what the client says of
        the position."""
        records: list[tuple[bytes, bytes | None]] = []
        if self._end == 0:
            return records, True
        done = False
        messages = self._consumer.consume(1, 0.05)
        messages += self._consumer.consume(limit, 0)
        for message in messages:
            error = message.error()
            if error is None:
                records.append((message.key() or b"", message.value()))
                done = (message.offset() or 0) + 1 >= self._end
            elif error.code() == KafkaError._PARTITION_EOF:
                done = (message.offset() or 0) >= self._end
            elif reader_dies(error):
                raise FatalClientError(f"restoring: {error.str()}")
        return records, done

    def close(self) -> None:
        self._consumer.close()
