"""Reads contacts from a CSV file: each line is an event contact.upserted or a rejection.

A bad line costs only itself, and a bad cell only the cell if the line still identifies a person. A
text that a spreadsheet would run as a formula is a text.
"""

from collections.abc import Iterable, Iterator, Sequence

from schemas.csv_import.cells import plain_cells
from schemas.csv_import.columns import CsvColumn, Given, check_given, read_columns
from schemas.csv_import.file_kinds import CALLS, CONTACTS, OUTREACH
from schemas.csv_import.header import find_header
from schemas.csv_import.line_reader import LineReader
from schemas.csv_import.records import records
from schemas.csv_import.results import ContactLine, RejectedLine


def read_contacts(lines: Iterable[bytes], tenant_id: str) -> Iterator[ContactLine | RejectedLine]:
    """The contacts and the rejected lines of a file, in the order of the file. Raises
    CsvHeaderInvalid if no line names the columns."""
    return ContactsFile(lines).contacts(tenant_id)


class ContactsFile:
    """A CSV file of contacts whose header is read. Raises CsvHeaderInvalid.

    `given` names the use of some columns. `country` (ISO 3166-1 alpha-2) is the one of phone
    numbers without a country code. With `calls_zone` it is a file of calls, whose times without an
    offset are in that time zone. With `outreach` it is a file of people for an outreach campaign,
    each of whom needs one of these addresses.
    """

    def __init__(
        self,
        lines: Iterable[bytes],
        given: Given = (),
        country: str = "",
        calls_zone: str | None = None,
        outreach: Sequence[str] | None = None,
    ) -> None:
        kind = CONTACTS if outreach is None else OUTREACH
        kind = kind if calls_zone is None else CALLS
        check_given(given, kind)
        header = find_header(enumerate(lines, 1), given, kind)
        self.header_line = header.line
        self.columns: tuple[CsvColumn, ...] = read_columns(header.headings, given, kind)
        self._records = records(header.following, header.separator)
        self._reader = LineReader(self.columns, country, calls_zone, outreach)

    def contacts(self, tenant_id: str) -> Iterator[ContactLine | RejectedLine]:
        """The contacts and the rejected lines below the header, in the order of the file. A record
        with quoted line breaks has the number of its first line."""
        seen: dict[bytes, int] = {}
        read = self._reader.read
        for line, record in self._records:
            if isinstance(record, RejectedLine):
                yield record
                continue
            cells = plain_cells(record)
            if any(cells):
                yield read(line, cells, tenant_id, seen)
