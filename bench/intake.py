"""Throughput of intake: public events in; validated messages in contact-log out."""

import time
from collections.abc import Iterator
from typing import Any

from bench import people, profile
from bench.harness import (
    InputRecord,
    Measurement,
    Stopwatch,
    broker,
    fill,
    run_pinned,
    topics,
)
from bench.our_engine import run_until_committed
from bench.report import Figure, rounded_median
from schemas.base.times import HOUR, SECOND
from schemas.internal.topics import Topic
from schemas.public.codec import Decoder, Encoding, encode_event
from schemas.public.events import EVENTS
from schemas.public.example_events import sample_model
from streams.base.settings import Settings
from streams.runtime.role_process import build_worker

TARGET = 60_000
ROUNDS = 3
VARIANTS = 2_000
MIX = ("job.completed", "touch.sent", "touch.delivered", "touch.opened", "touch.clicked")


def run_json(quick: bool = False) -> Figure:
    """Measures events in JSON."""
    return _run("json", quick)


def run_avro(quick: bool = False) -> Figure:
    """Measures events in Avro with single-object encoding."""
    return _run("avro", quick)


def events(encoding: Encoding, number: int) -> Iterator[tuple[Topic, InputRecord]]:
    """Yields jobs and senders' answers, one of each kind in turn, each with its topic. Every event
    has its own id."""
    now = time.time_ns() // 1_000
    values = [_encoded(encoding, index, now) for index in range(VARIANTS)]
    for index in range(number):
        topic, key, headers, value = values[index % VARIANTS]
        own_headers = [
            (name, f"{index:012}".encode() if name == "ce_id" else v) for name, v in headers
        ]
        yield topic, InputRecord(key, value, list(own_headers))


def process_with_kafka(settings: Settings, number: int) -> Measurement:
    """Processes `number` events with worker and transport, as `touchstream run` builds them."""
    worker, transport = build_worker("intake", settings)
    spent = run_until_committed(worker, number)
    transport.close()
    return spent


def decode_alone(encoding: Encoding, number: int) -> Measurement:
    """Decodes and validates `number` events, without Kafka."""
    lines = [line for _, line in events(encoding, number)]
    decode = Decoder().decode
    watch = Stopwatch()
    for line in lines:
        decode(line.headers, line.value)  # type: ignore[arg-type]
    return watch.measure(number)


_EncodedEvent = tuple[Topic, bytes, list[tuple[str, bytes]], bytes]


def _encoded(encoding: Encoding, index: int, now: int) -> _EncodedEvent:
    kind = MIX[index % len(MIX)]
    model = sample_model(kind, **_fields(kind, index))
    headers, value = encode_event(
        kind, model, encoding, event_id="0", source="/crm/hub", time=now - HOUR + index * SECOND
    )
    topic = EVENTS[kind].topic
    assert topic is not None
    return topic, people.key_of(index), headers, value


def _fields(kind: str, index: int) -> dict[str, Any]:
    own = {"tenant_id": people.tenant_of(index)}
    if kind != "job.completed":
        who = {"contact_id": people.contact_of(index), "command_id": people.first_command_id(index)}
        return own | who
    customer = {
        "contact_id": people.contact_of(index),
        "first_name": "Ann",
        "last_name": f"Lee-{index}",
        "email": f"ann.lee.{index}@example.com",
        "phone": f"+1555{index:07}",
        "timezone": "America/Chicago",
        "region": "IL",
    }
    return own | {"job_id": f"job-{index:08}", "customer": customer}


def _run(encoding: Encoding, quick: bool) -> Figure:
    number = 50_000 if quick else 300_000
    ours, decodes = [], []
    with broker() as settings:
        for _ in range(ROUNDS):
            with topics(settings) as named:
                fill_events(named, encoding, number)
                ours.append(run_pinned(process_with_kafka, named, number))
            decodes.append(run_pinned(decode_alone, encoding, min(number, 100_000)))
            bare = decodes[-1].per_second
            print(f"  {ours[-1].per_second:,.0f}/s, decode {bare:,.0f}/s", flush=True)
        with topics(settings) as named:
            fill_events(named, encoding, number)
            hot_spots = profile.hot_functions(process_with_kafka, named, number)
    speeds, limits = [s.per_second for s in ours], [s.per_second for s in decodes]
    return Figure(
        name=f"intake-{encoding}",
        what=f"public events in {encoding.upper()} validated and written to contact-log, one core",
        value=rounded_median(speeds),
        unit="events/s",
        target=TARGET,
        ratio=rounded_median(a / b for a, b in zip(speeds, limits, strict=True)),
        of="decoding and validation alone",
        runs=speeds,
        settings={
            "events": number,
            "mix": ", ".join(MIX),
            "mode": "CloudEvents binary",
            "commit interval": "20 ms",
            "cores": "broker 0, client 1",
        },
        beside={
            "decode alone, events/s": rounded_median(limits),
            "where the time goes": hot_spots,
            "CPU us an event": rounded_median(s.cpu_s / s.records * 1e6 for s in ours),
        },
    )


def fill_events(settings: Settings, encoding: Encoding, number: int) -> None:
    """Writes the events, one topic after the other."""
    by_topic: dict[Topic, list[InputRecord]] = {}
    for topic, line in events(encoding, number):
        by_topic.setdefault(topic, []).append(line)
    for topic, lines in by_topic.items():
        fill(settings, topic, lines)
