"""What every figure stands on: a broker on one core, its clients on the other, fresh topics, filled
logs.

A measured client runs in a process of its own, pinned, so that neither the filling nor an earlier
run is in its figures.
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


class Line(NamedTuple):
    """A record to be filled in. Without a partition it goes where its key belongs."""

    key: bytes
    value: bytes
    headers: list[tuple[str, str | bytes | None]] | None = None
    partition: int = -1


@contextmanager
def broker(core: int | None = BROKER_CORE) -> Iterator[Settings]:
    """Settings that reach a new broker, which is gone afterwards with its data."""
    with TemporaryDirectory(prefix="touchstream-bench-") as directory:
        kafka = EmbeddedKafka(Path(directory), heap_mb=HEAP_MB)
        kafka.start()
        try:
            if core is not None:
                pin(kafka.pid, core)
            yield Settings(bootstrap_servers=kafka.bootstrap)
        finally:
            kafka.stop()


@contextmanager
def database() -> Iterator[str]:
    """Where a new PostgreSQL with our tables is reached, which is gone afterwards with its data."""
    with TemporaryDirectory(prefix="touchstream-bench-") as directory:
        postgres = EmbeddedPostgres(Path(directory))
        postgres.start()
        try:
            migrate(postgres.dsn)
            yield postgres.dsn
        finally:
            postgres.stop()


def pin(pid: int, core: int) -> None:
    """All threads of a process to one core, where the system can do that and has two."""
    if not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2:
        return
    tasks = Path(f"/proc/{pid or 'self'}/task")
    for thread in tasks.iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def alone(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What `function` answers in a new process on the clients' core."""
    spawn = get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=pin, initargs=(0, CLIENT_CORE)) as pool:
        return pool.submit(function, *args, **kwargs).result()


@contextmanager
def topics(settings: Settings, layout: Layout | None = None) -> Iterator[Settings]:
    """Fresh topics under a prefix of their own, deleted afterwards."""
    named = settings.model_copy(update={"topic_prefix": f"run{next(_numbers)}."})
    create_topics(named, layout or Layout())
    try:
        yield named
    finally:
        names = [named.topic_prefix + topic.value for topic in Topic]
        with admin_client(named) as client:
            for done in client.delete_topics(names, request_timeout=30).values():
                done.result()


def fill(settings: Settings, topic: Topic, lines: Iterable[Line]) -> int:
    """Writes the lines as fast as they go; how many there were."""
    writer = idempotent_producer(settings)
    name = settings.topic_prefix + topic.value
    written = 0
    for line in lines:
        written += 1
        while True:
            try:
                writer.produce(name, line.value, line.key, line.partition, headers=line.headers)
                break
            except BufferError:
                writer.poll(0.05)
    if writer.flush(60):
        raise RuntimeError(f"{name} could not be filled")
    return written


@contextmanager
def watching(
    settings: Settings, group: str, topic: Topic, partitions: int = 4
) -> Iterator[Callable[[], int]]:
    """Tells, as often as asked, where a group stands: summed over the partitions of a topic. It
    does not wait for open transactions, which may be those of the dead."""
    name = settings.topic_prefix + topic.value
    asked = [TopicPartition(name, number) for number in range(partitions)]
    observer = read_uncommitted_consumer(settings, settings.topic_prefix + group)

    def committed() -> int:
        for _ in range(20):  # a new broker takes its time to say who coordinates a group
            try:
                return sum(max(p.offset, 0) for p in observer.committed(asked, timeout=10))
            except KafkaException:
                time.sleep(0.2)
        raise RuntimeError(f"nobody knows where {group} stands")

    try:
        yield committed
    finally:
        observer.close()


def records(settings: Settings, topic: Topic, partitions: int = 4) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of all that a read_committed reader sees, one partition after the other."""
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


class Spent(NamedTuple):
    """What a run took. `cpu_s` is of its own process alone."""

    records: int
    seconds: float
    cpu_s: float

    @property
    def per_second(self) -> float:
        return self.records / self.seconds


class Stopwatch:
    """Wall and processor time of this process since `start`."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def spent(self, done: int) -> Spent:
        return Spent(done, time.perf_counter() - self._wall, time.process_time() - self._cpu)
