"""The kinds of files: what columns become depends on the campaign that the people are for."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from schemas.csv_import.call_columns import CALL_FIELDS, call_field_of
from schemas.csv_import.headings import FIELDS, IDENTIFIERS, Rank, field_of
from schemas.csv_import.outreach_columns import (
    OUTREACH_FIELDS,
    OUTREACH_IDS,
    outreach_field_of,
)


class FileKind(NamedTuple):
    """A kind of file. `fields` have the headings of each field, and `field_of` finds the field of a
    heading. A person is identified by one of `identifiers`."""

    fields: Mapping[str, tuple[str, ...]]
    field_of: Callable[[str, Mapping[str, object]], tuple[str, Rank] | None]
    identifiers: tuple[str, ...] = IDENTIFIERS


CONTACTS = FileKind(FIELDS, field_of)
CALLS = FileKind(FIELDS | CALL_FIELDS, call_field_of)
OUTREACH = FileKind(
    FIELDS | OUTREACH_FIELDS, outreach_field_of, (IDENTIFIERS[0], *OUTREACH_IDS, *IDENTIFIERS[1:])
)
