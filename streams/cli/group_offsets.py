"""What there is to ask of the broker: owners, offsets and ends, each of many partitions at once."""

from collections.abc import Sequence
from typing import Any, Self

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
from streams.cli.errors import retry_transient
from streams.kafka.clients import admin
from streams.runtime.roles import PROCESSORS

CALL_S = 15.0
At = tuple[Topic, int]

ROLE_TOPICS: dict[str, tuple[Topic, ...]] = {
    "intake": PUBLIC_IN,
    **{role: (log,) for role, (log, _) in PROCESSORS.items()},
    "projector": (*CHANGELOGS, Topic.FACTS),
}


class BrokerQueries:
    """One deployment's."""

    def __init__(self, settings: Settings, layout: Layout) -> None:
        self.settings = settings
        self.layout = layout
        self._admin: AdminClient = admin(settings)
        self._topics = {settings.topic_prefix + topic.value: topic for topic in Topic}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._admin.__exit__(None, None, None)

    def places_of(self, role: str) -> list[At]:
        """The partitions that a role works on."""
        return [
            (topic, number)
            for topic in ROLE_TOPICS[role]
            for number in range(self.layout.partitions(topic))
        ]

    def name(self, at: At) -> TopicPartition:
        return TopicPartition(self.settings.topic_prefix + at[0].value, at[1])

    def at(self, place: Any) -> At:
        return self._topics[place.topic], place.partition

    def owners(self, roles: Sequence[str], timeout_s: float = CALL_S) -> dict[str, dict[At, str]]:
        """Who has which partition now, by role."""
        groups = {self.settings.topic_prefix + role: role for role in roles}
        found: dict[str, dict[At, str]] = {role: {} for role in roles}
        answers = self._admin.describe_consumer_groups([*groups], request_timeout=timeout_s)
        for group, answer in answers.items():
            for member in _known(answer, ()) and answer.result().members:
                for place in member.assignment.topic_partitions:
                    worker = member.group_instance_id or member.member_id
                    found[groups[group]][self.at(place)] = worker
        return found

    def committed(self, role: str) -> dict[At, int]:
        """The group's offsets, where it has any."""
        asked = ConsumerGroupTopicPartitions(self.settings.topic_prefix + role)
        ((_, answer),) = self._admin.list_consumer_group_offsets(
            [asked], request_timeout=CALL_S
        ).items()
        found = _known(answer, None)
        places = found.topic_partitions if found is not None else ()
        return {self.at(p): p.offset for p in places if p.offset >= 0 and p.topic in self._topics}

    def ends(self, places: Sequence[At], *, first: bool = False) -> dict[At, int]:
        """Where each partition ends for a reader of what is committed, or begins."""
        spec = (OffsetSpec.earliest if first else OffsetSpec.latest)()  # type: ignore[no-untyped-call]
        asked = {self.name(at): spec for at in places}
        answers = retry_transient(lambda: self._answers(asked))
        return {self.at(place): answer.offset for place, answer in answers.items()}

    def _answers(self, asked: dict[TopicPartition, OffsetSpec]) -> dict[TopicPartition, Any]:
        answers = self._admin.list_offsets(
            asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=CALL_S
        )
        return {place: answer.result() for place, answer in answers.items()}


def _known(answer: Any, otherwise: Any) -> Any:
    """The result; `otherwise` for a group that never was."""
    try:
        return answer.result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return otherwise
        raise
