"""The status of every task, read from Kafka: worker, lag, and the last position in its changelog.

The lag counts records: the difference of two offsets would also count control records and aborted
ones. Where there is too much to count, the difference of the offsets is an upper limit.
"""

import time
from collections.abc import Mapping

import msgspec
from confluent_kafka import Consumer, KafkaError, TopicPartition

from schemas.base.times import MomentUs
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import POSITION_KEY, TaskPosition
from schemas.internal.topics import CHANGELOG_OF
from streams.base.transport import Partition
from streams.cli.group_offsets import ROLE_TOPICS, GroupOffsets
from streams.kafka.clients import read_committed_consumer

COUNTED_MAX = 20_000
COUNT_TIMEOUT_S = 2.0
WINDOW_RECORDS = 200
WINDOW_TIMEOUT_S = 5.0

_decode_position = msgspec.msgpack.Decoder(TaskPosition).decode


class TaskStatus(msgspec.Struct, kw_only=True):
    """One role's work on one partition, as `status --json` prints it. None: not known.

    With `lag_exact=False` the lag is an upper limit.
    """

    role: str
    topic: str
    partition: int
    worker: str | None
    lag: int | None
    lag_exact: bool = True
    stream_time: MomentUs | None = None
    timers: int | None = None
    next_due: MomentUs | None = None


def read_task_status(
    broker: GroupOffsets, projected: Mapping[Partition, int] | None
) -> list[TaskStatus]:
    """The status of every task of every role. `projected` is the projector's next offset by
    partition, from PostgreSQL; None if PostgreSQL does not answer."""
    owners = broker.owners([*ROLE_TOPICS])
    committed = {role: broker.committed(role) for role in ROLE_TOPICS if role != "projector"}
    partitions = sorted({p for role in ROLE_TOPICS for p in broker.partitions_of(role)})
    ends, beginnings = broker.ends(partitions), broker.beginnings(partitions)
    if projected is not None:
        committed["projector"] = dict(projected)
    lags = {
        role: _lags(
            broker, {p: offsets.get(p, beginnings[p]) for p in broker.partitions_of(role)}, ends
        )
        for role, offsets in committed.items()
    }
    positions = _last_positions(broker, ends, beginnings)
    return [
        _task_status(
            role,
            partition,
            owners[role].get(partition),
            lags.get(role, {}).get(partition),
            positions.get(partition),
        )
        for role in ROLE_TOPICS
        for partition in broker.partitions_of(role)
    ]


def _task_status(
    role: str,
    partition: Partition,
    worker: str | None,
    lag: tuple[int, bool] | None,
    position: TaskPosition | None,
) -> TaskStatus:
    status = TaskStatus(
        role=role,
        topic=partition.topic.value,
        partition=partition.number,
        worker=worker,
        lag=None if lag is None else lag[0],
        lag_exact=lag is None or lag[1],
    )
    if position is not None and partition.topic in CHANGELOG_OF:
        status.stream_time = position.stream_time
        status.timers = position.timers
        status.next_due = position.next_due
    return status


def _lags(
    broker: GroupOffsets, offsets: Mapping[Partition, int], ends: Mapping[Partition, int]
) -> dict[Partition, tuple[int, bool]]:
    """The lag of each partition of `offsets`, and whether it was counted exactly."""
    behind = {p: offset for p, offset in offsets.items() if offset < ends[p]}
    counted = _count_records(broker, behind)
    lags = {}
    for partition, offset in offsets.items():
        if partition not in behind:
            lags[partition] = (0, True)
        elif partition in counted:
            lags[partition] = (counted[partition], True)
        else:
            lags[partition] = (ends[partition] - offset, False)
    return lags


def _count_records(broker: GroupOffsets, begins: Mapping[Partition, int]) -> dict[Partition, int]:
    """The records between an offset and the end, for each partition whose end was reached within
    COUNT_TIMEOUT_S and COUNTED_MAX records."""
    if not begins:
        return {}
    consumer = read_committed_consumer(broker.settings)
    consumer.assign([_at_offset(broker, p, offset) for p, offset in begins.items()])
    counts = dict.fromkeys(begins, 0)
    finished: set[Partition] = set()
    deadline = time.monotonic() + COUNT_TIMEOUT_S
    while len(finished) < len(begins) and time.monotonic() < deadline:
        for message in consumer.consume(1_000, 0.05):
            named = TopicPartition(message.topic() or "", message.partition() or 0)
            error = message.error()
            if error is None:
                counts[broker.partition(named)] += 1
            elif error.code() == KafkaError._PARTITION_EOF:
                finished.add(broker.partition(named))
        if sum(counts.values()) > COUNTED_MAX:
            break
    consumer.close()
    return {partition: counts[partition] for partition in finished}


def _at_offset(broker: GroupOffsets, partition: Partition, offset: int) -> TopicPartition:
    named = broker.topic_partition(partition)
    named.offset = offset
    return named


def _last_positions(
    broker: GroupOffsets, ends: Mapping[Partition, int], beginnings: Mapping[Partition, int]
) -> dict[Partition, TaskPosition]:
    """The last position of each task, by the partition of its log."""
    positions = {}
    consumer = read_committed_consumer(broker.settings)
    for log, changelog in CHANGELOG_OF.items():
        for number in range(broker.layout.partitions(log)):
            partition = Partition(changelog, number)
            named = broker.topic_partition(partition)
            position = _last_position(consumer, named, beginnings[partition], ends[partition])
            if position is not None:
                positions[Partition(log, number)] = position
    consumer.close()
    return positions


def _last_position(
    consumer: Consumer, changelog: TopicPartition, begin: int, end: int
) -> TaskPosition | None:
    """The last position in a changelog partition: reads WINDOW_RECORDS offsets before the end, then
    ten times as many, until the window holds a position or begins at the beginning."""
    window = WINDOW_RECORDS
    while end > begin:
        changelog.offset = max(begin, end - window)
        value = _last_position_value(consumer, changelog, end)
        if value is not None:
            return _decode_position(payload_of(value))
        if changelog.offset == begin:
            return None
        window *= 10
    return None


def _last_position_value(consumer: Consumer, begin: TopicPartition, end: int) -> bytes | None:
    consumer.assign([begin])
    value: bytes | None = None
    deadline = time.monotonic() + WINDOW_TIMEOUT_S
    at_end = False
    while not at_end and time.monotonic() < deadline:
        for message in consumer.consume(1_000, 0.05):
            at_end = at_end or message.error() is not None or (message.offset() or 0) >= end - 1
            if message.error() is None and message.key() == POSITION_KEY:
                value = message.value()
    return value
