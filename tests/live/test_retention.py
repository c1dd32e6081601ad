"""Topics that may have a retention are cut on a running engine: `verify` compares the rest, names
each cut and still finds differences behind it. A cut log is refused."""

import psycopg
import pytest
from confluent_kafka import TopicPartition

from schemas.internal.facts import FactKind, encode
from schemas.internal.topics import COMMAND_TOPICS, Topic
from streams.embedded.stack import Stack
from streams.kafka.clients import admin_client, idempotent_producer
from streams.kafka.topic_extent import extents_of
from tests.testing.command_line import (
    CommandResult,
    Touchstream,
    clean_environment,
    touchstream,
)
from tests.testing.live_engine import LiveEngine
from tests.testing.publishing import EventSource
from tests.testing.topic_readers import FactReader
from tests.testing.two_tenant_engine import ONE_EACH, set_up_tenant
from tests.testing.waiting import WAIT_TIMEOUT_S

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
__all__ = ["clean_environment", "touchstream"]  # fixtures

EMAIL = COMMAND_TOPICS["email"]


class Deployment:
    """A running engine with a campaign, whose topics a test cuts."""

    def __init__(self, engine: LiveEngine) -> None:
        self.engine = engine
        self.publisher, self.facts = EventSource(engine.settings), FactReader(engine.settings)
        set_up_tenant(engine, self.publisher, self.facts, "acme", delay_hours=0.1 / 3_600)

    def send_to(self, contact_id: str) -> None:
        """Publishes a job, and waits until its command is out."""
        self.publisher.job("acme", contact_id)
        self.engine.wait_until(
            f"the command to {contact_id}",
            lambda: bool(self.facts.matching(FactKind.TOUCH_COMMANDED, contact_id=contact_id)),
        )

    def cut(self, *topics: Topic, left: int = 0) -> dict[Topic, int]:
        """Deletes the records of these topics but about the last `left`, as a retention would.
        Returns the offsets where they begin."""
        names = [(self.engine.settings.topic_prefix + topic, 0) for topic in topics]
        begins = {
            n: e.end_offset - left for n, e in extents_of(self.engine.settings, names).items()
        }
        with admin_client(self.engine.settings) as admin:
            places = [TopicPartition(*name, begin) for name, begin in begins.items()]
            for done in admin.delete_records(places).values():
                done.result()
        return dict(zip(topics, begins.values(), strict=True))

    def repeat_first_fact(self) -> None:
        """Writes a fact once more: the logs lead to it once."""
        fact = self.facts.matching(FactKind.TOUCH_COMMANDED, contact_id="cay")[0]
        writer = idempotent_producer(self.engine.settings)
        name = self.engine.settings.topic_prefix + Topic.FACTS
        writer.produce(name, encode(fact), fact.key(), 0)
        assert writer.flush(15) == 0


def verified(touchstream: Touchstream) -> CommandResult:
    return touchstream("verify", "--json", "--wait", WAIT_TIMEOUT_S)


def test_what_a_retention_has_cut_is_named_and_the_rest_is_compared(
    stack: Stack,
    tmp_path_factory: pytest.TempPathFactory,
    touchstream: Touchstream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = LiveEngine(stack, tmp_path_factory.mktemp("retention"))
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)
    with engine:
        engine.start(ONE_EACH)
        deployment = Deployment(engine)
        for contact_id in ("ann", "ben"):
            deployment.send_to(contact_id)
        assert verified(touchstream).json()["cuts"] == []
        begins = deployment.cut(Topic.JOBS, Topic.CAMPAIGNS, EMAIL)
        begins |= deployment.cut(Topic.FACTS, left=3)
        deployment.send_to("cay")

        agrees = verified(touchstream)
        assert (agrees.code, agrees.json()["differences"]) == (0, []), agrees
        assert agrees.json()["cuts"] == [
            f"{topic}[0]: log cut at offset {begin}: what was before is not compared"
            for topic, begin in sorted(begins.items())
        ]
        with psycopg.connect(engine.settings.dsn()) as connection:
            connection.execute("UPDATE touchstream.send_log SET attempt = 9")
        differs = verified(touchstream)
        assert (differs.code, "table send_log" in differs.out) == (1, True)

        refused = touchstream("rebuild", "--yes")
        assert (refused.code, "the history before is in PostgreSQL alone" in refused.err) == (
            2,
            True,
        )
        assert touchstream("rebuild", "--yes", "--without-history").code == 0
        rebuilt = verified(touchstream)
        assert (rebuilt.code, rebuilt.json()["differences"]) == (0, []), rebuilt

        deployment.repeat_first_fact()
        assert "facts: the logs do not lead to" in verified(touchstream).out

    deployment.publisher.job("acme", "dan")
    deployment.publisher.job("acme", "eve")
    begin = deployment.cut(Topic.JOBS)[Topic.JOBS]
    unread = verified(touchstream)
    assert (unread.code, f"jobs[0]: log cut at {begin}, but intake" in unread.err) == (2, True)
    begin = deployment.cut(Topic.DISPATCH_LOG)[Topic.DISPATCH_LOG]
    refused = verified(touchstream)
    assert (refused.code, f"dispatch-log[0]: log cut at {begin}" in refused.err) == (2, True)
