"""Reads contacts from CSV files: their headings, their lines, and what becomes of both."""

from schemas.csv_import.columns import CsvColumn
from schemas.csv_import.contacts import ContactsFile, read_contacts
from schemas.csv_import.records import LINE_BYTES
from schemas.csv_import.results import (
    ContactLine,
    CsvCode,
    CsvHeaderInvalid,
    DroppedCell,
    RejectedLine,
)

__all__ = [
    "LINE_BYTES",
    "ContactLine",
    "ContactsFile",
    "CsvCode",
    "CsvColumn",
    "CsvHeaderInvalid",
    "DroppedCell",
    "RejectedLine",
    "read_contacts",
]
