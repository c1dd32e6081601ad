"""A recount that could not disagree would be worth nothing: each thing tampered with is found."""

from collections.abc import Iterator

import psycopg
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from schemas.facts import Kind
from schemas.topics import Topic
from streams.client import producer, reader
from streams.embedded.stack import Stack
from streams.settings import Settings
from streams.verify import verify
from tests.chaos.site import Site
from tests.live.house import ONE_EACH, ready
from tests.live.publishing import Publisher
from tests.live.reading import Facts

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def settings(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """An engine that has sent one touch, agrees with its logs, and has been stopped."""
    site = Site(stack, tmp_path_factory.mktemp("verify"))
    site.start(ONE_EACH)
    publisher, facts = Publisher(site.settings), Facts(site.settings)
    ready(site, publisher, facts, "acme", delay_hours=0.1 / 3_600)
    publisher.job("acme", "ann")
    site.until("the command", lambda: bool(facts.of(Kind.TOUCH_COMMANDED)))
    assert verify(site.settings, wait_s=60).differences == []
    site.stop()
    yield site.settings


def first(settings: Settings, topic: Topic) -> Message:
    """The first record of a topic that has a value."""
    consumer: Consumer = reader(settings)
    consumer.assign([TopicPartition(settings.topic_prefix + topic, 0, OFFSET_BEGINNING)])
    while True:
        for message in consumer.consume(1, 5):
            if message.error() is None and message.value():
                consumer.close()
                return message


def put(settings: Settings, topic: Topic, like: Message, value: bytes | None) -> None:
    """A record with another's key and headers."""
    writer = producer(settings)
    name = settings.topic_prefix + topic
    writer.produce(name, value, like.key(), 0, headers=like.headers() or [])
    assert writer.flush(15) == 0


def found(settings: Settings, *, postgres: bool = False) -> set[str]:
    """Where something is not as the logs say."""
    report = verify(settings, wait_s=10, first=1_000, postgres=postgres)
    return {difference.where for difference in report.differences}


def test_a_row_that_was_changed_is_found(settings: Settings) -> None:
    with psycopg.connect(settings.dsn()) as connection:
        connection.execute("UPDATE touchstream.touches SET phase = 'sent'")
    assert found(settings, postgres=True) == {"table touches"}


def test_what_the_logs_do_not_say_is_found_on_every_topic(settings: Settings) -> None:
    assert found(settings) == set()
    expected: set[str] = set()
    for topic, where in (
        (Topic.FACTS, {"facts"}),
        (Topic.COMMANDS_EMAIL, {"commands", "commands.email"}),
        (Topic.CONTACT_CHANGELOG, {"contact-changelog[0]"}),
    ):
        some = first(settings, topic)
        changed = None if topic is Topic.CONTACT_CHANGELOG else some.value()
        put(settings, topic, some, changed)
        expected |= where
        assert found(settings) == expected


def test_a_letter_that_nothing_explains_is_found(settings: Settings) -> None:
    writer = producer(settings)
    name = settings.topic_prefix + Topic.DEAD_LETTERS
    writer.produce(name, b"?", b"k", 0, headers=[("reason", b"FOLD_FAILED")])
    assert writer.flush(15) == 0
    assert "dead-letters" in found(settings)
