"""What PostgreSQL shows, beside a recount: the checker that `verify` asks (design 2.8, X-8).

The recount is written by the very code of the projection, into temporary tables of the same names,
and the server compares: memory here stays small however many rows there are, and a value has one
form on both sides.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import TracebackType
from typing import Any, NamedTuple, Self

import psycopg
from psycopg import sql

from sinks.batch import Batch
from sinks.copy_values import Row
from sinks.state_rows import Record
from sinks.tables import TABLES, Table
from sinks.writer import Connection, Writer

CURRENT = tuple(name for name in TABLES if name != "tasks")
"""What must equal a recount; where the tasks stand moves on while one looks."""

_BATCH = 2_000


class Difference(NamedTuple):
    """One value that is not as expected; column `*` where one side lacks the row (None)."""

    table: str
    key: tuple[Any, ...]
    column: str
    expected: Any
    found: Any


class Recount:
    """Records are added as to a projection, then compared. Nothing changes that others see."""

    def __init__(self, dsn: str) -> None:
        self._connection: Connection = psycopg.connect(
            dsn, autocommit=True, application_name="touchstream verify"
        )
        self._connection.execute("SET search_path = touchstream")
        self._connection.execute("SET synchronous_commit = off")
        for table in TABLES.values():
            self._connection.execute(_mirror(table))
        self._writer = Writer(self._connection)

    def add(self, records: Iterable[Record]) -> None:
        """Changelog records (all, or the last of each key) and facts, in the order of their topics.

        Raises Undecodable.
        """
        stream = iter(records)
        while batch := list(islice(stream, _BATCH)):
            with self._connection.transaction():
                rows = Batch(batch)
                self._writer.write(rows.rows)
                self._writer.forget(rows.gone, wholly=True)
                self._writer.forget(rows.erased, wholly=False)

    def add_rows(self, table: str, rows: Iterable[Row]) -> None:
        """Rows as rows.py makes them; a key occurs once."""
        with self._connection.transaction():
            self._writer.copy(TABLES[table], table, rows)

    def differences(self, tables: Iterable[str] = CURRENT, *, first: int = 20) -> list[Difference]:
        """The first differences, table by table in the order of keys; none: it equals the
        recount."""
        found: list[Difference] = []
        with self._connection.transaction():
            self._connection.execute("SET LOCAL transaction_isolation = 'repeatable read'")
            for name in tables:
                self._connection.execute(sql.SQL("ANALYZE pg_temp.{}").format(sql.Identifier(name)))
                rows = self._differing(TABLES[name], first - len(found))
                found += [item for row in rows for item in _explain(TABLES[name], *row)]
                if len(found) >= first:
                    break
        return found[:first]

    def _differing(self, table: Table, most: int) -> list[tuple[Any, Any]]:
        names = sql.SQL(", ").join(map(sql.Identifier, table.key))
        query = sql.SQL(
            "SELECT to_jsonb(e), to_jsonb(f) FROM pg_temp.{0} AS e "
            "FULL JOIN touchstream.{0} AS f USING ({1}) "
            "WHERE ROW(e.*) IS DISTINCT FROM ROW(f.*) ORDER BY {1} LIMIT {2}"
        ).format(
            sql.Identifier(table.name),
            names,
            sql.Literal(most),
        )
        rows: list[Any] = self._connection.execute(query).fetchall()
        return rows

    def close(self) -> None:
        """End the session, and the recount with it."""
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
) -> list[Difference]:
    """The first differences between rows as rows.py makes them and these tables as shown."""
    with Recount(dsn) as recount:
        for table, rows in expected.items():
            recount.add_rows(table, rows)
        return recount.differences(expected, first=first)


def read_current(dsn: str, table: str) -> Iterator[dict[str, Any]]:
    """The rows of one table in the order of its key, each as its JSON form; streaming."""
    known = TABLES[table]
    query = sql.SQL("SELECT to_jsonb(t) FROM touchstream.{} AS t ORDER BY {}").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, known.key))
    )
    with psycopg.connect(dsn) as connection, connection.cursor(name="read_current") as cursor:
        cursor.execute(query)
        for (row,) in cursor:
            yield row


def _mirror(table: Table) -> sql.Composed:
    return sql.SQL("CREATE TEMP TABLE {0} (LIKE touchstream.{0}, PRIMARY KEY ({1}))").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, table.key))
    )


def _explain(
    table: Table, expected: dict[str, Any] | None, found: dict[str, Any] | None
) -> Iterator[Difference]:
    row = expected or found or {}
    key = tuple(row[name] for name in table.key)
    if expected is None or found is None:
        yield Difference(table.name, key, "*", expected, found)
        return
    for column, value in expected.items():
        if value != found[column]:
            yield Difference(table.name, key, column, value, found[column])
