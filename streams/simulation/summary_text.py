"""The summary of a simulation as text: the main numbers and tables, within the width of the
terminal."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.text import Text

from streams.simulation.campaign_text import campaign_lines
from streams.simulation.limit_text import compared_waits, limit_lines
from streams.simulation.quantiles import SummaryRow
from streams.simulation.summary import STAGES, busiest_hours
from streams.simulation.text_tables import bar, field_rows, short_hour, titled_table, wrapped

ROWS_MAX = 12
STEPS_MAX = 24
_BAR_MARGIN = 22
"""The width of the columns before the bars."""


def print_summary(summary: SummaryRow, console: Console) -> None:
    """Prints the summary within the width of the console.

    No value is cut: long lines are wrapped, and columns that do not fit stand on a further line.
    """
    for line in _lines(summary, console.width):
        console.print(line, soft_wrap=True)


def _lines(summary: SummaryRow, width: int) -> Iterator[Text]:
    yield from wrapped(_headlines(summary), width)
    touches = summary["touches"]
    if touches["by_local_hour"]:
        bars = _local_hours(touches["by_local_hour"], width)
        yield from titled_table("Attempts by local hour", ("hour", "attempts#", ""), bars, width)
        hours = _busiest_hours(touches["by_hour"])
        heads = ("hour", "tenant", "channel", "attempts#")
        yield from titled_table("Busiest hours (UTC)", heads, hours, width)
    if summary["funnel"]:
        yield from titled_table("Steps", *_funnel(summary["funnel"]), width)
    if summary["not_sent"]:
        fields = ("how", "channel", "reason", "touches")
        rows = field_rows(summary["not_sent"], fields)
        yield from titled_table("Not sent", ("how", "channel", "reason", "touches#"), rows, width)
    if summary["retried"]:
        rows = field_rows(summary["retried"], ("channel", "reason", "times"))
        yield from titled_table("Tried again", ("channel", "reason", "times#"), rows, width)
    if summary["waited"]:
        yield from titled_table("Waited on (hours in UTC)", *_waits(summary["waited"]), width)
    yield from limit_lines(summary, width)
    yield from campaign_lines(summary, width)
    if "against" in summary:
        yield from _against(summary["against"], width)
        yield from compared_waits(summary, width)
    if summary["refused"]:
        refused = summary["refused"].items()
        yield from titled_table("Refused events", ("reason", "events#"), refused, width)


def _headlines(summary: SummaryRow) -> Iterator[str]:
    about, touches, runs = summary["simulation"], summary["touches"], summary["runs"]
    yield f"{about['start']} to {about['ended_at']}, {about['records']:,} records"
    by_channel = ", ".join(f"{number:,} {name}" for name, number in touches["by_channel"].items())
    attempts = f"{touches['commanded']:,} attempts at {touches['first_attempts']:,} touches"
    yield f"{attempts}{': ' + by_channel if by_channel else ''}"
    stopped, declined = _reasons("stopped", runs["stopped"]), _reasons("declined", runs["declined"])
    yield f"{runs['started']:,} runs: {runs['completed']:,} completed{stopped}{declined}"
    hours = runs["hours_to_complete"]
    if hours:
        yield (
            f"hours to complete: median {hours['median']:g}, nine of ten within "
            f"{hours['nine_of_ten']:g}, longest {hours['longest']:g}"
        )
    if not about["finished"]:
        yield f"NOT FINISHED: time was up, and {_unfinished(runs, 'goes on', 'go on')}"
    elif runs["not_ended"]:
        one, many = "has not ended, because it waits", "have not ended, because they wait"
        be = "is" if runs["paused"] == 1 else "are"
        cause = "an activation or a person" if summary.get("not_activated") else "a person"
        yield f"{_unfinished(runs, one, many)} for {cause}: {runs['paused']:,} {be} paused"


def _unfinished(runs: SummaryRow, one: str, many: str) -> str:
    """The number of runs that have not ended, with the form of the verb for one or for many."""
    number = runs["not_ended"]
    return f"1 run {one}" if number == 1 else f"{number:,} runs {many}"


def _reasons(label: str, reasons: dict[str, int]) -> str:
    counts = ", ".join(f"{number:,} {reason}" for reason, number in reasons.items())
    return f"; {label}: {counts}" if counts else ""


def _local_hours(rows: Iterable[SummaryRow], width: int) -> Iterator[Sequence[object]]:
    """Yields hour, number and a bar for each local hour with touches."""
    hours = [0] * 24
    for row in rows:
        hours[row["hour"]] += row["touches"]
    most = max(hours)
    for hour, number in enumerate(hours):
        if number:
            yield f"{hour:02}", number, bar(number, most, width - _BAR_MARGIN)


def _busiest_hours(rows: Iterable[SummaryRow]) -> Iterator[Sequence[object]]:
    for row in busiest_hours(rows, ROWS_MAX):
        yield short_hour(row["hour"]), row["tenant_id"], row["channel"], row["touches"]


def _funnel(rows: Sequence[SummaryRow]) -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """Returns heads and rows of the first steps, with the stages that some step reached."""
    stages = [stage for stage in STAGES if any(stage in row for row in rows)]
    heads = ("campaign", "step", "channel", *(f"{stage}#" for stage in stages))
    fields = ("campaign_id", "step_id", "channel", *stages)
    return heads, field_rows(rows[:STEPS_MAX], fields, default=0)


def _waits(rows: Sequence[SummaryRow]) -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    heads = (
        "reason",
        "tenant",
        "channel",
        "times#",
        "hours with waits#",
        "first hour",
        "last hour",
    )
    fields = ("reason", "tenant_id", "channel", "times", "hours")
    return heads, (
        (
            *(row[field] for field in fields),
            short_hour(row["first_hour"]),
            short_hour(row["last_hour"]),
        )
        for row in rows[:ROWS_MAX]
    )


def _against(against: SummaryRow, width: int) -> Iterator[Text]:
    """The comparison with the other definition or the other limits."""
    touches, people = against["touches"], against["people"]
    moved = touches["moved_earlier"] + touches["moved_later"]
    lines = [
        "",
        f"Under the other {'set-up' if against.get('same_definitions') else 'definition'}: "
        f"{touches['added']:,} touches added, {touches['removed']:,} removed, "
        f"{moved:,} moved, {touches['same']:,} the same",
        f"{people['changed']:,} of {people['all']:,} people have different touches",
    ]
    for why, number in against["marked_events"].items():
        lines.append(f"{number:,} recorded events are marked: {_MARKED[why]}")
    yield from wrapped(lines, width)
    several_tenants = len({row["tenant_id"] for row in against["by_step"]}) > 1
    names = ("tenant_id", "campaign_id", "step_id", "channel")[not several_tenants :]
    counts = ("same", "moved_earlier", "moved_later", "added", "removed", "median_shift_hours")
    heads = [name.removesuffix("_id") for name in names]
    heads += [f"{name.replace('_', ' ')}#" for name in counts]
    yield from titled_table(
        "Step by step", heads, field_rows(against["by_step"], (*names, *counts)), width
    )


_MARKED = {
    "touch_gone": "they answer a touch that is not sent any more",
    "touch_later": "they answer a touch that is sent after them",
    "touch_unknown": "they answer a touch that neither side sends",
}
