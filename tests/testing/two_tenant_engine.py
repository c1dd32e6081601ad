"""A running engine with two tenants: acme is talked about, quiet is left alone."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg import sql

from schemas.internal.facts import Fact, FactKind
from schemas.internal.topics import COMMANDS, Layout
from streams.embedded.registry import EmbeddedRegistry
from streams.kafka.reader import TopicReader
from tests.chaos.engine import Site
from tests.testing.publishing import Publisher
from tests.testing.topic_reading import DeadLetters, Facts

ONE_EACH = Layout(public=1, contact=1, dispatch=1, campaign=1, commands=1, facts=1)
"""The smallest: what partitions do is not the question."""


def ready(
    site: Site, publisher: Publisher, facts: Facts, tenant_id: str, *, delay_hours: float
) -> None:
    """A tenant and its campaign, known to every partition: the next job meets them."""
    cause = publisher.tenant(tenant_id)
    site.until("the tenant", lambda: bool(facts.of(FactKind.TENANT_UPDATED, cause=cause)))
    cause = publisher.campaign(tenant_id, delay_hours=delay_hours)
    site.until("the campaign", lambda: bool(facts.of(FactKind.CAMPAIGN_READY, cause=cause)))


class House(NamedTuple):
    """What a test may do to it, and what it can see."""

    site: Site
    publisher: Publisher
    letters: DeadLetters
    facts: Facts
    registry: EmbeddedRegistry

    def until(self, what: str, reached: Callable[[], object]) -> None:
        self.site.until(what, lambda: bool(reached()), 60)

    def fact(self, kind: FactKind, **fields: object) -> Fact:
        """The fact of this kind with these fields, when it has come."""
        self.until(f"{kind} {fields}", lambda: self.facts.of(kind, **fields))
        return self.facts.of(kind, **fields)[0]

    def commands(self) -> list[dict[str, Any]]:
        """All so far."""
        readers = [TopicReader(self.site.settings, topic) for topic in COMMANDS]
        found = [
            msgspec.json.decode(entry.value or b"{}")
            for reader in readers
            for _, entries in reader.read()
            for entry in entries
        ]
        for reader in readers:
            reader.close()
        return found

    def rows(self, tenant_id: str) -> dict[str, list[str]]:
        """Everything that PostgreSQL has of a tenant."""
        with psycopg.connect(self.site.settings.dsn()) as connection:
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
