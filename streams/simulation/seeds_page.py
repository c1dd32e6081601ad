"""The spread of a simulation over many seeds as one HTML page with figures."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import plotly.graph_objects as go

from streams.simulation.campaign_figures import COLOR_OF, FIXED_COLOR
from streams.simulation.campaign_text import in_days
from streams.simulation.quantiles import SummaryRow
from streams.simulation.report_figures import styled
from streams.simulation.report_html import Section, page
from streams.simulation.seed_outcomes import NO_WINNER

_BINS, _TICKS_MAX = 30, 10
_HEIGHT_PX = 320


def render_spread(
    spread: Sequence[SummaryRow], rows: Sequence[SummaryRow], about: SummaryRow
) -> str:
    """Returns the page of the `rows` of all seeds and their `spread`. The same rows give the same
    bytes. `about` is Scenario.describe()."""
    title = ", ".join(campaign["campaign_id"] for campaign in spread) or "No campaign"
    seeds = len({row["seed"] for row in rows})
    lead = f"{seeds:,} simulations of {about['people']:,} people, from {about['start'][:10]} on."
    sections = (
        section
        for campaign in spread
        for section in _sections(campaign, [r for r in rows if _key(r) == _key(campaign)])
    )
    return page(title, lead, list(_cards(spread)), sections)


def _key(row: SummaryRow) -> tuple[str, str]:
    return row["tenant_id"], row["campaign_id"]


def _cards(spread: Sequence[SummaryRow]) -> Iterator[tuple[str, str]]:
    for campaign in spread:
        seeds, hours = campaign["seeds"], campaign["hours_to_end"]
        yield f"{campaign['completed']:,} of {seeds:,}", f"complete: {campaign['campaign_id']}"
        if hours is not None:
            yield in_days(hours["median"]), "median time to complete"
        for row in campaign["experiments"]:
            wins = row["winners"]
            decided = wins["A"] + wins["B"]
            yield f"{100 * decided / seeds:.0f} %", f"have a winner: {row['experiment_id']}"
            if row["hours_to_decision"] is not None:
                yield in_days(row["hours_to_decision"]["median"]), "median time to the winner"


def _sections(campaign: SummaryRow, rows: Sequence[SummaryRow]) -> Iterator[Section]:
    name = campaign["campaign_id"]
    for number, row in enumerate(campaign["experiments"]):
        of = row["experiment_id"]
        yield f"Winners of {of}", _WINNERS_CAPTION, _winners(row)
        figure = _decided(row["decided_by_hours"], campaign["seeds"], "hours since the activation")
        yield f"When {of} is decided", _DECIDED_CAPTION, figure
        people = [each["experiments"][number]["reached_when_decided"] for each in rows]
        yield f"People reached when {of} is decided", _PEOPLE_CAPTION, _spread(people, "people")
    days = [row["hours_to_end"] and row["hours_to_end"] / 24 for row in rows]
    yield f"When {name} completes", _END_CAPTION, _spread(days, "days since the activation", 0.1)
    responses = [row["responses"] for row in rows]
    yield f"Responses of {name}", _RESPONSES_CAPTION, _spread(responses, "responses")


def _winners(row: SummaryRow) -> go.Figure:
    """How often each variant wins, by the rule that decides and by the usual one."""
    rules = {
        "usual rule at the end": row["usual_rule_at_the_end"],
        "usual rule at any look": row["usual_rule_first"],
        "p_always (decides)": row["winners"],
    }
    figure = go.Figure()
    for name in ("A", "B", NO_WINNER):
        numbers = [counts[name] for counts in rules.values()]
        label = "no winner" if name == NO_WINNER else f"{name} wins"
        text = [f"{number:,}" if number else "" for number in numbers]
        figure.add_bar(
            x=numbers,
            y=list(rules),
            name=label,
            orientation="h",
            marker_color=COLOR_OF[name],
            text=text,
            textangle=0,
        )
    figure.update_layout(barmode="stack", bargap=0.35, legend_traceorder="normal")
    figure.update_xaxes(title="seeds", **_whole_ticks(sum(row["winners"].values())))
    return styled(figure, 240)


def _decided(points: Sequence[SummaryRow], seeds: int, unit: str) -> go.Figure | None:
    """The share of the seeds that have decided by then."""
    if not points:
        return None
    x = [0, *(point["by"] for point in points)]
    figure = go.Figure()
    for name, color, label in (
        ("A", COLOR_OF["A"], "A wins"),
        ("B", COLOR_OF["B"], "B wins"),
        ("usual_rule", FIXED_COLOR, "the usual rule has named somebody"),
    ):
        shares = [0, *(100 * point[name] / seeds for point in points)]
        line = {"color": color, "width": 2, "dash": "dot" if name == "usual_rule" else "solid"}
        figure.add_scatter(x=x, y=shares, mode="lines", name=label, line=line)
    figure.update_yaxes(title="% of the seeds", range=[0, 101])
    figure.update_xaxes(title=unit)
    return styled(figure, _HEIGHT_PX)


def _spread(values: Sequence[float | None], unit: str, least: float = 1) -> go.Figure | None:
    """How often each value comes; values that differ by less than `least` are one bar."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    figure = go.Figure()
    width = bin_width(max(known) - min(known), least)
    counts = Counter(math.floor(value / width + 0.5) for value in known)
    places = sorted(counts)
    middles = [round(place * width, 6) for place in places]
    figure.add_bar(
        x=middles,
        y=[counts[place] for place in places],
        width=0.9 * width,
        marker_color=COLOR_OF["A"],
    )
    figure.update_xaxes(title=unit, tickformat=",", range=_margins(middles, width))
    if places[-1] - places[0] < _TICKS_MAX:
        figure.update_xaxes(tick0=middles[0], dtick=width)
    figure.update_yaxes(title="seeds", **_whole_ticks(max(counts.values())))
    figure.update_layout(showlegend=False)
    return styled(figure, _HEIGHT_PX)


def bin_width(span: float, least: float) -> float:
    """The width of the bins of a histogram: 1, 2 or 5 times a power of ten that divides the span
    into at most _BINS bins, and at least `least`, which is such a number itself."""
    width = least
    while width * _BINS < span:
        width *= 2.5 if f"{width:e}".startswith("2") else 2
    return width


def _margins(middles: Sequence[float], width: float) -> list[float]:
    """The range of an axis with the room of two bins at both ends."""
    return [middles[0] - 2 * width, middles[-1] + 2 * width]


def _whole_ticks(most: int) -> dict[str, object]:
    """The options of an axis of whole numbers from 0 to `most`: no tick lies between two of
    them."""
    return {"rangemode": "tozero", **({"dtick": 1} if most <= _TICKS_MAX else {})}


_WINNERS_CAPTION = (
    "How many simulations name which variant. The usual rule asks p < 0.05 for enough people: at "
    "any look, it names winners where there is no difference."
)
_DECIDED_CAPTION = "The share of the simulations that have a winner by then: the power of the test."
_PEOPLE_CAPTION = "The people whom the step had reached at the decision, where there is a winner."
_END_CAPTION = "In how many simulations the campaign completes after so many days."
_RESPONSES_CAPTION = "The responses of the whole campaign."
