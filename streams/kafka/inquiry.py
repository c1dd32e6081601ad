"""Questions to the brokers about partitions that a worker takes over, asked without waiting.

The offsets of the group come first, and all that is asked about the logs after them: so the end of
a changelog lies behind every transaction that has committed one of these offsets. Offsets of an
open transaction do not count: its records are in the changelog, and its reader waits for its end.
"""

import logging
import time
from collections.abc import Mapping, Sequence

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    KafkaException,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from schemas.internal.topics import POSITION_TOPICS, Topic
from streams.base.settings import Settings
from streams.base.transport import FatalClientError, GroupOffset, LogFacts, Partition
from streams.kafka.clients import admin_client
from streams.kafka.topic_extent import (
    CALL_TIMEOUT_S,
    Futures,
    ask_offsets,
    ask_topics,
    offset_of,
    topic_id_of,
)

log = logging.getLogger("touchstream.kafka")

RETRY_S = 0.2
ANSWER_MAX_S = 60.0


class KafkaInquiry:
    """The questions about `partitions`, with the offsets of `group`. Every method returns at once.
    Failed questions are asked again, by a new client: one that lost its broker may wait for ever
    for the coordinator that it has cached (librdkafka issue 5511)."""

    def __init__(self, settings: Settings, group: str, partitions: Sequence[Partition]) -> None:
        self._settings, self._group, self._partitions = settings, group, list(partitions)
        self._names = {topic: settings.topic_prefix + topic.value for topic in Topic}
        self._deadline_s = time.monotonic() + ANSWER_MAX_S
        self._client: AdminClient | None = None
        self._asked: list[Futures] = []
        self._group_offsets: dict[tuple[str, int], GroupOffset] | None = None
        self._answer: dict[Partition, LogFacts] | None = None
        self._begin_at_s = 0.0

    def answer(self) -> Mapping[Partition, LogFacts] | None:
        """The answers, or None while they are not all there. Raises FatalClientError if the brokers
        do not answer in ANSWER_MAX_S."""
        if self._answer is not None or time.monotonic() < self._begin_at_s:
            return self._answer
        if time.monotonic() > self._deadline_s:
            raise FatalClientError("the brokers do not answer questions about assigned partitions")
        try:
            self._proceed()
        except KafkaException as error:
            fields = {"error": error.args[0].str(), "partitions": self._partitions}
            log.info("no answer about partitions yet: asking again", extra=fields)
            self.close()
        return self._answer

    def _proceed(self) -> None:
        if self._client is None:
            self._client = admin_client(self._settings)
            request = [ConsumerGroupTopicPartitions(self._group)]
            self._asked = [
                self._client.list_consumer_group_offsets(request, request_timeout=CALL_TIMEOUT_S)
            ]
        if not all(future.done() for futures in self._asked for future in futures.values()):
            return
        if self._group_offsets is None:
            ((found),) = self._asked[0].values()
            self._group_offsets = {
                (p.topic, p.partition): GroupOffset(p.offset, p.metadata or "")
                for p in found.result().topic_partitions
                if p.offset >= 0
            }
            self._ask_about_logs(self._client)
            return
        starts, ends, topics = self._asked
        self._answer = {p: self._facts(p, starts, ends, topics) for p in self._partitions}
        self.close()

    def _ask_about_logs(self, client: AdminClient) -> None:
        logs = [self._name(p) for p in self._partitions]
        both = dict.fromkeys([*logs, *(self._name(_changelog(p)) for p in self._partitions)])
        self._asked = [
            ask_offsets(client, logs, OffsetSpec.earliest),
            ask_offsets(client, both, OffsetSpec.latest),
            ask_topics(client, (name for name, _ in logs)),
        ]

    def _facts(
        self, partition: Partition, starts: Futures, ends: Futures, topics: Futures
    ) -> LogFacts:
        assert self._group_offsets is not None
        name = self._name(partition)
        topic = topics[name[0]].result()
        return LogFacts(
            self._group_offsets.get(name, GroupOffset()),
            [found.metadata for (at, _), found in self._group_offsets.items() if at == name[0]],
            topic_id_of(topic),
            len(topic.partitions),
            offset_of(starts, name),
            offset_of(ends, name),
            offset_of(ends, self._name(_changelog(partition))),
        )

    def _name(self, partition: Partition) -> tuple[str, int]:
        return self._names[partition.topic], partition.number

    def close(self) -> None:
        """Ends the questions. A further call of `answer` asks them again."""
        if self._client is not None:
            self._client.__exit__(None, None, None)
        self._client, self._group_offsets, self._asked = None, None, []
        self._begin_at_s = time.monotonic() + RETRY_S


def _changelog(partition: Partition) -> Partition:
    return Partition(POSITION_TOPICS[partition.topic], partition.number)
