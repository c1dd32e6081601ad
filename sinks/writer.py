"""Writes rows into the projected tables, inside a transaction that the caller opens and ends."""

from collections.abc import Iterable, Sequence
from typing import Any

from sinks.batch import Batch
from sinks.connection import Connection
from sinks.copy_values import Row, Rows
from sinks.queries import load
from sinks.table_sql import copy_into, create_staging, delete, merge, staging_name
from sinks.tables import TABLES, Table

_COPIED_AS = {
    "timestamptz": "int8",
    "jsonb": "bytea",
    "date": "int4",
    "time": "int8",
    "_text": "text[]",
}


class Writer:
    """The staging tables of one connection, and the statements that fill and merge them.

    With `into_mirrors` rows are merged into the temporary tables of a recount.
    """

    def __init__(self, connection: Connection, *, into_mirrors: bool = False) -> None:
        self._connection = connection
        self._into_mirrors = into_mirrors
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
                self._connection.execute(merge(table, self._into_mirrors))
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
        self._delete("contacts", batch.deleted)
        self._erase(batch.deleted)
        self._erase(batch.erased)
        self._delete("call_leases", batch.freed)
        self._delete("outreach_campaigns", batch.gone)
        if batch.taken_back:
            for name in ("delete_taken_back", "delete_engagements_taken_back"):
                self._connection.execute(self._queries[name], _columns(batch.taken_back))

    def _delete(self, table: str, keys: Sequence[tuple[str, ...]]) -> None:
        """Deletes rows by their keys, in the order of the keys."""
        if keys:
            statement = delete(TABLES[table], self._into_mirrors)
            self._connection.execute(statement, _columns(keys))

    def _erase(self, contacts: Sequence[tuple[str, str]]) -> None:
        """Removes the personal data from the rows of runs of contacts, which are named by tenant
        id and contact id."""
        if contacts:
            for name in ("erase_enrollments", "erase_touches", "erase_run_results"):
                self._connection.execute(self._queries[name], _columns(contacts))


def _columns(keys: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """The parts of the keys, in the order of the keys."""
    return [list(part) for part in zip(*sorted(keys), strict=True)]
