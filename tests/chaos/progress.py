"""Where each role stands, by what is committed: the group's offsets, or PostgreSQL's places."""

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

Place = tuple[str, int]
SETTLE_S = 0.6


class Progress:
    """Looks from outside: no member of any group."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._closing = ExitStack()
        self._admin = self._closing.enter_context(admin_client(settings))
        self._readers: dict[str, Consumer] = {}

    def owned(self, role: str, slot: int) -> set[Place]:
        """The partitions that the group gave to a slot; none while it is being shared out."""
        group = f"{self._settings.topic_prefix}{role}"
        try:
            found = self._admin.describe_consumer_groups([group], request_timeout=5)[group].result()
        except KafkaException:  # it may remember a coordinator that is gone
            self._closing.close()
            self._admin = self._closing.enter_context(admin_client(self._settings))
            return set()
        return {
            (place.topic.removeprefix(self._settings.topic_prefix), place.partition)
            for member in found.members
            if member.group_instance_id == f"{group}-{slot}"
            for place in member.assignment.topic_partitions
        }

    def at(self, role: str) -> dict[Place, int]:
        """What stands committed."""
        if role == "projector":
            return self._projected()
        prefix = self._settings.topic_prefix
        reader = self._reader(role)
        topics = PUBLIC_IN if role == "intake" else (PROCESSORS[role][0],)
        asked = [
            TopicPartition(prefix + topic, number)
            for topic in topics
            for number in reader.list_topics(prefix + topic, timeout=10)
            .topics[prefix + topic]
            .partitions
        ]
        answers = reader.committed(asked, timeout=10)
        return {(a.topic.removeprefix(prefix), a.partition): a.offset for a in answers}

    def close(self) -> None:
        self._closing.close()
        for reader in self._readers.values():
            reader.close()

    def _projected(self) -> dict[Place, int]:
        found = positions(self._settings.dsn(), f"{self._settings.topic_prefix}projector")
        return {(place.topic, place.partition): place.next_offset for place in found}

    def _reader(self, role: str) -> Consumer:
        if role not in self._readers:
            self._readers[role] = Consumer(
                {
                    "bootstrap.servers": self._settings.bootstrap_servers,
                    "group.id": f"{self._settings.topic_prefix}{role}",
                    "isolation.level": "read_uncommitted",  # does not wait for open transactions
                    "log_level": 2,
                }
            )
        return self._readers[role]


class Again:
    """When a killed process's partitions are processed again: the first new commit for them."""

    def __init__(
        self, progress: Progress, child: RoleProcess, owned: set[Place], killed: float
    ) -> None:
        self.child = child
        self._progress = progress
        self._owned = owned
        self._killed = killed
        self._before = self._here()
        self.after_s: float | None = None

    def look(self) -> bool:
        """Whether it has happened. What the dead one had committed may show a moment later: nobody
        starts anew as fast as that."""
        if self.after_s is None:
            now = self._here()
            if time.monotonic() - self._killed < SETTLE_S:
                self._before = now
            elif any(offset > self._before.get(place, 0) for place, offset in now.items()):
                self.after_s = time.monotonic() - self._killed
        return self.after_s is not None

    def _here(self) -> Mapping[Place, int]:
        try:
            found = self._progress.at(self.child.role)
        except (KafkaException, psycopg.Error):
            return {}
        return {p: o for p, o in found.items() if not self._owned or p in self._owned}
