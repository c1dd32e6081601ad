"""A report directory: facts, commands, events and enrollments, one JSON object a line, and the
summary.

A report is written to a temporary directory beside its place and renamed when it is complete. If
anything fails before, such as a full disk or Ctrl-C, no directory is left that looks like a report.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from schemas.internal.facts import Fact, fact_time
from schemas.internal.messages import CommandDue, CommandRevoked
from schemas.public.commands import command_encoder
from streams.simulation.drawn_signals import DrawnSignal
from streams.simulation.senders import CommandedTouch
from streams.simulation.simulated_events import SimulatedEvent, event_line

FACTS = "facts.jsonl"
ENROLLMENTS = "enrollments.jsonl"
SUMMARY = "summary.json"
PAGE = "report.html"

_BUFFER_BYTES = 1 << 20
_to_lines = msgspec.json.Encoder().encode_lines
_to_json = msgspec.json.Encoder().encode
_encode_command = command_encoder("json")


class ReportExists(ValueError):
    """Something exists already at the place of the report."""


class ReportWriter:
    """A listener that writes the files of a report. The report is complete with its summary."""

    def __init__(self, directory: Path, files: ExitStack) -> None:
        def open_in_directory(name: str) -> BinaryIO:
            return files.enter_context(open_file(directory / name))

        self._directory = directory
        self._facts = open_in_directory(FACTS)
        self._commands = open_in_directory("commands.jsonl")
        self._events = open_in_directory("events.jsonl")

    def on_facts(self, facts: list[Fact], now: int) -> None:
        """Writes the facts as the values of the topic `facts`."""
        self._facts.write(_to_lines(facts))

    def on_command(self, command: CommandDue | CommandRevoked, now: int) -> None:
        """Writes the command as a CloudEvent in structured JSON with the time `now`
        (microseconds)."""
        header_pairs, value = _encode_command(command)
        headers = dict(header_pairs)
        envelope = {
            "specversion": "1.0",
            "type": headers["ce_type"].decode(),
            "source": headers["ce_source"].decode(),
            "id": headers["ce_id"].decode(),
            "time": fact_time(now),
            "data": msgspec.Raw(value),
        }
        self._commands.write(_to_json(envelope) + b"\n")

    def on_event(self, touch: CommandedTouch, signal: DrawnSignal, event: SimulatedEvent) -> None:
        """Writes the event as `touchstream publish` and `simulate --events` accept it."""
        self._events.write(event_line(touch, signal, event) + b"\n")

    def write_lines(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        """Writes another file of the report, one row a line."""
        write_lines(self._directory / name, rows)

    def write_page(self, summary: dict[str, Any]) -> bool:
        """Writes the summary as an HTML page with figures. Returns False if plotly is not
        installed."""
        try:
            from streams.simulation.report_html import render_page
        except ModuleNotFoundError as error:
            if error.name != "plotly":
                raise
            return False
        (self._directory / PAGE).write_text(render_page(summary), "utf-8")
        return True

    def write_summary(self, summary: dict[str, Any]) -> None:
        write_summary(self._directory / SUMMARY, summary)


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Writes a new file of rows, one a line."""
    with open_file(path) as file:
        for row in rows:
            file.write(_to_json(row) + b"\n")


def write_summary(path: Path, summary: dict[str, Any]) -> None:
    """Writes a summary as JSON for people."""
    text = json.dumps(summary, ensure_ascii=False, indent=2) + "\n"
    path.write_text(text, "utf-8")


def open_file(path: Path) -> BinaryIO:
    """Opens a new file for writing, with a large buffer."""
    return path.open("wb", buffering=_BUFFER_BYTES)


@contextmanager
def open_report(place: Path) -> Iterator[ReportWriter]:
    """Yields the writer of a new report. On success the complete report is at `place` afterwards;
    after an exception nothing is. Raises ReportExists, OSError."""
    with new_directory(place) as partial, ExitStack() as files:
        yield ReportWriter(partial, files)


@contextmanager
def new_directory(place: Path) -> Iterator[Path]:
    """Yields an empty directory, which is renamed to `place` on success, and deleted after an
    exception. Raises ReportExists, OSError."""
    place = Path(os.path.abspath(place))  # noqa: PTH100 (resolve would follow a symbolic link)
    if place.exists():
        raise ReportExists(f"{place} exists already and is left as it is")
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(f".{place.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        partial.rename(place)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
