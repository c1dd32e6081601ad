"""A member of a group that sees to it that no partition is left over, and that it is one still.

A cooperative rebalance takes a partition from one member first and gives it to another in a second
rebalance, which the first one asks for once it has let go. If that one dies in between and starts
anew as the same static member, the broker gives it its smaller part without a rebalance, and nobody
asks for the second one: what it had to give away would belong to nobody for ever. So each member
looks at the group now and then, and one of them asks.

A client whose broker stood still for longer than it waits may never find the group's coordinator
again (librdkafka's issue 5511), and says nothing: it has left, and nobody reads. Who looks finds
that the group does not know this member any more.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack

from confluent_kafka import (
    Consumer,
    ConsumerGroupState,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import ConsumerGroupDescription

from streams.base.settings import Settings
from streams.base.transport import FatalClientError
from streams.kafka.clients import admin

log = logging.getLogger("touchstream.membership")

LOOK_S = 3.0
ABSENT_S = 25.0
"""A member that the group has not known for so long will not come back: a clean process should."""

ASK_S = 10.0
NO_TOPIC = "^no-topic-has-this-name$"
"""Added to what is subscribed to, or taken out again: another subscription is a reason to join
again, while nothing is taken from anybody."""

Place = tuple[str, int]
Told = Callable[[Consumer, list[TopicPartition]], None]


class Membership:
    """Subscribes `consumer`; `look` is to be called with every poll, and does not wait."""

    def __init__(
        self,
        settings: Settings,
        consumer: Consumer,
        group: str,
        instance: str,
        topics: Sequence[str],
        on_assign: Told,
        on_revoke: Told,
    ) -> None:
        self._consumer, self._group, self._instance = consumer, group, instance
        self._topics = list(topics)
        self._on_assign, self._on_revoke = on_assign, on_revoke
        self._settings, self._closing = settings, ExitStack()
        self._admin = self._closing.enter_context(admin(settings))
        self._asked: Future[ConsumerGroupDescription] | None = None
        self._next_look = time.monotonic() + LOOK_S
        self._leftover: frozenset[Place] = frozenset()
        self._looks = 0
        self._absent_since: float | None = None
        self._odd = False
        self._all = self._places()
        self._subscribe()

    def look(self) -> None:
        """Ask how the group stands, or hear the answer. Raises Dead."""
        if self._asked is None:
            if time.monotonic() >= self._next_look:
                self._asked = self._admin.describe_consumer_groups([self._group])[self._group]
        elif self._asked.done():
            self._next_look = time.monotonic() + LOOK_S
            asked, self._asked = self._asked, None
            try:
                self._hear(asked.result())
            except KafkaException as error:
                self._absent_since = None
                log.info("group not known now", extra={"error": error.args[0].str()})
                self._ask_through_another()

    def close(self) -> None:
        """Look no more."""
        self._closing.close()

    def _hear(self, group: ConsumerGroupDescription) -> None:
        """Left over each time one looks means left over for good; the first in rank asks first."""
        given = {
            (p.topic, p.partition) for m in group.members for p in m.assignment.topic_partitions
        }
        stable = group.state is ConsumerGroupState.STABLE
        leftover = frozenset(self._all - given) if stable else frozenset()
        self._looks = self._looks + 1 if leftover and leftover == self._leftover else 0
        self._leftover = leftover
        self._find_itself(group)
        before = [m for m in group.members if str(m.group_instance_id) < self._instance]
        if self._looks > len(before):
            self._ask_again(leftover)

    def _find_itself(self, group: ConsumerGroupDescription) -> None:
        now = time.monotonic()
        if any(member.group_instance_id == self._instance for member in group.members):
            self._absent_since = None
        elif self._absent_since is None:
            self._absent_since = now
        elif now - self._absent_since > ABSENT_S:
            raise FatalClientError(
                f"{self._group} has not known {self._instance} for {ABSENT_S:.0f} s"
            )

    def _ask_through_another(self) -> None:
        """A client that lost its broker may look for ever for the group's coordinator that it
        remembers (librdkafka's issue 5511)."""
        self._closing.close()
        self._admin = self._closing.enter_context(admin(self._settings))

    def _ask_again(self, leftover: frozenset[Place]) -> None:
        log.warning(
            "partitions belong to nobody: joining again",
            extra={"partitions": [f"{topic}[{number}]" for topic, number in sorted(leftover)]},
        )
        self._odd = not self._odd
        self._subscribe()
        self._looks, self._next_look = 0, time.monotonic() + ASK_S

    def _subscribe(self) -> None:
        self._consumer.subscribe(
            [*self._topics, NO_TOPIC] if self._odd else self._topics,
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_revoke,
        )

    def _places(self) -> set[Place]:
        found = self._admin.list_topics(timeout=15).topics
        return {(t, n) for t in self._topics if t in found for n in found[t].partitions}
