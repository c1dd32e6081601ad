"""What the brokers have of a partition now: first offset, end, and the id of its topic."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from confluent_kafka import IsolationLevel, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.base.settings import Settings
from streams.kafka.clients import admin_client

CALL_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S, RETRY_INTERVAL_S = 15.0, 0.2

Futures = Mapping[Any, "Future[Any]"]


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
    if not partitions:
        return {}
    with admin_client(settings) as client:
        topics = ask_topics(client, (name for name, _ in partitions))
        starts = ask_offsets(client, partitions, OffsetSpec.earliest)
        ends = ask_offsets(client, partitions, OffsetSpec.latest)
        return {
            partition: TopicExtent(
                topic_id_of(topics[partition[0]].result()),
                offset_of(starts, partition),
                offset_of(ends, partition),
            )
            for partition in partitions
        }


def offsets_of(
    settings: Settings, partitions: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], tuple[int, int]]:
    """The first offset and the end of partitions, open transactions included, in one question to
    each broker. Asks again while a leader is not known (a broker just came back); raises
    KafkaException after ANSWER_TIMEOUT_S."""
    deadline_s = time.monotonic() + ANSWER_TIMEOUT_S
    while True:
        try:
            with admin_client(settings) as client:
                starts = ask_offsets(client, partitions, OffsetSpec.earliest)
                ends = ask_offsets(client, partitions, OffsetSpec.latest)
                return {p: (offset_of(starts, p), offset_of(ends, p)) for p in partitions}
        except KafkaException:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(RETRY_INTERVAL_S)


def ask_topics(client: AdminClient, names: Iterable[str]) -> Futures:
    """Asks for the descriptions of topics, and does not wait for them."""
    topics = TopicCollection(sorted(set(names)))
    answers: Futures = client.describe_topics(topics, request_timeout=CALL_TIMEOUT_S)
    return answers


def ask_offsets(
    client: AdminClient, partitions: Iterable[tuple[str, int]], spec: Callable[[], Any]
) -> Futures:
    """Asks for an offset of each partition, and does not wait for it. It counts open
    transactions."""
    answers: Futures = client.list_offsets(
        {TopicPartition(*partition): spec() for partition in partitions},
        isolation_level=IsolationLevel.READ_UNCOMMITTED,
        request_timeout=CALL_TIMEOUT_S,
    )
    return answers


def topic_id_of(description: Any) -> str:
    """The id of a described topic; empty if the broker has none."""
    return "" if description.topic_id is None else str(description.topic_id)


def offset_of(answers: Futures, partition: tuple[str, int]) -> int:
    """The offset that was answered for a partition. Raises KafkaException."""
    offset: int = answers[TopicPartition(*partition)].result().offset
    return offset
