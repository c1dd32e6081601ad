"""The figures of the report of a campaign, drawn with plotly."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import plotly.graph_objects as go

from processors.shared.experiment_statistics import ExperimentResult
from sinks.campaign_report_query import DayCount
from streams.cli.report_sections import Bar
from streams.simulation.report_figures import day_axis, styled

VARIANT_COLORS = {"A": "#0072b2", "B": "#d55e00"}
_KIND_COLORS = {
    "reached": "#9aa5b1",
    "responses": "#0072b2",
    "conversions": "#009e73",
    "opt_outs": "#e69f00",
    "bounces": "#d55e00",
}
"""The order and the colors of what is counted by day."""

_RATES = {
    "response_rate": "responses per reached",
    "conversion_rate": "conversions per response",
    "overall_rate": "conversions per reached",
}
_METRICS = {"response": "responses", "conversion": "conversions"}
_RATIO_TICKS = [digit * 10.0**power for power in range(-6, 7) for digit in (1, 2, 5)]


def bars(rows: Sequence[Bar]) -> go.Figure:
    """One horizontal bar for each row, over the whole of which it is a part."""
    figure = go.Figure()
    names = [row.label for row in rows]
    shares = [0.0 if row.whole <= 0 else min(1.0, row.value / row.whole) for row in rows]
    texts = [row.text for row in rows]
    figure.add_bar(
        x=[100 * share for share in shares],
        y=names,
        orientation="h",
        marker_color=VARIANT_COLORS["A"],
        text=texts,
        textposition="outside",
        cliponaxis=False,
    )
    figure.update_layout(showlegend=False, bargap=0.35)
    figure.update_xaxes(range=[0, 112], ticksuffix=" %")
    figure.update_yaxes(autorange="reversed")
    return styled(figure, 80 + 34 * len(rows))


def experiment(result: ExperimentResult) -> Iterator[go.Figure]:
    """The rates of both variants, and the ratios of their successes with the intervals."""
    if result.a.reached and result.b.reached:
        yield _rates(result)
    if any(metric.ratio is not None for metric in result.metrics):
        yield _ratios(result)


def _rates(result: ExperimentResult) -> go.Figure:
    figure = go.Figure()
    for name, of in (("A", result.a), ("B", result.b)):
        rates = [getattr(of, rate) for rate in _RATES]
        figure.add_bar(
            x=[*_RATES.values()],
            y=[None if rate is None else 100 * rate for rate in rates],
            name=name,
            marker_color=VARIANT_COLORS[name],
            text=["no data" if rate is None else f"{100 * rate:.2f} %" for rate in rates],
            textposition="outside",
            cliponaxis=False,
        )
    figure.update_layout(barmode="group", bargap=0.4)
    figure.update_yaxes(ticksuffix=" %")
    return styled(figure, 320)


def _ratios(result: ExperimentResult) -> go.Figure:
    """The ratio A / B of the successes by the split, with the interval that holds at every look; at
    1 there is no difference."""
    figure = go.Figure()
    rows = [each for each in result.metrics if each.ratio is not None and each.name in _METRICS]
    figure.add_scatter(
        x=[row.ratio for row in rows],
        y=[_METRICS[row.name] for row in rows],
        mode="markers",
        marker={"size": 11, "color": VARIANT_COLORS["A"]},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [(row.ratio_high or 0) - (row.ratio or 0) for row in rows],
            "arrayminus": [(row.ratio or 0) - (row.ratio_low or 0) for row in rows],
        },
    )
    figure.add_vline(x=1, line_dash="dash", line_color="#52606d")
    figure.update_layout(showlegend=False, xaxis_title="A / B by the split")
    figure.update_xaxes(
        type="log", tickvals=_RATIO_TICKS, ticktext=[f"{tick:g}" for tick in _RATIO_TICKS]
    )
    return styled(figure, 130 + 40 * len(rows))


def by_day(days: Sequence[DayCount]) -> Iterator[tuple[str, go.Figure]]:
    """What happened on each day, and the response rates of the variants up to each day."""
    if not days:
        return
    figure = go.Figure()
    for kind, color in _KIND_COLORS.items():
        counts = _per_day(days, kind)
        if counts:
            dates = [day.isoformat() for day in counts]
            name = kind.replace("_", "-")
            figure.add_bar(x=dates, y=[*counts.values()], name=name, marker_color=color)
    figure.update_layout(barmode="group", yaxis_title="people a day")
    shown = sorted({row.day.isoformat() for row in days if row.kind in _KIND_COLORS})
    day_axis(figure, shown)
    yield "By day", styled(figure, 320)
    lines = {name: _rate_lines(days, name) for name in VARIANT_COLORS}
    if all(lines.values()):
        yield "Response rates of the variants up to each day", _lines(lines)


def _lines(lines: dict[str, dict[date, float]]) -> go.Figure:
    figure = go.Figure()
    for name, rates in lines.items():
        dates = [day.isoformat() for day in rates]
        figure.add_scatter(x=dates, y=[*rates.values()], name=name, line_color=VARIANT_COLORS[name])
    figure.update_yaxes(ticksuffix=" %", rangemode="tozero")
    day_axis(figure, sorted({day.isoformat() for rates in lines.values() for day in rates}))
    return styled(figure, 320)


def _per_day(days: Sequence[DayCount], kind: str, variant: str | None = None) -> Counter[date]:
    counts: Counter[date] = Counter()
    for row in days:
        if row.kind == kind and variant in (None, row.variant):
            counts[row.day] += row.people
    return counts


def _rate_lines(days: Sequence[DayCount], variant: str) -> dict[date, float]:
    """The responses of a variant up to each day, in percent of those whom the experiment's step
    reached up to that day."""
    reached, responses = (_per_day(days, kind, variant) for kind in ("tested", "tested_responses"))
    if not reached:
        return {}
    day, last = min(reached), max([*reached, *responses])
    people = responded = 0
    rates: dict[date, float] = {}
    while day <= last:
        people, responded = people + reached[day], responded + responses[day]
        rates[day] = 100 * responded / people
        day += timedelta(days=1)
    return rates
