"""Detects unassigned partitions of a consumer group, and a lost membership of this consumer.

A cooperative rebalance has two steps: one member gives a partition up, then joins again, and the
second rebalance assigns the partition to another member. If the first member dies between the two
and restarts as the same static member, the broker returns its smaller assignment without a
rebalance. Nobody requests the second rebalance then, and the partition stays unassigned for ever.
So each member describes the group from time to time, and one of them joins again.

A client whose broker did not answer for longer than the client waits may never find the coordinator
of the group again (librdkafka issue 5511). It reports no error and reads nothing. The description
of the group shows this case too: it does not list the member any more.
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
from streams.base.transport import FatalClientError, IdentityTaken
from streams.kafka.clients import admin_client

log = logging.getLogger("touchstream.membership")

CHECK_INTERVAL_S = 3.0
ABSENT_MAX_S = 25.0
"""A member that the group has not listed for this long will not return: its process must end."""

IDENTITY_WAIT_S = 3.0
SESSION_WAIT_MAX_S = 30.0
"""A process that waits gives no sign of life; after a minute its supervisor would kill it."""

REJOIN_WAIT_S = 10.0
LEAVE_MAX_S = 3.0

UNUSED_TOPIC_PATTERN = "^no-topic-has-this-name$"
"""Added to the subscription, or removed from it, to make the client join again: a changed
subscription causes a rebalance, and this pattern changes nobody's assignment."""

PartitionName = tuple[str, int]
RebalanceCallback = Callable[[Consumer, list[TopicPartition]], None]


