"""The records and bytes that one touch costs on every topic, end to end: due, requested, commanded,
sent, projected.

Counted are committed records with the bytes of key, value and headers, without Kafka's framing. A
transaction also writes a marker into each partition that it has touched; markers depend on how many
touches share a commit, so they have a row of their own.
"""

import time
from typing import Any, NamedTuple

import psycopg
from confluent_kafka import TopicPartition

from bench import engine, flow
from bench.harness import topics
from bench.report import Figure
from schemas.base.times import SECOND
from schemas.internal.topics import ONE_MACHINE, Topic
from sinks.projection import rebuild
from streams.base.settings import Settings
from streams.kafka.clients import read_committed_consumer

TARGET = 6.0
"""Half of the twelve records that a touch cost when this figure was made."""

PER_SECOND = 500
SECONDS, SECONDS_QUICK = 30, 4
LEAD_S = 15
"""About so long the roles need to start. Touches that are due earlier go in larger commits."""

TIMEOUT_S = 120


class TopicTraffic(NamedTuple):
    """What the engine wrote to one topic during the measurement: how many records, their bytes, and
    how many markers of transactions."""

    records: int
    bytes: int
    markers: int


def run(quick: bool = False) -> Figure:
    """Lets touches become due, and counts what was written until the last one is projected."""
    touches = PER_SECOND * (SECONDS_QUICK if quick else SECONDS)
    with flow.servers() as (settings, _), topics(settings, ONE_MACHINE) as named:
        found = _traffic_of(named, touches)
    used = {topic: each for topic, each in found.items() if each.records}
    records = sum(each.records for each in used.values()) / touches
    size = sum(each.bytes for each in used.values()) / touches
    markers = sum(each.markers for each in used.values()) / touches
    return Figure(
        name="traffic",
        what="records of all topics that a touch costs until it is sent and projected",
        value=round(records, 2),
        unit="records a touch",
        target=TARGET,
        at_most=True,
        ratio=round(records / TARGET, 3),
        of="the records allowed",
        runs=[round(records, 2)],
        settings={"touches": touches, "touches a second": PER_SECOND},
        beside={
            f"{topic}, a touch": {
                "records": round(each.records / touches, 3),
                "bytes": round(each.bytes / touches),
            }
            for topic, each in used.items()
        }
        | {"bytes a touch": round(size), "markers of transactions a touch": round(markers, 2)},
    )


def _traffic_of(settings: Settings, touches: int) -> dict[Topic, TopicTraffic]:
    rebuild(settings.dsn())
    begin = time.time_ns() // 1_000 + LEAD_S * SECOND
    flow.fill_waiting(settings, touches, begin, PER_SECOND)
    before = {topic: _end(settings, topic) for topic in Topic}
    with (
        engine.run_roles(settings, flow.ROLES),
        engine.run_sender(settings, ONE_MACHINE.commands),
        psycopg.connect(settings.dsn(), autocommit=True) as connection,
    ):
        deadline = time.monotonic() + TIMEOUT_S + touches / PER_SECOND
        while (shown := flow.projected_sends(connection)) < touches:
            if time.monotonic() > deadline:
                raise RuntimeError(f"only {shown} of {touches} touches are projected")
            time.sleep(0.2)
    return {topic: _written(settings, topic, offset) for topic, offset in before.items()}


def _end(settings: Settings, topic: Topic) -> int:
    """The end of the only partition of a topic."""
    consumer = read_committed_consumer(settings)
    place = TopicPartition(settings.topic_prefix + topic, 0)
    _, end = consumer.get_watermark_offsets(place, timeout=15)
    consumer.close()
    return int(end)


def _written(settings: Settings, topic: Topic, offset: int) -> TopicTraffic:
    """What the partition has since an offset."""
    consumer = read_committed_consumer(settings)
    consumer.assign([TopicPartition(settings.topic_prefix + topic, 0, offset)])
    records = size = 0
    end: int | None = None
    while end is None:
        for message in consumer.consume(10_000, 0.1):
            if message.error() is not None:
                end = message.offset() or 0
                continue
            records += 1
            size += len(message.key() or b"") + len(message.value() or b"")
            headers: Any = message.headers() or []
            size += sum(len(name) + len(value or b"") for name, value in headers)
    consumer.close()
    return TopicTraffic(records, size, end - offset - records)
