"""The engine on this machine: one process for each role, and a sender that answers each command."""

import multiprocessing
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import psutil
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from schemas.internal.topics import COMMAND_TOPICS, Topic
from schemas.public.cloudevents import JSON, binary_headers
from streams.base.settings import Settings, kafka_variables
from streams.kafka.clients import idempotent_producer, read_committed_consumer
from streams.runtime.supervisor import Supervisor

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


@contextmanager
def run_roles(settings: Settings, names: Sequence[str]) -> Iterator[Supervisor]:
    """Runs one process for each role within the context. Roles that die are restarted."""
    environment = {
        "TOUCHSTREAM_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        **kafka_variables(settings.kafka),
        "TOUCHSTREAM_TOPIC_PREFIX": settings.topic_prefix,
        "TOUCHSTREAM_POSTGRES_DSN": settings.postgres_dsn.get_secret_value(),
    }
    with TemporaryDirectory(prefix="touchstream-bench-") as logs:
        supervisor = Supervisor(names, environment, log_dir=Path(logs))
        supervisor.start()
        try:
            yield supervisor
        finally:
            supervisor.stop()


@contextmanager
def run_sender(settings: Settings, partitions: int) -> Iterator[tuple["Synchronized[int]", int]]:
    """Runs a process that answers every e-mail command with touch.sent. Yields the number of
    answers, as shared memory, and the pid."""
    context = multiprocessing.get_context("spawn")
    answered: Synchronized[int] = context.Value("q", 0)
    stop = context.Event()
    process = context.Process(target=_answer, args=(settings, partitions, answered, stop))
    process.start()
    try:
        yield answered, process.pid or 0
    finally:
        stop.set()
        process.join(10)


def _answer(
    settings: Settings, partitions: int, answered: "Synchronized[int]", stop: threading.Event
) -> None:
    consumer = command_consumer(settings, partitions)
    writer, name = idempotent_producer(settings), settings.topic_prefix + Topic.ENGAGEMENT
    while not stop.is_set():
        commands = [message for message in consumer.consume(500, 0.005) if message.error() is None]
        for message in commands:
            command = _decode(message.value() or b"")
            event_id = f"sent-{command['command_id']}"
            headers = binary_headers("touch.sent", event_id, "/sender", None, JSON)
            fields = ("tenant_id", "contact_id", "command_id")
            value = _encode({field: command[field] for field in fields})
            writer.produce(name, value, message.key(), headers=list(headers))
        writer.poll(0)
        answered.value += len(commands)
    writer.flush(5)
    consumer.close()


def command_consumer(settings: Settings, partitions: int, channel: str = "email") -> Consumer:
    """Returns a read_committed consumer of all commands of a channel from the beginning."""
    return consumer_of(settings, COMMAND_TOPICS[channel], partitions)


def consumer_of(settings: Settings, topic: Topic, partitions: int) -> Consumer:
    """Returns a read_committed consumer of a topic from the beginning."""
    consumer, name = read_committed_consumer(settings), settings.topic_prefix + topic
    places = [TopicPartition(name, number, OFFSET_BEGINNING) for number in range(partitions)]
    consumer.assign(places)
    return consumer


class CpuSplit:
    """The processor time of processes since this object was made."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._before = self._now()

    def since(self, seconds: float) -> dict[str, float]:
        """Returns the number of cores that each process has used on average over `seconds`."""
        now = self._now()
        return {name: round((now[name] - self._before[name]) / seconds, 3) for name in sorted(now)}

    def _now(self) -> dict[str, float]:
        return {name: _cpu_s(pid) for name, pid in self._pids.items()}


def pids(supervisor: Supervisor) -> dict[str, int]:
    """Returns the pid of each role."""
    return {c.role: c.process.pid for c in supervisor.children if c.process is not None}


def _cpu_s(pid: int) -> float:
    process = psutil.Process(pid)
    total = 0.0
    helpers = process.children() if process.name() == "postgres" else []
    for member in (process, *helpers):
        with suppress(psutil.NoSuchProcess):
            times = member.cpu_times()
            total += times.user + times.system
    return total
