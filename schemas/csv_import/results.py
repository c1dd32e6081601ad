"""What the reading of a CSV file yields: contacts, rejected lines and dropped cells, with the codes
of the reasons."""

from enum import StrEnum
from typing import NamedTuple

from schemas.public.inbound_events import ContactUpserted


class CsvCode(StrEnum):
    """Why a line is rejected (S4-92)."""

    ENCODING = "CSV_NOT_UTF8"
    QUOTE = "CSV_QUOTE_UNCLOSED"
    COLUMNS = "CSV_COLUMNS"
    TOO_LONG = "CSV_LINE_TOO_LONG"
    DUPLICATE = "CONTACT_DUPLICATE"
    NOBODY = "CONTACT_UNKNOWN"
    FIELD = "CONTACT_FIELD_INVALID"
    PRIORITY = "CALL_PRIORITY_INVALID"
    TIME = "CALL_TIME_INVALID"
    AGENT = "CALL_AGENT_INVALID"
    NO_ADDRESS = "CONTACT_NO_ADDRESS"
    CONTACT_TYPE = "CONTACT_TYPE_INVALID"


class CsvHeaderInvalid(ValueError):
    """No line names the columns of contacts, or the columns are not those that were expected."""


class RejectedLine(NamedTuple):
    """A line that is not an event, with its number from 1 and the reason."""

    line: int
    code: str
    """A CsvCode, or the error code of an address (schemas/channels.py)."""

    detail: str


class DroppedCell(NamedTuple):
    """A cell that is left out of an event because its value is invalid. The detail does not repeat
    the value."""

    line: int
    column: str
    """The heading of the cell's column."""

    code: str
    """CsvCode.FIELD, or the error code of an address."""

    detail: str


class ContactLine(NamedTuple):
    """A line as an event, with its number from 1 and the cells that are not in the event."""

    line: int
    event: ContactUpserted
    dropped: tuple[DroppedCell, ...] = ()
    item: dict[str, str] | None = None
    """Of a file of calls or of outreach: the variables of the enrollment; None if the line names
    none."""
