"""What the brokers of a cluster lead and coordinate, and the calls that change it."""

from confluent_kafka import ElectionType, KafkaException
from confluent_kafka.admin import (
    AlterConfigOpType,
    ClusterMetadata,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from streams.base.settings import Settings
from streams.embedded.kafka import EmbeddedKafka
from streams.kafka.clients import admin_client

CALL_TIMEOUT_S = 10.0
TRANSACTIONS, GROUPS = "__transaction_state", "__consumer_offsets"


class Brokers:
    """The running brokers. Each question goes through a client of its own: a client that has lost
    its broker may wait for it for long."""

    def __init__(self, settings: Settings, brokers: list[EmbeddedKafka]) -> None:
        self._settings, self._brokers = settings, brokers

    def leader(self, topic: str, number: int) -> EmbeddedKafka:
        """The broker that leads a partition; `topic` is the full name."""
        leader = self._metadata().topics[topic].partitions[number].leader
        return self._brokers[leader - 1]

    def transaction_coordinator(self, transactional_id: str) -> EmbeddedKafka:
        return self._coordinator(TRANSACTIONS, transactional_id)

    def group_coordinator(self, group: str) -> EmbeddedKafka:
        return self._coordinator(GROUPS, group)

    def _coordinator(self, topic: str, name: str) -> EmbeddedKafka:
        partitions = self._metadata().topics[topic].partitions
        return self._brokers[partitions[abs(java_hash(name)) % len(partitions)].leader - 1]

    def in_sync(self) -> bool:
        """Whether all brokers are there, and each has all records of its partitions."""
        try:
            metadata = self._metadata()
        except KafkaException:
            return False
        partitions = [p for topic in metadata.topics.values() for p in topic.partitions.values()]
        return len(metadata.brokers) == len(self._brokers) and all(
            p.leader > 0 and set(p.isrs) == set(p.replicas) for p in partitions
        )

    def elect_preferred_leaders(self) -> None:
        """Moves each partition to the first of its replicas."""
        with admin_client(self._settings) as client:
            client.elect_leaders(ElectionType.PREFERRED).result(CALL_TIMEOUT_S)

    def require_in_sync(self, replicas: int) -> None:
        """Changes how many replicas must have a record of any topic before it counts."""
        name, value = "min.insync.replicas", str(replicas)
        entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        with admin_client(self._settings) as client:
            names = client.list_topics(timeout=CALL_TIMEOUT_S).topics
            topics = [
                ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
                for topic in names
                if topic in (TRANSACTIONS, GROUPS) or topic.startswith(self._settings.topic_prefix)
            ]
            changed = client.incremental_alter_configs(topics, request_timeout=CALL_TIMEOUT_S)
            for answer in changed.values():
                answer.result()

    def _metadata(self) -> ClusterMetadata:
        with admin_client(self._settings) as client:
            return client.list_topics(timeout=CALL_TIMEOUT_S)


def java_hash(text: str) -> int:
    """The hash by which Kafka assigns groups and transactional ids to partitions."""
    value = 0
    for character in text:
        value = (31 * value + ord(character)) % 2**32
    return value - 2**32 if value >= 2**31 else value
