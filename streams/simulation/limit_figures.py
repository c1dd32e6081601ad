"""The figures of a simulation report about calls, sender accounts and waiting touches.

Each function takes the summary and returns a figure, or None if there is nothing to show.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from schemas.base.call_outcomes import CALL_OUTCOMES
from schemas.base.times import HOUR, format_rfc3339, parse_rfc3339
from streams.simulation.call_summary import LOST
from streams.simulation.quantiles import SummaryRow
from streams.simulation.report_figures import (
    COLORS,
    HOUR_MS,
    HOURS_SHOWN_MAX,
    LIMIT_LINE,
    PANEL_PX,
    PANELS_MAX,
    styled,
)

_PALETTE = ("#0072b2", "#009e73", "#e69f00", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#7f7f7f")
"""Colours that people with any colour vision can distinguish."""

_BAR_PX = 24
_ACCOUNTS_SHOWN_MAX = 30
_OUTCOMES = (*CALL_OUTCOMES, LOST)
_OUTCOME_COLORS = {name: _PALETTE[place % len(_PALETTE)] for place, name in enumerate(_OUTCOMES)}
_WINDOW_NAMES = {"hour": "an hour", "day": "24 hours", "week": "7 days", "month": "30 days"}


def slots_in_use(summary: SummaryRow) -> go.Figure | None:
    """The slots of each pool in use by hour: on average as bars, at most as a line, and those that
    there are as a dashed line."""
    calls = summary.get("calls")
    if calls is None or not calls["by_hour"]:
        return None
    pools = calls["pools"][:PANELS_MAX]
    titles = [f"{pool['pool_id']}: {pool['slots']:,} slots" for pool in pools]
    figure = make_subplots(
        len(pools), 1, subplot_titles=titles, shared_xaxes=True, vertical_spacing=0.28 / len(pools)
    )
    for number, pool in enumerate(pools, 1):
        rows = [row for row in calls["by_hour"] if row["pool_id"] == pool["pool_id"]]
        hours = [row["hour"] for row in rows]
        place = {"row": number, "col": 1}
        average = [row["average"] for row in rows]
        widths = {"width": [HOUR_MS] * len(hours), "offset": 0}
        figure.add_bar(
            x=hours, y=average, name="on average", marker_color="#cc79a7", **widths, **place
        )
        dots = {"color": "#243b53", "size": 5}
        most = [row["most"] for row in rows]
        figure.add_scatter(x=hours, y=most, mode="markers", marker=dots, name="at most", **place)
        span = [hours[0], _hour_after(hours[-1])]
        level = [pool["slots"]] * 2
        figure.add_scatter(x=span, y=level, mode="lines", line=LIMIT_LINE, name="slots", **place)
    figure.update_layout(showlegend=False)
    return styled(figure, 80 + PANEL_PX * len(pools))


def waiting_over_time(summary: SummaryRow) -> go.Figure | None:
    """How many touches wait at the end of each hour, as one line for each tenant and channel."""
    rows = summary.get("waiting_by_hour")
    if not rows or not any(row["most"] for row in rows):
        return None
    figure = go.Figure()
    for place, (tenant_id, channel) in enumerate(_keys(rows, ("tenant_id", "channel"))):
        points = [
            (_hour_after(row["hour"]), row["waiting"])
            for row in rows
            if (row["tenant_id"], row["channel"]) == (tenant_id, channel)
        ]
        _add_line(figure, f"{tenant_id}, {channel}", points, place)
    figure.update_layout(yaxis_title="touches that wait")
    return styled(figure, 320)


def waiting_times(summary: SummaryRow) -> go.Figure | None:
    """The minutes from request to command: median, nine of ten, and longest."""
    rows = [row for row in summary.get("waits", ()) if row["minutes"]]
    if not rows:
        return None
    figure = go.Figure()
    names = [f"{row['tenant_id']}, {row['channel']}" for row in rows]
    for color, (field, label) in zip(_PALETTE, _QUANTILES, strict=False):
        values = [row["minutes"][field] for row in rows]
        text = [f"{value:,.1f}" for value in values]
        figure.add_bar(
            x=values, y=names, name=label, orientation="h", text=text, marker_color=color
        )
    figure.update_layout(barmode="group", xaxis_title="minutes")
    figure.update_yaxes(autorange="reversed")
    return styled(figure, 130 + 3 * _BAR_PX * len(rows))


_QUANTILES = (("median", "half"), ("nine_of_ten", "nine of ten"), ("longest", "all"))


def outcomes_by_hour(summary: SummaryRow) -> go.Figure | None:
    """The outcomes of calls by hour, or by day if there are many hours."""
    rows = summary.get("calls", {}).get("outcomes_by_hour")
    if not rows:
        return None
    daily = len({row["hour"] for row in rows}) > HOURS_SHOWN_MAX
    figure = go.Figure()
    found = {row["outcome"] for row in rows}
    for outcome in [name for name in _OUTCOMES if name in found] + sorted(found - {*_OUTCOMES}):
        counts: Counter[str] = Counter()
        for row in rows:
            if row["outcome"] == outcome:
                counts[row["hour"][:10] if daily else row["hour"]] += row["calls"]
        width = [(24 if daily else 1) * HOUR_MS] * len(counts)
        color = _OUTCOME_COLORS.get(outcome, "#9aa5b1")
        bars = {"x": list(counts), "y": list(counts.values()), "width": width, "offset": 0}
        figure.add_bar(**bars, name=outcome, marker_color=color)
    figure.update_layout(barmode="stack", yaxis_title=f"calls a {'day' if daily else 'hour'}")
    return styled(figure, 320)


def turns_of_tenants(summary: SummaryRow) -> go.Figure | None:
    """How many calls each tenant has got so far, over time; None if there is one tenant."""
    rows = summary.get("calls", {}).get("granted_by_hour", ())
    tenants = _keys(rows, ("tenant_id",))
    if len(tenants) < 2:
        return None
    figure = go.Figure()
    first = min(row["hour"] for row in rows)
    for place, (tenant_id,) in enumerate(tenants):
        points, total = [(first, 0)], 0
        for row in rows:
            if row["tenant_id"] == tenant_id:
                total += row["granted"]
                points.append((_hour_after(row["hour"]), total))
        _add_line(figure, tenant_id, points, place)
    figure.update_layout(yaxis_title="calls so far")
    return styled(figure, 320)


def account_limits(summary: SummaryRow) -> go.Figure | None:
    """For each account and limit, the most that was sent as a share of the limit."""
    uses = [
        (row, limit)
        for row in summary.get("accounts", ())
        for limit in row["limits"]
        if limit["window"] in _WINDOW_NAMES and row["commands"]
    ]
    if not uses:
        return None
    uses.sort(key=lambda use: -use[1]["most"] / use[1]["limit"])
    uses = uses[:_ACCOUNTS_SHOWN_MAX]
    figure = go.Figure()
    figure.add_bar(
        x=[100 * limit["most"] / limit["limit"] for _, limit in uses],
        y=[_account_name(row, limit) for row, limit in uses],
        orientation="h",
        marker_color=[COLORS[row["channel"]] for row, _ in uses],
        text=[f"{limit['most']:,} of {limit['limit']:,}" for _, limit in uses],
    )
    figure.add_vline(x=100, line=LIMIT_LINE)
    figure.update_layout(showlegend=False, xaxis_title="percent of the limit")
    figure.update_yaxes(autorange="reversed")
    return styled(figure, 110 + _BAR_PX * 1.4 * len(uses))


def _account_name(row: SummaryRow, limit: SummaryRow) -> str:
    action = f", {row['action']}" if row["action"] else ""
    window = _WINDOW_NAMES[limit["window"]]
    return f"{row['tenant_id']}, {row['sender_id']}{action}: {window}"


def _add_line(figure: go.Figure, name: str, points: Sequence[tuple[str, int]], place: int) -> None:
    x, y = zip(*points, strict=True)
    color = _PALETTE[place % len(_PALETTE)]
    line = {"shape": "hv", "color": color, "width": 2}
    figure.add_scatter(x=x, y=y, mode="lines", name=name, line=line)


def _keys(rows: Iterable[SummaryRow], fields: Sequence[str]) -> list[tuple[str, ...]]:
    """Returns the different values of some fields, in order."""
    return sorted({tuple(row[field] for field in fields) for row in rows})


def _hour_after(hour: str) -> str:
    return format_rfc3339(parse_rfc3339(hour) + HOUR)
