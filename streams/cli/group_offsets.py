"""Owners, committed offsets and end offsets of many partitions, read with one call for each."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Self, TypeVar

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from schemas.internal.topics import CHANGELOGS, PUBLIC_IN, Layout, Topic
from streams.base.settings import Settings
from streams.base.transport import Partition
from streams.kafka.clients import admin_client
from streams.runtime.roles import PROCESSORS

CALL_TIMEOUT_S = 15.0
RETRY_S = 10.0
PAUSE_S = 0.2
T = TypeVar("T")

ROLE_TOPICS: dict[str, tuple[Topic, ...]] = {
    "intake": PUBLIC_IN,
    **{role: (log,) for role, (log, _) in PROCESSORS.items()},
    "projector": (*CHANGELOGS, Topic.FACTS),
}
"""The topics that each role reads."""


class GroupOffsets:
    """An admin client that reads the consumer groups and partitions of one deployment.

    Methods raise KafkaException. To be closed (`with`).
    """

    def __init__(self, settings: Settings, layout: Layout) -> None:
        self.settings = settings
        self.layout = layout
        self._admin: AdminClient = admin_client(settings)
        self._topics = {settings.topic_prefix + topic.value: topic for topic in Topic}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._admin.__exit__(None, None, None)

    def partitions_of(self, role: str) -> list[Partition]:
        """The partitions that a role reads."""
        return [
            Partition(topic, number)
            for topic in ROLE_TOPICS[role]
            for number in range(self.layout.partitions(topic))
        ]

    def topic_partition(self, partition: Partition) -> TopicPartition:
        """The client's name of a partition, without an offset."""
        return TopicPartition(self.settings.topic_prefix + partition.topic.value, partition.number)

    def partition(self, named: TopicPartition) -> Partition:
        """Our name of the client's partition. Raises KeyError for a topic that is not ours."""
        return Partition(self._topics[named.topic], named.partition)

    def owners(
        self, roles: Sequence[str], timeout_s: float = CALL_TIMEOUT_S
    ) -> dict[str, dict[Partition, str]]:
        """For each role, the worker that each partition is assigned to now."""
        groups = {self.settings.topic_prefix + role: role for role in roles}
        owners: dict[str, dict[Partition, str]] = {role: {} for role in roles}
        answers = self._admin.describe_consumer_groups([*groups], request_timeout=timeout_s)
        for group, answer in answers.items():
            description = _result_of_group(answer)
            for member in () if description is None else description.members:
                for named in member.assignment.topic_partitions:
                    worker = member.group_instance_id or member.member_id
                    owners[groups[group]][self.partition(named)] = worker
        return owners

    def committed(self, role: str) -> dict[Partition, int]:
        """The committed offsets of a role's group; without the partitions that have none."""
        group = ConsumerGroupTopicPartitions(self.settings.topic_prefix + role)
        ((_, answer),) = self._admin.list_consumer_group_offsets(
            [group], request_timeout=CALL_TIMEOUT_S
        ).items()
        result = _result_of_group(answer)
        return {
            self.partition(named): named.offset
            for named in (() if result is None else result.topic_partitions)
            if named.offset >= 0 and named.topic in self._topics
        }

    def ends(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The offset after the last committed record of each partition."""
        return self._offsets(partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def beginnings(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The offset of the first record that each partition still has."""
        return self._offsets(partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    def _offsets(self, partitions: Sequence[Partition], spec: OffsetSpec) -> dict[Partition, int]:
        request = {self.topic_partition(partition): spec for partition in partitions}
        answers = _retry_transient(lambda: self._list_offsets(request))
        return {self.partition(named): answer.offset for named, answer in answers.items()}

    def _list_offsets(self, request: dict[TopicPartition, OffsetSpec]) -> dict[TopicPartition, Any]:
        answers = self._admin.list_offsets(
            request, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=CALL_TIMEOUT_S
        )
        return {named: answer.result() for named, answer in answers.items()}


def _result_of_group(answer: Any) -> Any:
    """The result of an answer about a group; None for a group that does not exist."""
    try:
        return answer.result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return None
        raise


def _retry_transient(call: Callable[[], T]) -> T:
    """Repeats a call for up to RETRY_S while it fails with a retriable error, such as for a topic
    that has no leader yet. Raises the KafkaException that is not retriable or came last."""
    deadline = time.monotonic() + RETRY_S
    while True:
        try:
            return call()
        except KafkaException as error:
            if not error.args[0].retriable() or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_S)
