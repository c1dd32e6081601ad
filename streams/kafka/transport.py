"""The transport port over Kafka: one consumer in a group, and one transactional producer with a
stable id."""

import logging
from collections.abc import Callable, Mapping, Sequence
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
from streams.base.transport import (
    FatalClientError,
    GroupOffset,
    Headers,
    LogChanged,
    Partition,
    TransactionAborted,
)
from streams.kafka.changelog_reader import KafkaChangelogReader
from streams.kafka.clients import group_consumer
from streams.kafka.errors import fatal_error, is_fatal_for_consumer
from streams.kafka.inquiry import KafkaInquiry
from streams.kafka.membership import Membership
from streams.kafka.producer import TransactionalProducer

log = logging.getLogger("touchstream.kafka")

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
        self._producer.serve()
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
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise LogChanged(
                f"{message.topic()}[{message.partition()}] does not have the next record any more: "
                f"{error.str()}"
            )
        if is_fatal_for_consumer(error):
            raise fatal_error("consumer", error)
        log.warning("consumer error", extra={"error": error.str(), "code": error.name()})

    def hold(self, partitions: Sequence[Partition]) -> None:
        """Assigns new partitions, paused, so that nothing is fetched of them until `read_from`. It
        assigns them at their beginning: from there a record may come twice, and none is missed."""
        positions = self._positions_of(dict.fromkeys(partitions, 0))
        assigned = self._assigned_names()
        if new := [p for p in positions if (p.topic, p.partition) not in assigned]:
            self._consumer.incremental_assign(new)
        self._consumer.pause(positions)

    def inquire(self, partitions: Sequence[Partition]) -> KafkaInquiry:
        return KafkaInquiry(self.settings, self.group, partitions)

    def read_from(
        self, offsets: Mapping[Partition, int], leader_epochs: Mapping[Partition, int] | None = None
    ) -> None:
        """Reads from these offsets on. Records that were fetched before are not delivered.

        The partitions are assigned already (`hold`), so the consumer seeks: outside of a rebalance
        callback the client would treat an unassign and an assign as the answer to a rebalance that
        is under way, and join the next generation with partitions that it must give up.
        """
        for partition, epoch in (leader_epochs or {}).items():
            self._leader_epochs[self._names[partition.topic], partition.number] = epoch
        positions = self._positions_of(offsets)
        for position in positions:
            self._seek(position)
        self._consumer.resume(positions)

    def _positions_of(self, offsets: Mapping[Partition, int]) -> list[TopicPartition]:
        """The offsets with the epoch of the leader that their records came from: with it the client
        asks the broker whether the log still has these records."""
        return [
            TopicPartition(
                self._names[p.topic],
                p.number,
                offset or OFFSET_BEGINNING,
                leader_epoch=self.leader_epoch(p) if offset > 0 else UNKNOWN_EPOCH,
            )
            for p, offset in offsets.items()
        ]

    def _assigned_names(self) -> set[tuple[str, int]]:
        return {(p.topic, p.partition) for p in self._consumer.assignment()}

    def leader_epoch(self, partition: Partition) -> int:
        name = self._names[partition.topic], partition.number
        return self._leader_epochs.get(name, UNKNOWN_EPOCH)

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

    def commit(self, offsets: Mapping[Partition, GroupOffset]) -> None:
        """Commits with the current metadata of the group, and with the epoch of the leader that the
        last record came from. Aborts if this consumer has left the group, which the client does not
        report: its offsets would not be fenced then."""
        positions = [
            TopicPartition(
                self._names[p.topic],
                p.number,
                committed.offset,
                metadata=committed.metadata,
                leader_epoch=self.leader_epoch(p),
            )
            for p, committed in offsets.items()
        ]
        group = self._consumer.consumer_group_metadata()
        if not self._consumer.memberid():
            self.abort()
            raise TransactionAborted("this consumer is no member of its group any more")
        self._producer.commit(positions, group)

    def abort(self) -> None:
        self._producer.abort()

    # restoring

    def open_changelog(self, changelog: Partition, end_offset: int) -> KafkaChangelogReader:
        name = self._names[changelog.topic]
        try:
            return KafkaChangelogReader(self.settings, name, changelog.number, end_offset)
        except KafkaException as error:
            raise FatalClientError(f"{changelog.topic}: {error.args[0].str()}") from error

    def check_identity(self) -> None:
        """Raises IdentityTaken if another process has this one's place in the group."""
        self._membership.check_identity()

    def close(self) -> None:
        self._producer.close()
        self._membership.close()  # before the consumer
        self._consumer.close()
