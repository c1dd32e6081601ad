"""Finds the line that names the columns of a CSV file, and the separator of the columns.

Some systems write a title or notes before that line.
"""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

from schemas.csv_import.columns import Given, list_of
from schemas.csv_import.file_kinds import CONTACTS, FileKind
from schemas.csv_import.headings import heading_key
from schemas.csv_import.results import CsvHeaderInvalid

PREAMBLE_LINES_MAX = 20
"""How many lines may stand before the line that names the columns."""

_HEADING_LINES_MAX = 20
"""The most lines of a header with line breaks in its headings."""

_SEPARATORS = ",;\t"
_VALUE_DIGITS = 5
"""A cell with so many digits, or with @ or a URL, is no heading but a value."""

NumberedLines = Iterator[tuple[int, bytes]]
"""Lines with their numbers."""


class Header(NamedTuple):
    """The line that names the columns."""

    line: int
    headings: tuple[str, ...]
    separator: str
    following: NumberedLines
    """The lines after it."""


def find_header(lines: NumberedLines, given: Given = (), kind: FileKind = CONTACTS) -> Header:
    """The header among the first lines of a file: the first line with the heading of an identifier.

    After a preamble the line must also have more cells than each line before it, and no cell that
    looks like a value, because a line of data may hold the word `mobile`. `given` are headings
    whose use is known, `kind` is that of the file. Raises CsvHeaderInvalid.
    """
    first = [*islice(lines, PREAMBLE_LINES_MAX + 1)]
    if first and first[0][1].startswith((b"\xff\xfe", b"\xfe\xff")):
        raise CsvHeaderInvalid("this is UTF-16: save it as CSV in UTF-8")
    texts = [_text(line, begins_file=place == 0) for place, (_, line) in enumerate(first)]
    targets = {heading_key(heading): target for heading, target in given}
    widest, shown = 0, ""
    place = 0
    while place < len(texts):
        end, text = _joined(texts, place)
        headings, separator = _cells(text, targets, kind)
        filled = sum(1 for heading in headings if heading.strip())
        is_header = not set(kind.identifiers).isdisjoint(_fields(headings, targets, kind))
        if is_header and (widest == 0 or _after_preamble(headings, widest)):
            following = chain(first[end:], lines)
            return Header(first[place][0], headings, separator, following)
        widest, shown = max(widest, filled), shown or list_of(headings)
        place = end
    if None in texts[:1]:
        raise CsvHeaderInvalid("the first line is not UTF-8: save it as CSV in UTF-8")
    raise CsvHeaderInvalid(
        f"the first line must name the columns, with one of {', '.join(kind.identifiers)}"
        + (f"; it has {shown}" if shown else "")
    )


def _text(line: bytes, *, begins_file: bool) -> str | None:
    try:
        return line.decode("utf-8-sig" if begins_file else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        return None


def _joined(texts: Sequence[str | None], place: int) -> tuple[int, str]:
    """The text of the record that begins at a line, and the place of the line after it."""
    text = texts[place] or ""
    for end in range(place + 1, min(len(texts), place + _HEADING_LINES_MAX)):
        following = texts[end]
        if text.count('"') % 2 == 0 or following is None:
            break
        text += "\n" + following
        if text.count('"') % 2 == 0:
            return end + 1, text
    return place + 1, texts[place] or ""


def _cells(text: str, targets: dict[str, str], kind: FileKind) -> tuple[tuple[str, ...], str]:
    """The cells of a line and the separator that gives the most headings of fields, or else the
    most cells."""
    found: list[tuple[int, int, tuple[str, ...], str]] = []
    for separator in _SEPARATORS:
        try:
            cells = tuple(next(csv.reader([text], delimiter=separator), []))
        except csv.Error:
            continue
        known = sum(1 for field in _fields(cells, targets, kind) if field)
        found.append((known, len(cells), cells, separator))
    if not found:
        return (), _SEPARATORS[0]
    _, _, cells, separator = max(found, key=lambda each: each[:2])
    return cells, separator


def _fields(headings: Sequence[str], targets: dict[str, str], kind: FileKind) -> list[str]:
    """What the headings stand for: a field, the use that is given, or ""."""
    keys = dict.fromkeys(heading_key(heading) for heading in headings)
    found = {key: kind.field_of(key, keys) for key in keys}
    return [targets.get(key) or (field[0] if field else "") for key, field in found.items()]


def _after_preamble(headings: Sequence[str], widest: int) -> bool:
    """Whether a line can be the header below lines of which the widest has `widest` cells."""
    filled = [heading for heading in headings if heading.strip()]
    return (len(filled) > widest or widest == 1) and not any(map(_is_value, filled))


def _is_value(cell: str) -> bool:
    digits = sum(map(str.isdigit, cell))
    return "@" in cell or "://" in cell or digits >= _VALUE_DIGITS
