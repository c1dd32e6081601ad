"""The lapse as it runs: a live table on a terminal, a plain line now and then elsewhere."""

import time
from datetime import timedelta
from types import TracebackType
from typing import NamedTuple, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from schemas.base.times import to_datetime
from schemas.base.zones import zone
from sinks.demo_queries import Business

LINE_S = 5.0
NOTES = 6
WORDS = {
    "quiet_hours": "quiet hours",
    "answer": "at sender",
    "dispatch": "at dispatch",
    "delay": "not due",
    "trigger": "for a trigger",
}
NO_BREAK = "\u00a0"
USUAL = ("answer", "dispatch", "delay", "trigger")
"""Waits that are nothing special; the others are shown first, and in colour."""


class View(NamedTuple):
    """What is shown at one moment. `done` is the share of the lapse that has passed."""

    now: int
    start: int
    done: float
    phase: str
    businesses: list[Business]
    waiting: dict[str, dict[str, int]]
    lag: dict[str, int]
    published: int
    facts: int
    per_second: float
    notes: list[tuple[int, str]]


class Screen:
    """Shows views until it is left."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self.console = console
        self._quiet = quiet
        self._live: Live | None = None
        self._line_at = 0.0
        self._noted = 0

    def __enter__(self) -> Self:
        if self.console.is_terminal and not self._quiet:
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

    def show(self, view: View, *, last: bool = False) -> None:
        """The newest view; on a terminal at once, else every few seconds."""
        if self._live is not None:
            self._live.update(render(view), refresh=True)
            return
        for at, note in view.notes[self._noted :]:
            self.console.print(f"{moment(at)}  * {note}", highlight=False)
        self._noted = len(view.notes)
        if last or time.monotonic() >= self._line_at:
            self._line_at = time.monotonic() + LINE_S
            self.console.print(line(view), highlight=False, soft_wrap=True)


def moment(micros: int) -> str:
    """A moment of the lapse for people, to the minute."""
    return f"{to_datetime(micros):%a %d %b %H:%M}"


def line(view: View) -> str:
    """The view in one line."""
    waits = _summed(view.waiting)
    parts = [
        f"{moment(view.now)} UTC",
        f"jobs {sum(b.jobs for b in view.businesses):,}",
        f"enrolled {sum(map(_enrolled, view.businesses)):,}",
        f"sent {sum(b.sent for b in view.businesses):,}",
        f"opened {sum(b.opened for b in view.businesses):,}",
        f"clicked {sum(b.clicked for b in view.businesses):,}",
        f"converted {sum(b.converted for b in view.businesses):,}",
        "waiting " + (_reasons(waits).replace(NO_BREAK, " ") or "nobody"),
        f"lag {sum(view.lag.values()):,}",
    ]
    return "  ".join(parts)


def render(view: View) -> Group:
    """The whole screen."""
    title = Text.assemble(
        ("touchstream  ", "bold"),
        (f"{moment(view.now)} UTC", "bold cyan"),
        f"   {_day(view)}   ",
        (view.phase, "dim"),
    )
    figures = Text(
        f"{view.published:,} events published   {view.facts:,} facts   "
        f"{view.per_second:,.0f} a second   lag: "
        + "  ".join(f"{role} {behind:,}" for role, behind in view.lag.items()),
        style="dim",
    )
    notes = [Text(f"  {moment(at)}  {note}", style="yellow") for at, note in view.notes[-NOTES:]]
    bar = ProgressBar(total=1.0, completed=min(1.0, max(0.0, view.done)))
    return Group(title, Padding(bar, 0), _table(view), figures, *notes)


def _table(view: View) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("business", no_wrap=True)
    table.add_column("local", no_wrap=True)
    for name in ("jobs", "enrolled", "running", "done", "stopped"):
        table.add_column(name, justify="right")
    for name in ("sent", "opened", "clicked", "converted"):
        table.add_column(name, justify="right", style="green")
    table.add_column("waiting", min_width=20, ratio=1)
    for business in view.businesses:
        local = to_datetime(view.now).astimezone(zone(business.timezone))
        numbers = (
            business.jobs,
            _enrolled(business),
            business.active + business.frozen,
            business.completed,
            business.stopped,
            business.sent,
            business.opened,
            business.clicked,
            business.converted,
        )
        waits = view.waiting.get(business.tenant_id, {})
        table.add_row(
            business.tenant_id,
            f"{local:%a %H:%M}",
            *(f"{number:,}" for number in numbers),
            Text(_reasons(waits) or "-", style="magenta" if set(waits) - set(USUAL) else ""),
        )
    return table


def _enrolled(business: Business) -> int:
    return business.active + business.frozen + business.completed + business.stopped


def _reasons(waits: dict[str, int]) -> str:
    """What holds most, first; what is usual, last."""
    rows = sorted(waits.items(), key=lambda row: (row[0] in USUAL, -row[1], row[0]))
    words = [f"{WORDS.get(reason, reason)} {number:,}" for reason, number in rows]
    return "  ".join(word.replace(" ", NO_BREAK) for word in words)


def _summed(waiting: dict[str, dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for waits in waiting.values():
        for reason, number in waits.items():
            total[reason] = total.get(reason, 0) + number
    return total


def _day(view: View) -> str:
    passed = timedelta(microseconds=view.now - view.start)
    return "the day before" if view.now < view.start else f"day {passed.days + 1}"
