"""One role in one process: builds its worker or projector from the settings, and runs it until the
process is asked to stop."""

import logging
import signal
import threading
from collections.abc import Callable

from processors.fold.task import Task
from processors.intake import IntakeProcessor
from schemas.internal.topics import PUBLIC_IN, Layout, Topic
from schemas.public.commands import command_encoder
from schemas.public.events import COMMAND_TYPES
from streams.base.settings import Settings, SettingsInvalid
from streams.base.transport import Fenced, Partition
from streams.kafka.registry import decoder_of, registrar, registry_client
from streams.kafka.topics import await_topics, layout_of
from streams.kafka.transport import KafkaTransport
from streams.runtime.output_encoding import CommandEncoder, Encode, encoder
from streams.runtime.projector import Projector
from streams.runtime.roles import PROCESSORS, position_key, task_maker, topics_of
from streams.runtime.worker import Worker

log = logging.getLogger("touchstream.role")

ROLES = ("intake", *PROCESSORS, "projector")


def run_role(role: str, settings: Settings, stopping: Callable[[], bool]) -> None:
    """Runs a role until `stopping` returns true. A worker commits what it has folded by then.
    Raises FatalClientError, SettingsInvalid, StateTooNew, TopicsInvalid."""
    log.info("starting", extra={"role": role, "slot": settings.slot})
    layout = await_topics(settings, stopping)
    if layout is None:
        return
    if role == "projector":
        projector = Projector(settings)
        try:
            projector.run(stopping)
        except Fenced:
            projector.check_identity()
            raise
        finally:
            projector.close()
    else:
        worker, transport = build_worker(role, settings, layout)
        try:
            worker.run(stopping)
        except Fenced:
            transport.check_identity()
            raise
        finally:
            transport.close()
    log.info("stopped", extra={"role": role, "slot": settings.slot})


def build_worker(
    role: str, settings: Settings, layout: Layout | None = None
) -> tuple[Worker, KafkaTransport]:
    """The worker of a role and its transport over Kafka, subscribed and not running yet. Without a
    `layout` the brokers are asked for it."""
    clock = settings.scaled_clock()
    layout = layout_of(settings) if layout is None else layout
    transport = KafkaTransport(settings, role, topics_of(role), clock if clock.scaled else None)
    worker = Worker(
        transport,
        intake_task_maker(settings) if role == "intake" else task_maker(role, layout),
        encoder_of(settings),
        clock,
        commit_interval_us=settings.commit_interval_ms * 1_000,
        max_clock_skew_us=int(settings.max_clock_skew_s * 1_000_000),
    )
    return worker, transport


def encoder_of(settings: Settings) -> Encode:
    """The encoding of this deployment's outputs. Raises SettingsInvalid."""
    return encoder(_command_encoder(settings))


def task_makers(settings: Settings) -> dict[Topic, Callable[[Partition], Task]]:
    """For each log and each public topic, the function that makes the task of a partition."""
    layout = layout_of(settings)
    makers = {log: task_maker(role, layout) for role, (log, _) in PROCESSORS.items()}
    return makers | dict.fromkeys(PUBLIC_IN, intake_task_maker(settings))


def _command_encoder(settings: Settings) -> CommandEncoder:
    if settings.command_encoding != "avro-registry":
        return command_encoder(settings.command_encoding)
    if not settings.registry_url:
        raise SettingsInvalid("TOUCHSTREAM_REGISTRY_URL is not set, and avro-registry needs it")
    register = registrar(registry_client(settings))
    return command_encoder("confluent", schema_ids={name: register(name) for name in COMMAND_TYPES})


def intake_task_maker(settings: Settings) -> Callable[[Partition], Task]:
    """The function that makes the tasks of intake. Partitions of one topic share a processor."""
    decode, clock = decoder_of(settings), settings.scaled_clock()
    lapse_time = clock.record_time if clock.scaled else None
    processors = {topic: IntakeProcessor(topic, decode, lapse_time) for topic in PUBLIC_IN}

    def make(partition: Partition) -> Task:
        topic = partition.topic
        return Task(processors[topic], partition.number, position_key(topic))

    return make


def stop_on_signals() -> Callable[[], bool]:
    """A function that returns whether SIGTERM or SIGINT has arrived. The first signal requests a
    clean stop; the second one ends the process at once."""
    stop_requested = threading.Event()

    def request_stop(number: int, _: object) -> None:
        stop_requested.set()
        signal.signal(number, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, request_stop)
    signal.signal(signal.SIGINT, request_stop)
    return stop_requested.is_set
