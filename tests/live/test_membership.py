"""A death between the two halves of a cooperative rebalance leaves no partition to nobody; a client
that has lost its group ends."""

import time

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from streams.base.settings import Settings, load_settings
from streams.base.transport import FatalClientError
from streams.embedded.stack import Stack
from streams.kafka import membership
from streams.kafka.clients import group_consumer
from streams.kafka.membership import Membership

pytestmark = pytest.mark.live


class Member:
    """What it was given, by its slot."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.places: set[int] = set()
        group, log = f"{settings.topic_prefix}group", f"{settings.topic_prefix}log"
        self.consumer = group_consumer(settings, group, name)
        self.membership = Membership(
            settings, self.consumer, group, name, [log], self._assigned, self._revoked
        )

    def turn(self) -> None:
        self.membership.check()
        self.consumer.poll(0.05)

    def close(self) -> None:
        self.membership.close()
        self.consumer.close()

    def _assigned(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self.places |= {place.partition for place in places}
        consumer.incremental_assign([TopicPartition(p.topic, p.partition, 0) for p in places])

    def _revoked(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self.places -= {place.partition for place in places}
        consumer.incremental_unassign(places)


def turn(seconds: float, *members: Member, wait_until: int = 99) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and sum(len(m.places) for m in members) < wait_until:
        for member in members:
            member.turn()


@pytest.fixture
def settings(stack: Stack, topic_prefix: str) -> Settings:
    options = {"TOUCHSTREAM_SESSION_TIMEOUT_MS": "6000", "TOUCHSTREAM_TOPIC_PREFIX": topic_prefix}
    with AdminClient({"bootstrap.servers": stack.kafka.bootstrap}) as admin:
        name = f"{topic_prefix}log"
        admin.create_topics([NewTopic(name, 4, 1)])[name].result()
    return load_settings({**stack.environment(), **options})


def test_what_a_dead_member_had_to_give_away_is_given(settings: Settings) -> None:
    first = Member(settings, "first")
    turn(30, first, wait_until=4)
    assert len(first.places) == 4
    second = Member(settings, "second")
    turn(4, second)  # the first one hangs meanwhile: it cannot let go of its half
    reborn = Member(settings, "first")
    turn(40, second, reborn, wait_until=4)
    found = second.places | reborn.places
    for member in (second, reborn):
        member.close()
    assert found == {0, 1, 2, 3}
    assert not second.places & reborn.places


def test_a_client_that_has_lost_its_group_ends(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one does whose coordinator it never finds again, in small: it has left and does not
    know."""
    monkeypatch.setattr(membership, "ABSENT_MAX_S", 4.0)
    member = Member(settings, "only")
    turn(30, member, wait_until=4)
    turn(8, member)  # who is in its group is left alone
    member.consumer.unsubscribe()
    with pytest.raises(FatalClientError, match="has not listed only"):
        turn(40, member)
    member.close()
