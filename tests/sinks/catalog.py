"""The catalog of a database as text: columns of tables and views, indexes and policies.

`python -m tests.sinks.catalog > tests/sinks/catalog.txt` starts PostgreSQL, applies all migrations
to an empty database, and prints its catalog.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import psycopg

from sinks.migrate import migrate
from streams.embedded.postgres import EmbeddedPostgres

COLUMNS = b"""
    SELECT format('%s.%s %s %s%s', n.nspname, c.relname, a.attname,
        format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN ' not null' ELSE '' END)
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = attrelid
    JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE nspname IN ('touchstream', 'reviews', 'prospecting', 'calls', 'outreach')
        AND relkind IN ('r', 'p', 'v') AND attnum > 0
    ORDER BY nspname, relname, attnum"""
INDEXES = b"""
    SELECT indexdef FROM pg_indexes WHERE schemaname IN ('touchstream', 'outreach')
    ORDER BY schemaname DESC, indexname"""
POLICIES = b"""
    SELECT format('policy %s on %s for %s: %s', policyname,
        CASE WHEN schemaname = 'touchstream' THEN tablename ELSE schemaname || '.' || tablename END,
        cmd, qual)
    FROM pg_policies WHERE schemaname IN ('touchstream', 'outreach')
    ORDER BY schemaname DESC, tablename, policyname"""


def catalog(dsn: str) -> str:
    """One line for each column, index and policy of the database, in a fixed order."""
    with psycopg.connect(dsn) as connection:
        rows = [row for query in (COLUMNS, INDEXES, POLICIES) for row in connection.execute(query)]
    return "".join(f"{' '.join(str(row[0]).split())}\n" for row in rows)


def migrated_catalog() -> str:
    """The catalog of an empty database after all migrations."""
    directory = Path(tempfile.mkdtemp(prefix="touchstream-"))
    server = EmbeddedPostgres(directory)
    server.start()
    try:
        migrate(server.dsn)
        return catalog(server.dsn)
    finally:
        server.kill()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.stdout.write(migrated_catalog())
