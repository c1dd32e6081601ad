"""The projector: reads changelogs and facts, and writes them to PostgreSQL together with the
position of each partition (promise 8).

Kafka's group only distributes the partitions. The position from which a partition is read comes
from PostgreSQL, when the partition is claimed. When another writer has overtaken this one, or
PostgreSQL was away, the projector drops the records it has read and claims its partitions again.
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
from streams.kafka.errors import fatal_error, is_fatal_for_consumer
from streams.kafka.membership import Membership
from streams.runtime.dead_letter import DETAIL_MAX, PROJECTION_FAILED
from streams.runtime.output_encoding import dead_letter_headers

log = logging.getLogger("touchstream.projector")

TOPICS = (*CHANGELOGS, Topic.FACTS)
RECORDS_MAX = 10_000
FLUSH_TIMEOUT_S = 15
OUTAGE_WAIT_S = 0.5
CLAIM_CHECK_S = 2.0
OVERTAKEN_WAIT_S = 3.0
"""The time between being overtaken and claiming again. It is longer than a heartbeat, so that the
group can revoke a partition that belongs to another member by now."""


class Projector:
    """One writer of the projection: one process of the role projector."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.group = f"{settings.topic_prefix}projector"
        self.projection = Projection(settings.dsn(), self.group)
        self._names = {settings.topic_prefix + topic.value: topic for topic in TOPICS}
        self._pending: list[ProjectedRecord] = []
        self._next_offsets: dict[tuple[str, int], int] = {}
        self._rebalanced: set[tuple[str, int]] = set()
        self._written_s = time.monotonic()
        self._claim_again_s: float | None = None
        self._stopping: Callable[[], bool] = lambda: False
        self._dead_letters = idempotent_producer(settings)
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
        """Runs the loop until `stopping` returns true. Records that are read and not written by
        then are read again by the next process. Raises FatalClientError."""
        self._stopping = stopping
        while not stopping():
            self.run_round()

    def run_round(self) -> None:
        """One round of the loop: reads the records that have arrived, and writes the batch when
        it is full or its interval is over."""
        interval_s = self.settings.projection_interval_ms / 1_000
        left_s = interval_s - (time.monotonic() - self._written_s)
        for message in self._messages(max(0.001, min(left_s, interval_s))):
            self._add(message)
        if self._claim_again_s is not None:
            self._drop_batch()  # the claims are void, so these records must not be written
            if time.monotonic() >= self._claim_again_s:
                self._claim_again()
            return
        full = len(self._pending) >= RECORDS_MAX
        if not self._next_offsets and time.monotonic() - self._written_s >= CLAIM_CHECK_S:
            # Writing the same positions notices a rebuild where no records arrive.
            self._next_offsets = self.projection.held()
        if self._next_offsets and (full or time.monotonic() - self._written_s >= interval_s):
            self._write()

    def _messages(self, wait_s: float) -> list[Message]:
        """Waits for the first message, then takes those that are there already. The second call may
        rebalance too; the first message does not count then, if its partition was concerned."""
        self._membership.check()
        first = self._consumer.consume(1, wait_s)
        self._rebalanced.clear()
        rest = self._consumer.consume(RECORDS_MAX - 1, 0) if first else []
        return [m for m in first if (m.topic(), m.partition()) not in self._rebalanced] + rest

    def check_identity(self) -> None:
        """Raises IdentityTaken if another process has this one's place in the group."""
        self._membership.check_identity()

    def close(self) -> None:
        """Leaves the group and closes the connection to PostgreSQL."""
        self._membership.close()
        self._consumer.close()
        self.projection.close()

    def _add(self, message: Message) -> None:
        error, name, number = message.error(), message.topic(), message.partition()
        offset = message.offset()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            if is_fatal_for_consumer(error):
                raise fatal_error("consumer", error)
            log.warning("consumer error", extra={"error": error.str()})
            return
        assert name is not None and number is not None and offset is not None
        topic = self._names[name]
        if error is not None:
            self._next_offsets[topic, number] = offset  # the end lies behind control records
            return
        self._pending.append(
            ProjectedRecord(topic, number, offset, message.key() or b"", message.value())
        )
        self._next_offsets[topic, number] = offset + 1

    def _write(self) -> None:
        """Writes rows and positions in one transaction. A record that no table can take becomes a
        dead letter, and the others are written."""
        try:
            while True:
                try:
                    self.projection.apply(self._pending, self._next_offsets)
                    break
                except Undecodable as poison:
                    self._write_dead_letter(poison)
            self._drop_batch()
        except Overtaken as error:
            log.warning("overtaken: waiting for the group", extra={"error": error})
            self._drop_batch()
            self._claim_again_s = time.monotonic() + OVERTAKEN_WAIT_S
        except SinkUnavailable as error:
            log.warning("PostgreSQL not to be reached: waiting", extra={"error": error})
            time.sleep(OUTAGE_WAIT_S)
            self._claim_again()

    def _drop_batch(self) -> None:
        self._pending, self._next_offsets = [], {}
        self._written_s = time.monotonic()

    def _write_dead_letter(self, poison: Undecodable) -> None:
        origin = (poison.topic, poison.partition, poison.offset)
        record = next(r for r in self._pending if r[:3] == origin)
        log.error(
            "record cannot be projected: dead letter",
            extra={"partition": f"{poison.topic}[{poison.partition}]", "offset": poison.offset},
        )
        detail = str(poison)[:DETAIL_MAX]
        letter = DeadLetter(PROJECTION_FAILED, detail, *origin, record.key, record.value)
        self._dead_letters.produce(
            self.settings.topic_prefix + Topic.DEAD_LETTERS,
            letter.value,
            letter.key,
            headers=dead_letter_headers(letter),
        )
        if self._dead_letters.flush(FLUSH_TIMEOUT_S):
            raise FatalClientError("a dead letter could not be written")
        self._pending.remove(record)

    # claims

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._rebalanced |= {(p.topic, p.partition) for p in partitions}
        consumer.incremental_assign(self._claim(partitions))

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._rebalanced |= {(p.topic, p.partition) for p in partitions}
        gone = {(self._names[p.topic], p.partition) for p in partitions}
        for topic, number in gone:
            self.projection.release(topic, number)
            self._next_offsets.pop((topic, number), None)
        self._pending = [r for r in self._pending if (r[0], r[1]) not in gone]
        consumer.incremental_unassign(partitions)

    def _claim_again(self) -> None:
        """Claims all assigned partitions again and reads from the claimed positions on. It seeks
        and does not assign: outside a callback the client would treat an assign as the answer to a
        rebalance that is under way."""
        self._drop_batch()
        try:
            for position in self._claim(self._consumer.assignment()):
                self._consumer.seek(position)
            self._claim_again_s = None
        except KafkaException as error:  # the client does not fetch a partition yet
            log.info("cannot seek yet: trying again", extra={"error": error.args[0].str()})
            self._claim_again_s = time.monotonic() + OUTAGE_WAIT_S

    def _claim(self, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
        """Claims the partitions and returns the positions to read from. Waits while PostgreSQL is
        away; returns nothing if the process is to stop meanwhile."""
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
                time.sleep(OUTAGE_WAIT_S)
        return []
