"""The calls of a commit and their order, and what a changelog reader waits for."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from schemas.internal.topics import Topic
from streams.base.settings import Settings
from streams.base.transport import CommitOutcomeUnknown, TransactionAborted
from streams.embedded.stack import Stack
from streams.kafka import producer
from streams.kafka.changelog_reader import KafkaChangelogReader
from streams.kafka.clients import read_uncommitted_consumer, transactional_producer
from streams.kafka.producer import TransactionalProducer
from streams.kafka.reader import TopicReader, watermarks
from streams.kafka.topics import create_topics
from tests.testing.two_tenant_engine import ONE_EACH

OFFSETS = [TopicPartition("jobs", 0, 7)]


@pytest.fixture
def settings(stack: Stack, topic_prefix: str) -> Settings:
    settings = Settings(
        bootstrap_servers=stack.kafka.bootstrap,
        kafka=stack.kafka.credentials,
        topic_prefix=topic_prefix,
    )
    create_topics(settings, ONE_EACH)
    return settings


@pytest.fixture
def writer(settings: Settings) -> Iterator[Producer]:
    made = transactional_producer(settings, f"{settings.topic_prefix}writer")
    made.init_transactions(15)
    yield made


@pytest.mark.live
def test_a_changelog_reader_waits_for_the_end_of_an_open_transaction(
    settings: Settings, writer: Producer
) -> None:
    name = settings.topic_prefix + Topic.CONTACT_CHANGELOG
    for value in (b"old", b"new"):
        writer.begin_transaction()
        writer.produce(name, value, b"k")
        writer.flush(10)
        if value == b"old":
            writer.commit_transaction(10)
    reader = TopicReader(settings, Topic.CONTACT_CHANGELOG)
    with closing(read_uncommitted_consumer(settings)) as uncommitted:
        _, end = watermarks(uncommitted, TopicPartition(name, 0))
    changelog = KafkaChangelogReader(settings, name, 0, end)
    found = []
    for _ in range(20):
        records, done = changelog.read(100)
        found += records
        assert not done
    assert found == [(b"k", b"old")]
    assert reader.has_grown()
    writer.commit_transaction(10)
    while not done:
        records, done = changelog.read(100)
        found += records
    assert found == [(b"k", b"old"), (b"k", b"new")]
    assert [entry.value for _, entries in reader.read() for entry in entries] == [b"old", b"new"]
    assert not reader.has_grown()


class RecordingProducer:
    """A producer that records its calls, and fails in the call named `fails`."""

    def __init__(self, fails: str = "", code: int = 0) -> None:
        self.calls: list[str] = []
        self.fails, self.code = fails, code

    def __getattr__(self, name: str) -> object:
        def call(*_: object) -> int:
            if name not in ("poll", "init_transactions"):
                self.calls.append(name)
            if name == self.fails:
                if name == "flush":
                    return 1
                raise KafkaException(KafkaError(self.code))
            return 0

        return call


def producer_over(
    monkeypatch: pytest.MonkeyPatch, *producers: RecordingProducer
) -> TransactionalProducer:
    """A transactional producer over these clients, which it makes one after the other."""
    waiting = list(producers)
    monkeypatch.setattr(producer, "transactional_producer", lambda *_: waiting.pop(0))
    return TransactionalProducer(Settings(bootstrap_servers="nowhere:1"), "me")


def test_records_are_flushed_before_the_offsets_are_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording = RecordingProducer()
    made = producer_over(monkeypatch, recording)
    made.send("log", b"v", b"k", 0, 0, None)
    made.commit(OFFSETS, object())
    made.close()
    assert recording.calls == [
        "begin_transaction",
        "produce",
        "flush",
        "send_offsets_to_transaction",
        "commit_transaction",
    ]


def test_records_that_cannot_be_written_in_time_are_refused_by_a_new_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A record that arrives after the abort would leave a transaction open for ever."""
    first, second = RecordingProducer(fails="flush"), RecordingProducer()
    made = producer_over(monkeypatch, first, second)
    with pytest.raises(TransactionAborted):
        made.commit(OFFSETS, object())
    assert not {"abort_transaction", "commit_transaction"} & set(first.calls)
    assert first.calls[-1] == "purge"
    made.send("log", b"v", b"k", 0, 0, None)
    made.close()
    assert second.calls == ["begin_transaction", "produce", "flush", "abort_transaction"]


def test_a_commit_of_unknown_outcome_makes_a_new_producer(monkeypatch: pytest.MonkeyPatch) -> None:
    first = RecordingProducer(fails="commit_transaction", code=KafkaError._TIMED_OUT)
    second = RecordingProducer()
    made = producer_over(monkeypatch, first, second)
    with pytest.raises(CommitOutcomeUnknown):
        made.commit(OFFSETS, object())
    made.send("log", b"v", b"k", 0, 0, None)
    made.close()
    assert first.calls[-1] == "purge"
    assert second.calls[:2] == ["begin_transaction", "produce"]
