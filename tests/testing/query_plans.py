"""The plans of queries in PostgreSQL, for tests that an index serves its purpose."""

from collections.abc import Iterator
from typing import Any

import psycopg


def plan(dsn: str, query: str, *, search_path: str = "public") -> list[dict[str, Any]]:
    """The nodes of the plan of a query of the tenant `acme`, which is executed too."""
    with psycopg.connect(dsn) as connection:
        connection.execute("SELECT set_config('touchstream.tenant_id', 'acme', false)")
        connection.execute("SELECT set_config('search_path', %s, false)", [search_path])
        connection.execute("SET jit = off")
        row: Any = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}".encode()).fetchone()
    return [*_nodes(row[0][0]["Plan"])]


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)
