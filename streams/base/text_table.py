"""Text tables that never cut a value.

A table that is wider than the terminal puts its last columns on further, indented lines below each
row. A column that is wider than the terminal by itself is wrapped at spaces; only a word longer
than a whole line is broken.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from unicodedata import category

from rich.cells import cell_len, chop_cells

GAP = "  "
INDENT = "    "
EMPTY = "-"


class TextTable(NamedTuple):
    """A table as lines of text, the lines of its header first."""

    header: list[str]
    rows: list[str]


class _Column(NamedTuple):
    number: int
    width: int
    right_aligned: bool


def text_table(
    heads: Sequence[str], rows: Iterable[Sequence[object]], width: int | None
) -> TextTable:
    """Lays a table out for lines of `width` characters; None for lines of any length.

    A column whose head ends with `#` holds numbers and is aligned right. A cell of None is shown
    as `-`; a further line of a row that would show nothing else, or nothing at all, is left out.
    """
    names = [head.removesuffix("#") for head in heads]
    cells = [[_text(value) for value in row] for row in rows]
    columns = [
        _Column(number, max(cell_len(row[number]) for row in (names, *cells)), head.endswith("#"))
        for number, head in enumerate(heads)
    ]
    groups = [columns] if width is None else _groups(columns, width)
    return TextTable(
        [*_lines(names, groups, width)],
        [line for row in cells for line in _lines(row, groups, width)],
    )


def _text(value: object) -> str:
    """The cell on one line. Characters that would move the cursor, give the terminal an order or
    turn the direction of writing are shown by their numbers."""
    if value is None:
        return EMPTY
    line = " ".join(str(value).splitlines())
    if line.isprintable():
        return line
    return "".join(
        c if c.isprintable() or category(c) == "Zs" else f"\\u{ord(c):04x}" for c in line
    )


def _groups(columns: Sequence[_Column], width: int) -> list[list[_Column]]:
    """The columns of each line of a row: as many as fit, in their order, at least one."""
    groups: list[list[_Column]] = []
    used = 0
    for column in columns:
        needed = used + len(GAP) + column.width
        if groups and needed <= width:
            groups[-1].append(column)
            used = needed
        else:
            used = column.width + (len(INDENT) if groups else 0)
            groups.append([column])
    return groups


def _lines(
    cells: Sequence[str], groups: Sequence[Sequence[_Column]], width: int | None
) -> Iterator[str]:
    for line_number, group in enumerate(groups):
        if line_number and all(cells[column.number] in ("", EMPTY) for column in group):
            continue
        indent = INDENT if line_number and (width is None or width > 2 * len(INDENT)) else ""
        line = indent + GAP.join(_padded(cells[column.number], column) for column in group)
        if width is None or cell_len(line.rstrip()) <= width:
            yield line.rstrip()
        else:
            for part in wrapped(line.strip(), width - len(indent)):
                yield indent + part


def wrapped(text: str, width: int) -> Iterator[str]:
    """Lines of at most `width` cells, broken at spaces; a longer word is folded."""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= width:
            line = longer
            continue
        if line.strip():
            yield line.rstrip()
        *folded, line = chop_cells(word, width) or [""]
        yield from folded
    if line:
        yield line.rstrip()


def _padded(text: str, column: _Column) -> str:
    padding = " " * (column.width - cell_len(text))
    return padding + text if column.right_aligned else text + padding
