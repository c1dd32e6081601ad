"""What all figures share: a broker on one core and its clients on the other, new topics, and filled
logs.

A measured client runs in a new process that is pinned to a core, so that neither the filling of the
topics nor an earlier run affects its figures.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, ParamSpec, TypeVar

from confluent_kafka import KafkaException, TopicPartition

from schemas.internal.topics import Layout, Topic
from sinks.migrate import migrate
from streams.base.settings import Settings
from streams.embedded.kafka import EmbeddedKafka
from streams.embedded.postgres import EmbeddedPostgres
from streams.kafka.clients import (
    admin_client,
    idempotent_producer,
    read_committed_consumer,
    read_uncommitted_consumer,
)
from streams.kafka.topics import create_topics

P = ParamSpec("P")
R = TypeVar("R")

BROKER_CORE, CLIENT_CORE = 0, 1
HEAP_MB = 1_024
_numbers = count(1)


class InputRecord(NamedTuple):
    """A record to write. With partition -1 its key decides the partition."""

    key: bytes
    value: bytes
    headers: list[tuple[str, str | bytes | None]] | None = None
    partition: int = -1


@contextmanager
def broker(core: int | None = BROKER_CORE) -> Iterator[Settings]:
    """Runs a new broker within the context, on `core` if it is given. Yields settings for it. Its
    data is deleted afterwards. It asks for no password, because other engines have clients of their
    own."""
    with TemporaryDirectory(prefix="touchstream-bench-") as directory:
        kafka = EmbeddedKafka(Path(directory), heap_mb=HEAP_MB, open_to_all=True)
        kafka.start()
        try:
            if core is not None:
                pin(kafka.pid, core)
            yield Settings(bootstrap_servers=kafka.bootstrap)
        finally:
            kafka.stop()


@contextmanager
def database() -> Iterator[str]:
    """Runs a new PostgreSQL with our tables within the context. Yields its DSN. Its data is deleted
    afterwards."""
    with TemporaryDirectory(prefix="touchstream-bench-") as directory:
        postgres = EmbeddedPostgres(Path(directory))
        postgres.start()
        try:
            migrate(postgres.dsn)
            yield postgres.dsn
        finally:
            postgres.stop()


def pin(pid: int, core: int) -> None:
    """Pins all threads of a process (0: this one) to a core, if the system supports it and has two
    cores."""
    if not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2:
        return
    tasks = Path(f"/proc/{pid or 'self'}/task")
    for thread in tasks.iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def run_pinned(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Calls `function` in a new process on the clients' core and returns its result."""
    spawn = get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=pin, initargs=(0, CLIENT_CORE)) as pool:
        return pool.submit(function, *args, **kwargs).result()


@contextmanager
def topics(settings: Settings, layout: Layout | None = None) -> Iterator[Settings]:
    """Creates all topics with a new prefix within the context. Yields settings with the prefix."""
    named = settings.model_copy(update={"topic_prefix": f"run{next(_numbers)}."})
    create_topics(named, layout or Layout())
    try:
        yield named
    finally:
        names = [named.topic_prefix + topic.value for topic in Topic]
        with admin_client(named) as client:
            for done in client.delete_topics(names, request_timeout=30).values():
                done.result()


def fill(settings: Settings, topic: Topic, records: Iterable[InputRecord]) -> int:
    """Produces the records and returns their number."""
    writer = idempotent_producer(settings)
    name = settings.topic_prefix + topic.value
    written = 0
    for record in records:
        written += 1
        while True:
            try:
                writer.produce(
                    name, record.value, record.key, record.partition, headers=record.headers
                )
                break
            except BufferError:
                writer.poll(0.05)
    if writer.flush(60):
        raise RuntimeError(f"{name} could not be filled")
    return written


@contextmanager
def watch_committed(
    settings: Settings, group: str, topic: Topic, partitions: int = 4
) -> Iterator[Callable[[], int]]:
    """Yields a function that returns the committed offsets of a group, summed over the partitions
    of a topic. It does not wait for open transactions, which a dead process may have left."""
    name = settings.topic_prefix + topic.value
    watched = [TopicPartition(name, number) for number in range(partitions)]
    observer = read_uncommitted_consumer(settings, settings.topic_prefix + group)

    def committed() -> int:
        for _ in range(20):  # a new broker needs some time to find the coordinator of a group
            try:
                return sum(max(p.offset, 0) for p in observer.committed(watched, timeout=10))
            except KafkaException:
                time.sleep(0.2)
        raise RuntimeError(f"the committed offsets of {group} cannot be read")

    try:
        yield committed
    finally:
        observer.close()


def records(settings: Settings, topic: Topic, partitions: int = 4) -> Iterator[tuple[bytes, bytes]]:
    """Yields key and value of all committed records, one partition after the other."""
    name = settings.topic_prefix + topic.value
    for number in range(partitions):
        consumer = read_committed_consumer(settings)
        place = TopicPartition(name, number, 0)
        _, end = consumer.get_watermark_offsets(place, timeout=15)
        consumer.assign([place])
        at_end = end == 0
        while not at_end:
            for message in consumer.consume(10_000, 0.1):
                if message.error() is None:
                    yield message.key() or b"", message.value() or b""
                else:
                    at_end = at_end or (message.offset() or 0) >= end
        consumer.close()


class Measurement(NamedTuple):
    """What a run took. `cpu_s` is the processor time of its own process."""

    records: int
    seconds: float
    cpu_s: float

    @property
    def per_second(self) -> float:
        return self.records / self.seconds


class Stopwatch:
    """Measures wall and processor time of this process since `start`."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def measure(self, records: int) -> Measurement:
        return Measurement(
            records, time.perf_counter() - self._wall, time.process_time() - self._cpu
        )
