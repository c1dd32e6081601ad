"""The summary in a terminal: what a campaign owner asks first, and no more than fits."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from streams.simulation.summary import STAGES, busiest_hours

Row = dict[str, Any]
ROWS = 12
_BAR = 30


def print_summary(told: Row, console: Console) -> None:
    """Everything, one part below the other."""
    console.print(Group(*_parts(told)))


def _parts(told: Row) -> Iterator[RenderableType]:
    yield Text(_headline(told))
    hours = told["touches"]["by_local_hour"]
    if hours:
        yield _table("Touches by local hour", ("hour", "touches#", ""), _local(hours))
        yield _table("Busiest hours of the stream (UTC)", *_stream(told["touches"]["by_hour"]))
    if told["funnel"]:
        yield _table("Steps", *_funnel(told["funnel"]))
    if told["not_sent"]:
        rows = [[r["how"], r["channel"], r["reason"], r["touches"]] for r in told["not_sent"]]
        yield _table("Not sent", ("how", "channel", "reason", "touches#"), rows)
    if told["waited"]:
        yield _table("Waited on", *_waited(told["waited"]))
    if "against" in told:
        yield from _against(told["against"])
    if told["refused"]:
        yield _table("Events that were refused", ("reason", "events#"), told["refused"].items())


def _against(told: Row) -> Iterator[RenderableType]:
    touches, people = told["touches"], told["people"]
    moved = touches["moved_earlier"] + touches["moved_later"]
    lines = [
        f"Under the other: {touches['added']:,} touches added, {touches['removed']:,} removed, "
        f"{moved:,} moved, {touches['same']:,} the same",
        f"for {people['changed']:,} of {people['all']:,} people something is different",
    ]
    for why, number in told["marked_events"].items():
        lines.append(f"{number:,} recorded events are marked: {_MARKED[why]}")
    yield Text("\n".join(lines) + "\n")
    several = len({row["tenant_id"] for row in told["by_step"]}) > 1
    names = ("tenant_id", "campaign_id", "step_id", "channel")[not several :]
    counts = ("same", "moved_earlier", "moved_later", "added", "removed", "median_shift_hours")
    heads = [name.removesuffix("_id") for name in names]
    heads += [f"{name.replace('_', ' ')}#" for name in counts]
    rows = [
        ["-" if row[name] is None else row[name] for name in (*names, *counts)]
        for row in told["by_step"]
    ]
    yield _table("Step by step", heads, rows)


_MARKED = {
    "touch_gone": "the touch that they answer is not sent any more",
    "touch_later": "the touch that they answer goes out after them",
    "touch_unknown": "they answer a touch that neither side sends",
}


def _headline(told: Row) -> str:
    about, touches, runs = told["simulation"], told["touches"], told["runs"]
    by_channel = ", ".join(f"{number:,} {name}" for name, number in touches["by_channel"].items())
    lines = [
        f"{about['start']} to {about['ended_at']}, {about['records']:,} records",
        f"{touches['commanded']:,} touches{': ' + by_channel if by_channel else ''}",
        f"{runs['started']:,} runs: {runs['completed']:,} completed"
        f"{_reasons('stopped', runs['stopped'])}{_reasons('declined', runs['declined'])}",
    ]
    took = runs["hours_to_complete"]
    if took:
        lines.append(
            f"hours to complete: {took['median']:g} for half, "
            f"{took['nine_of_ten']:g} for nine of ten, {took['longest']:g} for all"
        )
    if not about["finished"]:
        lines.append(f"NOT FINISHED: time was up, and {runs['not_ended']:,} runs go on")
    elif runs["not_ended"]:
        lines.append(f"{runs['not_ended']:,} runs wait for somebody: {runs['paused']:,} are paused")
    return "\n".join(lines) + "\n"


def _reasons(word: str, reasons: dict[str, int]) -> str:
    told = ", ".join(f"{number:,} {reason}" for reason, number in reasons.items())
    return f"; {word}: {told}" if told else ""


def _local(rows: Sequence[Row]) -> Iterator[Sequence[object]]:
    hours = [0] * 24
    for row in rows:
        hours[row["hour"]] += row["touches"]
    most = max(hours)
    for hour, number in enumerate(hours):
        if number:
            yield f"{hour:02}", number, "█" * max(1, round(_BAR * number / most))


def _stream(rows: Sequence[Row]) -> tuple[Sequence[str], list[Sequence[object]]]:
    chosen = busiest_hours(rows, ROWS)
    heads = ("hour", "tenant", "channel", "touches#")
    return heads, [[r["hour"], r["tenant_id"], r["channel"], r["touches"]] for r in chosen]


def _funnel(rows: Sequence[Row]) -> tuple[Sequence[str], list[Sequence[object]]]:
    stages = [stage for stage in STAGES if any(stage in row for row in rows)]
    heads = ("campaign", "step", "channel", *(f"{stage}#" for stage in stages))
    names = ("campaign_id", "step_id", "channel")
    return heads, [
        [*(row[name] for name in names), *(row.get(stage, 0) for stage in stages)]
        for row in rows[: 2 * ROWS]
    ]


def _waited(rows: Sequence[Row]) -> tuple[Sequence[str], list[Sequence[object]]]:
    heads = ("reason", "tenant", "channel", "times#", "hours#", "first hour", "last hour")
    names = ("reason", "tenant_id", "channel", "times", "hours", "first_hour", "last_hour")
    return heads, [[row[name] for name in names] for row in rows[:ROWS]]


def _table(title: str, heads: Sequence[str], rows: Any) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, title_style="bold")
    for head in heads:
        numbers = head.endswith("#")
        table.add_column(head.rstrip("#"), justify="right" if numbers else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    table.add_section()
    return table
