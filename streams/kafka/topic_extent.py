"""What the brokers have of a partition now: first offset, end, and the id of its topic."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from confluent_kafka import IsolationLevel, TopicCollection, TopicPartition
from confluent_kafka.admin import OffsetSpec

from streams.base.settings import Settings
from streams.kafka.clients import admin_client

CALL_TIMEOUT_S = 5.0
_SPECS: tuple[Callable[[], Any], ...] = (OffsetSpec.earliest, OffsetSpec.latest)


class TopicExtent(NamedTuple):
    """The id of a topic, empty if unknown, with the first offset and the end of a partition of it.
    The end includes open transactions."""

    topic_id: str
    start_offset: int
    end_offset: int


def extents_of(
    settings: Settings, partitions: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], TopicExtent]:
    """The extents of partitions, by name on the broker and number. Waits for CALL_TIMEOUT_S at most
    for an answer. Raises KafkaException.

    Each call has a client of its own: one that lost its broker may wait for ever (librdkafka issue
    5511).
    """
    names = sorted({name for name, _ in partitions})
    if not names:
        return {}
    with admin_client(settings) as client:
        topics = client.describe_topics(TopicCollection(names), request_timeout=CALL_TIMEOUT_S)
        starts, ends = (
            client.list_offsets(
                {TopicPartition(*partition): spec() for partition in partitions},
                isolation_level=IsolationLevel.READ_UNCOMMITTED,
                request_timeout=CALL_TIMEOUT_S,
            )
            for spec in _SPECS
        )
        ids = {name: topics[name].result().topic_id for name in names}
        return {
            (name, number): TopicExtent(
                "" if ids[name] is None else str(ids[name]),
                starts[TopicPartition(name, number)].result().offset,
                ends[TopicPartition(name, number)].result().offset,
            )
            for name, number in partitions
        }
