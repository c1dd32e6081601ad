"""The summary of a simulation as one HTML page with figures.

The page loads nothing from a network: the script that draws the figures is part of it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from html import escape

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from streams.simulation import campaign_figures as of_campaigns
from streams.simulation import limit_figures
from streams.simulation import report_figures as figures
from streams.simulation.campaign_text import (
    decision_text,
    headline,
    in_days,
    seed_rule_text,
)
from streams.simulation.quantiles import SummaryRow


def render_page(summary: SummaryRow) -> str:
    """Returns the page of a summary. The same summary gives the same bytes."""
    title = ", ".join(summary["simulation"]["campaigns"]) or "Recorded events"
    return page(title, _lead(summary), _cards(summary), _sections(summary))


Section = tuple[str, str, go.Figure | None]
"""Heading, caption and figure; the figure is None if there is nothing to show."""


def page(
    title: str, lead: str, cards: Iterable[tuple[str, str]], sections: Iterable[Section]
) -> str:
    """Returns a page with a title, a sentence, main numbers with what they are, and figures."""
    return _PAGE.format(
        title=escape(title),
        script=f"<script>{get_plotlyjs()}</script>",
        lead=escape(lead),
        cards="".join(
            f"<div class=card><b>{escape(value)}</b><span>{escape(label)}</span></div>"
            for value, label in cards
        ),
        sections="\n".join(
            _section(heading, caption, figure)
            for heading, caption, figure in sections
            if figure is not None
        ),
    )


def _sections(summary: SummaryRow) -> Iterator[Section]:
    yield _changes_heading(summary), _changes_caption(summary), figures.changes(summary)
    yield "People reached by day", _by_day_caption(summary), of_campaigns.reached_by_day(summary)
    yield "Evidence of experiments", _evidence_caption(summary), of_campaigns.evidence(summary)
    yield "Rates of variants", _RATES_CAPTION, of_campaigns.rates(summary)
    yield "Touches over time", _over_time_caption(summary), figures.touches_over_time(summary)
    yield "How far people get", _FUNNEL_CAPTION, figures.funnel(summary)
    yield "What is not sent, and why", _unsent_caption(summary), figures.unsent_reasons(summary)
    yield "What touches wait on", _WAITS_CAPTION, figures.wait_reasons(summary)
    yield "Load against limits", _LOAD_CAPTION, figures.load_and_limits(summary)
    yield "Slots in use", _slots_caption(summary), limit_figures.slots_in_use(summary)
    yield "Outcomes of calls", _OUTCOMES_CAPTION, limit_figures.outcomes_by_hour(summary)
    yield "Turns of tenants", _turns_caption(summary), limit_figures.turns_of_tenants(summary)
    yield "Sender accounts", _ACCOUNTS_CAPTION, limit_figures.account_limits(summary)
    yield "Backlog", _BACKLOG_CAPTION, limit_figures.waiting_over_time(summary)
    yield "Waiting time", _WAITING_TIME_CAPTION, limit_figures.waiting_times(summary)
    yield "Local hour of touches", _LOCAL_HOUR_CAPTION, figures.local_hours(summary)


def _section(heading: str, caption: str, figure: go.Figure) -> str:
    name = heading.lower().replace(" ", "-").replace(",", "")
    html = figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        div_id=name,  # without a name plotly makes a random one
        config={"displaylogo": False, "displayModeBar": False, "responsive": True},
    )
    return f"<section><h2>{escape(heading)}</h2><p>{escape(caption)}</p>{html}</section>"


def _lead(summary: SummaryRow) -> str:
    about, runs = summary["simulation"], summary["runs"]
    text = f"Simulated from {_time(about['start'])} to {_time(about['ended_at'])}"
    people = about["people"]
    text += f" on {people:,} people, seed {about.get('seed', 0)}." if people else "."
    if not about["finished"]:
        text += f" The time limit was reached, and {runs['not_ended']:,} runs had not ended."
    elif runs["paused"] > 0:
        text += f" {runs['paused']:,} runs are paused until a person decides."
    return text


def _cards(summary: SummaryRow) -> list[tuple[str, str]]:
    """The main numbers."""
    touches, runs = summary["touches"], summary["runs"]
    unsent = sum(row["touches"] for row in summary["not_sent"])
    hours = runs["hours_to_complete"]
    cards = [
        (f"{runs['started']:,}", "runs started"),
        (f"{touches['commanded']:,}", "attempts sent out"),
        (f"{unsent:,}", "touches not sent"),
        (f"{runs['completed']:,}", "runs completed"),
        (f"{sum(runs['stopped'].values()):,}", "runs stopped early"),
    ]
    if hours is not None:
        cards.append((f"{hours['median'] / 24:.1f} d", "median time to complete"))
    return cards


def _time(text: str) -> str:
    return datetime.fromisoformat(text).strftime("%a %d %b %Y, %H:%M UTC")


def _changes_heading(summary: SummaryRow) -> str:
    same = summary.get("against", {}).get("same_definitions")
    return f"Under the other {'set-up' if same else 'definition'}"


def _changes_caption(summary: SummaryRow) -> str:
    if "against" not in summary:
        return ""
    people = summary["against"]["people"]
    marked = sum(summary["against"]["marked_events"].values())
    text = f"{people['changed']:,} of {people['all']:,} people have different touches."
    if marked:
        text += (
            f" {marked:,} recorded events answer a touch that is not sent there, or is sent later."
        )
    return text


def _over_time_caption(summary: SummaryRow) -> str:
    touches = summary["touches"]
    counts: Counter[str] = Counter()
    for row in touches["by_hour"]:
        counts[row["hour"]] += row["touches"]
    if not counts:
        return "No touch is sent."
    hour, most = max(counts.items(), key=lambda pair: (pair[1], pair[0]))
    first, last = _time(touches["first_at"]), _time(touches["last_at"])
    return f"From {first} to {last}. The busiest hour is {_time(hour)}, with {most:,} touches."


def _unsent_caption(summary: SummaryRow) -> str:
    unsent = sum(row["touches"] for row in summary["not_sent"])
    ended = unsent + sum(row.get("sent", 0) for row in summary["funnel"])
    return f"{unsent:,} of {ended:,} touches that ended were not sent." if unsent else ""


def _by_day_caption(summary: SummaryRow) -> str:
    """How each campaign ends, and when its targets are met."""
    texts = []
    for row in summary.get("campaigns", ()):
        texts.append(f"{headline(row)}.")
        for each in row["targets"]:
            name, hours = each["name"].replace("_", " "), each["hours_to_meet"]
            when = "is not met" if hours is None else f"is met after {in_days(hours)}"
            texts.append(f"The target of {name} {when}.")
    return " ".join(texts)


def _evidence_caption(summary: SummaryRow) -> str:
    rows = [each for row in summary.get("campaigns", ()) for each in row["experiments"]]
    texts = (
        f"{row['experiment_id']}: {decision_text(row)}. {seed_rule_text(row)}." for row in rows
    )
    return " ".join([*texts, _EVIDENCE_CAPTION])


_EVIDENCE_CAPTION = (
    "An experiment is decided where p_always, which may be looked at any time, goes below 0.05."
)
_RATES_CAPTION = (
    "Successes of the metric that decides, as a percentage of the people whom the step has reached."
)


def _slots_caption(summary: SummaryRow) -> str:
    """What the figure shows, and the slots that ended otherwise than by a report."""
    pools = summary.get("calls", {}).get("pools", ())
    expired, overruns = (sum(row[name] for row in pools) for name in ("expired", "overruns"))
    return (
        "Slots in use in each hour: on average as bars, at most as dots, and those that there are "
        f"as a dashed line. {expired:,} slots expired, because nobody had reported the end of the "
        f"call, and {overruns:,} such calls were reported alive afterwards."
    )


def _turns_caption(summary: SummaryRow) -> str:
    rows = summary.get("calls", {}).get("tenants", ())
    shares = (f"{row['tenant_id']} {100 * row['share']:.1f} %" for row in rows)
    return f"Calls of each tenant up to a moment. In all: {', '.join(shares)}."


_OUTCOMES_CAPTION = (
    "By the hour in which the end was reported. Lost calls are those whose slot expired before."
)
_ACCOUNTS_CAPTION = (
    "The most that an account has sent in any window of its limits, as a share of the limit. The "
    "limit at which touches wait is the first one to reach 100 percent; spacing is a limit too."
)
_BACKLOG_CAPTION = (
    "Touches that were requested and whose command was not out, at the end of each hour: they wait "
    "for a slot, a sender account or a window."
)
_WAITING_TIME_CAPTION = (
    "From request to command, for the touches whose command went out: the time that half of them, "
    "nine of ten, and all of them took at most."
)
_FUNNEL_CAPTION = (
    "For each step, how many touches were scheduled and which stages they reached. Answered means "
    "that the event happened for which the step waits, such as an acceptance or a reply."
)
_WAITS_CAPTION = "How often a touch was put off, by reason. Most of these touches were sent later."
_LOAD_CAPTION = (
    "Touches in each hour, and the limit of any hour as a dashed line. The light bars on top are "
    "the touches that the limit put off in that hour."
)
_LOCAL_HOUR_CAPTION = (
    "By the time zone whose quiet hours the touch obeys: the contact's, or the tenant's if the "
    "contact has none. Touches without quiet hours (LinkedIn, or a setting) count by the tenant's."
)

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
{sections}
</main></body></html>
"""
