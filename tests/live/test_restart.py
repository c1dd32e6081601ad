"""Killed workers continue thousands of running enrollments after the restart: each touch is
commanded once and not too early."""

import os
import signal
from collections import Counter
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import TopicPartition

from schemas.base.times import format_rfc3339, parse_rfc3339
from schemas.internal.facts import FactKind
from schemas.internal.topics import COMMAND_TOPICS, Layout, Topic
from streams.audit.verify import verify
from streams.base.settings import Settings
from streams.embedded.stack import Stack
from streams.kafka.clients import read_uncommitted_consumer
from streams.kafka.reader import TopicReader
from tests.testing.live_engine import LiveEngine
from tests.testing.publishing import EventSource, now
from tests.testing.topic_readers import FactReader
from tests.testing.two_tenant_engine import set_up_tenant
from tests.testing.waiting import WAIT_TIMEOUT_S

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

CONTACTS = 3_000
DELAY_S = 15
SMALL = Layout(public=2, contact=2, dispatch=2, campaign=1, commands=2, facts=2)


def count_commands(counts: Counter[str], reader: TopicReader) -> Counter[str]:
    """Adds the new commands to the counts of commands by contact."""
    for _, entries in reader.read():
        counts.update(msgspec.json.decode(entry.value or b"{}")["contact_id"] for entry in entries)
    return counts


def test_thousands_of_enrollments_survive_a_kill_of_all_workers(
    stack: Stack, tmp_path: Path
) -> None:
    with LiveEngine(stack, tmp_path) as engine:
        engine.start(SMALL)
        _run(engine)


def _run(engine: LiveEngine) -> None:
    settings = engine.settings
    publisher, facts = EventSource(settings), FactReader(settings)
    set_up_tenant(engine, publisher, facts, "acme", delay_hours=DELAY_S / 3_600)

    began = format_rfc3339(now())
    publisher.jobs("acme", [f"c-{number}" for number in range(CONTACTS)], began)
    started = FactKind.ENROLLMENT_STARTED
    engine.wait_until("all enrollments", lambda: len(facts.matching(started)) == CONTACTS)
    for role in ("contact", "dispatch", "campaign", "intake"):
        for child in engine.children(role):
            assert child.process is not None
            os.kill(child.process.pid, signal.SIGKILL)

    counts: Counter[str] = Counter()
    reader = TopicReader(settings, COMMAND_TOPICS["email"])
    engine.wait_until("all commands", lambda: len(count_commands(counts, reader)) == CONTACTS)
    engine.pause(1)
    assert set(count_commands(counts, reader).values()) == {1}
    early = [
        f for f in facts.matching(FactKind.TOUCH_REQUESTED) if f.at.timestamp() * 1e6 < _due(began)
    ]
    assert not early
    assert verify(settings, wait_s=WAIT_TIMEOUT_S).differences == []
    assert [p for p in _committed(settings) if p.leader_epoch is None] == []


def _due(began: str) -> int:
    return parse_rfc3339(began) + DELAY_S * 1_000_000 - 1_000


def _committed(settings: Settings) -> list[TopicPartition]:
    """The committed offsets of the contact role, which must include the leader's epoch."""
    name = settings.topic_prefix + Topic.CONTACT_LOG
    with closing(
        read_uncommitted_consumer(settings, settings.topic_prefix + "contact")
    ) as consumer:
        return consumer.committed([TopicPartition(name, number) for number in range(SMALL.contact)])
