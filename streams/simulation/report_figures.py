"""The figures of a simulation report, drawn with plotly from the summary.

Each function takes the summary and returns a figure, or None if there is nothing to show.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from schemas.base.times import HOUR, format_rfc3339, parse_rfc3339
from schemas.channels import CHANNELS
from streams.simulation.quantiles import SummaryRow
from streams.simulation.summary import STAGES

COLORS = {name: row.color for name, row in CHANNELS.items()}
_GREY, _RED = "#9aa5b1", "#d55e00"
LIMIT_LINE = {"color": _RED, "dash": "dash", "width": 2}
_CHANGE_COLORS = {
    "same": "#bcccdc",
    "moved_earlier": "#56b4e9",
    "moved_later": "#0072b2",
    "added": "#009e73",
    "removed": "#d55e00",
}
_FUNNEL_STAGES = (
    "scheduled",
    "sent",
    "delivered",
    "opened",
    "read",
    "clicked",
    "called",
    "answered",
    "converted",
)
assert set(_FUNNEL_STAGES) <= set(STAGES)

HOURS_SHOWN_MAX = 24 * 28
_REASONS_SHOWN_MAX = 20
PANELS_MAX = 6
_DAYS_NAMED_MAX = 10
_BAR_PX, PANEL_PX = 26, 190
HOUR_MS = 3_600_000


def changes(summary: SummaryRow) -> go.Figure | None:
    """Added, removed and moved touches by step, if two definitions were compared."""
    if "against" not in summary or not summary["against"]["by_step"]:
        return None
    order = {_step_key(row): place for place, row in enumerate(_by_campaign(summary["funnel"]))}
    rows = sorted(
        summary["against"]["by_step"], key=lambda row: order.get(_step_key(row), len(order))
    )
    names = list(map(_step_names(rows), rows))
    figure = go.Figure()
    for kind, color in _CHANGE_COLORS.items():
        numbers = [row[kind] for row in rows]
        if any(numbers):
            text = [f"{number:,}" if number else "" for number in numbers]
            label = kind.replace("_", " ")
            figure.add_bar(
                x=numbers, y=names, name=label, orientation="h", marker_color=color, text=text
            )
    figure.update_traces(textangle=0)
    figure.update_layout(barmode="stack", bargap=0.35, legend_traceorder="normal")
    figure.update_yaxes(autorange="reversed")
    return styled(figure, 110 + _BAR_PX * 1.4 * len(names))


def touches_over_time(summary: SummaryRow) -> go.Figure | None:
    """Touches by hour and channel; by day if there are many hours."""
    rows = summary["touches"]["by_hour"]
    if not rows:
        return None
    daily = len({row["hour"] for row in rows}) > HOURS_SHOWN_MAX
    figure = go.Figure()
    for channel in _channels(rows):
        counts: Counter[str] = Counter()
        for row in rows:
            if row["channel"] == channel:
                counts[row["hour"][:10] if daily else row["hour"]] += row["touches"]
        width = (24 if daily else 1) * HOUR_MS
        bars = {"x": list(counts), "y": list(counts.values()), "width": [width] * len(counts)}
        figure.add_bar(**bars, offset=0, name=channel, marker_color=COLORS[channel])
    figure.update_layout(barmode="stack", yaxis_title=f"touches a {'day' if daily else 'hour'}")
    return styled(figure, 320)


def funnel(summary: SummaryRow) -> go.Figure | None:
    """One bar for each stage that touches of a step reached."""
    rows = [row for row in _by_campaign(summary["funnel"]) if "scheduled" in row]
    if not rows:
        return None
    step_name = _step_names(rows)
    steps, stages, numbers, colors, opacities = [], [], [], [], []
    for row in rows:
        name = step_name(row)
        reached = [stage for stage in _FUNNEL_STAGES if row.get(stage)]
        for place, stage in enumerate(reached):
            steps.append(name)
            stages.append(stage)
            numbers.append(row[stage])
            colors.append(COLORS[row["channel"]])
            opacities.append(max(0.3, 1 - 0.15 * place))
    figure = go.Figure()
    figure.add_bar(
        x=numbers,
        y=[steps, stages],
        orientation="h",
        marker={"color": colors, "opacity": opacities},
        text=[f"{number:,}" for number in numbers],
        textposition="auto",
    )
    figure.update_layout(showlegend=False, bargap=0.2)
    figure.update_yaxes(autorange="reversed")
    return styled(figure, 90 + _BAR_PX * len(steps))


def unsent_reasons(summary: SummaryRow) -> go.Figure | None:
    """Touches that were not sent, by reason and channel."""
    return _ranked_bars(
        summary["not_sent"], "touches", lambda row: f"{row['reason']} ({row['how']})"
    )


def wait_reasons(summary: SummaryRow) -> go.Figure | None:
    """How often touches waited, by reason and channel."""
    return _ranked_bars(summary["waited"], "times", lambda row: str(row["reason"]))


def load_and_limits(summary: SummaryRow) -> go.Figure | None:
    """Touches by hour beside the limit, for the tenants and channels nearest to their limits."""
    limits = {(row["tenant_id"], row["channel"]): row["per_hour"] for row in summary["limits"]}
    sent = _by_tenant_and_channel(summary["touches"]["by_hour"], "touches")
    throttled = [row for row in summary["held_by_hour"] if row["reason"] == "throttled"]
    put_off = _by_tenant_and_channel(throttled, "times")
    limited = [key for key in sent if limits.get(key)]
    limited.sort(key=lambda key: (-max(sent[key].values()) / limits[key], key))
    limited = limited[:PANELS_MAX]
    if not limited:
        return None
    titles = [
        f"{tenant}, {channel}: {limits[tenant, channel]:,} an hour" for tenant, channel in limited
    ]
    figure = make_subplots(
        len(limited),
        1,
        subplot_titles=titles,
        shared_xaxes=True,
        vertical_spacing=0.28 / len(limited),
    )
    hours = sorted({h for key in limited for h in (*sent[key], *put_off.get(key, {}))})
    span = [hours[0], format_rfc3339(parse_rfc3339(hours[-1]) + HOUR)]
    for row_number, key in enumerate(limited, 1):
        _add_load_panel(figure, row_number, COLORS[key[1]], sent[key], put_off.get(key, {}))
        line = {"x": span, "y": [limits[key]] * 2}
        figure.add_scatter(**line, mode="lines", line=LIMIT_LINE, row=row_number, col=1)
    figure.update_layout(barmode="stack", showlegend=False)
    figure.update_xaxes(range=span)
    return styled(figure, 80 + PANEL_PX * len(limited))


def local_hours(summary: SummaryRow) -> go.Figure | None:
    """Touches by local hour of the day and channel."""
    rows = summary["touches"]["by_local_hour"]
    if not rows:
        return None
    figure = go.Figure()
    for channel in _channels(rows):
        numbers = [0] * 24
        for row in rows:
            if row["channel"] == channel:
                numbers[row["hour"]] += row["touches"]
        names = [f"{hour:02}" for hour in range(24)]
        figure.add_bar(x=names, y=numbers, name=channel, marker_color=COLORS[channel])
    figure.update_layout(barmode="stack", yaxis_title="touches", bargap=0.1)
    figure.update_xaxes(type="category", title="hour of the day")
    return styled(figure, 300)


def _ranked_bars(
    rows: Sequence[SummaryRow], count_field: str, label: Callable[[SummaryRow], str]
) -> go.Figure | None:
    """Stacked bars in the order of the rows, one for each label, one colour for each channel."""
    if not rows:
        return None
    labels = list(dict.fromkeys(label(row) for row in rows))[:_REASONS_SHOWN_MAX]
    figure = go.Figure()
    for channel in _channels(rows):
        counts: Counter[str] = Counter()
        for row in rows:
            if row["channel"] == channel:
                counts[label(row)] += row[count_field]
        numbers = [counts[one] for one in labels]
        text = [f"{number:,}" if number else "" for number in numbers]
        color = COLORS.get(channel, _GREY)
        figure.add_bar(
            x=numbers, y=labels, name=channel, orientation="h", marker_color=color, text=text
        )
    figure.update_traces(textangle=0)
    figure.update_layout(barmode="stack", bargap=0.35)
    figure.update_yaxes(autorange="reversed")
    return styled(figure, 110 + _BAR_PX * 1.4 * len(labels))


def _add_load_panel(
    figure: go.Figure, row: int, color: str, sent: dict[str, int], put_off: dict[str, int]
) -> None:
    for counts, opacity, name in ((sent, 1.0, "touches"), (put_off, 0.3, "put off")):
        figure.add_bar(
            x=list(counts),
            y=list(counts.values()),
            width=[HOUR_MS] * len(counts),
            offset=0,
            name=name,
            marker={"color": color, "opacity": opacity},
            row=row,
            col=1,
        )


def _by_tenant_and_channel(
    rows: Iterable[SummaryRow], count_field: str
) -> dict[tuple[str, str], dict[str, int]]:
    """Returns the counts by hour for each tenant and channel."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows:
        key = (row["tenant_id"], row["channel"])
        counts.setdefault(key, {})[row["hour"]] = row[count_field]
    return counts


