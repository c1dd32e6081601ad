"""A broker whose clock is a day ahead stops the task that reads its timestamps: no timer fires, and
the other partitions are processed."""

from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from schemas.base.times import DAY
from schemas.internal.facts import FactKind
from schemas.internal.messages import TICK
from schemas.internal.topics import COMMANDS, Layout, Topic
from streams.base.partitioner import partition_of
from streams.base.settings import Settings
from streams.embedded.stack import Stack
from streams.kafka.clients import admin_client
from streams.kafka.reader import TopicReader
from streams.kafka.topic_options import needed_options
from tests.testing.command_line import wait_until
from tests.testing.live_engine import LiveEngine
from tests.testing.publishing import EventSource, now
from tests.testing.topic_readers import FactReader
from tests.testing.two_tenant_engine import set_up_tenant

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

SMALL = Layout(public=1, contact=2, dispatch=1, campaign=1, commands=1, facts=1)
AHEAD = 1
"""The partition of contact-log with the wrong timestamp."""


def test_a_broker_clock_that_is_a_day_ahead_fires_no_timer(stack: Stack, tmp_path: Path) -> None:
    with LiveEngine(stack, tmp_path) as engine:
        engine.start(SMALL)
        _run(engine)


def _run(engine: LiveEngine) -> None:
    settings = engine.settings
    publisher, facts = EventSource(settings), FactReader(settings)
    set_up_tenant(engine, publisher, facts, "acme", delay_hours=24)
    _enroll_by_jobs(engine, publisher, facts, "early", 10)

    _keep_timestamps(settings)
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers, **settings.kafka})
    timestamp_ms = (now() + DAY + DAY // 24) // 1_000
    name = f"{settings.topic_prefix}{Topic.CONTACT_LOG}"
    producer.produce(name, TICK, partition=AHEAD, timestamp=timestamp_ms)
    assert producer.flush(30) == 0
    engine.wait_until("the task stops", lambda: engine.log_count("contact", 0, "task stopped") > 0)

    late = [f"late-{number}" for number in range(10)]
    for contact in late:
        publisher.job("acme", contact)
    elsewhere = {c for c in late if partition_of(f"acme/{c}".encode(), 2) != AHEAD}
    assert 0 < len(elsewhere) < 10
    engine.wait_until("the other partition goes on", lambda: elsewhere <= _enrolled(facts))
    engine.pause(2)
    assert not set(late) - elsewhere & _enrolled(facts)
    assert facts.matching(FactKind.TOUCH_REQUESTED) == []
    assert all(not list(TopicReader(settings, topic).read()) for topic in COMMANDS)


def _keep_timestamps(settings: Settings) -> None:
    """Lets contact-log keep the timestamps of producers, so that one record can have a wrong one.
    A role that starts refuses such a log."""
    name = f"{settings.topic_prefix}{Topic.CONTACT_LOG}"
    wanted = needed_options(Topic.CONTACT_LOG, scaled=True, replicas=1)
    entries = [
        ConfigEntry(option, value, incremental_operation=AlterConfigOpType.SET)
        for option, value in wanted.items()
    ]
    change = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
    with admin_client(settings) as client:
        client.incremental_alter_configs([change])[change].result(30)

        def is_applied() -> bool:
            (answer,) = client.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values()
            found = answer.result(30)
            return all(found[option].value == value for option, value in wanted.items())

        wait_until(is_applied)


def _enroll_by_jobs(
    engine: LiveEngine, publisher: EventSource, facts: FactReader, name: str, number: int
) -> None:
    contacts = {f"{name}-{index}" for index in range(number)}
    for contact in sorted(contacts):
        publisher.job("acme", contact)
    engine.wait_until("enrolled", lambda: contacts <= _enrolled(facts))


def _enrolled(facts: FactReader) -> set[str]:
    return {str(fact.contact_id) for fact in facts.matching(FactKind.ENROLLMENT_STARTED)}
