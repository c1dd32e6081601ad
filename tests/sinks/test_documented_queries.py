"""Every query of docs/postgresql.md runs, for the login of a tenant, on a database with calls."""

import re

import psycopg
import pytest

from schemas.internal.facts import FactKind
from tests.sinks.conftest import Database
from tests.testing.recorded_calls import call_fact, completed
from tests.testing.recorded_world import TENANTS, world_of_all_kinds
from tests.testing.repository_files import text_of

PAGE = "docs/postgresql.md"
QUERIES = [
    query.strip()
    for block in re.findall(r"^```sql\n(.*?)^```", text_of(PAGE), re.MULTILINE | re.DOTALL)
    for query in block.split(";")
    if query.strip()
]


@pytest.fixture(scope="module")
def reader(server: Database, migrated: str) -> str:
    """The login of a tenant, on a database with calls of two tenants."""
    dsn = server.create(migrated)
    log = world_of_all_kinds()
    for name in TENANTS:
        log.calls(name, completed(name), name="ada")
        end = {"seconds": 60, "call_id": f"CA-{name}"}
        log.fact(
            call_fact(name, FactKind.CALL_SLOT_GRANTED, "ada"),
            call_fact(name, FactKind.TOUCH_CALL_ENDED, "ada", reason="answered", values=end),
        )
    log.write(dsn)
    server.run("DO $$ BEGIN CREATE ROLE an_analyst LOGIN PASSWORD 'p'; END $$")
    server.run("GRANT touchstream_reader TO an_analyst")
    return server.login(dsn, "an_analyst")


def test_the_page_has_queries() -> None:
    assert len(QUERIES) > 15


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_a_documented_query_runs_and_shows_no_other_tenant(reader: str, query: str) -> None:
    with psycopg.connect(reader) as connection:
        connection.execute("SELECT set_config('touchstream.tenant_id', 'acme', false)")
        rows = connection.execute(query.encode()).fetchall()
    assert "bolt" not in repr(rows)


def test_the_page_names_every_index_of_calls(dsn: str) -> None:
    query = b"""SELECT indexname FROM pg_indexes WHERE schemaname = 'touchstream'
        AND (tablename = 'call_items' OR indexname LIKE 'campaigns_of_calls%')"""
    with psycopg.connect(dsn) as connection:
        names = {str(row[0]) for row in connection.execute(query)}
    assert names <= set(re.findall(r"`(\w+)`", text_of(PAGE)))
