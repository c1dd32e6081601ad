"""What the brokers answer about a partition that a worker takes over, while the transaction of a
dead owner is open, and after a log was cut."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from schemas.internal.topics import Topic
from streams.base.settings import Settings, load_settings
from streams.base.transport import GroupOffset, LogFacts, Partition
from streams.embedded.stack import Stack
from streams.kafka.clients import admin_client, group_consumer, transactional_producer
from streams.kafka.inquiry import KafkaInquiry
from streams.kafka.topics import create_topics
from tests.testing.two_tenant_engine import ONE_EACH

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

LOG = Partition(Topic.CONTACT_LOG, 0)


@pytest.fixture
def settings(stack: Stack, topic_prefix: str) -> Settings:
    settings = load_settings({**stack.environment(), "TOUCHSTREAM_TOPIC_PREFIX": topic_prefix})
    create_topics(settings, ONE_EACH)
    return settings


@pytest.fixture
def member(settings: Settings) -> Iterator[Consumer]:
    """A member of the group of contacts."""
    name = settings.topic_prefix + Topic.CONTACT_LOG
    consumer = group_consumer(settings, f"{settings.topic_prefix}contact", "member")

    def assign(consumer: Consumer, _: object) -> None:
        consumer.incremental_assign([TopicPartition(name, 0, OFFSET_BEGINNING)])

    consumer.subscribe([name], on_assign=assign)
    while not consumer.assignment():
        consumer.poll(0.1)
    yield consumer
    consumer.close()


def asked(settings: Settings) -> LogFacts:
    """The answer about the log of contacts."""
    group = f"{settings.topic_prefix}contact"
    with closing(KafkaInquiry(settings, group, [LOG])) as inquiry:
        while (answer := inquiry.answer()) is None:
            time.sleep(0.01)
        return answer[LOG]


def commit(writer: Producer, member: Consumer, settings: Settings, offset: int, text: str) -> None:
    """Writes a record to the log and its changelog, and an offset of the group; the transaction
    stays open."""
    writer.begin_transaction()
    for topic in (Topic.CONTACT_LOG, Topic.CONTACT_CHANGELOG):
        writer.produce(settings.topic_prefix + topic, b"v", b"k", 0)
    assert writer.flush(30) == 0
    position = TopicPartition(settings.topic_prefix + Topic.CONTACT_LOG, 0, offset, metadata=text)
    writer.send_offsets_to_transaction([position], member.consumer_group_metadata(), 30)


def test_an_open_transaction_holds_no_answer_back(settings: Settings, member: Consumer) -> None:
    """Its records are before the ends that are answered, and its reader waits for them."""
    writer = transactional_producer(settings, f"{settings.topic_prefix}writer")
    writer.init_transactions(30)
    untouched = asked(settings)
    assert (untouched.committed, untouched.end_offset, untouched.partitions) == (
        GroupOffset(),
        0,
        1,
    )
    commit(writer, member, settings, 1, "first")
    assert asked(settings).committed == GroupOffset()
    writer.commit_transaction(30)
    while (first := asked(settings)).committed == GroupOffset():
        time.sleep(0.05)  # the marker reaches the group's offsets after the commit has returned
    assert first.committed == GroupOffset(1, "first")
    assert [*first.group_metadata] == ["first"]
    commit(writer, member, settings, 3, "second")
    second = asked(settings)
    assert second.committed == GroupOffset(1, "first")
    assert (first.end_offset, second.end_offset) == (2, 3)  # a commit marker has an offset too
    assert second.changelog_end == 3
    assert second.topic_id == untouched.topic_id != ""
    writer.abort_transaction(30)


def test_a_log_that_was_cut_shows_where_it_begins(settings: Settings) -> None:
    name = settings.topic_prefix + Topic.CONTACT_LOG
    with ExitStack() as closing_:
        admin = closing_.enter_context(admin_client(settings))
        writer = transactional_producer(settings, f"{settings.topic_prefix}writer")
        writer.init_transactions(30)
        writer.begin_transaction()
        for _ in range(5):
            writer.produce(name, b"v", b"k", 0)
        writer.commit_transaction(30)
        (cut,) = admin.delete_records([TopicPartition(name, 0, 3)]).values()
        cut.result()
    facts = asked(settings)
    assert (facts.start_offset, facts.end_offset) == (3, 6)
