"""The rows of contacts as one writer has last written them. A change of one touch makes the rows of
the whole contact again, and most of them are as before: those need not go to PostgreSQL again."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from sinks.copy_values import Row, Rows
from sinks.tables import TABLES

ROWS_MAX = 30_000
"""Rows that are remembered of each table: those of the contacts that changed within some seconds,
in some 30 MB."""

_KEYS = {
    name: len(TABLES[name].key)
    for name in ("contacts", "enrollments", "touches", "run_results", "engagements")
}
"""The tables whose rows follow from states of contacts alone, which have one writer, with the
number of columns in their keys. All columns of them are replaced."""


class WrittenRows:
    """What the transactions of one writer have left in the tables of contacts."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[tuple[Any, ...], Row]] = {name: {} for name in _KEYS}

    def changed(self, rows: Rows) -> Rows:
        """The rows without those that are as they were last written."""
        return {**rows, **{name: self._changed(name, rows[name]) for name in _KEYS if rows[name]}}

    def _changed(self, name: str, rows: list[Row]) -> list[Row]:
        size, written = _KEYS[name], self._rows[name]
        return [row for row in rows if written.get(row[:size]) != row]

    def remember(self, rows: Mapping[str, list[Row]]) -> None:
        """The rows have been committed, and nothing but them."""
        for name, size in _KEYS.items():
            written = self._rows[name]
            for row in rows[name]:
                written[row[:size]] = row
            for key in list(islice(written, max(0, len(written) - ROWS_MAX))):
                del written[key]

    def forget(self) -> None:
        """Other statements, or another writer, may have changed the tables."""
        for written in self._rows.values():
            written.clear()
