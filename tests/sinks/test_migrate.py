"""Migrations: each is applied once, in order, and the tables agree with `sinks/tables.py`."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from sinks import migrate as module
from sinks.migrate import MigrationRefused, migrate
from sinks.projection import Projection
from sinks.tables import TABLES
from tests.sinks.catalog import catalog
from tests.sinks.conftest import Database

NOT_PROJECTED = {
    *(("touchstream", name) for name in ("migrations", "places", "presets")),
    ("outreach", "members"),
}

EXPECTED = Path(__file__).with_name("catalog.txt")

TABLE_COLUMNS = b"""
    SELECT n.nspname, c.relname, a.attname, t.typname::text
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE n.nspname IN ('touchstream', 'outreach') AND c.relkind IN ('r', 'p')
        AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped"""
PRIMARY_KEYS = b"""
    SELECT n.nspname, c.relname, array_agg(a.attname ORDER BY array_position(i.indkey, a.attnum))
    FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
    WHERE n.nspname IN ('touchstream', 'outreach') AND i.indisprimary AND NOT c.relispartition
    GROUP BY n.nspname, c.relname"""


def test_all_migrations_make_the_expected_catalog(dsn: str) -> None:
    assert catalog(dsn) == EXPECTED.read_text()


def test_the_second_time_does_nothing(server: Database) -> None:
    dsn = server.create()
    assert migrate(dsn)[0] == "0001_current"
    assert migrate(dsn) == []


def test_two_at_once_apply_each_migration_once(server: Database) -> None:
    dsn = server.create()
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(migrate, [dsn, dsn])
    assert sorted(map(len, (first, second))) == [0, len(first + second)]


def test_an_edited_old_file_is_refused(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_files", lambda: [("0001_current", b"SELECT 1")])
    with pytest.raises(MigrationRefused, match="0001_current"):
        migrate(dsn)


def test_a_failing_migration_leaves_nothing(
    server: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = server.create()
    files = [*module._files(), ("9999_broken", b"SELECT no_such_function()")]
    monkeypatch.setattr(module, "_files", lambda: files)
    with pytest.raises(psycopg.errors.UndefinedFunction):
        migrate(dsn)
    assert catalog(dsn) == ""


def test_nothing_is_migrated_beside_a_projector_of_an_older_version(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    projection = Projection(dsn, "projector")
    projection.claim("facts", 0)
    assert migrate(dsn) == []  # nothing is missing
    files = [*module._files(), ("9999_later", b"SELECT 1")]
    monkeypatch.setattr(module, "_files", lambda: files)
    monkeypatch.setattr(module, "PROJECTORS_WAIT_S", 0.5)
    with pytest.raises(MigrationRefused, match="stop every process"):
        migrate(dsn)
    projection.close()
    monkeypatch.setattr(module, "PROJECTORS_WAIT_S", 30.0)
    assert migrate(dsn) == ["9999_later"]


def test_a_role_that_may_not_create_roles_gets_an_error_that_names_the_missing_role(
    server: Database, migrated: str
) -> None:
    dsn = server.create(owner="postgres")
    plain = server.login(dsn, "plain_owner")
    server.run("ALTER ROLE touchstream_reader RENAME TO set_aside")
    try:
        owned = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
        server.run(f"ALTER DATABASE {owned} OWNER TO plain_owner")
        with pytest.raises(MigrationRefused, match="touchstream_reader"):
            migrate(plain)
    finally:
        server.run("ALTER ROLE set_aside RENAME TO touchstream_reader")
    assert migrate(plain)


def test_columns_are_copied_in_the_order_of_the_catalog(dsn: str) -> None:
    columns: dict[str, list[str]] = {}
    for line in catalog(dsn).splitlines():
        name, _, rest = line.partition(" ")
        columns.setdefault(name, []).append(rest.split()[0])
    for table in TABLES.values():
        assert list(table.columns) == columns[".".join(table.relation)][: len(table.columns)]


Column = tuple[str, str, str, str]


def columns_of_the_database(dsn: str) -> set[Column]:
    """The columns of all tables that a projection writes, as (schema, table, column,
    type)."""
    with psycopg.connect(dsn) as connection:
        columns: set[Column] = set(connection.execute(TABLE_COLUMNS).fetchall())
    return {column for column in columns if column[:2] not in NOT_PROJECTED}


def columns_of_the_entries() -> set[Column]:
    return {
        (*table.relation, column, kind)
        for table in TABLES.values()
        for column, kind in zip(table.columns, table.types, strict=True)
    }


def test_every_column_of_the_database_is_in_the_entry_of_its_table_and_no_other(dsn: str) -> None:
    assert columns_of_the_database(dsn) == columns_of_the_entries()


def test_a_column_that_only_a_migration_has_is_noticed(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE touchstream.touches ADD COLUMN forgotten text")
    difference = columns_of_the_database(dsn) ^ columns_of_the_entries()
    assert difference == {("touchstream", "touches", "forgotten", "text")}


def test_a_column_that_only_an_entry_has_is_noticed(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE touchstream.facts DROP COLUMN occurred_at CASCADE")
    difference = columns_of_the_database(dsn) ^ columns_of_the_entries()
    assert difference == {("touchstream", "facts", "occurred_at", "timestamptz")}


def test_the_keys_of_the_entries_are_the_primary_keys(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(PRIMARY_KEYS).fetchall()
    keys = {(schema, name): tuple(columns) for schema, name, columns in rows}
    assert {table.relation: table.key for table in TABLES.values()} == {
        relation: key for relation, key in keys.items() if relation not in NOT_PROJECTED
    }
