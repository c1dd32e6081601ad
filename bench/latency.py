"""From a public event to the command that a sender sees: intake, contact, dispatch, three
transactions."""

import threading
import time

from confluent_kafka import Consumer, Producer

from bench import engine, flow, people
from bench.harness import Line, broker, fill, topics, watching
from bench.report import Figure, middle
from schemas.base.times import SECOND
from schemas.internal.topics import ONE_MACHINE, Topic
from schemas.public.codec import encode_event
from schemas.public.example_events import sample_model
from streams.base.settings import Settings
from streams.kafka.clients import idempotent_producer

TARGET_P50_MS, TARGET_P99_MS = 100, 250
RATE = 1_000
ROUNDS = 3
WARM_UP = 2
"""Rounds that do not count: a fresh JVM compiles itself for a minute, on the cores it shares."""

LEAD_S = 3
_TICKS = 200
"""Bursts a second: five events each."""


def run(quick: bool = False) -> Figure:
    """All three roles as processes; every event is of another contact."""
    seconds = 5 if quick else 20
    runs = []
    with broker(None) as settings:
        for _ in range(WARM_UP + ROUNDS):
            with topics(settings, ONE_MACHINE) as named:
                runs.append(_one(named, seconds))
                print("  p50 {:.1f} ms, p99 {:.1f} ms".format(*runs[-1]), flush=True)
    del runs[:WARM_UP]
    middles, tails = [p50 for p50, _ in runs], [p99 for _, p99 in runs]
    return Figure(
        name="latency",
        what=f"event in to command visible, three hops, {RATE:,} events/s: the median",
        value=middle(middles),
        unit="ms",
        target=TARGET_P50_MS,
        at_most=True,
        ratio=middle(middles) / TARGET_P50_MS,
        of="the time allowed",
        runs=middles,
        settings={
            "events a second": RATE,
            "seconds": seconds,
            "commit interval": "20 ms",
            "partitions of a log": ONE_MACHINE.contact,
            "warm-up": WARM_UP,
        },
        beside={"p99, ms (target <= 250)": middle(tails), "p99, runs": tails},
    )


def _one(settings: Settings, seconds: int) -> tuple[float, float]:
    now = time.time_ns() // 1_000
    announced = fill(settings, Topic.CONTACT_LOG, people.announcements(now, ONE_MACHINE.contact))
    fill(settings, Topic.DISPATCH_LOG, flow.tenants(ONE_MACHINE.dispatch))
    with (
        engine.roles(settings, ("intake", "contact", "dispatch")),
        watching(settings, "contact", Topic.CONTACT_LOG, ONE_MACHINE.contact) as committed,
    ):
        while committed() < announced:
            time.sleep(0.1)
        consumer = engine.commands(settings, ONE_MACHINE.commands)
        sent: dict[bytes, float] = {}
        number = RATE * (seconds + LEAD_S)
        thread = threading.Thread(target=_publish, args=(settings, _events(number), sent))
        thread.start()
        seen = _seen(consumer, number)
        thread.join()
        consumer.close()
    if len(seen) < number:
        raise RuntimeError(f"{len(seen)} commands of {number}")
    counted = sorted((seen[key] - sent[key]) * 1e3 for key in list(sent)[RATE * LEAD_S :])
    return counted[len(counted) // 2], counted[int(len(counted) * 0.99)]


def _events(number: int) -> list[Line]:
    """Jobs finished a while ago: the first touch is due at once."""
    now = time.time_ns() // 1_000
    lines = []
    for index in range(number):
        customer = {"contact_id": people.contact_of(index), "email": f"ann.{index}@example.com"}
        model = sample_model(
            "job.completed",
            tenant_id=people.tenant_of(index),
            job_id=f"job-{index}",
            customer=customer,
        ).model_copy(update={"completed_at": now - 60 * SECOND})
        headers, value = encode_event("job.completed", model, event_id=f"{index}", source="/crm")
        lines.append(Line(people.key_of(index), value, list(headers)))
    return lines


def _publish(settings: Settings, lines: list[Line], sent: dict[bytes, float]) -> None:
    writer: Producer = idempotent_producer(settings)
    name = settings.topic_prefix + Topic.JOBS
    burst = RATE // _TICKS
    begun = time.monotonic()
    for first in range(0, len(lines), burst):
        time.sleep(max(0.0, begun + first / RATE - time.monotonic()))
        for line in lines[first : first + burst]:
            sent[line.key] = time.monotonic()
            writer.produce(name, line.value, line.key, headers=line.headers)
        writer.poll(0)
    writer.flush(10)


def _seen(consumer: Consumer, number: int) -> dict[bytes, float]:
    """When each contact's command was seen."""
    seen: dict[bytes, float] = {}
    quiet_since = time.monotonic()
    while len(seen) < number and time.monotonic() < quiet_since + 30:
        for message in consumer.consume(1, 0.05) + consumer.consume(500, 0):
            if message.error() is None:
                quiet_since = time.monotonic()
                seen.setdefault(message.key() or b"", quiet_since)
    return seen
