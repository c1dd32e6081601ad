"""What PostgreSQL says at the end: per campaign and touch, three stories, totals; for people or as
JSON."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from schemas.base.times import from_datetime
from sinks.demo_queries import (
    Analytics,
    DemoQueries,
    Enrollment,
    Prospects,
    Touch,
    Unsent,
    Wait,
)
from streams.demo.screen import moment

STORIES = 3
GATES = ("opted_out", "no_", "address_", "expired")
"""Reasons that a gate of the touch itself gave; the others are its enrollment's."""


def analytics_table(rows: list[Analytics]) -> Table:
    """Per campaign and touch (S1-33, F-12)."""
    title = "Per campaign and touch, from reviews.campaign_touch_analytics"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("business", "campaign", "touch", "channel"):
        table.add_column(name, no_wrap=True)
    for name in ("sends", "opens", "clicks", "conversions", "open %", "click %", "conversion %"):
        table.add_column(name, justify="right")
    for index, row in enumerate(rows):
        follower = rows[index + 1] if index + 1 < len(rows) else row
        table.add_row(
            row.tenant_id,
            row.campaign_id,
            str(row.touch_number),
            row.channel or "",
            *(f"{number:,}" for number in row[4:8]),
            *("-" if rate is None else f"{100 * rate:.1f}" for rate in row[8:]),
            end_section=row[:2] != follower[:2],
        )
    return table


def prospects_table(rows: list[Prospects]) -> Table:
    """Where the people of each prospecting campaign stand (S2-3)."""
    title = "Prospects, from prospecting.campaign_prospect_execution_state"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("business", "campaign", "status"):
        table.add_column(name, no_wrap=True)
    for name in ("at step", "prospects", "connected", "steps done", "steps skipped"):
        table.add_column(name, justify="right")
    for row in rows:
        status = f"{row.status} ({row.stop_reason})" if row.stop_reason else row.status
        table.add_row(
            row.tenant_id, row.campaign_id, status, *(f"{number:,}" for number in row[4:])
        )
    return table


def stories(queries: DemoQueries) -> list[dict[str, Any]]:
    """Three enrollments that between them meet the most reasons, told touch by touch."""
    return [_story(queries, row.tenant_id, row.enrollment_id) for row in choose(queries.unsent())]


def choose(rows: list[Unsent], most: int = STORIES) -> list[Unsent]:
    """Each time the one with the most reasons not told yet, gates before the rest; the first of
    equals."""
    told: set[str] = set()
    chosen: list[Unsent] = []
    while rows and len(chosen) < most:
        best = max(rows, key=lambda row: _worth(row, told))
        told |= {*best.reasons, *best.put_off}
        chosen.append(best)
        rows = [row for row in rows if row is not best]
    return chosen


def _worth(row: Unsent, told: set[str]) -> int:
    gates = [reason for reason in set(row.reasons) - told if reason.startswith(GATES)]
    return 3 * len(gates) + len({*row.reasons, *row.put_off} - told)


def _story(queries: DemoQueries, tenant_id: str, enrollment_id: str) -> dict[str, Any]:
    enrollment = queries.enrollment(tenant_id, enrollment_id)
    waits = queries.waits(tenant_id, enrollment.contact_id, enrollment_id)
    ended = f"{enrollment.status}: {enrollment.reason}" if enrollment.reason else enrollment.status
    return {
        "tenant_id": tenant_id,
        "contact_id": enrollment.contact_id,
        "campaign_id": enrollment.campaign_id,
        "enrollment_id": enrollment_id,
        "ended": ended,
        "touches": [
            {
                "number": touch.number,
                "channel": touch.channel,
                "outcome": _outcome(enrollment, touch),
                "on_the_way": [_way(wait) for wait in waits if wait.touch_number == touch.number],
            }
            for touch in queries.touches(tenant_id, enrollment_id)
        ],
    }


def _outcome(enrollment: Enrollment, touch: Touch) -> str:
    if touch.sent_at is not None:
        after = f" (attempt {touch.attempt})" if (touch.attempt or 1) > 1 else ""
        return f"sent {moment(from_datetime(touch.sent_at))}{after}"
    if touch.scheduled_at is None:
        return f"not sent: enrollment {enrollment.status} ({enrollment.reason})"
    return f"not sent: {touch.phase} ({touch.reason})"


def _way(wait: Wait) -> str:
    word = "put off" if wait.fact == "touch.deferred" else "failed, again"
    until = "" if wait.until is None else f" until {moment(from_datetime(wait.until))}"
    return f"{moment(from_datetime(wait.at))} {word}: {wait.reason}{until}"


def tell(console: Console, told: list[dict[str, Any]]) -> None:
    """The stories, in lines."""
    console.print("\n[bold]Three enrollments, and why each touch was not sent[/bold]")
    for story in told:
        head = f"{story['tenant_id']}/{story['contact_id']} in {story['campaign_id']}"
        console.print(f"\n  {head}   {story['ended']}", highlight=False)
        for touch in story["touches"]:
            line = f"    touch {touch['number']} {touch['channel']:<5} {touch['outcome']}"
            console.print(line, highlight=False)
            for way in touch["on_the_way"]:
                console.print(f"        {way}", style="dim", highlight=False)


def reasons_table(rows: list[tuple[str, str, int]]) -> Table:
    """Every decision that something is not done, or not yet: how often each reason was given."""
    title = "Decisions and their reasons, from touchstream.decisions"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("decision", no_wrap=True)
    table.add_column("reasons")
    found: dict[str, list[str]] = {}
    for fact, reason, number in rows:
        found.setdefault(fact, []).append(f"{reason} {number:,}")
    for fact, reasons in found.items():
        table.add_row(fact, "   ".join(reasons))
    return table
