"""Reads contacts from a CSV file."""

from schemas.csv_import.records import (
    LINE_BYTES,
    ContactLine,
    CsvCode,
    CsvHeaderInvalid,
    RejectedLine,
    read_contacts,
)

__all__ = ["LINE_BYTES", "ContactLine", "CsvCode", "CsvHeaderInvalid", "RejectedLine", "read_contacts"]
