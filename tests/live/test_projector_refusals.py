"""A projector stops at what it must not project: records of a later version, and topics that do not
fit its places. It makes no dead letter of them, and goes on when the cause is gone."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas.base.error_codes import NotReadable
from schemas.internal.facts import Fact, FactKind, encode, fact_time
from schemas.internal.state_bytes import pack
from schemas.internal.states import POSITION_KEY, STATE_FORMAT, StateTooNew, TaskPosition
from schemas.internal.topics import CHANGELOGS, Topic
from sinks.migrate import migrate
from sinks.projection import rebuild
from streams.base.settings import Settings
from streams.base.transport import LogChanged
from streams.embedded.stack import Stack
from streams.kafka.clients import admin_client, idempotent_producer
from streams.kafka.reader import TopicReader
from streams.kafka.topic_extent import extents_of
from streams.kafka.topics import create_topics
from streams.runtime import projector as module
from streams.runtime.projector import TOPICS, Projector
from tests.testing.command_line import (
    Touchstream,
    clean_environment,
    touchstream,
    wait_until,
)
from tests.testing.live_engine import LiveEngine
from tests.testing.two_tenant_engine import ONE_EACH

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]
__all__ = ["clean_environment", "touchstream"]  # fixtures

FACT = Fact(fact=FactKind.TENANT_UPDATED, at=fact_time(1_790_000_000_000_000), tenant_id="acme")
LATER_FACT = b'{"fact":"touch.teleported","at":"2026-09-01T00:00:00Z","tenant_id":"acme"}'
LATER_POSITION = pack(
    None,
    0,
    msgspec.msgpack.encode(
        TaskPosition(7, 0, 0, 0, state_format=STATE_FORMAT + 1, minimum_version="9.9")
    ),
)


@pytest.fixture
def settings(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The settings of a deployment with topics and tables, and without processes."""
    monkeypatch.setattr(module, "ATTEMPTS_MAX", 2)
    engine = LiveEngine(stack, tmp_path)
    migrate(engine.settings.dsn())
    create_topics(engine.settings, ONE_EACH)
    yield engine.settings


def publish(settings: Settings, topic: Topic, *values: bytes | None, key: bytes = b"acme/") -> None:
    """Writes records of the engine's own topics, as a later version would."""
    writer = idempotent_producer(settings)
    for value in values:
        writer.produce(settings.topic_prefix + topic, value, key, 0)
    assert writer.flush(30) == 0


