"""The transport port over Kafka: one consumer in a group, and one transactional producer with a
stable id."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaException,
    Message,
    TopicPartition,
)

from processors.fold.task import Record
from schemas.internal.topics import Topic
from streams.base.clock import Clock
from streams.base.settings import Settings
from streams.base.transport import FatalClientError, Headers, Partition, TransactionAborted
from streams.kafka.changelog_reader import KafkaChangelogReader
from streams.kafka.clients import group_consumer, read_uncommitted_consumer
from streams.kafka.errors import fatal_error, is_fatal_for_consumer
from streams.kafka.membership import Membership
from streams.kafka.producer import TransactionalProducer

log = logging.getLogger("touchstream.kafka")

COMMITTED_TIMEOUT_S = 25.0
COMMITTED_CALL_S = 2.0
TIMEOUT_CHECK_S = 1.5
"""How late the broker may notice that a transaction has timed out."""

RETRY_INTERVAL_S = 0.2
UNKNOWN_EPOCH = -1


def _ignore(_: Sequence[Partition]) -> None:
    """The callback of a transport that no worker uses yet."""


class KafkaTransport:
    """The transport of one worker of `role`. Its group derives from the role, its group instance id
    and transactional id from role and slot. With a `clock` the records carry that clock's time."""

    def __init__(
        self, settings: Settings, role: str, topics: Sequence[Topic], clock: Clock | None = None
    ) -> None:
        self.settings = settings
        self.group = f"{settings.topic_prefix}{role}"
        self.identity = settings.identity(self.group)
        self._clock = clock
        self._names = {topic: settings.topic_prefix + topic.value for topic in Topic}
        self._topics = {name: topic for topic, name in self._names.items()}
        self._transaction_max_s = settings.transaction_timeout_ms / 1_000 + TIMEOUT_CHECK_S
        self._pending_seeks: dict[tuple[str, int], TopicPartition] = {}
        self._leader_epochs: dict[tuple[str, int], int] = {}
        self.on_assigned: Callable[[Sequence[Partition]], None] = _ignore
        self.on_revoked: Callable[[Sequence[Partition]], None] = _ignore
        self._producer = TransactionalProducer(settings, self.identity)
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
        """Waits for the first record, then takes the records that are there already."""
        self._membership.check()
        for position in list(self._pending_seeks.values()):
            self._seek(position)
        messages = self._consumer.consume(1, wait_s)
        if messages and limit > 1:
            messages += self._consumer.consume(limit - 1, 0)
        by_partition: dict[tuple[Any, Any], list[Record]] = {}
        latest: dict[tuple[Any, Any], Message] = {}
        topic = number = None
        records: list[Record] = []
        for message in messages:
            if message.error() is not None:
                self._consumer_error(message)
                continue
            if message.partition() != number or message.topic() != topic:  # records come in runs
                topic, number = message.topic(), message.partition()
                seek_pending = (topic, number) in self._pending_seeks  # it will be read again
                records = [] if seek_pending else by_partition.setdefault((topic, number), [])
            timestamp_us = message.timestamp()[1] * 1_000
            key, value = message.key() or b"", message.value()
            record = Record(
                message.offset(),  # type: ignore[arg-type]
                timestamp_us,
                key,
                value or b"",
                message.headers,  # type: ignore[arg-type]
                value is None,
            )
            records.append(record)
            latest[topic, number] = message
        for name, message in latest.items():
            epoch = message.leader_epoch()
            self._leader_epochs[name] = UNKNOWN_EPOCH if epoch is None else epoch
        return {
            Partition(self._topics[topic], number): records
            for (topic, number), records in by_partition.items()
        }

    def _consumer_error(self, message: Message) -> None:
        error = message.error()
        assert error is not None
        if is_fatal_for_consumer(error):
            raise fatal_error("consumer", error)
        log.warning("consumer error", extra={"error": error.str(), "code": error.name()})

    def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """The group's committed offsets, after the transactions that hold some of them back have
        ended. Raises FatalClientError if they cannot be read in time.

        A transaction is open no longer than its timeout. A coordinator that still reports one after
        that remembers a transaction that has ended: a broker that was restarted after a kill -9 did
        so for ever, with no transaction open in its log. Then the last committed offsets are read
        without waiting. This is safe, because the position that is stored with a task's states
        takes precedence over the group's offset.
        """
        requested = [TopicPartition(self._names[p.topic], p.number) for p in partitions]
        began_s = time.monotonic()
        while time.monotonic() < began_s + COMMITTED_TIMEOUT_S:
            offsets = self._read_committed(self._consumer, requested)
            if offsets is None and time.monotonic() > began_s + self._transaction_max_s:
                log.warning("the coordinator reports a transaction that must have ended: ignored")
                with closing(read_uncommitted_consumer(self.settings, self.group)) as consumer:
                    offsets = self._read_committed(consumer, requested)
            if offsets is not None:
                return {
                    Partition(self._topics[p.topic], p.partition): max(p.offset, 0) for p in offsets
                }
            time.sleep(RETRY_INTERVAL_S)
        raise FatalClientError("the group's committed offsets cannot be read")

    def _read_committed(
        self, consumer: Consumer, requested: list[TopicPartition]
    ) -> list[TopicPartition] | None:
        try:
            offsets = consumer.committed(requested, timeout=COMMITTED_CALL_S)
            problem = next((p.error.str() for p in offsets if p.error is not None), None)
        except KafkaException as error:
            problem = error.args[0].str()
        if problem is None:
            return offsets
        log.warning("committed offsets not readable yet", extra={"error": problem})
        return None

    def read_from(self, offsets: Mapping[Partition, int]) -> None:
        """Reads from these offsets on. Records that were fetched before are not delivered.

        New partitions are assigned, inside the rebalance callback. For partitions that are assigned
        already the consumer seeks: outside a callback the client would treat an unassign and an
        assign as the answer to a rebalance that is under way, and join the next generation with
        partitions that it must give up.
        """
        positions = [
            TopicPartition(self._names[p.topic], p.number, offset or OFFSET_BEGINNING)
            for p, offset in offsets.items()
        ]
        assigned = {(p.topic, p.partition) for p in self._consumer.assignment()}
        if new := [p for p in positions if (p.topic, p.partition) not in assigned]:
            self._consumer.incremental_assign(new)
        for position in positions:
            if (position.topic, position.partition) in assigned:
                self._seek(position)
        self._consumer.resume(positions)

    def _seek(self, position: TopicPartition) -> None:
        """Seeks, or leaves it to the next poll: the client refuses to seek in a partition that it
        does not fetch yet."""
        try:
            self._consumer.seek(position)
            self._pending_seeks.pop((position.topic, position.partition), None)
        except KafkaException as error:
            log.info("cannot seek yet: trying again", extra={"error": error.args[0].str()})
            self._pending_seeks[position.topic, position.partition] = position

    def pause(self, partitions: Sequence[Partition]) -> None:
        self._consumer.pause([TopicPartition(self._names[p.topic], p.number) for p in partitions])

    def resume(self, partitions: Sequence[Partition]) -> None:
        self._consumer.resume([TopicPartition(self._names[p.topic], p.number) for p in partitions])

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.on_assigned([Partition(self._topics[p.topic], p.partition) for p in partitions])

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.on_revoked([Partition(self._topics[p.topic], p.partition) for p in partitions])
        for p in partitions:
            self._pending_seeks.pop((p.topic, p.partition), None)
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
        timestamp_ms = self._clock.now() // 1_000 if self._clock is not None else 0
        number = -1 if partition is None else partition
        self._producer.send(self._names[topic], value, key, number, timestamp_ms, headers)

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commits with the current metadata of the group. Aborts if this consumer has left the
        group, which the client does not report: its offsets would not be fenced then."""
        positions = [self._position(partition, offset) for partition, offset in offsets.items()]
        group = self._consumer.consumer_group_metadata()
        if not self._consumer.memberid():
            self.abort()
            raise TransactionAborted("this consumer is no member of its group any more")
        self._producer.commit(positions, group)

    def _position(self, partition: Partition, offset: int) -> TopicPartition:
        """The offset with the epoch of the leader that the last record came from. A consumer that
        checks the epoch notices a truncated log."""
        name, number = self._names[partition.topic], partition.number
        epoch = self._leader_epochs.get((name, number), UNKNOWN_EPOCH)
        return TopicPartition(name, number, offset, leader_epoch=epoch)

    def abort(self) -> None:
        self._producer.abort()

    # restoring

    def open_changelog(self, changelog: Partition) -> KafkaChangelogReader:
        try:
            return KafkaChangelogReader(
                self.settings, self._names[changelog.topic], changelog.number
            )
        except KafkaException as error:
            raise FatalClientError(f"{changelog.topic}: {error.args[0].str()}") from error

    def check_identity(self) -> None:
        """Raises IdentityTaken if another process has this one's place in the group."""
        self._membership.check_identity()

    def close(self) -> None:
        self._producer.close()
        self._membership.close()
        self._consumer.close()
