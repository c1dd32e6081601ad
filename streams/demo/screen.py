"""The screen of the running demo: a live table on a terminal; elsewhere a line of text every few
seconds."""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from types import TracebackType
from typing import NamedTuple, Self

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.text import Text

from schemas.base.times import to_datetime
from schemas.base.zones import zone
from sinks.demo_queries import BusinessTotals, CallTotals
from streams.base.text_table import text_table

LINE_EVERY_S = 5.0
NOTES_SHOWN = 6
WAIT_LABELS = {
    "quiet_hours": "quiet hours",
    "answer": "at sender",
    "dispatch": "at dispatch",
    "delay": "not due",
    "trigger": "for a trigger",
}
NO_BREAK = "\u00a0"
ORDINARY_WAITS = ("answer", "dispatch", "delay", "trigger")
"""Waits of every touch. The other waits are shown before them, and in colour."""


class ScreenState(NamedTuple):
    """What the screen shows at one moment. Times are microseconds; `done` is the share of the demo
    period that has passed, `lag` is by role, `notes` are the incidents with their times, and
    `slots` are those of the call pool."""

    now: int
    start: int
    done: float
    phase: str
    businesses: list[BusinessTotals]
    waiting: dict[str, dict[str, int]]
    lag: dict[str, int]
    published: int
    facts: int
    per_second: float
    notes: list[tuple[int, str]]
    calls: list[CallTotals]
    slots: int


class Screen:
    """A context in which states of the demo are shown."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live: Live | None = None
        self._next_line_at = 0.0
        self._notes_printed = 0

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live = Live(console=self.console, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, state: ScreenState, *, last: bool = False) -> None:
        """Shows a state: on a terminal at once, elsewhere every few seconds and if it is the
        last."""
        if self._live is not None:
            self._live.update(render_state(state, self.console.width), refresh=True)
            return
        for at, note in state.notes[self._notes_printed :]:
            self.console.print(f"{format_minute(at)}  * {note}", highlight=False)
        self._notes_printed = len(state.notes)
        if last or time.monotonic() >= self._next_line_at:
            self._next_line_at = time.monotonic() + LINE_EVERY_S
            self.console.print(state_line(state), highlight=False, soft_wrap=True)


def format_minute(at: int) -> str:
    """Formats a time of the demo's clock to the minute, in UTC."""
    return f"{to_datetime(at):%a %d %b %H:%M}"


def state_line(state: ScreenState) -> str:
    """Returns the state in one line."""
    waits = _total_waits(state.waiting)
    parts = [
        f"{format_minute(state.now)} UTC",
        f"jobs {sum(b.jobs for b in state.businesses):,}",
        f"enrolled {sum(map(_enrolled, state.businesses)):,}",
        f"sent {sum(b.sent for b in state.businesses):,}",
        f"opened {sum(b.opened for b in state.businesses):,}",
        f"clicked {sum(b.clicked for b in state.businesses):,}",
        f"converted {sum(b.converted for b in state.businesses):,}",
        f"calls {sum(c.granted for c in state.calls):,} ({_slots_text(state)})",
        "waiting " + (_waits_text(waits).replace(NO_BREAK, " ") or "nobody"),
        f"lag {sum(state.lag.values()):,}",
    ]
    return "  ".join(parts)


def render_state(state: ScreenState, width: int) -> Group:
    """Returns the whole screen in lines of at most `width` characters; no value is cut."""
    title = Text.assemble(
        ("touchstream  ", "bold"),
        (f"{format_minute(state.now)} UTC", "bold cyan"),
        f"   {_day(state)}   ",
        (state.phase, "dim"),
    )
    lags = "  ".join(f"{role}{NO_BREAK}{behind:,}" for role, behind in state.lag.items())
    figures = Text(
        f"{state.published:,} events published   {state.facts:,} facts   "
        f"{state.per_second:,.0f} a second   lag: {lags}",
        style="dim",
    )
    shown = state.notes[-NOTES_SHOWN:]
    notes = [Text(f"  {format_minute(at)}  {note}", style="yellow") for at, note in shown]
    bar = ProgressBar(total=1.0, completed=min(1.0, max(0.0, state.done)))
    tables = (*_business_lines(state, width), *_call_lines(state, width))
    return Group(title, Padding(bar, 0), *tables, figures, *notes)


def _business_lines(state: ScreenState, width: int) -> Iterator[Text]:
    heads = ["business", "local", "jobs#", "enrolled#", "running#", "done#", "stopped#"]
    heads += ["sent#", "opened#", "clicked#", "converted#", "waiting"]
    rows = [_business_row(state, business) for business in state.businesses]
    for line in table_lines(heads, rows, width):
        for reason in {reason for waits in state.waiting.values() for reason in waits}:
            if reason not in ORDINARY_WAITS:
                line.highlight_words([_wait_label(reason)], "magenta")
        yield line


def _call_lines(state: ScreenState, width: int) -> Iterator[Text]:
    """The businesses that share the slots of the call pool."""
    if not state.calls:
        return
    heads = ["calls of", "slots#", "granted#", "people waiting#", "reached#", "not reached#"]
    rows = [
        (row.tenant_id, row.held, row.granted, row.queued, row.completed, row.failed)
        for row in state.calls
    ]
    lines = list(table_lines(heads, rows, width))
    yield from lines[1:-1]
    yield Text(_slots_text(state), style="dim")
    yield Text()


def _slots_text(state: ScreenState) -> str:
    return f"{sum(row.held for row in state.calls)} of {state.slots} slots in use"


def _business_row(state: ScreenState, business: BusinessTotals) -> Sequence[object]:
    local = to_datetime(state.now).astimezone(zone(business.timezone))
    return (
        business.tenant_id,
        f"{local:%a %H:%M}",
        business.jobs,
        _enrolled(business),
        business.active + business.frozen,
        business.completed,
        business.stopped,
        business.sent,
        business.opened,
        business.clicked,
        business.converted,
        _waits_text(state.waiting.get(business.tenant_id, {})) or None,
    )


def table_lines(
    heads: Sequence[str], rows: Iterable[Sequence[object]], width: int
) -> Iterator[Text]:
    """Yields the lines of a table, as `text_table` lays it out, between two empty lines."""
    cells = ([f"{v:,}" if isinstance(v, int) else v for v in row] for row in rows)
    table = text_table(heads, cells, width)
    yield Text()
    yield from (Text(line, style="bold") for line in table.header)
    yield from map(Text, table.rows)
    yield Text()


def _enrolled(business: BusinessTotals) -> int:
    return business.active + business.frozen + business.completed + business.stopped


def _waits_text(waits: dict[str, int]) -> str:
    """Returns the waits and their numbers: the largest first, ordinary waits last."""
    rows = sorted(waits.items(), key=lambda row: (row[0] in ORDINARY_WAITS, -row[1], row[0]))
    return "  ".join(f"{_wait_label(reason)}{NO_BREAK}{number:,}" for reason, number in rows)


def _wait_label(reason: str) -> str:
    return WAIT_LABELS.get(reason, reason).replace(" ", NO_BREAK)


def _total_waits(waiting: dict[str, dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for waits in waiting.values():
        for reason, number in waits.items():
            total[reason] = total.get(reason, 0) + number
    return total


def _day(state: ScreenState) -> str:
    passed = timedelta(microseconds=state.now - state.start)
    return "the day before" if state.now < state.start else f"day {passed.days + 1}"
