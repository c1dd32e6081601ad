"""Splits the lines of a CSV file into records. A record with quoted line breaks has several lines,
and the number of the first."""

import csv
import re
from collections.abc import Callable, Iterator
from functools import cache

from schemas.base.error_codes import printable
from schemas.csv_import.results import CsvCode, RejectedLine

LINE_BYTES = 65_536
_QUOTED_LINES_MAX = 100
"""The most lines of one quoted record: a quote that is still open then is an error."""


def records(
    lines: Iterator[tuple[int, bytes]], separator: str
) -> Iterator[tuple[int, list[str] | RejectedLine]]:
    """The cells of each record with its line number, or the rejection of a line."""
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
    taken: list[tuple[int, bytes]] = []
    is_closed, is_exact = _quote_checks(separator)
    while not is_closed(text):
        following = next(lines, None)
        continuation = None if following is None else _text(following[1])
        if following is None or continuation is None or len(taken) == _QUOTED_LINES_MAX - 1:
            rest = taken if following is None else [*taken, following]
            yield from _unclosed(number, rest, separator)
            return
        taken.append(following)
        text = f"{text}\n{continuation}"
    if taken and not is_exact(text):  # what closed it is a quote of another record
        yield from _unclosed(number, taken, separator)
        return
    try:
        yield number, next(csv.reader([text], delimiter=separator), [])
    except csv.Error as error:
        yield number, RejectedLine(number, CsvCode.QUOTE, printable(str(error)))


def _unclosed(
    number: int, rest: list[tuple[int, bytes]], separator: str
) -> Iterator[tuple[int, list[str] | RejectedLine]]:
    yield number, RejectedLine(number, CsvCode.QUOTE, "a quote that is not closed")
    yield from records(iter(rest), separator)


_Check = Callable[[str], object]


@cache
def _quote_checks(separator: str) -> tuple[_Check, _Check]:
    """Whether every quoted cell of a record is closed; and whether a separator follows on each. A
    quote inside of a cell that has none at its begin, such as that of inches, is a character."""
    other = f"[^{re.escape(separator)}]"
    quoted = '"(?:[^"]++|"")*+"'
    plain = f'(?!"){other}*+'
    closed = f"(?:{quoted}{other}*+|{plain})"
    exact = f"(?:{quoted}\\s*+|{plain})"
    pattern = "{cell}(?:{separator}{cell})*+"
    return (
        re.compile(pattern.format(cell=closed, separator=re.escape(separator))).fullmatch,
        re.compile(pattern.format(cell=exact, separator=re.escape(separator))).fullmatch,
    )


def _text(line: bytes) -> str | None:
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        return None
