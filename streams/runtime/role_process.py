"""One role in one process: its worker or projector, built from settings and run until told to
stop."""

import logging
import signal
import threading
from collections.abc import Callable

from processors.fold.task import Task
from processors.intake import IntakeProcessor
from schemas.internal.states import POSITION_KEY
from schemas.internal.topics import PUBLIC_IN, Topic
from schemas.public.commands import command_encoder
from schemas.public.events import COMMAND_TYPES
from streams.base.settings import Settings, SettingsInvalid
from streams.base.transport import FatalClientError, Partition
from streams.kafka.registry import decoder_of, registrar
from streams.kafka.topics import layout_of
from streams.kafka.transport import KafkaTransport
from streams.runtime.output_encoding import CommandEncoder, Encode, encoder
from streams.runtime.projector import Projector
from streams.runtime.roles import PROCESSORS, task_maker
from streams.runtime.worker import Worker

log = logging.getLogger("touchstream.running")

ROLES = ("intake", *PROCESSORS, "projector")


def run_role(role: str, settings: Settings, stopping: Callable[[], bool]) -> None:
    """Runs until `stopping`; what is folded by then is committed. Raises Dead, SettingsInvalid."""
    log.info("starting", extra={"role": role, "slot": settings.slot})
    if role == "projector":
        projector = Projector(settings)
        try:
            projector.run(stopping)
        finally:
            projector.close()
        log.info("stopped", extra={"role": role, "slot": settings.slot})
        return
    worker, transport = build_worker(role, settings)
    try:
        worker.run(stopping)
    finally:
        transport.close()
    log.info("stopped", extra={"role": role, "slot": settings.slot})


def build_worker(role: str, settings: Settings) -> tuple[Worker, KafkaTransport]:
    """The worker of a role over Kafka, subscribed and not yet run."""
    clock = settings.scaled_clock()
    layout = layout_of(settings)
    topics = PUBLIC_IN if role == "intake" else (PROCESSORS[role][0],)
    transport = KafkaTransport(settings, role, topics, clock if clock.scaled else None)
    make = intake_maker(settings) if role == "intake" else task_maker(role, layout)
    worker = Worker(
        transport,
        make,
        encoder_of(settings),
        clock,
        commit_interval_us=settings.commit_interval_ms * 1_000,
        max_clock_skew_us=int(settings.max_clock_skew_s * 1_000_000),
    )
    return worker, transport


def encoder_of(settings: Settings) -> Encode:
    """How this deployment writes what its processors say."""
    return encoder(_command_encoder(settings))


def task_makers(settings: Settings) -> dict[Topic, Callable[[Partition], Task]]:
    """For each log and public topic, what folds it: for a refold."""
    layout = layout_of(settings)
    makers = {log: task_maker(role, layout) for role, (log, _) in PROCESSORS.items()}
    return makers | dict.fromkeys(PUBLIC_IN, intake_maker(settings))


def _command_encoder(settings: Settings) -> CommandEncoder:
    if settings.command_encoding != "avro-registry":
        return command_encoder(settings.command_encoding)
    if not settings.registry_url:
        raise SettingsInvalid("TOUCHSTREAM_REGISTRY_URL is not set, and avro-registry needs it")
    number = registrar(settings.registry_url)
    return command_encoder("confluent", schema_ids={kind: number(kind) for kind in COMMAND_TYPES})


def intake_maker(settings: Settings) -> Callable[[Partition], Task]:
    """Tasks of intake, one processor a topic."""
    decode = decoder_of(settings)
    processors = {topic: IntakeProcessor(topic, decode) for topic in PUBLIC_IN}

    def make(partition: Partition) -> Task:
        place = POSITION_KEY + f"/{partition.topic.value}".encode()
        return Task(processors[partition.topic], partition.number, place)

    return make


def stop_on_signals() -> Callable[[], bool]:
    """SIGTERM and Ctrl-C ask for a clean stop; the second time they are not caught any more."""
    asked = threading.Event()

    def ask(number: int, _: object) -> None:
        asked.set()
        signal.signal(number, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    return asked.is_set


__all__ = ["ROLES", "FatalClientError", "build_worker", "run_role", "stop_on_signals"]