class Membership:
    """The membership of `consumer` in `group`, which it subscribes to `topics`. The owner calls
    `check` with every poll; `check` does not wait. It calls `close` before it closes the consumer.
    """

    def __init__(
        self,
        settings: Settings,
        consumer: Consumer,
        group: str,
        instance: str,
        topics: Sequence[str],
        on_assign: RebalanceCallback,
        on_revoke: RebalanceCallback,
    ) -> None:
        self._consumer, self._group, self._instance = consumer, group, instance
        self._topics = list(topics)
        self._on_assign, self._on_revoke = on_assign, on_revoke
        self._closed = False
        self._settings, self._closing = settings, ExitStack()
        self._admin = self._closing.enter_context(admin_client(settings))
        self._pending_description: Future[ConsumerGroupDescription] | None = None
        self._next_check_s = time.monotonic() + CHECK_INTERVAL_S
        self._unassigned: frozenset[PartitionName] = frozenset()
        self._repeats = 0
        self._absent_since_s: float | None = None
        self._pattern_subscribed = False
        self._member_id = ""
        self._all_partitions = self._list_partitions()
        self._subscribe()

    def check(self) -> None:
        """Requests a description of the group when it is time, or evaluates the one that has
        arrived. Raises FatalClientError if the group has not listed this member for too long."""
        self._admin.poll(0)
        if self._pending_description is None:
            if time.monotonic() >= self._next_check_s:
                descriptions = self._admin.describe_consumer_groups([self._group])
                self._pending_description = descriptions[self._group]
        elif self._pending_description.done():
            self._next_check_s = time.monotonic() + CHECK_INTERVAL_S
            description, self._pending_description = self._pending_description, None
            self._member_id = self._consumer.memberid() or self._member_id
            try:
                self._check_description(description.result())
            except KafkaException as error:
                self._absent_since_s = None
                log.info("group not described", extra={"error": error.args[0].str()})
                self._replace_admin_client()

    def check_identity(self) -> None:
        """Raises IdentityTaken if another process has this one's place in the group. A process that
        took the identity fences the producer first and joins the group a little later, so this
        waits up to IDENTITY_WAIT_S for it.

        When a coordinator goes away while members join, the next one knows their earlier member
        ids alone, and fences them all. Such a member is dead, and leaves the group when its session
        is over: so only one that is listed for longer is another process.
        """
        if self._other_is_listed(IDENTITY_WAIT_S):
            session_s = self._settings.session_timeout_ms / 1_000
            time.sleep(min(1.5 * session_s, SESSION_WAIT_MAX_S))
            if self._other_is_listed(IDENTITY_WAIT_S):
                raise IdentityTaken(f"{self._instance} in the group {self._group}")

    def _other_is_listed(self, wait_s: float) -> bool:
        """Whether the group lists another member under this instance id within `wait_s`."""
        own = self._consumer.memberid() or self._member_id
        deadline_s = time.monotonic() + wait_s
        while time.monotonic() < deadline_s:
            try:
                answers = self._admin.describe_consumer_groups([self._group], request_timeout=2)
                members = answers[self._group].result().members
            except KafkaException:
                self._replace_admin_client()
                members = []
            if any(
                member.member_id not in ("", own) and member.group_instance_id == self._instance
                for member in members
            ):
                return True
            time.sleep(IDENTITY_WAIT_S / 10)
        return False

    def close(self) -> None:
        """Closes the admin client, and makes the consumer ready to be closed: one that is closed
        while an assignment waits for its callback hangs (librdkafka issue 4884). Such an assignment
        is taken without `on_assign`, and records that the consumer still has are dropped.
        """
        self._closed = True
        deadline_s = time.monotonic() + LEAVE_MAX_S
        while self._consumer.poll(0) is not None and time.monotonic() < deadline_s:
            pass
        self._closing.close()

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._closed:
            consumer.incremental_assign(partitions)
        else:
            self._on_assign(consumer, partitions)

    def _check_description(self, group: ConsumerGroupDescription) -> None:
        """Partitions that repeated checks find unassigned stay unassigned for good. Members join
        again in the order of their instance ids, so that one of them does it first."""
        assigned = {
            (p.topic, p.partition) for m in group.members for p in m.assignment.topic_partitions
        }
        stable = group.state is ConsumerGroupState.STABLE
        unassigned = frozenset(self._all_partitions - assigned) if stable else frozenset()
        self._repeats = self._repeats + 1 if unassigned and unassigned == self._unassigned else 0
        self._unassigned = unassigned
        self._check_own_membership(group)
        earlier = [m for m in group.members if str(m.group_instance_id) < self._instance]
        if self._repeats > len(earlier):
            self._join_again(unassigned)

    def _check_own_membership(self, group: ConsumerGroupDescription) -> None:
        now_s = time.monotonic()
        if any(member.group_instance_id == self._instance for member in group.members):
            self._absent_since_s = None
        elif self._absent_since_s is None:
            self._absent_since_s = now_s
        elif now_s - self._absent_since_s > ABSENT_MAX_S:
            raise FatalClientError(
                f"group {self._group} has not listed {self._instance} for {ABSENT_MAX_S:.0f} s"
            )

    def _replace_admin_client(self) -> None:
        """An admin client that lost its broker may wait for ever for the coordinator that it has
        cached (librdkafka issue 5511)."""
        self._closing.close()
        self._admin = self._closing.enter_context(admin_client(self._settings))

    def _join_again(self, unassigned: frozenset[PartitionName]) -> None:
        log.warning(
            "partitions are not assigned to any member: joining the group again",
            extra={"partitions": [f"{topic}[{number}]" for topic, number in sorted(unassigned)]},
        )
        self._pattern_subscribed = not self._pattern_subscribed
        self._subscribe()
        self._repeats, self._next_check_s = 0, time.monotonic() + REJOIN_WAIT_S

    def _subscribe(self) -> None:
        self._consumer.subscribe(
            [*self._topics, UNUSED_TOPIC_PATTERN] if self._pattern_subscribed else self._topics,
            on_assign=self._assigned,
            on_revoke=self._on_revoke,
            on_lost=self._on_revoke,
        )

    def _list_partitions(self) -> set[PartitionName]:
        topics = self._admin.list_topics(timeout=15).topics
        return {(t, n) for t in self._topics if t in topics for n in topics[t].partitions}
