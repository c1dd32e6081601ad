"""The spread of a simulation over many seeds as text: tables and plots of characters, within the
width of the terminal."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from streams.simulation.campaign_text import in_days
from streams.simulation.quantiles import SummaryRow
from streams.simulation.seed_outcomes import NO_WINNER
from streams.simulation.text_tables import bar, titled_table, wrapped

_PLOT_MARGIN = 46
_HEADS = ("", "seeds#", "least#", "1 of 10#", "median#", "9 of 10#", "most#")
_FIELDS = ("seeds", "least", "one_of_ten", "median", "nine_of_ten", "most")
_LABELS = {
    "days": "days with touches",
    "reached": "people reached",
    "responses": "responses",
    "conversions": "conversions",
}


def print_spread(spread: Sequence[SummaryRow], console: Console) -> None:
    """Prints the spread of each campaign within the width of the console."""
    for campaign in spread:
        for line in _lines(campaign, console.width):
            console.print(line, soft_wrap=True)


def _lines(campaign: SummaryRow, width: int) -> Iterator[Text]:
    seeds = campaign["seeds"]
    reasons = (f"{n:,} by {name}" for name, n in campaign["end_reasons"].items())
    ended = f"{campaign['completed']:,} of {seeds:,} complete"
    headline = ", ".join([f"{campaign['campaign_id']}: {ended}", *reasons])
    yield from (Text(line.plain, style="bold") for line in wrapped([headline], width))
    yield from titled_table("Over the seeds", _HEADS, _rows(campaign), width)
    for experiment in campaign["experiments"]:
        yield from _experiment(experiment, seeds, width)


def _rows(campaign: SummaryRow) -> Iterator[Sequence[object]]:
    yield from _times("until completed", campaign["hours_to_end"])
    for name, numbers in campaign["hours_to_targets"].items():
        yield from _times(f"until {name.replace('_', ' ')}", numbers)
    for row in campaign["experiments"]:
        yield from _times(f"until {row['experiment_id']}", row["hours_to_decision"])
    for name, label in _LABELS.items():
        numbers = campaign[name]
        yield label, *(numbers[field] for field in _FIELDS)


def _times(label: str, numbers: SummaryRow | None) -> Iterator[Sequence[object]]:
    """Yields a row of durations; one without them if no seed came so far."""
    if numbers is None:
        yield label, 0, *([None] * (len(_FIELDS) - 1))
    else:
        yield label, numbers["seeds"], *(in_days(numbers[field]) for field in _FIELDS[1:])


def _experiment(row: SummaryRow, seeds: int, width: int) -> Iterator[Text]:
    name = row["experiment_id"]
    heads = ("", "A wins#", "B wins#", "no winner#")
    yield from titled_table(f"Winners of {name}", heads, _winners(row, seeds), width)
    reached = row["reached_when_decided"]
    if reached is not None:
        counts = (f"{reached[field]:,}" for field in ("one_of_ten", "median", "nine_of_ten"))
        text = "People reached at the decision: {} in one of ten, {} in half, {} in nine of ten"
        yield from wrapped([text.format(*counts)], width)
    if row["decided_by_hours"]:
        heads = ("after#", "decided#", "by the usual rule#", "")
        title = f"Seeds that have decided {name} by then"
        yield from titled_table(title, heads, _plot(row, seeds, width), width)


def _winners(row: SummaryRow, seeds: int) -> Iterator[Sequence[object]]:
    for label, field in (
        ("by p_always, which decides", "winners"),
        ("by the usual rule at any look", "usual_rule_first"),
        ("by the usual rule at the end", "usual_rule_at_the_end"),
    ):
        counts = row[field]
        yield label, *(f"{100 * counts[name] / seeds:.1f} %" for name in ("A", "B", NO_WINNER))


def _plot(row: SummaryRow, seeds: int, width: int) -> Iterator[Sequence[object]]:
    for point in row["decided_by_hours"]:
        decided = point["A"] + point["B"]
        shares = (f"{100 * n / seeds:.1f} %" for n in (decided, point["usual_rule"]))
        yield in_days(point["by"]), *shares, bar(decided, seeds, width - _PLOT_MARGIN)
