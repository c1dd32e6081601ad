"""The report as one page: what a campaign owner would rather look at than read.

Nothing in it comes from a network: the script that draws is written into it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from schemas.base.times import HOUR, format_rfc3339, parse_rfc3339
from schemas.channels import CHANNELS
from streams.simulation.summary import STAGES

Row = dict[str, Any]
COLORS = {name: row.color for name, row in CHANNELS.items()}
_GREY, _RED = "#9aa5b1", "#d55e00"
_FUNNEL = (
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
_HOURS_SHOWN = 24 * 28
_PANELS = 6
_BAR_PX, _PANEL_PX = 26, 190


def page(told: Row) -> str:
    """The summary, drawn."""
    about = told["simulation"]
    title = ", ".join(about["campaigns"]) or "Recorded events"
    parts = "\n".join(_part(*part) for part in _parts(told) if part[2] is not None)
    head = escape(title)
    script = f"<script>{get_plotlyjs()}</script>"
    return _PAGE.format(
        title=head, script=script, lead=_lead(told), cards=_cards(told), parts=parts
    )


def _parts(told: Row) -> Iterator[tuple[str, str, go.Figure | None]]:
    """A heading, what there is to see, and the picture; None where there is nothing to show."""
    yield "Under the other definition", _against_said(told), _against(told)
    yield "Touches over time", _over_time_said(told), _over_time(told)
    yield "How far people get", _FUNNEL_SAID, _funnel(told)
    yield "What is not sent, and why", _reasons_said(told), _reasons(told)
    yield "What touches wait on", _waits_said(told), _waits(told)
    yield "Load against limits", _LOAD_SAID, _load(told)
    yield "Local hour of touches", _LOCAL_SAID, _local(told)


_FUNNEL_SAID = (
    "Each step by how often a touch was planned for it, and what became of that. Answered is what "
    "the step waits for: an acceptance, a reply."
)
_LOAD_SAID = (
    "Touches of each hour, and the limit that any hour is held to. What it put off in that hour "
    "stands above, in a light colour."
)
_LOCAL_SAID = (
    "By the clock that a touch's hours are held to: the person's, or the tenant's where that is "
    "not known. The tenant's too where they are held to none (LinkedIn, no quiet hours)."
)


def _part(heading: str, said: str, figure: go.Figure | None) -> str:
    assert figure is not None
    name = heading.lower().replace(" ", "-").replace(",", "")
    drawn = figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        div_id=name,  # else it would be another one each time
        config={"displaylogo": False, "displayModeBar": False, "responsive": True},
    )
    return f"<section><h2>{escape(heading)}</h2><p>{escape(said)}</p>{drawn}</section>"


# numbers first


def _lead(told: Row) -> str:
    about, runs = told["simulation"], told["runs"]
    words = f"Simulated from {_day(about['start'])} to {_day(about['ended_at'])}"
    people = about["people"]
    words += f" on {people:,} people, seed {about.get('seed', 0)}." if people else "."
    if not about["finished"]:
        words += f" Time was up before it was finished: {runs['not_ended']:,} runs go on."
    elif runs["paused"] > 0:
        words += f" {runs['paused']:,} runs are paused, and wait for a person to decide."
    return escape(words)


def _cards(told: Row) -> str:
    touches, runs = told["touches"], told["runs"]
    skipped = sum(row["touches"] for row in told["not_sent"])
    took = runs["hours_to_complete"]
    cards = [
        (f"{runs['started']:,}", "runs began"),
        (f"{touches['commanded']:,}", "touches go out"),
        (f"{skipped:,}", "touches do not"),
        (f"{runs['completed']:,}", "runs completed"),
        (f"{sum(runs['stopped'].values()):,}", "stopped early"),
    ]
    if took is not None:
        cards.append((f"{took['median'] / 24:.1f} d", "until half had completed"))
    return "".join(
        f"<div class=card><b>{value}</b><span>{what}</span></div>" for value, what in cards
    )


def _day(text: str) -> str:
    return datetime.fromisoformat(text).strftime("%a %d %b %Y, %H:%M UTC")


# pictures


_DIFFERENT = {
    "same": "#bcccdc",
    "moved_earlier": "#56b4e9",
    "moved_later": "#0072b2",
    "added": "#009e73",
    "removed": "#d55e00",
}


def _against_said(told: Row) -> str:
    if "against" not in told:
        return ""
    found = told["against"]
    people, marked = found["people"], sum(found["marked_events"].values())
    words = f"Something is different for {people['changed']:,} of {people['all']:,} people."
    if marked:
        words += (
            f" {marked:,} recorded events answer a touch that is not there any more, or not yet."
        )
    return words


def _against(told: Row) -> go.Figure | None:
    if "against" not in told or not told["against"]["by_step"]:
        return None
    order = {_step_of(row): place for place, row in enumerate(_in_order(told["funnel"]))}
    rows = sorted(told["against"]["by_step"], key=lambda row: order.get(_step_of(row), len(order)))
    names = list(map(_named(rows), rows))
    figure = go.Figure()
    for what, color in _DIFFERENT.items():
        numbers = [row[what] for row in rows]
        if any(numbers):
            text = [f"{number:,}" if number else "" for number in numbers]
            label = what.replace("_", " ")
            figure.add_bar(
                x=numbers, y=names, name=label, orientation="h", marker_color=color, text=text
            )
    figure.update_layout(barmode="stack", bargap=0.35, legend_traceorder="normal")
    figure.update_yaxes(autorange="reversed")
    return _styled(figure, 110 + _BAR_PX * 1.4 * len(names))


def _over_time(told: Row) -> go.Figure | None:
    rows = told["touches"]["by_hour"]
    if not rows:
        return None
    daily = len({row["hour"] for row in rows}) > _HOURS_SHOWN
    figure = go.Figure()
    for channel in _channels(rows):
        counts: Counter[str] = Counter()
        for row in rows:
            if row["channel"] == channel:
                counts[row["hour"][:10] if daily else row["hour"]] += row["touches"]
        width = (24 if daily else 1) * 3_600_000
        bars = {"x": list(counts), "y": list(counts.values()), "width": [width] * len(counts)}
        figure.add_bar(**bars, offset=0, name=channel, marker_color=COLORS[channel])
    figure.update_layout(barmode="stack", yaxis_title=f"touches a {'day' if daily else 'hour'}")
    return _styled(figure, 320)


def _over_time_said(told: Row) -> str:
    rows = told["touches"]["by_hour"]
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row["hour"]] += row["touches"]
    if not counts:
        return "No touch goes out."
    hour, most = max(counts.items(), key=lambda pair: (pair[1], pair[0]))
    first, last = _day(told["touches"]["first_at"]), _day(told["touches"]["last_at"])
    return f"From {first} to {last}. The busiest hour is {_day(hour)}, with {most:,} touches."


def _funnel(told: Row) -> go.Figure | None:
    """A bar for each stage that a step's touches came to, and no gap for the others."""
    rows = [row for row in _in_order(told["funnel"]) if "scheduled" in row]
    if not rows:
        return None
    named = _named(rows)
    steps, stages, numbers, colors, strengths = [], [], [], [], []
    for row in rows:
        name = named(row)
        for place, stage in enumerate(stage for stage in _FUNNEL if row.get(stage)):
            steps.append(name)
            stages.append(stage)
            numbers.append(row[stage])
            colors.append(COLORS[row["channel"]])
            strengths.append(max(0.3, 1 - 0.15 * place))
    figure = go.Figure()
    figure.add_bar(
        x=numbers,
        y=[steps, stages],
        orientation="h",
        marker={"color": colors, "opacity": strengths},
        text=[f"{number:,}" for number in numbers],
        textposition="auto",
    )
    figure.update_layout(showlegend=False, bargap=0.2)
    figure.update_yaxes(autorange="reversed")
    return _styled(figure, 90 + _BAR_PX * len(steps))


