"""Rows into tables, inside a transaction that somebody else opens and ends.

Each table has a temporary twin per connection: COPY fills it, one statement merges it, the commit
empties it.
"""

from collections.abc import Iterable, Sequence

import psycopg
from psycopg import sql

from sinks.copy_values import Row, Rows
from sinks.queries import load
from sinks.tables import TABLES, Table

Connection = psycopg.Connection[tuple[object, ...]]

_COPIED_AS = {"timestamptz": "int8", "jsonb": "bytea"}


class Writer:
    """The twins of one connection, and the way through them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._queries = load("projection")
        for table in TABLES.values():
            connection.execute(_twin(table))

    def write(self, rows: Rows) -> int:
        """Merge rows, table by table in one fixed order; a key occurs once per table."""
        written = 0
        for table in TABLES.values():
            if found := rows.get(table.name):
                self.copy(table, f"in_{table.name}", found)
                self._connection.execute(self._queries[table.name])
                written += len(found)
        return written

    def copy(self, table: Table, into: str, rows: Iterable[Row]) -> None:
        """Rows as rows.py makes them, into a table of the same columns."""
        statement = sql.SQL("COPY {} FROM STDIN (FORMAT BINARY)").format(sql.Identifier(into))
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types([_COPIED_AS.get(name, name) for name in table.types])
            write_row = copy.write_row
            for row in rows:
                write_row(row)

    def forget(self, contacts: Sequence[tuple[str, str]], *, wholly: bool) -> None:
        """Erased contacts: what their older enrollments still tell of them goes (C-32)."""
        if contacts:
            keys = [list(part) for part in zip(*sorted(contacts), strict=True)]
            names = ("forget_contacts",) if wholly else ()
            for name in (*names, "forget_variables", "forget_errors"):
                self._connection.execute(self._queries[name], keys)


def _twin(table: Table) -> sql.Composed:
    statement = (
        "CREATE TEMP TABLE {} ON COMMIT DELETE ROWS AS SELECT {} FROM touchstream.{} WITH NO DATA"
    )
    return sql.SQL(statement).format(
        sql.Identifier(f"in_{table.name}"),
        sql.SQL(", ").join(map(sql.Identifier, table.columns)),
        sql.Identifier(table.name),
    )
