"""Reads contacts from a CSV file: each line is an event contact.upserted or a rejection.

A bad line costs only itself. A text that a spreadsheet would run as a formula is rejected, because
names are exported to spreadsheets again.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple

from pydantic import ValidationError

from schemas.base.error_codes import printable
from schemas.channels import ADDRESSES
from schemas.internal.contact_messages import OLD_ADDRESS_FIELDS
from schemas.public.inbound_events import ContactUpserted

LINE_BYTES = 65_536
_QUOTED_LINES_MAX = 100
"""The most lines of one quoted record: a quote that is still open then is an error."""

_NAMES = ("contact_id", "first_name", "last_name", "timezone", "region")
_HEADINGS = {
    "id": "contact_id",
    "firstname": "first_name",
    "lastname": "last_name",
    "surname": "last_name",
    "time_zone": "timezone",
    "zone": "timezone",
    "state": "region",
} | {heading: row.name for row in ADDRESSES.values() for heading in row.headings}
"""Other headings of the known columns."""

_EVENT_FIELDS = (*_NAMES[1:], *OLD_ADDRESS_FIELDS)
_IN_MAP = tuple(name for name in ADDRESSES if name not in OLD_ADDRESS_FIELDS)
"""Addresses that have no field of their own in an event."""

_IDENTIFIERS = ("contact_id", *ADDRESSES)
"""A person is identified by the first of these that the line has (C-18)."""

_SIGNS = "=@\t\r+-"  # the first characters of formulas: a fast check before the pattern
_FORMULA = re.compile(r"[=@\t\r]|[+-](?![0-9 ().-]+$)").match


class CsvCode(StrEnum):
    """Why a line is rejected (S4-92)."""

    ENCODING = "CSV_NOT_UTF8"
    QUOTE = "CSV_QUOTE_UNCLOSED"
    COLUMNS = "CSV_COLUMNS"
    TOO_LONG = "CSV_LINE_TOO_LONG"
    DUPLICATE = "CONTACT_DUPLICATE"
    NOBODY = "CONTACT_UNKNOWN"
    FORMULA = "CONTACT_FORMULA"
    FIELD = "CONTACT_FIELD_INVALID"


class CsvHeaderInvalid(ValueError):
    """The first line does not name the columns of contacts."""


class RejectedLine(NamedTuple):
    """A line that is not an event, with its number from 1 and the reason."""

    line: int
    code: str
    """A CsvCode, or the error code of an address (schemas/channels.py)."""

    detail: str


class ContactLine(NamedTuple):
    """A line as an event, with its number from 1."""

    line: int
    event: ContactUpserted


def read_contacts(lines: Iterable[bytes], tenant_id: str) -> Iterator[ContactLine | RejectedLine]:
    """The contacts and the rejected lines of a file, in the order of the file.

    A record with quoted line breaks has several lines, and the number of the first. Raises
    CsvHeaderInvalid if the first line does not name the columns.
    """
    numbered = enumerate(lines, 1)
    _, first = next(numbered, (1, b""))
    header, separator = _header(first)
    seen: dict[bytes, int] = {}
    for line, record in _records(numbered, separator):
        if isinstance(record, RejectedLine):
            yield record
        elif any(map(str.strip, record)):
            yield _contact(line, record, header, tenant_id, seen)


def _header(first: bytes) -> tuple[list[str], str]:
    """The column names and the separator of the first line."""
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise CsvHeaderInvalid("this is UTF-16: save it as CSV in UTF-8")
    try:
        text = first.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError:
        raise CsvHeaderInvalid("the first line is not UTF-8: save it as CSV in UTF-8") from None
    separator = max(",;\t", key=text.count)
    try:
        cells = next(csv.reader([text], delimiter=separator), [])
    except csv.Error:
        raise CsvHeaderInvalid("the first line cannot be read: save it as CSV in UTF-8") from None
    names = [_column(cell) for cell in cells]
    if not set(names) & set(_IDENTIFIERS):
        raise CsvHeaderInvalid(
            "the first line must name the columns, with one of " + ", ".join(_IDENTIFIERS)
        )
    duplicates = sorted({name for name in names if name and names.count(name) > 1})
    if duplicates:
        raise CsvHeaderInvalid(f"two columns are named {printable(', '.join(duplicates))}")
    return names, separator


def _column(cell: str) -> str:
    """The name of the column with a heading."""
    name = re.sub(r"[^a-z0-9]+", "_", cell.strip().lower()).strip("_")
    return _HEADINGS.get(name, name)[:100]


def _records(
    lines: Iterator[tuple[int, bytes]], separator: str
) -> Iterator[tuple[int, list[str] | RejectedLine]]:
    for number, line in lines:
        if len(line) > LINE_BYTES:
            yield number, RejectedLine(number, CsvCode.TOO_LONG, f"more than {LINE_BYTES} bytes")
            continue
        text = _text(line)
        if text is None:
            yield number, RejectedLine(number, CsvCode.ENCODING, "not UTF-8")
        elif '"' not in text:  # nearly every line
            yield number, text.split(separator)
        else:
            yield from _quoted(number, text, lines, separator)


def _quoted(
    number: int, text: str, lines: Iterator[tuple[int, bytes]], separator: str
) -> Iterator[tuple[int, list[str] | RejectedLine]]:
    """The record that begins with a line with quotes, or its rejection.

    If the quotes are not closed, only that line is rejected, and the lines after it are read again.
    """
    parts: list[str] = [text]
    taken: list[tuple[int, bytes]] = []
    while sum(part.count('"') for part in parts) % 2:
        following = next(lines, None)
        continuation = None if following is None else _text(following[1])
        if following is None or continuation is None or len(parts) == _QUOTED_LINES_MAX:
            yield number, RejectedLine(number, CsvCode.QUOTE, "a quote that is not closed")
            rest = taken if following is None else [*taken, following]
            yield from _records(iter(rest), separator)
            return
        taken.append(following)
        parts.append(continuation)
    try:
        yield number, next(csv.reader(["\n".join(parts)], delimiter=separator), [])
    except csv.Error as error:
        yield number, RejectedLine(number, CsvCode.QUOTE, printable(str(error)))


def _text(line: bytes) -> str | None:
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        return None


def _contact(
    line: int, cells: Sequence[str], header: Sequence[str], tenant_id: str, seen: dict[bytes, int]
) -> ContactLine | RejectedLine:
    if len(cells) != len(header):
        return RejectedLine(
            line, CsvCode.COLUMNS, f"{len(cells)} columns, the first line has {len(header)}"
        )
    values = dict(zip(header, map(str.strip, cells), strict=True))
    values.pop("", None)
    rejection = _rejection(line, values)
    if rejection is not None:
        return rejection
    contact_id = _contact_id(values)
    if contact_id is None:
        return RejectedLine(line, CsvCode.NOBODY, "none of " + ", ".join(_IDENTIFIERS))
    digest = blake2b(contact_id.encode(), digest_size=8).digest()
    first = seen.setdefault(digest, line)
    if first != line:
        return RejectedLine(line, CsvCode.DUPLICATE, f"the same person as line {first}")
    filled = {name: cell for name, cell in values.items() if cell}
    fields = {name: filled.pop(name) for name in _EVENT_FIELDS if name in filled}
    addresses = {name: filled.pop(name) for name in _IN_MAP if name in filled}
    filled.pop("contact_id", None)
    try:
        event = ContactUpserted(
            tenant_id=tenant_id,
            contact_id=contact_id,
            attributes={**filled} or None,
            addresses=addresses or None,
            **fields,
        )
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(map(str, problem["loc"]))
        return RejectedLine(line, CsvCode.FIELD, printable(f"{field}: {problem['msg']}"))
    return ContactLine(line, event)


def _rejection(line: int, values: dict[str, str]) -> RejectedLine | None:
    """The rejection of a line with an invalid value; the detail does not repeat the value."""
    for name, cell in values.items():
        if cell and cell[0] in _SIGNS and _FORMULA(cell):
            return RejectedLine(line, CsvCode.FORMULA, f"{name} begins like a formula")
    for name, address in ADDRESSES.items():
        if values.get(name) and address.matches(values[name]) is None:
            return RejectedLine(line, address.error_code, f"{name} is malformed")
    return None


def _contact_id(values: dict[str, str]) -> str | None:
    """The contact id of the line, or an id derived from its first address (C-18)."""
    if values.get("contact_id"):
        return values["contact_id"]
    for name, address in ADDRESSES.items():
        if values.get(name):
            canonical = address.canonical(values[name])
            return "c-" + blake2b(f"{name}:{canonical}".encode(), digest_size=12).hexdigest()
    return None