def _in_order(rows: Iterable[Row]) -> list[Row]:
    """Campaign by campaign; its steps as people came to them."""
    return sorted(rows, key=lambda row: (row["tenant_id"], row["campaign_id"]))


def _step_of(row: Row) -> tuple[str, str, str]:
    return row["tenant_id"], row["campaign_id"], row["step_id"]


def _named(rows: Sequence[Row]) -> Callable[[Row], str]:
    """A step by its id; with its campaign where there are several, and with its tenant too."""
    tenants = len({row["tenant_id"] for row in rows}) > 1
    campaigns = len({(row["tenant_id"], row["campaign_id"]) for row in rows}) > 1

    def name(row: Row) -> str:
        parts = [row["tenant_id"]] * tenants + [row["campaign_id"]] * campaigns
        return ": ".join([*parts, row["step_id"]])

    return name


def _reasons(told: Row) -> go.Figure | None:
    return _ranked(told["not_sent"], "touches", lambda row: f"{row['reason']} ({row['how']})")


def _reasons_said(told: Row) -> str:
    rows = told["not_sent"]
    whole = sum(row["touches"] for row in rows)
    ended = whole + sum(row.get("sent", 0) for row in told["funnel"])
    return f"{whole:,} of {ended:,} touches that ended: each has a reason." if whole else ""


