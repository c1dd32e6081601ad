"""The recovery of a role after a kill, measured by its committed offsets, or by its positions in
PostgreSQL."""

import time
from collections.abc import Mapping
from contextlib import ExitStack

import psycopg
from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.internal.topics import PUBLIC_IN
from sinks.projection import positions
from streams.base.settings import Settings
from streams.kafka.clients import admin_client
from streams.runtime.roles import PROCESSORS
from streams.runtime.supervisor import RoleProcess

PartitionName = tuple[str, int]
SETTLE_S = 0.6


class CommittedProgress:
    """The assignments and committed positions of roles, read without being a member of a group."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._closing = ExitStack()
        self._admin = self._closing.enter_context(admin_client(settings))
        self._readers: dict[str, Consumer] = {}

    def owned(self, role: str, *slots: int) -> set[PartitionName]:
        """The partitions that the group has assigned to some slots; none during a rebalance."""
        group = f"{self._settings.topic_prefix}{role}"
        try:
            group_description = self._admin.describe_consumer_groups([group], request_timeout=5)[
                group
            ].result()
        except KafkaException:  # the client may have cached a coordinator that is gone
            self._closing.close()
            self._admin = self._closing.enter_context(admin_client(self._settings))
            return set()
        return {
            (partition.topic.removeprefix(self._settings.topic_prefix), partition.partition)
            for member in group_description.members
            if member.group_instance_id in {f"{group}-{slot}" for slot in slots}
            for partition in member.assignment.topic_partitions
        }

    def committed(self, role: str) -> dict[PartitionName, int]:
        """The next offset of each partition of a role, as committed."""
        if role == "projector":
            return self._projected()
        try:
            return self._read_committed(role)
        except KafkaException:  # the client may have cached a coordinator that is gone
            self._readers.pop(role).close()
            raise

    def _read_committed(self, role: str) -> dict[PartitionName, int]:
        prefix = self._settings.topic_prefix
        reader = self._reader(role)
        topics = PUBLIC_IN if role == "intake" else (PROCESSORS[role][0],)
        requested = [
            TopicPartition(prefix + topic, number)
            for topic in topics
            for number in reader.list_topics(prefix + topic, timeout=10)
            .topics[prefix + topic]
            .partitions
        ]
        offsets = reader.committed(requested, timeout=10)
        return {(p.topic.removeprefix(prefix), p.partition): p.offset for p in offsets}

    def close(self) -> None:
        self._closing.close()
        for reader in self._readers.values():
            reader.close()

    def _projected(self) -> dict[PartitionName, int]:
        projected = positions(self._settings.dsn(), f"{self._settings.topic_prefix}projector")
        return {(p.topic, p.partition): p.next_offset for p in projected}

    def _reader(self, role: str) -> Consumer:
        if role not in self._readers:
            self._readers[role] = Consumer(
                {
                    "bootstrap.servers": self._settings.bootstrap_servers,
                    **self._settings.kafka,
                    "group.id": f"{self._settings.topic_prefix}{role}",
                    "isolation.level": "read_uncommitted",  # does not wait for open transactions
                    "log_level": 2,
                }
            )
        return self._readers[role]


class Recovery:
    """The time until the partitions of a killed process are processed again: until the first new
    commit for one of them. Without `owned` partitions all of the role count."""

    def __init__(
        self,
        progress: CommittedProgress,
        child: RoleProcess,
        owned: set[PartitionName],
        killed_at_s: float,
    ) -> None:
        self.child = child
        self._progress = progress
        self._owned = owned
        self._killed_at_s = killed_at_s
        self._before = self._committed()
        self.after_s: float | None = None

    def check(self) -> bool:
        """Whether there is a new commit. Commits within SETTLE_S after the kill do not count: they
        are those of the killed process, because no other process starts that fast."""
        if self.after_s is None:
            now = self._committed()
            if time.monotonic() - self._killed_at_s < SETTLE_S:
                self._before = now
            elif any(offset > self._before.get(name, 0) for name, offset in now.items()):
                self.after_s = time.monotonic() - self._killed_at_s
        return self.after_s is not None

    def _committed(self) -> Mapping[PartitionName, int]:
        try:
            offsets = self._progress.committed(self.child.role)
        except (KafkaException, psycopg.Error):
            return {}
        return {p: o for p, o in offsets.items() if not self._owned or p in self._owned}
