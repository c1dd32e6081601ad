"""What a role costs with Kafka, by what a bare client costs that consumes and produces the same
bytes in as many transactions.

The bare client has everything that it produces before it begins: all committed records that the
role has written, the changelog with its positions among them. It consumes the same input in
batches, takes key and value of each record, and hands over an equal share of the output. It is no
member of a group: it assigns itself the partitions. It decodes, encodes and decides nothing, and
has no watchdog and no pace. Time is the processor time of the whole process, the threads of
librdkafka included.
"""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Message, TopicPartition

from bench import intake, people
from bench.harness import Measurement, Stopwatch, broker, fill, run_pinned, topics
from bench.our_engine import run_until_committed
from bench.report import Figure, rounded_median
from schemas.internal.topics import Layout, Topic
from schemas.public.codec import Encoding
from streams.base.settings import Settings
from streams.kafka.clients import read_committed_consumer, transactional_producer
from streams.runtime.role_process import build_worker

TARGET, TARGET_INTAKE = 2.0, 1.5
ROUNDS = 3
READ_MAX = 1_000
TIMEOUT_S = 15

CONTACT_WRITES = (Topic.DISPATCH_LOG, Topic.CAMPAIGN_LOG, Topic.CONTACT_CHANGELOG, Topic.FACTS)
INTAKE_READS = (Topic.JOBS, Topic.ENGAGEMENT)
INTAKE_WRITES = (Topic.CONTACT_LOG, Topic.INTAKE_CHANGELOG, Topic.FACTS)


class RoleRun(NamedTuple):
    """What a role took, in how many transactions."""

    spent: Measurement
    transactions: int


class WrittenRecord(NamedTuple):
    """A record that a role has written."""

    name: str
    partition: int
    key: bytes | None
    value: bytes | None


def run(quick: bool = False) -> Figure:
    """Compares the contact role with a bare client."""
    contacts = 4_000 if quick else 40_000
    ours, bare = [], []
    with broker() as settings:
        for _ in range(1 if quick else ROUNDS):
            with topics(settings) as named:
                now = time.time_ns() // 1_000
                lines = people.contact_log_records(contacts, now)
                number = fill(named, Topic.CONTACT_LOG, lines)
                role = run_pinned(run_role, "contact", named, number)
                ours.append(role)
                reads, writes = (Topic.CONTACT_LOG,), CONTACT_WRITES
                bare.append(run_pinned(move, named, reads, writes, number, role.transactions))
                print(f"  {_times(role.spent)}, bare client {_times(bare[-1])}", flush=True)
    figure = _figure(ours, bare, [0.0] * len(ours))
    figure.settings |= {"contacts": contacts, "mix": "that of `contact`"}
    return figure


def run_json(quick: bool = False) -> Figure:
    """Compares intake of events in JSON with their decoding and a bare client."""
    return _intake("json", quick)


def run_avro(quick: bool = False) -> Figure:
    """Compares intake of events in Avro with their decoding and a bare client."""
    return _intake("avro", quick)


def _intake(encoding: Encoding, quick: bool) -> Figure:
    number = 20_000 if quick else 200_000
    ours, bare, decoding = [], [], []
    with broker() as settings:
        for _ in range(1 if quick else ROUNDS):
            with topics(settings) as named:
                intake.fill_events(named, encoding, number)
                role = run_pinned(run_role, "intake", named, number)
                ours.append(role)
                reads, writes = INTAKE_READS, INTAKE_WRITES
                bare.append(run_pinned(move, named, reads, writes, number, role.transactions))
            alone = run_pinned(intake.decode_alone, encoding, number)
            decoding.append(_cpu_us(alone))
            times = f"{_times(role.spent)}, bare client {_times(bare[-1])}"
            print(f"  {times}, decoding {_times(alone)}", flush=True)
    return _figure(ours, bare, decoding, encoding)


