"""The projector: changelogs and facts into PostgreSQL, where the place stands with the rows (design
5).

Kafka's group only shares the work out. Where to read on is what PostgreSQL says when a partition is
claimed; being overtaken, or PostgreSQL gone, means claiming again, and then what was read since
counts for nothing.
"""

import logging
import time
from collections.abc import Callable, Sequence

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from schemas.internal.messages import DeadLetter
from schemas.internal.topics import CHANGELOGS, Topic
from sinks.projection import Overtaken, Projection, SinkUnavailable
from sinks.state_rows import ProjectedRecord, Undecodable
from streams.base.settings import Settings
from streams.base.transport import FatalClientError
from streams.kafka.clients import group_consumer, idempotent_producer
from streams.kafka.errors import is_fatal_for_consumer
from streams.kafka.membership import Membership
from streams.runtime.dead_letter import PROJECTION_FAILED
from streams.runtime.output_encoding import dead_letter_headers

log = logging.getLogger("touchstream.projector")

TOPICS = (*CHANGELOGS, Topic.FACTS)
RECORDS_MAX = 10_000
OUTAGE_S = 0.5
LOOK_S = 2.0
HEAR_S = 3.0
"""An overtaken writer listens to its group for so long, a heartbeat at least, before it claims
again: perhaps the partition is not its own any more."""


class Projector:
    """One writer of the projection."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.group = f"{settings.topic_prefix}projector"
        self.projection = Projection(settings.dsn(), self.group)
        self._names = {settings.topic_prefix + topic.value: topic for topic in TOPICS}
        self._pending: list[ProjectedRecord] = []
        self._next: dict[tuple[str, int], int] = {}
        self._moved: set[tuple[str, int]] = set()
        self._written_at = time.monotonic()
        self._listen_until: float | None = None
        self._stopping: Callable[[], bool] = lambda: False
        self._letters = idempotent_producer(settings)
        self._consumer = group_consumer(
            settings,
            self.group,
            settings.identity(self.group),
            report_partition_ends=True,
            fetch_wait_max_ms=settings.projection_interval_ms // 2,
        )
        self._membership = Membership(
            settings,
            self._consumer,
            self.group,
            settings.identity(self.group),
            list(self._names),
            self._assigned,
            self._revoked,
        )

    def run(self, stopping: Callable[[], bool]) -> None:
        """Until `stopping`; what is read by then and not written is read again by the next.
        Raises Dead."""
        self._stopping = stopping
        while not stopping():
            self.turn()

    def turn(self) -> None:
        """Take what has come; write when it is time."""
        interval = self.settings.projection_interval_ms / 1_000
        left = interval - (time.monotonic() - self._written_at)
        for message in self._messages(max(0.001, min(left, interval))):
            self._take(message)
        if self._listen_until is not None:
            self._begin()  # what is read meanwhile is not ours to write
            if time.monotonic() >= self._listen_until:
                self._claim_again()
            return
        full = len(self._pending) >= RECORDS_MAX
        if not self._next and time.monotonic() - self._written_at >= LOOK_S:
            self._next = self.projection.held()  # a rebuild is noticed where nothing comes, too
        if self._next and (full or time.monotonic() - self._written_at >= interval):
            self._write()

    def _messages(self, wait: float) -> list[Message]:
        """Wakes at the first, then takes what else is there. Partitions come and go inside the
        second call too: what is in hand of them by then counts for nothing."""
        self._membership.check()
        first = self._consumer.consume(1, wait)
        self._moved.clear()
        rest = self._consumer.consume(RECORDS_MAX - 1, 0) if first else []
        return [m for m in first if (m.topic(), m.partition()) not in self._moved] + rest

    def close(self) -> None:
        """Leave the group and PostgreSQL."""
        self._membership.close()
        self._consumer.close()
        self.projection.close()

    def _take(self, message: Message) -> None:
        error, name, number = message.error(), message.topic(), message.partition()
        offset = message.offset()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            if is_fatal_for_consumer(error):
                raise FatalClientError(f"consumer: {error.str()}")
            log.warning("consumer error", extra={"error": error.str()})
            return
        assert name is not None and number is not None and offset is not None
        topic = self._names[name]
        if error is not None:
            self._next[topic, number] = offset  # the end, past control records
            return
        self._pending.append(
            ProjectedRecord(topic, number, offset, message.key() or b"", message.value())
        )
        self._next[topic, number] = offset + 1

    def _write(self) -> None:
        """Rows and places, all or nothing; a record that no table can take is parked alone."""
        try:
            while True:
                try:
                    self.projection.apply(self._pending, self._next)
                    break
                except Undecodable as poison:
                    self._park(poison)
            self._begin()
        except Overtaken as error:
            log.warning("overtaken: listening to the group", extra={"error": error})
            self._begin()
            self._listen_until = time.monotonic() + HEAR_S
        except SinkUnavailable as error:
            log.warning("PostgreSQL not to be reached: waiting", extra={"error": error})
            time.sleep(OUTAGE_S)
            self._claim_again()

    def _begin(self) -> None:
        self._pending, self._next = [], {}
        self._written_at = time.monotonic()

    def _park(self, poison: Undecodable) -> None:
        place = (poison.topic, poison.partition, poison.offset)
        found = next(r for r in self._pending if r[:3] == place)
        log.error(
            "record cannot be projected: dead letter",
            extra={"topic": poison.topic, "partition": poison.partition, "offset": poison.offset},
        )
        letter = DeadLetter(PROJECTION_FAILED, str(poison)[:300], *place, found[3], found[4])
        self._letters.produce(
            self.settings.topic_prefix + Topic.DEAD_LETTERS,
            letter.value,
            letter.key,
            headers=dead_letter_headers(letter),
        )
        if self._letters.flush(15):
            raise FatalClientError("a dead letter could not be written")
        self._pending.remove(found)

    # places

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._moved |= {(p.topic, p.partition) for p in partitions}
        consumer.incremental_assign(self._claim(partitions))

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._moved |= {(p.topic, p.partition) for p in partitions}
        gone = {(self._names[p.topic], p.partition) for p in partitions}
        for topic, number in gone:
            self.projection.release(topic, number)
            self._next.pop((topic, number), None)
        self._pending = [r for r in self._pending if (r[0], r[1]) not in gone]
        consumer.incremental_unassign(partitions)

    def _claim_again(self) -> None:
        """As if all had just been assigned. Sought, not assigned again: outside a callback the
        client would take that for the answer to a rebalance that is under way."""
        self._begin()
        try:
            for place in self._claim(self._consumer.assignment()):
                self._consumer.seek(place)
            self._listen_until = None
        except KafkaException as error:  # not fetched yet, so not to be sought: a moment later
            log.info("not to be sought yet", extra={"error": error.args[0].str()})
            self._listen_until = time.monotonic() + OUTAGE_S

    def _claim(self, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
        """Where each is to be read from; nothing once asked to stop while PostgreSQL is away."""
        while not self._stopping():
            try:
                return [
                    TopicPartition(
                        p.topic,
                        p.partition,
                        self.projection.claim(self._names[p.topic], p.partition)
                        or OFFSET_BEGINNING,
                    )
                    for p in partitions
                ]
            except SinkUnavailable as error:
                log.warning("PostgreSQL not to be reached: waiting", extra={"error": error})
                time.sleep(OUTAGE_S)
        return []
