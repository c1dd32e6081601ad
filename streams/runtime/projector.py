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
from sinks.connection import SinkRefused, SinkUnavailable
from sinks.projection import OtherTopic, Overtaken, Projection
from sinks.state_rows import ProjectedRecord, Undecodable
from streams.base.settings import Settings
from streams.base.transport import FatalClientError, LogChanged
from streams.kafka.clients import group_consumer, idempotent_producer
from streams.kafka.errors import fatal_error, is_fatal_for_consumer
from streams.kafka.membership import Membership
from streams.kafka.topic_extent import TopicExtent, extents_of
from streams.runtime.dead_letter import DETAIL_MAX, PROJECTION_FAILED
from streams.runtime.output_encoding import dead_letter_headers

log = logging.getLogger("touchstream.projector")

TOPICS = (*CHANGELOGS, Topic.FACTS)
RECORDS_MAX = 10_000
FLUSH_TIMEOUT_S = 15
OUTAGE_WAIT_S = 0.5
OUTAGE_REPORT_S = 30.0
"""How often the log repeats that the projector still waits for PostgreSQL."""

ATTEMPTS_MAX = 10
"""A place that does not fit its topic is claimed again so often, each time after OUTAGE_WAIT_S: a
broker that has just become the leader may answer from before."""

REBUILD = "`touchstream rebuild` fills the tables again from the topics"
ACCEPT = "`touchstream rebuild --accept-cut` keeps the rows and goes on with what the topic has"
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
        self._claimed_before = False
        self._outage = ("", 0.0)  # the reported reason, and when
        self._attempt = 1  # to claim places that do not fit their topics
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
        then are read again by the next process. Raises FatalClientError, LogChanged if a place does
        not fit its topic, StateTooNew and NotReadable for records of a later version, and
        SinkRefused if PostgreSQL has never been as it must be; one that was so before is waited
        for."""
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
        self._dead_letters.poll(0)
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
        self._dead_letters.poll(0)
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
        except (SinkUnavailable, SinkRefused) as error:
            self._drop_batch()
            self._wait(error)

    def _wait(self, error: Exception) -> None:
        """Stops reading until the partitions are claimed again. Kafka is polled meanwhile: an
        outage does not cost the membership of the group."""
        reason, reported_s = self._outage
        if str(error) != reason or time.monotonic() - reported_s > OUTAGE_REPORT_S:
            log.warning("the partitions cannot be claimed: waiting", extra={"error": error})
            self._outage = str(error), time.monotonic()
        self._consumer.pause(self._consumer.assignment())
        self._claim_again_s = time.monotonic() + OUTAGE_WAIT_S

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
        try:
            positions = self._claim(partitions)
        except (SinkUnavailable, SinkRefused, LogChanged, KafkaException) as error:
            positions = [TopicPartition(p.topic, p.partition, OFFSET_BEGINNING) for p in partitions]
            consumer.incremental_assign(positions)
            self._wait(error)  # the loop claims them, and decides about a refusal
        else:
            consumer.incremental_assign(positions)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._rebalanced |= {(p.topic, p.partition) for p in partitions}
        gone = {(self._names[p.topic], p.partition) for p in partitions}
        for topic, number in gone:
            self.projection.release(topic, number)
            self._next_offsets.pop((topic, number), None)
        self._pending = [r for r in self._pending if (r[0], r[1]) not in gone]
        # The client would keep an outage's pause until the partition comes back, and after that.
        consumer.resume(partitions)
        consumer.incremental_unassign(partitions)

    def _claim_again(self) -> None:
        """Claims all assigned partitions again and reads from the claimed positions on. It seeks
        and does not assign: outside a callback the client would treat an assign as the answer to a
        rebalance that is under way."""
        self._drop_batch()
        assigned = self._consumer.assignment()
        try:
            positions = self._claim(assigned)
        except (SinkUnavailable, KafkaException) as error:
            self._wait(error)
            return
        except SinkRefused as error:
            if not self._claimed_before:
                raise
            self._wait(error)
            return
        except LogChanged as error:
            if self._attempt >= ATTEMPTS_MAX:
                raise
            self._attempt += 1
            self._wait(error)
            return
        try:
            for position in positions:
                self._consumer.seek(position)
            self._consumer.resume(assigned)
            self._claim_again_s = None
        except KafkaException as error:  # the client does not fetch a partition yet
            log.info("cannot seek yet: trying again", extra={"error": error.args[0].str()})
            self._claim_again_s = time.monotonic() + OUTAGE_WAIT_S

    def _claim(self, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
        """Claims the partitions and returns the positions to read from. Raises SinkUnavailable,
        SinkRefused, LogChanged, KafkaException."""
        extents = extents_of(self.settings, [(p.topic, p.partition) for p in partitions])
        claimed = []
        for p in partitions:
            topic, extent = self._names[p.topic], extents[p.topic, p.partition]
            try:
                place = self.projection.claim(topic, p.partition, extent.topic_id)
            except OtherTopic as error:
                raise LogChanged(
                    f"{topic}[{p.partition}]: the topic was deleted and made anew since it was "
                    f"projected up to offset {error.next_offset}. {REBUILD}"
                ) from error
            if problem := problem_of(topic, p.partition, place, extent):
                raise LogChanged(problem)
            claimed.append(TopicPartition(p.topic, p.partition, place or OFFSET_BEGINNING))
        if claimed:
            self._claimed_before, self._attempt = True, 1
            if self._outage[0]:
                log.info("the partitions are claimed again")
                self._outage = "", 0.0
        return claimed


def problem_of(topic: Topic, number: int, place: int, extent: TopicExtent) -> str | None:
    """Why the projection must not go on at this place of a partition, and what to do; None if it
    may. At place 0 it begins with what the topic has."""
    where, begin = f"{topic}[{number}]", extent.start_offset
    if place > extent.end_offset:
        return f"{where} ends at {extent.end_offset}, before its place {place}. {REBUILD}"
    if 0 < place < begin:
        return (
            f"{where} is cut at {begin}: {begin - place} records from {place} on were deleted "
            f"before they were projected. {ACCEPT if topic is Topic.FACTS else REBUILD}"
        )
    return None
