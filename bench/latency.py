"""Latency from a public event to the command that a sender reads: the transactions of intake,
contact and dispatch."""

import threading
import time

from confluent_kafka import Consumer, Producer

from bench import engine, flow, people
from bench.harness import InputRecord, broker, fill, topics, watch_committed
from bench.report import Figure, rounded_median
from schemas.base.times import SECOND
from schemas.internal.topics import ONE_MACHINE, Topic
from schemas.public.codec import encode_event
from schemas.public.example_events import sample_model
from streams.base.settings import Settings
from streams.kafka.clients import idempotent_producer

TARGET_P50_MS = 100
RATE = 1_000
ROUNDS = 3
WARM_UP = 2
"""Rounds that are not counted: a new JVM compiles its code for a minute on the shared cores."""

LEAD_S = 3
_BURSTS_PER_SECOND = 200
"""Bursts of five events each in a second."""


def run(quick: bool = False) -> Figure:
    """Measures with the three roles as processes. Every event has another contact."""
    seconds = 5 if quick else 20
    runs = []
    with broker(None) as settings:
        for _ in range(WARM_UP + ROUNDS):
            with topics(settings, ONE_MACHINE) as named:
                runs.append(_measure_round(named, seconds))
                print("  p50 {:.1f} ms, p99 {:.1f} ms".format(*runs[-1]), flush=True)
    del runs[:WARM_UP]
    middles, tails = [p50 for p50, _ in runs], [p99 for _, p99 in runs]
    return Figure(
        name="latency",
        what=f"event in to command visible, three hops, {RATE:,} events/s: the median",
        value=rounded_median(middles),
        unit="ms",
        target=TARGET_P50_MS,
        at_most=True,
        ratio=rounded_median(middles) / TARGET_P50_MS,
        of="the time allowed",
        runs=middles,
        settings={
            "events a second": RATE,
            "seconds": seconds,
            "commit interval": "20 ms",
            "partitions of a log": ONE_MACHINE.contact,
            "warm-up": WARM_UP,
        },
        beside={"p99, ms (target <= 250)": rounded_median(tails), "p99, runs": tails},
    )


def _measure_round(settings: Settings, seconds: int) -> tuple[float, float]:
    now = time.time_ns() // 1_000
    announced = fill(settings, Topic.CONTACT_LOG, people.announcements(now, ONE_MACHINE.contact))
    fill(settings, Topic.DISPATCH_LOG, flow.unlimited_tenants(ONE_MACHINE.dispatch))
    with (
        engine.run_roles(settings, ("intake", "contact", "dispatch")),
        watch_committed(settings, "contact", Topic.CONTACT_LOG, ONE_MACHINE.contact) as committed,
    ):
        while committed() < announced:
            time.sleep(0.1)
        consumer = engine.command_consumer(settings, ONE_MACHINE.commands)
        sent_at: dict[bytes, float] = {}
        number = RATE * (seconds + LEAD_S)
        thread = threading.Thread(target=_publish, args=(settings, _events(number), sent_at))
        thread.start()
        read_at = _read_commands(consumer, number)
        thread.join()
        consumer.close()
    if len(read_at) < number:
        raise RuntimeError(f"{len(read_at)} commands instead of {number}")
    latencies_ms = sorted(
        (read_at[key] - sent_at[key]) * 1e3 for key in list(sent_at)[RATE * LEAD_S :]
    )
    return latencies_ms[len(latencies_ms) // 2], latencies_ms[int(len(latencies_ms) * 0.99)]


def _events(number: int) -> list[InputRecord]:
    """Returns jobs that were completed a minute ago, so that the first touch is due at once."""
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
        lines.append(InputRecord(people.key_of(index), value, list(headers)))
    return lines


def _publish(settings: Settings, lines: list[InputRecord], sent_at: dict[bytes, float]) -> None:
    writer: Producer = idempotent_producer(settings)
    name = settings.topic_prefix + Topic.JOBS
    burst = RATE // _BURSTS_PER_SECOND
    begun = time.monotonic()
    for first in range(0, len(lines), burst):
        time.sleep(max(0.0, begun + first / RATE - time.monotonic()))
        for line in lines[first : first + burst]:
            sent_at[line.key] = time.monotonic()
            writer.produce(name, line.value, line.key, headers=line.headers)
        writer.poll(0)
    writer.flush(10)


def _read_commands(consumer: Consumer, number: int) -> dict[bytes, float]:
    """Returns when the first command of each contact was read."""
    read_at: dict[bytes, float] = {}
    quiet_since = time.monotonic()
    while len(read_at) < number and time.monotonic() < quiet_since + 30:
        for message in consumer.consume(1, 0.05) + consumer.consume(500, 0):
            if message.error() is None:
                quiet_since = time.monotonic()
                read_at.setdefault(message.key() or b"", quiet_since)
    return read_at
