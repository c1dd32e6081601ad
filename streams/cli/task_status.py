"""Where every task stands, as Kafka tells it: offsets, owners, and the last place in a changelog.

Lag is counted, not computed: control records and aborted ones stand between two offsets too. Where
there is too much to count, the difference of the offsets stands for it, and is marked as a limit.
"""

import time
from collections.abc import Mapping

import msgspec
from confluent_kafka import Consumer, KafkaError, TopicPartition

from schemas.internal.state_bytes import payload_of
from schemas.internal.states import POSITION_KEY, TaskPosition
from schemas.internal.topics import CHANGELOG_OF
from streams.cli.group_offsets import ROLE_TOPICS, At, BrokerQueries
from streams.kafka.clients import read_committed_consumer

COUNT_MAX = 20_000
COUNT_S = 2.0
WINDOW = 200
WINDOW_S = 5.0

_decode_place = msgspec.msgpack.Decoder(TaskPosition).decode


class TaskStatus(msgspec.Struct, kw_only=True):
    """One role's work on one partition. Times are micros; None is what nobody can tell."""

    role: str
    topic: str
    partition: int
    worker: str | None
    lag: int | None
    lag_exact: bool = True
    stream_time: int | None = None
    timers: int | None = None
    next_due: int | None = None


def collect(broker: BrokerQueries, projected: Mapping[At, int] | None) -> list[TaskStatus]:
    """Every task of every role. `projected` is where PostgreSQL stands, None if nobody knows."""
    owners = broker.owners([*ROLE_TOPICS])
    stands = {role: broker.committed(role) for role in ROLE_TOPICS if role != "projector"}
    every = sorted({at for role in ROLE_TOPICS for at in broker.places_of(role)})
    ends, begins = broker.ends(every), broker.ends(every, first=True)
    if projected is not None:
        stands["projector"] = dict(projected)
    lags = {
        role: _lags(
            broker, role, {**{at: begins[at] for at in broker.places_of(role)}, **found}, ends
        )
        for role, found in stands.items()
    }
    places = _last_places(broker, ends, begins)
    return [
        _task(role, at, owners[role].get(at), lags.get(role, {}).get(at), places.get(at))
        for role in ROLE_TOPICS
        for at in broker.places_of(role)
    ]


def _task(
    role: str, at: At, worker: str | None, lag: tuple[int, bool] | None, place: TaskPosition | None
) -> TaskStatus:
    task = TaskStatus(
        role=role,
        topic=at[0].value,
        partition=at[1],
        worker=worker,
        lag=None if lag is None else lag[0],
        lag_exact=lag is None or lag[1],
    )
    if place is not None and at[0] in CHANGELOG_OF:
        task.stream_time, task.timers, task.next_due = (
            place.stream_time,
            place.timers,
            place.next_due,
        )
    return task


def _lags(
    broker: BrokerQueries, role: str, stands: Mapping[At, int], ends: Mapping[At, int]
) -> dict[At, tuple[int, bool]]:
    """How many records are still to be read, and whether that was counted."""
    far = {at: ends[at] - stands[at] for at in broker.places_of(role)}
    behind = {at: stands[at] for at, distance in far.items() if distance > 0}
    counted = _count(broker, behind)
    return {
        at: (0, True)
        if distance <= 0
        else (counted[at], True)
        if at in counted
        else (distance, False)
        for at, distance in far.items()
    }


def _count(broker: BrokerQueries, behind: Mapping[At, int]) -> dict[At, int]:
    """The records from there to the end, for each partition whose end was reached in time."""
    if not behind:
        return {}
    consumer = read_committed_consumer(broker.settings)
    consumer.assign([_at_offset(broker, at, offset) for at, offset in behind.items()])
    found = dict.fromkeys(behind, 0)
    done: set[At] = set()
    deadline = time.monotonic() + COUNT_S
    while len(done) < len(behind) and time.monotonic() < deadline:
        for message in consumer.consume(1_000, 0.05):
            at = broker.at(TopicPartition(message.topic() or "", message.partition() or 0))
            error = message.error()
            if error is None:
                found[at] += 1
            elif error.code() == KafkaError._PARTITION_EOF:
                done.add(at)
        if sum(found.values()) > COUNT_MAX:
            break
    consumer.close()
    return {at: found[at] for at in done}


def _at_offset(broker: BrokerQueries, at: At, offset: int) -> TopicPartition:
    place = broker.name(at)
    place.offset = offset
    return place


def _last_places(
    broker: BrokerQueries, ends: Mapping[At, int], begins: Mapping[At, int]
) -> dict[At, TaskPosition]:
    """The last place of each task, by its log: read from the end of its changelog."""
    found = {}
    consumer = read_committed_consumer(broker.settings)
    for log, changelog in CHANGELOG_OF.items():
        for number in range(broker.layout.partitions(log)):
            at = (changelog, number)
            place = _last_place(consumer, broker.name(at), begins[at], ends[at])
            if place is not None:
                found[log, number] = place
    consumer.close()
    return found


def _last_place(
    consumer: Consumer, at: TopicPartition, begin: int, end: int
) -> TaskPosition | None:
    """A window from the end, wider until there is one in it."""
    window = WINDOW
    while end > begin:
        at.offset = max(begin, end - window)
        value = _last_meta(consumer, at, end)
        if value is not None:
            return _decode_place(payload_of(value))
        if at.offset == begin:
            return None
        window *= 10
    return None


def _last_meta(consumer: Consumer, at: TopicPartition, end: int) -> bytes | None:
    consumer.assign([at])
    value: bytes | None = None
    deadline = time.monotonic() + WINDOW_S
    done = False
    while not done and time.monotonic() < deadline:
        for message in consumer.consume(1_000, 0.05):
            done = done or message.error() is not None or (message.offset() or 0) >= end - 1
            if message.error() is None and message.key() == POSITION_KEY:
                value = message.value()
    return value
