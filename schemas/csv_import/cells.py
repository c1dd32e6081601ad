"""What the text of a cell means: marks for an empty cell, and the apostrophe or the `="…"` of
forced text."""

import re

_DASHES = "-–—"
_MARKS = frozenset("'=" + _DASHES)
_QUOTED = re.compile(r'="((?:[^"]|"")*)"').fullmatch
_FORCED = re.compile(r"'(?=$|'*[=+@\t\r-]|[0-9][0-9 ().,/+-]*$)").match
_PLACEHOLDERS = frozenset(("n/a", "#n/a", "none", "null", "nil", "nan", "undefined"))


def plain_cells(cells: list[str]) -> list[str]:
    """The cells without surrounding white space. A cell of dashes only is empty. An apostrophe that
    a spreadsheet writes before a text, so that the text is neither a number nor a formula, is
    removed, and so is the `="…"` of an export around one; the one of a name such as `'t Hooft`
    stays."""
    return [
        cell if cell[:1] not in _MARKS else _without_mark(cell) for cell in map(str.strip, cells)
    ]


def _without_mark(cell: str) -> str:
    text = cell[1:].strip() if _FORCED(cell) else cell
    if quoted := _QUOTED(text):
        text = quoted[1].replace('""', '"').strip()
    return text if text.strip(_DASHES) else ""


def is_placeholder(cell: str) -> bool:
    """Whether a program has written the cell for a value that it does not know. For a name this is
    no question: `Null` is one."""
    return cell.lower() in _PLACEHOLDERS