def _waits(told: Row) -> go.Figure | None:
    return _ranked(told["waited"], "times", lambda row: str(row["reason"]))


def _waits_said(told: Row) -> str:
    return "How often a touch was put off, and what for; most of them went out later."


def _ranked(rows: Sequence[Row], count: str, name: Callable[[Row], str]) -> go.Figure | None:
    if not rows:
        return None
    names = list(dict.fromkeys(name(row) for row in rows))[:20]
    figure = go.Figure()
    for channel in _channels(rows):
        counts: Counter[str] = Counter()
        for row in rows:
            if row["channel"] == channel:
                counts[name(row)] += row[count]
        numbers = [counts[one] for one in names]
        text = [f"{number:,}" if number else "" for number in numbers]
        color = COLORS.get(channel, _GREY)
        figure.add_bar(
            x=numbers, y=names, name=channel, orientation="h", marker_color=color, text=text
        )
    figure.update_layout(barmode="stack", bargap=0.35)
    figure.update_yaxes(autorange="reversed")
    return _styled(figure, 110 + _BAR_PX * 1.4 * len(names))


def _load(told: Row) -> go.Figure | None:
    """The accounts that are nearest to their limits."""
    limits = {(row["tenant_id"], row["channel"]): row["per_hour"] for row in told["limits"]}
    sent = _by_account(told["touches"]["by_hour"], "touches")
    held = [row for row in told["held_by_hour"] if row["reason"] == "throttled"]
    put_off = _by_account(held, "times")
    limited = [key for key in sent if limits.get(key)]
    limited.sort(key=lambda key: (-max(sent[key].values()) / limits[key], key))
    limited = limited[:_PANELS]
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
    for place, key in enumerate(limited, 1):
        _panel(figure, place, COLORS[key[1]], sent[key], put_off.get(key, {}))
        line = {"x": span, "y": [limits[key]] * 2}
        dashed = {"color": _RED, "dash": "dash", "width": 2}
        figure.add_scatter(**line, mode="lines", line=dashed, row=place, col=1)
    figure.update_layout(barmode="stack", showlegend=False)
    figure.update_xaxes(range=span)
    return _styled(figure, 80 + _PANEL_PX * len(limited))


def _panel(
    figure: go.Figure, place: int, color: str, sent: dict[str, int], put_off: dict[str, int]
) -> None:
    for counts, opacity, what in ((sent, 1.0, "touches"), (put_off, 0.3, "put off")):
        figure.add_bar(
            x=list(counts),
            y=list(counts.values()),
            width=[3_600_000] * len(counts),
            offset=0,
            name=what,
            marker={"color": color, "opacity": opacity},
            row=place,
            col=1,
        )


def _by_account(rows: Iterable[Row], count: str) -> dict[tuple[str, str], dict[str, int]]:
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows:
        found.setdefault((row["tenant_id"], row["channel"]), {})[row["hour"]] = row[count]
    return found


def _local(told: Row) -> go.Figure | None:
    rows = told["touches"]["by_local_hour"]
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
    return _styled(figure, 300)


def _channels(rows: Iterable[Row]) -> list[str]:
    """In one order everywhere."""
    found = {row["channel"] for row in rows}
    return [channel for channel in COLORS if channel in found] + sorted(found - set(COLORS))


def _styled(figure: go.Figure, height: float) -> go.Figure:
    figure.update_layout(
        template="plotly_white",
        height=int(height),
        margin={"l": 10, "r": 10, "t": 40, "b": 40},
        font={"family": "system-ui, sans-serif", "size": 13, "color": "#243b53"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    figure.update_yaxes(automargin=True)
    return figure


assert set(_FUNNEL) <= set(STAGES)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}: simulated</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #243b53; background: #f0f4f8; margin: 0 }}
main {{ max-width: 1040px; margin: 0 auto; padding: 32px 16px }}
h1 {{ margin: 0; font-size: 28px }} h2 {{ margin: 0; font-size: 19px }}
p {{ margin: 4px 0 12px; color: #52606d }}
section, .card {{ background: #fff; border-radius: 10px; box-shadow: 0 1px 3px #0002 }}
section {{ padding: 20px 24px; margin-top: 20px }}
.cards {{ display: flex; flex-wrap: wrap; gap: 12px; margin-top: 16px }}
.card {{ padding: 12px 18px; flex: 1 1 120px }}
.card b {{ display: block; font-size: 26px; line-height: 1.2 }}
.card span {{ color: #52606d; font-size: 14px }}
</style>{script}</head>
<body><main><h1>{title}</h1><p>{lead}</p><div class="cards">{cards}</div>
{parts}
</main></body></html>
"""