def row(settings: Settings, query: str) -> object:
    with psycopg.connect(settings.dsn(), autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        found = cursor.fetchone() if cursor.description else None
        return None if found is None else found[0]


def facts(settings: Settings) -> object:
    return row(settings, "SELECT count(*) FROM touchstream.facts")


def run_until(settings: Settings, done: Callable[[], bool]) -> None:
    """Runs a projector until `done`, or until it stops by itself."""
    with closing(Projector(settings)) as projector:

        def is_done() -> bool:
            projector.run_round()
            return done()

        wait_until(is_done)


def test_records_of_a_later_version_stop_it_and_are_no_dead_letters(settings: Settings) -> None:
    publish(settings, Topic.CAMPAIGN_CHANGELOG, LATER_POSITION, key=POSITION_KEY)
    with pytest.raises(StateTooNew, match=r"version 9\.9"):
        run_until(settings, lambda: False)
    # A tombstone stands for the later version that reads these states.
    publish(settings, Topic.CAMPAIGN_CHANGELOG, None, key=POSITION_KEY)
    publish(settings, Topic.FACTS, LATER_FACT)
    with pytest.raises(NotReadable, match=r"facts\[0\] offset 0: .*touch\.teleported"):
        run_until(settings, lambda: False)
    with closing(TopicReader(settings, Topic.DEAD_LETTERS)) as letters:
        assert list(letters.read()) == []


def test_a_place_beyond_the_end_of_its_topic_is_refused_until_a_rebuild(settings: Settings) -> None:
    publish(settings, Topic.FACTS, encode(FACT), encode(FACT))
    run_until(settings, lambda: facts(settings) == 2)
    row(settings, "UPDATE touchstream.places SET next_offset = 9 RETURNING 1")
    with pytest.raises(LogChanged, match=r"ends at \d, before its place 9. `touchstream rebuild`"):
        run_until(settings, lambda: False)
    rebuild(settings.dsn())
    run_until(settings, lambda: facts(settings) == 2)


def test_facts_that_were_deleted_before_they_were_projected_are_refused_until_that_is_accepted(
    settings: Settings, touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(settings, Topic.FACTS, encode(FACT), encode(FACT))
    run_until(settings, lambda: facts(settings) == 2)
    publish(settings, Topic.FACTS, encode(FACT), encode(FACT))
    begin = TopicPartition(settings.topic_prefix + Topic.FACTS, 0, 3)
    with admin_client(settings) as admin:
        admin.delete_records([begin])[begin].result()
    with pytest.raises(LogChanged, match=r"cut at 3: 1 records from 2 on .* rebuild --accept-cut`"):
        run_until(settings, lambda: False)
    monkeypatch.setenv("TOUCHSTREAM_BOOTSTRAP_SERVERS", settings.bootstrap_servers)
    for name, value in settings.kafka.items():
        monkeypatch.setenv(f"TOUCHSTREAM_KAFKA_{name.upper().replace('.', '_')}", str(value))
    monkeypatch.setenv("TOUCHSTREAM_POSTGRES_DSN", settings.dsn())
    monkeypatch.setenv("TOUCHSTREAM_TOPIC_PREFIX", settings.topic_prefix)
    assert "facts[0]: goes on at offset 3" in touchstream("rebuild", "--accept-cut").out
    assert "nothing to do" in touchstream("rebuild", "--accept-cut").out
    run_until(settings, lambda: facts(settings) == 3)


def test_a_partition_that_is_lost_in_an_outage_is_read_when_it_comes_back(
    settings: Settings,
) -> None:
    publish(settings, Topic.FACTS, encode(FACT))
    with closing(Projector(settings)) as projector:

        def run_while(condition: Callable[[], bool]) -> None:
            def is_over() -> bool:
                projector.run_round()
                return not condition()

            wait_until(is_over)

        run_while(lambda: facts(settings) != 1)
        row(settings, "ALTER TABLE touchstream.places RENAME TO places_away")
        publish(settings, Topic.FACTS, encode(FACT))
        run_while(lambda: bool(projector.projection.held()))
        with closing(other_member(settings, projector.group)) as other:
            run_while(lambda: other.poll(0) is not None or not other.assignment())
            row(settings, "ALTER TABLE touchstream.places_away RENAME TO places")
            run_while(lambda: not projector.projection.held())
            kept = len(projector.projection.held())
        assert 0 < kept < len(TOPICS)
        run_while(lambda: len(projector.projection.held()) < len(TOPICS))
        for topic in CHANGELOGS:
            publish(settings, topic, None, key=POSITION_KEY)
        run_while(lambda: projector.projection.held() != ends(settings))
    assert facts(settings) == 2


def other_member(settings: Settings, group: str) -> Consumer:
    """A member of the projector's group that takes its part of the partitions."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            **settings.kafka,
            "group.id": group,
            "partition.assignment.strategy": "cooperative-sticky",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([settings.topic_prefix + topic for topic in TOPICS])
    return consumer


def ends(settings: Settings) -> dict[tuple[str, int], int]:
    """The end of each partition that a projector reads."""
    extents = extents_of(settings, [(settings.topic_prefix + topic, 0) for topic in TOPICS])
    return {
        (name.removeprefix(settings.topic_prefix), number): extent.end_offset
        for (name, number), extent in extents.items()
    }
