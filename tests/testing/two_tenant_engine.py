"""A running engine with two tenants: events are published for acme, and none for quiet."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg import sql

from schemas.internal.facts import Fact, FactKind
from schemas.internal.topics import COMMANDS, Layout
from streams.embedded.registry import EmbeddedRegistry
from streams.kafka.reader import TopicReader
from tests.testing.live_engine import LiveEngine
from tests.testing.publishing import EventSource
from tests.testing.topic_readers import DeadLetterReader, FactReader

ONE_EACH = Layout(public=1, contact=1, dispatch=1, campaign=1, commands=1, facts=1)
"""The smallest layout, for tests that are not about partitions."""


def set_up_tenant(
    live: LiveEngine,
    publisher: EventSource,
    facts: FactReader,
    tenant_id: str,
    *,
    delay_hours: float,
) -> None:
    """Publishes a tenant and its campaign, and waits until every partition knows both."""
    cause = publisher.tenant(tenant_id)
    live.wait_until(
        "the tenant", lambda: bool(facts.matching(FactKind.TENANT_UPDATED, cause=cause))
    )
    cause = publisher.campaign(tenant_id, delay_hours=delay_hours)
    live.wait_until(
        "the campaign", lambda: bool(facts.matching(FactKind.CAMPAIGN_READY, cause=cause))
    )


class TwoTenantEngine(NamedTuple):
    """An engine with what a test needs to publish events and to read the results."""

    live: LiveEngine
    publisher: EventSource
    letters: DeadLetterReader
    facts: FactReader
    registry: EmbeddedRegistry

    def wait_until(self, description: str, reached: Callable[[], object]) -> None:
        self.live.wait_until(description, lambda: bool(reached()))

    def fact(self, kind: FactKind, **fields: object) -> Fact:
        """The first fact of this kind with these fields; waits until there is one."""
        self.wait_until(f"{kind} {fields}", lambda: self.facts.matching(kind, **fields))
        return self.facts.matching(kind, **fields)[0]

    def commands(self) -> list[dict[str, Any]]:
        """The fields of all commands and revocations so far."""
        readers = [TopicReader(self.live.settings, topic) for topic in COMMANDS]
        fields = [
            msgspec.json.decode(entry.value or b"{}")
            for reader in readers
            for _, entries in reader.read()
            for entry in entries
        ]
        for reader in readers:
            reader.close()
        return fields

    def rows(self, tenant_id: str) -> dict[str, list[str]]:
        """All rows of a tenant in PostgreSQL as text, by table."""
        with psycopg.connect(self.live.settings.dsn()) as connection:
            names = connection.execute(
                "SELECT table_name FROM information_schema.columns "
                "WHERE table_schema = 'touchstream' AND column_name = 'tenant_id'"
            ).fetchall()
            query = "SELECT t::text FROM touchstream.{} AS t WHERE tenant_id = %s ORDER BY 1"
            return {
                name: [
                    row[0]
                    for row in connection.execute(
                        sql.SQL(query).format(sql.Identifier(name)), (tenant_id,)
                    )
                ]
                for (name,) in names
            }
