"""A report in a directory: what was decided, commanded and heard, a line each, and the summary.

It is written beside its place and takes it when it is whole. Whatever comes between, a full disk or
Ctrl-C, leaves nothing that could be mistaken for a report.
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
from streams.simulation.senders import CommandedTouch, DrawnSignal
from streams.simulation.simulated_events import SimulatedEvent, line

FACTS = "facts.jsonl"
ENROLLMENTS = "enrollments.jsonl"

_BUFFER = 1 << 20
_to_lines = msgspec.json.Encoder().encode_lines
_to_json = msgspec.json.Encoder().encode
_encode_command = command_encoder("json")


class ReportExists(ValueError):
    """There is something already where the report should go."""


class ReportWriter:
    """A listener that writes. `summary` makes it whole."""

    def __init__(self, directory: Path, files: ExitStack) -> None:
        def opened(name: str) -> BinaryIO:
            return files.enter_context(open_file(directory / name))

        self._directory = directory
        self._facts = opened(FACTS)
        self._commands = opened("commands.jsonl")
        self._events = opened("events.jsonl")

    def facts(self, facts: list[Fact], now: int) -> None:
        """As they stand on the topic `facts`."""
        self._facts.write(_to_lines(facts))

    def command(self, command: CommandDue | CommandRevoked, now: int) -> None:
        """As a CloudEvent in structured JSON; its time is when it went out."""
        headers, value = _encode_command(command)
        told = dict(headers)
        envelope = {
            "specversion": "1.0",
            "type": told["ce_type"].decode(),
            "source": told["ce_source"].decode(),
            "id": told["ce_id"].decode(),
            "time": fact_time(now),
            "data": msgspec.Raw(value),
        }
        self._commands.write(_to_json(envelope) + b"\n")

    def event(self, who: CommandedTouch, said: DrawnSignal, told: SimulatedEvent) -> None:
        """As `touchstream publish` takes it, and `simulate --events`."""
        self._events.write(line(who, said, told) + b"\n")

    def lines(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        """A file more, a line each."""
        with open_file(self._directory / name) as file:
            for row in rows:
                file.write(_to_json(row) + b"\n")

    def page(self, told: dict[str, Any]) -> bool:
        """The summary as pictures; False where what draws them is not installed."""
        try:
            from streams.simulation.report_html import page
        except ModuleNotFoundError as error:
            if error.name != "plotly":
                raise
            return False
        (self._directory / "report.html").write_text(page(told), "utf-8")
        return True

    def summary(self, told: dict[str, Any]) -> None:
        text = json.dumps(told, ensure_ascii=False, indent=2) + "\n"
        (self._directory / "summary.json").write_text(text, "utf-8")


def open_file(path: Path) -> BinaryIO:
    """A new file, written in large pieces."""
    return path.open("wb", buffering=_BUFFER)


@contextmanager
def report(place: Path) -> Iterator[ReportWriter]:
    """A report that is in its place afterwards, whole; or not at all. Raises ReportExists,
    OSError."""
    place = Path(os.path.abspath(place))  # noqa: PTH100 (a link stays one)
    if place.exists():
        raise ReportExists(f"{place} exists already and is left as it is")
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(f".{place.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        with ExitStack() as files:
            yield ReportWriter(partial, files)
        partial.rename(place)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
