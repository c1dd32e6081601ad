"""The recount: computes the projected tables again from records and compares them with PostgreSQL
(promise 8, X-8).

The code of the projection writes the recomputed rows into temporary tables of the same names, and
the server compares them with the projected tables. Memory use here does not grow with the number of
rows, and both sides hold a value in the same form.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import TracebackType
from typing import Any, NamedTuple, Self

import psycopg
from psycopg import sql

from sinks.batch import Batch
from sinks.connection import Connection
from sinks.copy_values import Row
from sinks.state_rows import ProjectedRecord
from sinks.table_sql import create_mirror, mirror, names, stored
from sinks.tables import TABLES, Table
from sinks.writer import Writer

COMPARED_TABLES = tuple(name for name in TABLES if name != "tasks")
"""The tables that must equal a recount. `tasks` changes while the recount is taken."""

_BATCH = 2_000


class RowDifference(NamedTuple):
    """A value that differs from the expected one. Where a side lacks the whole row, the column is
    `*` and the value of that side is None."""

    table: str
    key: tuple[Any, ...]
    column: str
    expected: Any
    found: Any


class Recount:
    """A recount on a connection of its own. It writes only to temporary tables."""

    def __init__(self, dsn: str) -> None:
        self._connection: Connection = psycopg.connect(
            dsn, autocommit=True, application_name="touchstream verify"
        )
        self._connection.execute("SET search_path = touchstream")
        self._connection.execute("SET synchronous_commit = off")
        for table in TABLES.values():
            self._connection.execute(create_mirror(table))
        self._writer = Writer(self._connection, into_mirrors=True)

    def add(self, records: Iterable[ProjectedRecord]) -> None:
        """Adds changelog records and facts, in the order of their topics. Of a changelog all
        records may be given, or the last of each key.

        Raises Undecodable.
        """
        stream = iter(records)
        while batch := list(islice(stream, _BATCH)):
            with self._connection.transaction():
                rows = Batch(batch)
                self._writer.write(rows.rows)
                self._writer.delete(rows)

    def add_rows(self, table: str, rows: Iterable[Row]) -> None:
        """Adds rows with values in the order of the table's columns; a key occurs at most once."""
        with self._connection.transaction():
            self._writer.copy(TABLES[table], table, rows)

    def differences(
        self, tables: Iterable[str] = COMPARED_TABLES, *, first: int = 20
    ) -> list[RowDifference]:
        """At most `first` differences, table by table in the order of their keys. The list is empty
        where the tables equal the recount."""
        found: list[RowDifference] = []
        with self._connection.transaction():
            self._connection.execute("SET LOCAL transaction_isolation = 'repeatable read'")
            for name in tables:
                self._connection.execute(sql.SQL("ANALYZE {}").format(mirror(TABLES[name])))
                rows = self._differing_rows(TABLES[name], first - len(found))
                found += [item for row in rows for item in _by_column(TABLES[name], *row)]
                if len(found) >= first:
                    break
        return found[:first]

    def _differing_rows(self, table: Table, limit: int) -> list[tuple[Any, Any]]:
        """Pairs of the recomputed and the stored row of a key, None where a side has no row."""
        query = sql.SQL(
            "SELECT to_jsonb(e), to_jsonb(f) FROM {0} AS e FULL JOIN {1} AS f USING ({2}) "
            "WHERE ROW(e.*) IS DISTINCT FROM ROW(f.*) ORDER BY {2} LIMIT {3}"
        ).format(mirror(table), stored(table), names(table.key), sql.Literal(limit))
        rows: list[Any] = self._connection.execute(query).fetchall()
        return rows

    def close(self) -> None:
        """Closes the connection, which drops the temporary tables."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def compare(
    dsn: str, expected: Mapping[str, Iterable[Row]], *, first: int = 20
) -> list[RowDifference]:
    """At most `first` differences between the given rows, by table, and those tables."""
    with Recount(dsn) as recount:
        for table, rows in expected.items():
            recount.add_rows(table, rows)
        return recount.differences(expected, first=first)


def read_current(dsn: str, table: str) -> Iterator[dict[str, Any]]:
    """Streams the rows of a table in the order of its key, each in the form of `to_jsonb`."""
    query = sql.SQL("SELECT to_jsonb(t) FROM {} AS t ORDER BY {}").format(
        stored(TABLES[table]), names(TABLES[table].key)
    )
    with psycopg.connect(dsn) as connection, connection.cursor(name="read_current") as cursor:
        cursor.execute(query)
        for (row,) in cursor:
            yield row


def _by_column(
    table: Table, expected: dict[str, Any] | None, found: dict[str, Any] | None
) -> Iterator[RowDifference]:
    row = expected or found or {}
    key = tuple(row[name] for name in table.key)
    if expected is None or found is None:
        yield RowDifference(table.name, key, "*", expected, found)
        return
    for column, value in expected.items():
        if value != found[column]:
            yield RowDifference(table.name, key, column, value, found[column])
