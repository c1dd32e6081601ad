"""A partition is assigned again after a member has died between the two steps of a cooperative
rebalance, and a client that has lost its group ends."""

import threading
import time
from contextlib import closing, suppress

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from streams.base.settings import Settings, load_settings
from streams.base.transport import FatalClientError, IdentityTaken
from streams.embedded.stack import Stack
from streams.kafka import membership
from streams.kafka.clients import admin_client, group_consumer
from streams.kafka.membership import Membership
from tests.testing.waiting import WAIT_TIMEOUT_S

pytestmark = pytest.mark.live


class Member:
    """A member of a group, with the numbers of its partitions. One that has `joined` another group
    is not listed in the group."""

    def __init__(self, settings: Settings, name: str, joined: str = "group") -> None:
        self.partitions: set[int] = set()
        group, log = f"{settings.topic_prefix}group", f"{settings.topic_prefix}log"
        self.consumer = group_consumer(settings, f"{settings.topic_prefix}{joined}", name)
        self.membership = Membership(
            settings, self.consumer, group, name, [log], self._assigned, self._revoked
        )

    def poll(self) -> None:
        self.membership.check()
        self.consumer.poll(0.05)

    def close(self) -> None:
        self.membership.close()
        self.consumer.close()

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.partitions |= {p.partition for p in partitions}
        consumer.incremental_assign([TopicPartition(p.topic, p.partition, 0) for p in partitions])

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.partitions -= {p.partition for p in partitions}
        consumer.incremental_unassign(partitions)


def poll_for(seconds: float, *members: Member, partitions: int = 99) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and sum(len(m.partitions) for m in members) < partitions:
        for member in members:
            member.poll()


@pytest.fixture
def settings(stack: Stack, topic_prefix: str) -> Settings:
    options = {"TOUCHSTREAM_SESSION_TIMEOUT_MS": "6000", "TOUCHSTREAM_TOPIC_PREFIX": topic_prefix}
    with AdminClient(stack.kafka.client_options) as admin:
        name = f"{topic_prefix}log"
        admin.create_topics([NewTopic(name, 4, 1)])[name].result()
    return load_settings({**stack.environment(), **options})


def test_partitions_that_a_dead_member_had_to_give_up_are_assigned(settings: Settings) -> None:
    first = Member(settings, "first")
    poll_for(WAIT_TIMEOUT_S, first, partitions=4)
    assert len(first.partitions) == 4
    second = Member(settings, "second")
    poll_for(4, second)  # the first one does not poll, so it cannot give up its half
    restarted = Member(settings, "first")
    poll_for(WAIT_TIMEOUT_S, second, restarted, partitions=4)
    assigned = second.partitions | restarted.partitions
    for member in (second, restarted):
        member.close()
    assert assigned == {0, 1, 2, 3}
    assert not second.partitions & restarted.partitions


def test_a_member_that_is_dead_has_not_taken_the_identity(settings: Settings) -> None:
    """A coordinator that takes over may know an earlier member id of a process, and fence it."""
    with closing(Member(settings, "only", joined="other")) as fenced:
        with closing(Member(settings, "only")) as earlier:
            poll_for(WAIT_TIMEOUT_S, earlier, partitions=4)
            with pytest.raises(IdentityTaken):
                fenced.membership.check_identity()
        # a static member stays in the group until its session is over
        fenced.membership.check_identity()


def test_a_member_closes_whose_assignment_still_waits_for_its_callback(settings: Settings) -> None:
    """The client hangs if it is closed then."""
    member = Member(settings, "only")
    with admin_client(settings) as admin:
        group = f"{settings.topic_prefix}group"

        def is_assigned() -> bool:
            with suppress(KafkaException):  # the coordinator of a new group moves once
                members = admin.describe_consumer_groups([group])[group].result().members
                return any(each.assignment.topic_partitions for each in members)
            return False

        deadline = time.monotonic() + WAIT_TIMEOUT_S
        while not is_assigned() and time.monotonic() < deadline:
            time.sleep(0.1)
    closing_thread = threading.Thread(target=member.close, daemon=True)
    closing_thread.start()
    closing_thread.join(WAIT_TIMEOUT_S)
    assert not closing_thread.is_alive(), "the client hangs"
    assert member.partitions == set()


def test_a_client_that_has_lost_its_group_ends(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client leaves the group without noticing, as one does that has lost its coordinator."""
    monkeypatch.setattr(membership, "ABSENT_MAX_S", 4.0)
    member = Member(settings, "only")
    poll_for(WAIT_TIMEOUT_S, member, partitions=4)
    poll_for(8, member)  # a member of the group may go on
    member.consumer.unsubscribe()
    with pytest.raises(FatalClientError, match="has not listed only"):
        poll_for(WAIT_TIMEOUT_S, member)
    member.close()
