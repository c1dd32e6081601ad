"""What commands print: data on stdout, messages and progress on stderr."""

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.status import Status
from rich.text import Text

from schemas.base.times import format_rfc3339
from streams.base.text_table import INDENT, text_table, wrapped

MESSAGES_MAX = 20

stderr_console = Console(stderr=True, highlight=False)


def print_stderr(text: str) -> None:
    """Prints a message for the person at the terminal on stderr, so that stdout holds data only. On
    a terminal a longer line is wrapped at spaces."""
    lines: Iterable[str] = text.split("\n")
    if stderr_console.is_terminal:
        width = stderr_console.width
        lines = (part for line in lines for part in wrapped_line(line, width))
    stderr_console.print("\n".join(lines), markup=False, soft_wrap=True)


class LimitedMessages:
    """Prints the first MESSAGES_MAX messages on stderr, then once that there are more."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, text: str) -> None:
        self._count += 1
        if self._count <= MESSAGES_MAX:
            print_stderr(text)
        elif self._count == MESSAGES_MAX + 1:
            print_stderr("… and more; --json lists them all")


@contextmanager
def progress() -> "Iterator[ProgressLine]":
    """Yields a function that shows the progress on stderr: one line that changes on a terminal,
    a line for each text elsewhere."""
    if not stderr_console.is_terminal:
        yield ProgressLine(None)
        return
    with stderr_console.status("reading the logs") as status:
        yield ProgressLine(status)


class ProgressLine:
    """Shows a text once, however often it is reported in a row."""

    def __init__(self, status: Status | None) -> None:
        self._status = status
        self._last = ""

    def __call__(self, text: str) -> None:
        if self._status is not None:
            self._status.update(text)
        elif text != self._last:
            print_stderr(text)
        self._last = text


def print_json(data: Any) -> None:
    """Prints one JSON document on stdout."""
    typer.echo(json.dumps(data, ensure_ascii=False, default=str, indent=2))


def print_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints a table on stdout, as `text_table` lays it out: for the width of the terminal, or, in
    a file or pipe, with one line a row."""
    table = text_table(heads, rows, terminal_width())
    console = Console(highlight=False)
    for line in table.header:
        console.print(Text(line, style="bold"), soft_wrap=True)
    for line in table.rows:
        typer.echo(line)


def print_indented(lines: Iterable[str]) -> None:
    """Prints lines of text on stdout. On a terminal a longer line is wrapped at spaces, and its
    further lines are indented more than its first one."""
    width = terminal_width()
    for line in lines:
        for part in [line] if width is None else wrapped_line(line, width):
            typer.echo(part)


def wrapped_line(line: str, width: int) -> Iterator[str]:
    """A line as lines of at most `width` characters, the further ones indented more."""
    text = line.lstrip(" ")
    indent = len(line) - len(text)
    if cell_len(line) <= width:
        yield line
        return
    further = indent + len(INDENT) if width > 4 * (indent + len(INDENT)) else indent
    first, *others = wrapped(text, width - further)
    yield " " * indent + first
    yield from (" " * further + other for other in others)


def terminal_width() -> int | None:
    """The width of the terminal that stdout is, in characters; None for a file or pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def format_time(at: int | None) -> str | None:
    """A moment in microseconds as RFC 3339 in UTC, cut to the second; None stays None."""
    return None if at is None else format_rfc3339(at - at % 1_000_000)
