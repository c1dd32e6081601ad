"""How far each role is behind the logs that it reads, in records, for the screen.

Control records stand in the logs too, so a handful in each partition is nothing; whether the
stream is at rest is what `verify` finds out.
"""

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, TopicPartition
from confluent_kafka.admin import OffsetSpec

from schemas.internal.topics import PUBLIC_IN, Layout, Topic
from sinks.projection import positions
from streams.base.settings import Settings
from streams.kafka.clients import admin_client
from streams.runtime.projector import TOPICS as PROJECTED

READS: dict[str, tuple[Topic, ...]] = {
    "intake": PUBLIC_IN,
    "contact": (Topic.CONTACT_LOG,),
    "dispatch": (Topic.DISPATCH_LOG,),
    "campaign": (Topic.CAMPAIGN_LOG,),
}
MARKERS = 4
"""As many control records may follow the last record of a partition: one of each writer."""


class Lag:
    """Asks the broker, a few calls for all."""

    def __init__(self, settings: Settings, layout: Layout) -> None:
        self._settings = settings
        self._admin = admin_client(settings)
        self._places = {
            topic: [
                TopicPartition(settings.topic_prefix + topic.value, number)
                for number in range(layout.partitions(topic))
            ]
            for topic in (*(t for topics in READS.values() for t in topics), *PROJECTED)
        }

    def read(self) -> dict[str, int]:
        """Records behind, by role."""
        ends = self._ends()
        found = {role: self._behind(self._committed(role), ends, READS[role]) for role in READS}
        group = f"{self._settings.topic_prefix}projector"
        at = {
            (self._settings.topic_prefix + place.topic, place.partition): place.next_offset
            for place in positions(self._settings.dsn(), group)
        }
        return found | {"projector": self._behind(at, ends, PROJECTED)}

    def _ends(self) -> dict[tuple[str, int], int]:
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = {place: latest for some in self._places.values() for place in some}
        answers = self._admin.list_offsets(
            asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=5
        )
        return {(p.topic, p.partition): answer.result().offset for p, answer in answers.items()}

    def _committed(self, role: str) -> dict[tuple[str, int], int]:
        group = self._settings.topic_prefix + role
        asked = [ConsumerGroupTopicPartitions(group)]
        answer = self._admin.list_consumer_group_offsets(asked, request_timeout=5)[group].result()
        return {(p.topic, p.partition): p.offset for p in answer.topic_partitions}

    def _behind(
        self,
        at: dict[tuple[str, int], int],
        ends: dict[tuple[str, int], int],
        topics: tuple[Topic, ...],
    ) -> int:
        behind = 0
        for topic in topics:
            for place in self._places[topic]:
                name = (place.topic, place.partition)
                missing = ends[name] - max(at.get(name, 0), 0)
                behind += missing if missing > MARKERS else 0
        return behind
