"""Kafka clients, with the options that matter written out (../ARCHITECTURE.md says why each)."""

from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient

from streams.base.settings import Settings

Options = dict[str, Any]


def _common(settings: Settings) -> Options:
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        "client.id": "touchstream",
        **settings.kafka,
    }


def group_consumer(
    settings: Settings,
    group: str,
    instance: str,
    *,
    tell_ends: bool = False,
    patience_ms: int | None = None,
) -> Consumer:
    """A member of a group: static, cooperative, reading what is committed, never committing by
    itself. `tell_ends` reports reaching a partition's end, as a message with that error.
    `patience_ms`: who is in no hurry lets the broker wait so long for more to send."""
    patience: Options = {}
    if patience_ms is not None:
        patience = {"fetch.wait.max.ms": patience_ms, "fetch.min.bytes": 200_000}
    return Consumer(
        {
            **_common(settings),
            "group.id": group,
            "group.instance.id": instance,
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": settings.session_timeout_ms,
            "heartbeat.interval.ms": min(2_000, settings.session_timeout_ms // 3),
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": tell_ends,
            "fetch.queue.backoff.ms": 1,
            "queued.max.messages.kbytes": 65_536,
            **patience,
            "topic.metadata.refresh.interval.ms": 30_000,
        }
    )


def reader(settings: Settings, group: str = "touchstream-reader") -> Consumer:
    """Reads partitions that it is told, to their end and no group involved."""
    return Consumer(
        {
            **_common(settings),
            "group.id": group,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 10,  # the end is told by an empty answer: do not wait for it
            "fetch.queue.backoff.ms": 1,
            "queued.max.messages.kbytes": 262_144,
        }
    )


def unstable_reader(settings: Settings, group: str = "touchstream-reader") -> Consumer:
    """Asks where a partition ends or a group stands, open transactions and all: a read_committed
    client is told the last stable offset for the end, and waits for a group's."""
    return Consumer(
        {
            **_common(settings),
            "group.id": group,
            "isolation.level": "read_uncommitted",
            "enable.auto.commit": False,
        }
    )


def transactional_producer(
    settings: Settings,
    transactional_id: str,
    on_error: Callable[[KafkaError], None] = lambda _: None,
) -> Producer:
    """One per slot, its id stable: a restart aborts what its dead twin left open. `on_error` is
    called inside poll."""
    return Producer(
        {
            **_common(settings),
            "error_cb": on_error,
            "transactional.id": transactional_id,
            "transaction.timeout.ms": settings.transaction_timeout_ms,
            "message.timeout.ms": settings.transaction_timeout_ms * 8 // 10,
            "linger.ms": 5,
            "batch.num.messages": 100_000,
            "batch.size": 1_000_000,
            "message.max.bytes": 4_000_000,
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 262_144,
            "retry.backoff.ms": 5,
            "partitioner": "murmur2_random",
        }
    )


def producer(settings: Settings, *, only_failures: bool = False) -> Producer:
    """For those who publish events: idempotent, keys placed as Java clients place them. Who wants
    to hear `only_failures` is not told of each record that is delivered."""
    return Producer(
        {
            **_common(settings),
            "delivery.report.only.error": only_failures,
            "enable.idempotence": True,
            "linger.ms": 5,
            "message.max.bytes": 4_000_000,
            "partitioner": "murmur2_random",
        }
    )


def admin(settings: Settings) -> AdminClient:
    """For topics, groups and offsets. To be closed (`with`): the garbage collector may destroy it
    on its own thread, which aborts the process, or while the interpreter ends, which hangs it."""
    return AdminClient(_common(settings))
