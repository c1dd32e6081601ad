"""Splits the lines of a CSV file into records. A record with quoted line breaks has several lines,
and the number of the first."""

import csv
from collections.abc import Iterator

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
    parts: list[str] = [text]
    taken: list[tuple[int, bytes]] = []
    while sum(part.count('"') for part in parts) % 2:
        following = next(lines, None)
        continuation = None if following is None else _text(following[1])
        if following is None or continuation is None or len(parts) == _QUOTED_LINES_MAX:
            yield number, RejectedLine(number, CsvCode.QUOTE, "a quote that is not closed")
            rest = taken if following is None else [*taken, following]
            yield from records(iter(rest), separator)
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
