"""Writes rows into the projected tables, inside a transaction that the caller opens and ends."""

from collections.abc import Iterable, Sequence

import psycopg

from sinks.batch import Batch
from sinks.copy_values import Row, Rows
from sinks.queries import load
from sinks.table_sql import copy_into, create_staging, merge, staging_name
from sinks.tables import TABLES, Table

Connection = psycopg.Connection[tuple[object, ...]]

_COPIED_AS = {"timestamptz": "int8", "jsonb": "bytea", "date": "int4", "time": "int8"}


class Writer:
    """The staging tables of one connection, and the statements that fill and merge them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._queries = load("projection")
        for table in TABLES.values():
            connection.execute(create_staging(table))

    def write(self, rows: Rows) -> int:
        """Merges the rows, table by table in one fixed order, and returns how many there were.

        A key occurs at most once in a table's rows.
        """
        written = 0
        for name, table in TABLES.items():
            if table_rows := rows.get(name):
                self.copy(table, staging_name(table), table_rows)
                self._connection.execute(merge(table))
                written += len(table_rows)
        return written

    def copy(self, table: Table, target: str, rows: Iterable[Row]) -> None:
        """Copies rows into `target`, a table with the columns of `table`. Values come in the order
        of the columns, in the form of `copy_values.py`."""
        statement = copy_into(table, target)
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types([_COPIED_AS.get(name, name) for name in table.types])
            write_row = copy.write_row
            for row in rows:
                write_row(row)

    def delete(self, batch: Batch) -> None:
        """Deletes the rows of deleted states, and removes personal data of deleted and erased
        contacts from their enrollments and touches (C-32)."""
        self._on_keys(batch.deleted, "delete_contacts", "erase_enrollments", "erase_touches")
        self._on_keys(batch.erased, "erase_enrollments", "erase_touches")
        self._on_keys(batch.freed, "delete_leases")

    def _on_keys(self, pairs: Sequence[tuple[str, str]], *statements: str) -> None:
        """Executes statements on keys that consist of two texts, in the order of the keys."""
        if pairs:
            keys = [list(part) for part in zip(*sorted(pairs), strict=True)]
            for name in statements:
                self._connection.execute(self._queries[name], keys)
