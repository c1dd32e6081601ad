"""verify and replay find every change that is made to a stopped engine's records and rows."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from schemas.internal.facts import FactKind
from schemas.internal.messages import TICK
from schemas.internal.topics import COMMAND_TOPICS, Topic
from schemas.public.codec import Decoder
from streams.audit.replay.diff import DiffKind
from streams.audit.replay.live_recording import LiveRecording
from streams.audit.replay.recording import RecordingFile, new_recording
from streams.audit.replay.replay import replay
from streams.audit.rest import NotAtRest
from streams.audit.verify import verify
from streams.base.settings import Settings
from streams.embedded.stack import Stack
from streams.kafka.clients import idempotent_producer, read_committed_consumer
from tests.testing.live_engine import LiveEngine
from tests.testing.publishing import EventSource
from tests.testing.topic_readers import FactReader
from tests.testing.two_tenant_engine import ONE_EACH, set_up_tenant
from tests.testing.waiting import WAIT_TIMEOUT_S

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def settings(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of an engine that has sent one touch, agrees with its logs, and was stopped."""
    with LiveEngine(stack, tmp_path_factory.mktemp("verify")) as engine:
        engine.start(ONE_EACH)
        publisher, facts = EventSource(engine.settings), FactReader(engine.settings)
        set_up_tenant(engine, publisher, facts, "acme", delay_hours=0.1 / 3_600)
        publisher.job("acme", "ann")
        engine.wait_until("the command", lambda: bool(facts.matching(FactKind.TOUCH_COMMANDED)))
        assert verify(engine.settings, wait_s=WAIT_TIMEOUT_S).differences == []
    yield engine.settings


def first(settings: Settings, topic: Topic) -> Message:
    """The first record of a topic that has a value."""
    consumer: Consumer = read_committed_consumer(settings)
    consumer.assign([TopicPartition(settings.topic_prefix + topic, 0, OFFSET_BEGINNING)])
    while True:
        for message in consumer.consume(1, 5):
            if message.error() is None and message.value():
                consumer.close()
                return message


def publish(settings: Settings, topic: Topic, like: Message, value: bytes | None) -> None:
    """Publishes a record with the key and headers of another one."""
    writer = idempotent_producer(settings)
    name = settings.topic_prefix + topic
    writer.produce(name, value, like.key(), 0, headers=like.headers() or [])
    assert writer.flush(15) == 0


def places_of_differences(settings: Settings, *, postgres: bool = False) -> set[str]:
    """The places of the differences that verify finds."""
    report = verify(settings, wait_s=10, first=1_000, postgres=postgres)
    return {difference.where for difference in report.differences}


def test_a_replay_of_the_topics_and_one_of_its_file_agree(
    settings: Settings, tmp_path: Path
) -> None:
    topics = LiveRecording(settings, wait_s=10)
    with new_recording(tmp_path / "kept", topics.layout) as keep:
        result = replay(topics, Decoder().decode, keep=keep)
    assert (result.first, result.compared["touch.due"], result.parked) == (None, 1, 0)
    assert replay(RecordingFile(tmp_path / "kept"), Decoder().decode) == result


def test_a_changed_row_is_found(settings: Settings) -> None:
    with psycopg.connect(settings.dsn()) as connection:
        connection.execute("UPDATE touchstream.touches SET phase = 'sent'")
    assert places_of_differences(settings, postgres=True) == {"table touches"}


def test_a_record_that_the_logs_do_not_lead_to_is_found_on_every_topic(settings: Settings) -> None:
    assert places_of_differences(settings) == set()
    expected: set[str] = set()
    for topic, where in (
        (Topic.FACTS, {"facts"}),
        (COMMAND_TOPICS["email"], {"commands", "commands.email"}),
        (Topic.CONTACT_CHANGELOG, {"contact-changelog[0]"}),
    ):
        some = first(settings, topic)
        changed = None if topic is Topic.CONTACT_CHANGELOG else some.value()
        publish(settings, topic, some, changed)
        expected |= where
        assert places_of_differences(settings) == expected
    replayed = replay(LiveRecording(settings, wait_s=10), Decoder().decode)
    assert replayed.different == {
        ("touch.due", DiffKind.MISSING): 1
    }  # the command that is there twice
    assert replayed.cause is not None and replayed.cause.record is None  # no record led to it


def test_a_dead_letter_that_no_record_leads_to_is_found(settings: Settings) -> None:
    writer = idempotent_producer(settings)
    name = settings.topic_prefix + Topic.DEAD_LETTERS
    writer.produce(name, b"?", b"k", 0, headers=[("reason", b"FOLD_FAILED")])
    assert writer.flush(15) == 0
    assert "dead-letters" in places_of_differences(settings)


def test_a_log_that_is_not_folded_to_its_end_cannot_be_replayed(settings: Settings) -> None:
    publish(settings, Topic.CONTACT_LOG, first(settings, Topic.CONTACT_LOG), TICK)
    with pytest.raises(NotAtRest, match=r"contact-log\[0\] is not folded to its end"):
        replay(LiveRecording(settings, wait_s=0), Decoder().decode)
