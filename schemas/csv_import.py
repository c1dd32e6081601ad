"""People in a CSV file, as spreadsheets and other systems export them: each line a person, or what
is wrong with it.

A bad line costs itself. What a spreadsheet would run as a formula is refused, because names end up
in somebody's spreadsheet again.
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
from schemas.public.inbound_events import ContactUpserted

LINE_BYTES = 65_536
_LINES_OF_ONE = 100
"""A quote that is not closed within so many lines was none."""

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

_IDENTIFIERS = ("contact_id", *ADDRESSES)
"""A person is identified by the first of these that the line has (C-18)."""

_SIGNS = "=@\t\r+-"  # what a formula begins with; looked at first, because nearly no cell does
_FORMULA = re.compile(r"[=@\t\r]|[+-](?![0-9 ().-]+$)").match


class CsvCode(StrEnum):
    """Why a line is not taken; in the style of S4."""

    ENCODING = "CSV_NOT_UTF8"
    QUOTE = "CSV_QUOTE_UNCLOSED"
    COLUMNS = "CSV_COLUMNS"
    TOO_LONG = "CSV_LINE_TOO_LONG"
    DUPLICATE = "CONTACT_DUPLICATE"
    NOBODY = "CONTACT_UNKNOWN"
    FORMULA = "CONTACT_FORMULA"
    FIELD = "CONTACT_FIELD_INVALID"


class CsvHeaderInvalid(ValueError):
    """The first line is no header that people can be read by."""


class RejectedLine(NamedTuple):
    """A line that is not taken."""

    line: int
    code: str
    """A CsvCode, or the error code of an address (schemas/channels.py)."""

    detail: str


class ContactLine(NamedTuple):
    """A line that is."""

    line: int
    event: ContactUpserted


def read_contacts(lines: Iterable[bytes], tenant_id: str) -> Iterator[ContactLine | RejectedLine]:
    """Every line of a file, in its order; a line within quotes belongs to the one before.

    Raises HeaderInvalid.
    """
    numbered = enumerate(lines, 1)
    _, first = next(numbered, (1, b""))
    header, separator = _header(first)
    seen: dict[bytes, int] = {}
    for line, found in _records(numbered, separator):
        if isinstance(found, RejectedLine):
            yield found
        elif any(map(str.strip, found)):
            yield _person(line, found, header, tenant_id, seen)


def _header(first: bytes) -> tuple[list[str], str]:
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
    names = [_name(cell) for cell in cells]
    if not set(names) & set(_IDENTIFIERS):
        raise CsvHeaderInvalid(
            "the first line must name the columns, with one of " + ", ".join(_IDENTIFIERS)
        )
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise CsvHeaderInvalid(f"two columns are named {printable(', '.join(twice))}")
    return names, separator


def _name(cell: str) -> str:
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
    """A line with quotes, and those that belong to it. Where they do not close, the first was at
    fault, and the others are read as they stand."""
    parts: list[str] = [text]
    held: list[tuple[int, bytes]] = []
    while sum(part.count('"') for part in parts) % 2:
        following = next(lines, None)
        more = None if following is None else _text(following[1])
        if following is None or more is None or len(parts) == _LINES_OF_ONE:
            yield number, RejectedLine(number, CsvCode.QUOTE, "a quote that is not closed")
            rest = held if following is None else [*held, following]
            yield from _records(iter(rest), separator)
            return
        held.append(following)
        parts.append(more)
    try:
        yield number, next(csv.reader(["\n".join(parts)], delimiter=separator), [])
    except csv.Error as error:
        yield number, RejectedLine(number, CsvCode.QUOTE, printable(str(error)))


def _text(line: bytes) -> str | None:
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        return None


def _person(
    line: int, cells: Sequence[str], header: Sequence[str], tenant_id: str, seen: dict[bytes, int]
) -> ContactLine | RejectedLine:
    if len(cells) != len(header):
        return RejectedLine(
            line, CsvCode.COLUMNS, f"{len(cells)} columns, the first line has {len(header)}"
        )
    told = dict(zip(header, map(str.strip, cells), strict=True))
    told.pop("", None)
    wrong = _wrong(line, told)
    if wrong is not None:
        return wrong
    contact_id = _contact_id(told)
    if contact_id is None:
        return RejectedLine(line, CsvCode.NOBODY, "none of " + ", ".join(_IDENTIFIERS))
    digest = blake2b(contact_id.encode(), digest_size=8).digest()
    first = seen.setdefault(digest, line)
    if first != line:
        return RejectedLine(line, CsvCode.DUPLICATE, f"the same person as line {first}")
    known = {name: cell for name, cell in told.items() if cell}
    fields = {name: known.pop(name) for name in _NAMES[1:] if name in known}
    addresses = {name: known.pop(name) for name in ADDRESSES if name in known}
    known.pop("contact_id", None)
    try:
        event = ContactUpserted(
            tenant_id=tenant_id,
            contact_id=contact_id,
            attributes={**known} or None,
            addresses=addresses or None,
            **fields,
        )
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, problem["loc"]))
        return RejectedLine(line, CsvCode.FIELD, printable(f"{place}: {problem['msg']}"))
    return ContactLine(line, event)


def _wrong(line: int, told: dict[str, str]) -> RejectedLine | None:
    """Never the value itself: it may be anything."""
    for name, cell in told.items():
        if cell and cell[0] in _SIGNS and _FORMULA(cell):
            return RejectedLine(line, CsvCode.FORMULA, f"{name} begins like a formula")
    for name, row in ADDRESSES.items():
        if told.get(name) and row.matches(told[name]) is None:
            return RejectedLine(line, row.error_code, f"{name} is malformed")
    return None


def _contact_id(told: dict[str, str]) -> str | None:
    """The file's own id, or one that the address gives each time the same (C-18)."""
    if told.get("contact_id"):
        return told["contact_id"]
    for name, row in ADDRESSES.items():
        if told.get(name):
            address = row.canonical(told[name])
            return "c-" + blake2b(f"{name}:{address}".encode(), digest_size=12).hexdigest()
    return None
