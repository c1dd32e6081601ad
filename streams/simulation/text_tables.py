"""Lines and tables of a summary as text, within the width of the terminal."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.text import Text

from streams.base.text_table import text_table
from streams.simulation.quantiles import SummaryRow

_BAR_LENGTH, _BAR_LENGTH_MIN = 30, 5


def field_rows(
    rows: Iterable[SummaryRow], fields: Sequence[str], default: object = None
) -> Iterator[Sequence[object]]:
    for row in rows:
        yield [row.get(field, default) for field in fields]


def short_hour(text: str) -> str:
    """Shortens an RFC 3339 time to the minute: `2026-01-05 09:00`."""
    return text[:16].replace("T", " ")


def wrapped(lines: Iterable[str], width: int) -> Iterator[Text]:
    for line in lines:
        parts = textwrap.wrap(line, width, subsequent_indent="  ", break_on_hyphens=False)
        yield from map(Text, parts or [""])


def titled_table(
    title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], width: int
) -> Iterator[Text]:
    """A title, the heads and the rows after an empty line."""
    table = text_table(heads, ([_cell(value) for value in row] for row in rows), width)
    yield Text()
    yield Text(title, style="bold")
    yield from (Text(line, style="dim") for line in table.header)
    yield from map(Text, table.rows)


def bar(number: float, most: float, width: int) -> str:
    """A bar as long as the number is of the most; at least one character for what is not 0."""
    length = max(_BAR_LENGTH_MIN, min(_BAR_LENGTH, width))
    return "█" * max(1, round(length * number / most)) if number else ""


def _cell(value: object) -> object:
    return f"{value:,}" if isinstance(value, int) else value
