"""The cells of one line that are about a person of an outreach campaign, and whether the line names
a person whom the campaign can reach (S4-36, S4-37, C-19)."""

from collections.abc import Iterator, Sequence

from schemas.channels import ADDRESSES
from schemas.csv_import.cells import is_placeholder
from schemas.csv_import.columns import CsvColumn
from schemas.csv_import.outreach_columns import (
    CONTACT_TYPE,
    OUTREACH_FIELDS,
    OUTREACH_IDS,
    contact_type_text,
    plain_text,
)
from schemas.csv_import.results import CsvCode, DroppedCell, RejectedLine


class OutreachReader:
    """Reads the cells of a file with the given columns. `addresses` are the names of those of which
    a person needs one: `email` for a campaign by e-mail."""

    def __init__(self, columns: Sequence[CsvColumn], addresses: Sequence[str]) -> None:
        self._addresses = addresses
        self._columns = {
            name: sorted(
                (each for each in columns if each.becomes == name and not each.attribute),
                key=lambda column: column.choice,
            )
            for name in OUTREACH_FIELDS
        }

    def known_id(self, cells: Sequence[str]) -> str | None:
        """The id of the contact: that of the user, or else that of the lead (N-13)."""
        for name in OUTREACH_IDS:
            for column, cell in self._cells(name, cells):
                try:
                    return plain_text(column.becomes, cell)
                except ValueError:
                    break
        return None

    def unreachable(
        self, line: int, found: dict[str, str], dropped: Sequence[DroppedCell]
    ) -> RejectedLine | None:
        """The rejection of a line without an id that has none of the needed addresses. Its code is
        that of an invalid address of these, if there is one (S4-99)."""
        if any(name in found for name in self._addresses):
            return None
        codes = {ADDRESSES[name].error_code for name in self._addresses}
        for cell in dropped:
            if cell.code in codes:
                return RejectedLine(line, cell.code, f"{cell.column}: {cell.detail}")
        needed = " or ".join(self._addresses)
        detail = f"the campaign needs {needed}, or the id of a person whose {needed} is known"
        return RejectedLine(line, CsvCode.NO_ADDRESS, detail)

    def variables(
        self, line: int, cells: Sequence[str], dropped: list[DroppedCell]
    ) -> dict[str, str] | None:
        """The variables of the enrollment; None if the line has none. An invalid cell is left
        out."""
        found: dict[str, str] = {}
        for name in OUTREACH_FIELDS:
            for column, cell in self._cells(name, cells):
                try:
                    is_type = name == CONTACT_TYPE
                    found[name] = contact_type_text(cell) if is_type else plain_text(name, cell)
                except ValueError as error:
                    code = CsvCode.CONTACT_TYPE if is_type else CsvCode.FIELD
                    dropped.append(DroppedCell(line, column.heading, code, str(error)))
                    continue
                break
        return found or None

    def _cells(self, name: str, cells: Sequence[str]) -> Iterator[tuple[CsvColumn, str]]:
        """The filled cells of a field with their columns, the first of which counts."""
        for column in self._columns[name]:
            cell = cells[column.number - 1]
            if cell and not is_placeholder(cell):
                yield column, cell