def _figure(
    ours: Sequence[RoleRun],
    bare: Sequence[Measurement],
    decoding: Sequence[float],
    encoding: Encoding | None = None,
) -> Figure:
    """The figure of contact, or that of intake with events in an encoding."""
    least = [_cpu_us(each) + more for each, more in zip(bare, decoding, strict=True)]
    ratios = [_cpu_us(role.spent) / us for role, us in zip(ours, least, strict=True)]
    role = "contact" if encoding is None else f"intake of {encoding.upper()}"
    beside = {
        "ours, CPU us a record": rounded_median(_cpu_us(role.spent) for role in ours),
        "bare client, CPU us a record": rounded_median(map(_cpu_us, bare)),
        "ours, us a record": rounded_median(1e6 / role.spent.per_second for role in ours),
        "bare client, us a record": rounded_median(1e6 / each.per_second for each in bare),
    }
    if encoding is not None:
        beside["decoding alone, CPU us a record"] = rounded_median(decoding)
    return Figure(
        name="floor-kafka" if encoding is None else f"floor-intake-{encoding}",
        what=f"CPU time of {role} through Kafka by that of a bare client with the same bytes"
        + ("" if encoding is None else ", plus decoding alone"),
        value=rounded_median(ratios),
        unit="times its floor",
        target=TARGET if encoding is None else TARGET_INTAKE,
        at_most=True,
        ratio=rounded_median(ratios),
        of="consuming and producing the same bytes in as many transactions",
        runs=ratios,
        settings={
            "records": ours[0].spent.records,
            "transactions": [role.transactions for role in ours],
            "partitions": Layout().contact,
            "cores": "broker 0, client 1",
        },
        beside=beside,
    )


def _cpu_us(spent: Measurement) -> float:
    return spent.cpu_s / spent.records * 1e6


def _times(spent: Measurement) -> str:
    return f"{_cpu_us(spent):.1f} us CPU"


def run_role(role: str, settings: Settings, number: int) -> RoleRun:
    """Folds `number` records as `touchstream run` does."""
    worker, transport = build_worker(role, settings)
    spent = run_until_committed(worker, number)
    transport.close()
    return RoleRun(spent, worker.transactions)


def move(
    settings: Settings,
    reads: Sequence[Topic],
    writes: Sequence[Topic],
    number: int,
    transactions: int,
) -> Measurement:
    """Reads what the role has written into `writes`; then consumes `number` records of `reads` and
    produces all of that again, in so many transactions. Measures from the first record on."""
    written = list(written_records(settings, writes))
    consumer = read_committed_consumer(settings, settings.topic_prefix + "bare")
    consumer.assign(_places(settings, reads))
    producer = transactional_producer(settings, settings.topic_prefix + "bare")
    producer.init_transactions(TIMEOUT_S)
    producer.begin_transaction()
    watch, done, produced, committed = Stopwatch(), 0, 0, 0
    while done < number:
        messages = [each for each in consumer.consume(READ_MAX, 0.1) if each.error() is None]
        if not done:
            watch.start()
        done += _take(messages)
        share = len(written) * min(done, number) // number
        for record in written[produced:share]:
            producer.produce(record.name, record.value, record.key, record.partition)
        produced = share
        if done * transactions // number > committed:
            committed = done * transactions // number
            positions = [p for p in consumer.position(consumer.assignment()) if p.offset >= 0]
            group = consumer.consumer_group_metadata()
            producer.send_offsets_to_transaction(positions, group, TIMEOUT_S)
            producer.commit_transaction(TIMEOUT_S)
            producer.begin_transaction()
    spent = watch.measure(number)
    producer.abort_transaction(TIMEOUT_S)
    consumer.close()
    return spent


def _take(messages: Sequence[Message]) -> int:
    for message in messages:
        message.key()
        message.value()
    return len(messages)


def _places(settings: Settings, wanted: Sequence[Topic]) -> list[TopicPartition]:
    return [
        TopicPartition(settings.topic_prefix + topic, number, OFFSET_BEGINNING)
        for topic in wanted
        for number in range(Layout().partitions(topic))
    ]


def written_records(settings: Settings, wanted: Sequence[Topic]) -> Iterator[WrittenRecord]:
    """All committed records of topics."""
    consumer = read_committed_consumer(settings)
    places = _places(settings, wanted)
    consumer.assign(places)
    ended = 0
    while ended < len(places):
        for message in consumer.consume(10_000, 0.1):
            if message.error() is None:
                name, partition = message.topic() or "", message.partition() or 0
                yield WrittenRecord(name, partition, message.key(), message.value())
            else:
                ended += 1
    consumer.close()
