"""Lines, records and events that a simulation leaves out, with the reason for each."""

from typing import Any

from processors.fold.task import TIMER_FAILED
from schemas.csv_import import DroppedCell
from schemas.internal.messages import DECODE, DeadLetter
from schemas.internal.topics import Topic
from streams.cli.output import LimitedMessages


class RejectedInputs:
    """Collects rejected inputs in `rows`, as they appear in --json, and reports the first ones on
    stderr."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.cells: list[dict[str, Any]] = []
        """Cells that are left out of lines that are read."""
        self._report = LimitedMessages()
        self._reported_events: set[str] = set()

    def add_line(self, file: str, line: int, code: str, detail: str) -> None:
        """A line of a file that cannot be read."""
        self.rows.append({"file": file, "line": line, "code": code, "detail": detail})
        self._report(f"{file} line {line}: {code}: {detail}")

    def add_cell(self, file: str, cell: DroppedCell) -> None:
        """A cell that cannot be read; the rest of its line is read."""
        self.cells.append({"file": file, **cell._asdict()})
        self._report(f"{file} line {cell.line}: {cell.code}: {cell.column}: {cell.detail}")

    def add_record(self, place: str, code: str, detail: str) -> None:
        """A record of a topic that cannot be read."""
        self.rows.append({"place": place, "code": code, "detail": detail})
        self._report(f"{place}: {code}: {detail}")

    def add_dead_letter(self, letter: DeadLetter) -> None:
        """An event that was read but cannot be folded. The same event is added once, although both
        sides of a comparison fail on it."""
        event = _event_of(letter)
        if event not in self._reported_events:
            self._reported_events.add(event)
            self.rows.append({"event": event, "code": letter.code, "detail": letter.detail})
            self._report(f"{event}: {letter.code}: {letter.detail}")


def _event_of(letter: DeadLetter) -> str:
    """The event's source and id, or the topic and key of the record where it has no event."""
    key = f"{letter.topic} {(letter.key or b'').decode(errors='replace')}"
    if letter.code == TIMER_FAILED:
        return key
    message = DECODE[Topic(letter.topic)](letter.value or b"")
    return str(getattr(message, "cause", key))
