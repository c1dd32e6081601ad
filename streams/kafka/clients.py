"""Kafka clients. Each function writes out the client options that matter to it."""

from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient

from streams.base.settings import Settings
from streams.kafka.client_log import CLIENT_LOG

Options = dict[str, Any]


def _common(settings: Settings) -> Options:
    """What all clients have. One that is to be debugged writes its many lines to stderr by itself:
    a poll would have to write all of them first."""
    logged: Options = {} if "debug" in settings.kafka else {"logger": CLIENT_LOG}
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        "client.id": "touchstream",
        **logged,
        **settings.kafka,
    }


_FAILOVER: Options = {
    "topic.metadata.refresh.interval.ms": 5_000,
    "socket.timeout.ms": 15_000,
}
"""How soon a consumer leaves a broker that hangs: its connection stays open, and others lead its
partitions after some seconds. By default a consumer would wait a minute for its answer. A
deployment may set other values."""


def group_consumer(
    settings: Settings,
    group: str,
    instance: str,
    *,
    report_partition_ends: bool = False,
    fetch_wait_max_ms: int | None = None,
) -> Consumer:
    """A static member of `group`: cooperative rebalances, committed records only, no automatic
    commits.

    `report_partition_ends` delivers the end of a partition as a message with the error
    _PARTITION_EOF. With `fetch_wait_max_ms` the broker waits that long for a larger answer, which
    costs latency and saves requests.
    """
    fetch: Options = {}
    if fetch_wait_max_ms is not None:
        fetch = {"fetch.wait.max.ms": fetch_wait_max_ms, "fetch.min.bytes": 200_000}
    return Consumer(
        {
            **_FAILOVER,
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
            "enable.partition.eof": report_partition_ends,
            "fetch.queue.backoff.ms": 1,
            "queued.max.messages.kbytes": 65_536,
            **fetch,
        }
    )


def read_committed_consumer(settings: Settings, group: str = "touchstream-reader") -> Consumer:
    """A consumer without group membership: it reads the committed records of the partitions that
    are assigned to it, and reports their ends."""
    return Consumer(
        {
            **_FAILOVER,
            **_common(settings),
            "group.id": group,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 10,  # an empty answer shows the end: do not wait for it
            "fetch.queue.backoff.ms": 1,
            "queued.max.messages.kbytes": 262_144,
        }
    )


def read_uncommitted_consumer(settings: Settings, group: str = "touchstream-reader") -> Consumer:
    """A consumer for questions about ends and committed offsets that open transactions must not
    influence. For a read_committed consumer a partition ends at the last stable offset, and the
    committed offsets of a group are held back by an open transaction."""
    return Consumer(
        {
            **_FAILOVER,
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
    """The producer of one worker. Its transactional id is stable, so a restarted worker aborts the
    transaction that its predecessor left open. `on_error` is called inside `poll`."""
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


def idempotent_producer(settings: Settings, *, report_only_failures: bool = False) -> Producer:
    """A producer for publishing events: idempotent, with the partitioner of Java clients. With
    `report_only_failures` delivery callbacks are called for failed records only."""
    return Producer(
        {
            **_common(settings),
            "delivery.report.only.error": report_only_failures,
            "enable.idempotence": True,
            "linger.ms": 5,
            "message.max.bytes": 4_000_000,
            "partitioner": "murmur2_random",
        }
    )


class _AdminClient(AdminClient):
    """An admin client that writes what it has logged before it is closed."""

    def __exit__(self, *exception: Any) -> Any:
        self.poll(0)
        return super().__exit__(*exception)


def admin_client(settings: Settings) -> AdminClient:
    """A client for topics, groups and offsets. It must be closed (`with`): destroyed by the garbage
    collector on another thread it aborts the process, and destroyed at the interpreter's exit it
    blocks the process."""
    return _AdminClient(_common(settings))
