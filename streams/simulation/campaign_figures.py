"""The figures of campaigns that decide by counts, drawn with plotly from the summary.

Each function takes the summary and returns a figure, or None if there is nothing to show.
"""

from collections.abc import Iterator, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from streams.simulation.quantiles import SummaryRow
from streams.simulation.report_figures import LIMIT_LINE, PANEL_PX, PANELS_MAX, day_axis, styled

COLOR_OF = {"A": "#0072b2", "B": "#e69f00", "none": "#9aa5b1"}
"""The color of each variant, and of no winner."""

FIXED_COLOR, ALWAYS_COLOR = "#9aa5b1", "#009e73"
_COUNTS = {"reached": "#0072b2", "responses": "#56b4e9", "conversions": "#009e73"}
_P_LEAST = 1e-6
"""The least p that is drawn: the axis is logarithmic."""


def reached_by_day(summary: SummaryRow) -> go.Figure | None:
    """People reached, responses and conversions by day, one panel for each campaign."""
    rows = [row for row in summary.get("campaigns", ()) if row["by_day"]][:PANELS_MAX]
    if not rows:
        return None
    figure = make_subplots(
        len(rows),
        1,
        subplot_titles=[row["campaign_id"] for row in rows] if len(rows) > 1 else None,
        vertical_spacing=0.3 / len(rows),
    )
    for number, row in enumerate(rows, 1):
        days = [day["day"] for day in row["by_day"]]
        for name, color in _COUNTS.items():
            counts = [day[name] for day in row["by_day"]]
            place = {"row": number, "col": 1, "showlegend": number == 1}
            figure.add_bar(x=days, y=counts, name=name, marker_color=color, **place)
        day_axis(figure, days, row=number, col=1)
    figure.update_layout(barmode="group", bargap=0.15)
    figure.update_yaxes(title="people")
    return styled(figure, 100 + (PANEL_PX + 40) * len(rows))


def evidence(summary: SummaryRow) -> go.Figure | None:
    """p_always and p_fixed of each experiment over the time, on a logarithmic axis with the line of
    0.05, and the moment of the decision."""
    rows = list(_with_course(summary))[:PANELS_MAX]
    if not rows:
        return None
    figure = _panels(rows)
    for number, row in enumerate(rows, 1):
        course = row["course"]
        hours = [point["hour"] for point in course]
        place = {"row": number, "col": 1, "showlegend": number == 1}
        for name, color, label in (
            ("p_fixed", FIXED_COLOR, "p of one look (decides nothing)"),
            ("p_always", ALWAYS_COLOR, "p_always (decides)"),
        ):
            values = [None if p[name] is None else max(p[name], _P_LEAST) for p in course]
            line = {"color": color, "width": 2, "shape": "hv"}
            figure.add_scatter(x=hours, y=values, mode="lines", name=label, line=line, **place)
        span = {"x": [hours[0], hours[-1]], "y": [0.05, 0.05]}
        figure.add_scatter(**span, mode="lines", name="0.05", line=LIMIT_LINE, **place)
        if row["is_decided"] and row["winner"]:
            marker = {"color": COLOR_OF[row["winner"]], "size": 13, "symbol": "diamond"}
            label = f"{row['winner']} wins"
            place = {"row": number, "col": 1}
            figure.add_scatter(
                x=[row["decided_at"]], y=[0.05], mode="markers", name=label, marker=marker, **place
            )
    figure.update_yaxes(type="log", dtick=1, title="p", exponentformat="power")
    return styled(figure, 110 + (PANEL_PX + 50) * len(rows))


def rates(summary: SummaryRow) -> go.Figure | None:
    """The rates of both variants over the time, by the metric that decides."""
    rows = list(_with_course(summary))[:PANELS_MAX]
    if not rows:
        return None
    figure = _panels(rows)
    for number, row in enumerate(rows, 1):
        hours = [point["hour"] for point in row["course"]]
        for variant in "AB":
            values = [point[f"rate_{variant.lower()}"] for point in row["course"]]
            percents = [None if value is None else 100 * value for value in values]
            figure.add_scatter(
                x=hours,
                y=percents,
                mode="lines",
                name=f"{variant}: {row[f'template_{variant.lower()}']}",
                line={"color": COLOR_OF[variant], "width": 2, "shape": "hv"},
                row=number,
                col=1,
            )
    figure.update_yaxes(title="% of reached", rangemode="tozero")
    return styled(figure, 110 + (PANEL_PX + 30) * len(rows))


def _with_course(summary: SummaryRow) -> Iterator[SummaryRow]:
    for campaign in summary.get("campaigns", ()):
        for row in campaign["experiments"]:
            if row["course"]:
                yield row


def _panels(rows: Sequence[SummaryRow]) -> go.Figure:
    """A panel for each experiment, with its id where there are several."""
    return make_subplots(
        len(rows),
        1,
        subplot_titles=[row["experiment_id"] for row in rows] if len(rows) > 1 else None,
        vertical_spacing=0.3 / len(rows),
    )
