"""The lag of each role in records, for the screen.

The end offset of a partition also counts control records, so a small difference counts as no lag.
Whether all records are processed is found out by `verify`.
"""

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, TopicPartition
from confluent_kafka.admin import OffsetSpec

from schemas.internal.topics import PUBLIC_IN, Layout, Topic
from sinks.projection import positions
from streams.base.settings import Settings
from streams.kafka.clients import admin_client
from streams.runtime.projector import TOPICS as PROJECTED

TOPICS_READ: dict[str, tuple[Topic, ...]] = {
    "intake": PUBLIC_IN,
    "contact": (Topic.CONTACT_LOG,),
    "dispatch": (Topic.DISPATCH_LOG,),
    "campaign": (Topic.CAMPAIGN_LOG,),
}
CONTROL_RECORDS_MAX = 4
"""The most control records after the last record of a partition: one of each writer."""


class RoleLag:
    """Reads the lag of all roles with a few requests to the broker."""

    def __init__(self, settings: Settings, layout: Layout) -> None:
        self._settings = settings
        self._admin = admin_client(settings)
        self._partitions = {
            topic: [
                TopicPartition(settings.topic_prefix + topic.value, number)
                for number in range(layout.partitions(topic))
            ]
            for topic in (*(t for topics in TOPICS_READ.values() for t in topics), *PROJECTED)
        }

    def read(self) -> dict[str, int]:
        """Returns the lag by role. Raises KafkaException."""
        ends = self._ends()
        lags = {
            role: self._behind(self._committed(role), ends, TOPICS_READ[role])
            for role in TOPICS_READ
        }
        group = f"{self._settings.topic_prefix}projector"
        projected = {
            (self._settings.topic_prefix + place.topic, place.partition): place.next_offset
            for place in positions(self._settings.dsn(), group)
        }
        return lags | {"projector": self._behind(projected, ends, PROJECTED)}

    def _ends(self) -> dict[tuple[str, int], int]:
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        requests = {place: latest for some in self._partitions.values() for place in some}
        answers = self._admin.list_offsets(
            requests, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=5
        )
        return {(p.topic, p.partition): answer.result().offset for p, answer in answers.items()}

    def _committed(self, role: str) -> dict[tuple[str, int], int]:
        group = self._settings.topic_prefix + role
        requests = [ConsumerGroupTopicPartitions(group)]
        answer = self._admin.list_consumer_group_offsets(requests, request_timeout=5)[
            group
        ].result()
        return {(p.topic, p.partition): p.offset for p in answer.topic_partitions}

    def _behind(
        self,
        positions: dict[tuple[str, int], int],
        ends: dict[tuple[str, int], int],
        topics: tuple[Topic, ...],
    ) -> int:
        behind = 0
        for topic in topics:
            for place in self._partitions[topic]:
                name = (place.topic, place.partition)
                missing = ends[name] - max(positions.get(name, 0), 0)
                behind += missing if missing > CONTROL_RECORDS_MAX else 0
        return behind
