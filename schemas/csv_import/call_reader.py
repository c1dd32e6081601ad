"""The cells of one line that are about its call."""

from collections.abc import Callable, Sequence

from schemas.csv_import.call_columns import (
    AGENT,
    CALL_FIELDS,
    FULL_NAME,
    ITEM_VARIABLES,
    PRIORITY,
    SCHEDULED_FOR,
    agent_text,
    moment_text,
    priority_text,
    split_name,
)
from schemas.csv_import.columns import CsvColumn
from schemas.csv_import.results import CsvCode, DroppedCell, RejectedLine

_CODES = {PRIORITY: CsvCode.PRIORITY, SCHEDULED_FOR: CsvCode.TIME, AGENT: CsvCode.AGENT}
_COSTS_THE_CELL = (PRIORITY,)
"""An invalid cell of these is left out. One of the others costs its line: nobody must be called at
another time, or for another agent, than was meant."""


class CallReader:
    """Reads the cells of a file with the given columns. `zone_name` is the time zone of times
    without an offset."""

    def __init__(self, columns: Sequence[CsvColumn], zone_name: str) -> None:
        by_choice = sorted(columns, key=lambda column: column.choice)
        self._places = {
            name: [
                column.number - 1
                for column in by_choice
                if column.becomes == name and not column.attribute
            ]
            for name in CALL_FIELDS
        }
        self._headings = [column.heading for column in columns]
        self._read: dict[str, Callable[[str], str]] = {
            PRIORITY: priority_text,
            SCHEDULED_FOR: lambda cell: moment_text(cell, zone_name),
            AGENT: agent_text,
        }

    def names(self, cells: Sequence[str]) -> dict[str, str]:
        """The first and the last name, from the column of the whole name."""
        for place in self._places[FULL_NAME]:
            if cells[place]:
                return split_name(cells[place])
        return {}

    def item(
        self, line: int, cells: Sequence[str], dropped: list[DroppedCell]
    ) -> dict[str, str] | RejectedLine | None:
        """The variables of the enrollment; None if the line has none, a rejection if one of them
        must not be left out."""
        found: dict[str, str] = {}
        for name in ITEM_VARIABLES:
            for place in self._places[name]:
                if not cells[place]:
                    continue
                try:
                    found[name] = self._read[name](cells[place])
                except ValueError as error:
                    heading, code = self._headings[place], _CODES[name]
                    if name not in _COSTS_THE_CELL:
                        return RejectedLine(line, code, f"{heading}: {error}")
                    dropped.append(DroppedCell(line, heading, code, str(error)))
                break
        return found or None