def _by_campaign(rows: Iterable[SummaryRow]) -> list[SummaryRow]:
    """Sorts by campaign and keeps the order of the steps of each."""
    return sorted(rows, key=lambda row: (row["tenant_id"], row["campaign_id"]))


def _step_key(row: SummaryRow) -> tuple[str, str, str]:
    return row["tenant_id"], row["campaign_id"], row["step_id"]


def _step_names(rows: Sequence[SummaryRow]) -> Callable[[SummaryRow], str]:
    """Returns a function that names a step: by its id, after the ids of campaign and tenant where
    the rows have several."""
    tenants = len({row["tenant_id"] for row in rows}) > 1
    campaigns = len({(row["tenant_id"], row["campaign_id"]) for row in rows}) > 1

    def name(row: SummaryRow) -> str:
        parts = [row["tenant_id"]] * tenants + [row["campaign_id"]] * campaigns
        return ": ".join([*parts, row["step_id"]])

    return name


def _channels(rows: Iterable[SummaryRow]) -> list[str]:
    """Returns the channels of the rows, in the same order in every figure."""
    found = {row["channel"] for row in rows}
    return [channel for channel in COLORS if channel in found] + sorted(found - set(COLORS))


def day_axis(figure: go.Figure, days: Sequence[str], **panel: int) -> None:
    """Shows whole days on the horizontal axis, from the first to the last of `days` (YYYY-MM-DD,
    in their order). Of few days each has its date: an axis of time would show hours, and a bar of a
    single day as a line."""
    if not days:
        return
    first = date.fromisoformat(days[0])
    count = (date.fromisoformat(days[-1]) - first).days + 1
    if count > _DAYS_NAMED_MAX:
        figure.update_xaxes(type="date", tickformat="%b %-d\n%Y", **panel)
        return
    shown = [first + timedelta(days=day) for day in range(count)]
    names = [day.isoformat() for day in shown]
    figure.update_xaxes(
        type="category",
        categoryorder="array",
        categoryarray=names,
        tickvals=names,
        ticktext=[f"{day:%b} {day.day}<br>{day.year}" for day in shown],
        range=[-0.5, count - 0.5],
        **panel,
    )


def styled(figure: go.Figure, height_px: float) -> go.Figure:
    layout: dict[str, Any] = {
        "template": "plotly_white",
        "height": int(height_px),
        "margin": {"l": 10, "r": 10, "t": 40, "b": 40},
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#243b53"},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    }
    figure.update_layout(**layout)
    figure.update_yaxes(automargin=True)
    return figure
