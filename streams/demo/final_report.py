"""The final report of the demo from PostgreSQL: analytics by campaign and touch, prospects,
reasons, and three enrollments in detail."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from schemas.base.provider_codes import WINDOW_CLOSED
from schemas.base.times import from_datetime
from sinks.demo_queries import (
    AccountRow,
    CallCampaignRow,
    CallTotals,
    Deferral,
    DemoQueries,
    EnrollmentRow,
    ProspectGroup,
    ReportRow,
    StepRow,
    TouchAnalytics,
    UnsentTouches,
)
from streams.demo.screen import format_minute, table_lines

STORIES = 3
GATE_REASON_PREFIXES = ("opted_out", "no_", "address_", "expired")
"""The beginnings of reasons that a gate of the touch gave. Other reasons concern the whole
enrollment."""


def analytics_lines(rows: Iterable[TouchAnalytics], width: int) -> Iterator[Text]:
    """Yields the counts and rates by campaign and touch (S1-33, F-12)."""
    yield _title("By campaign and touch, from reviews.campaign_touch_analytics")
    heads = ["business", "campaign", "touch", "channel", "sends#", "opens#", "clicks#"]
    heads += ["conversions#", "open %#", "click %#", "conversion %#"]
    cells = (
        (*row[:4], *row[4:8], *(None if rate is None else f"{100 * rate:.1f}" for rate in row[8:]))
        for row in rows
    )
    yield from table_lines(heads, cells, width)


def prospect_lines(rows: Iterable[ProspectGroup], width: int) -> Iterator[Text]:
    """Yields the prospects of each prospecting campaign by status and step (S2-3)."""
    yield _title("Prospects, from prospecting.campaign_prospect_execution_state")
    heads = ["business", "campaign", "status", "at step#", "prospects#", "connected#"]
    heads += ["steps done#", "steps skipped#"]
    cells = (
        (
            row.tenant_id,
            row.campaign_id,
            f"{row.status} ({row.stop_reason})" if row.stop_reason else row.status,
            *row[4:],
        )
        for row in rows
    )
    yield from table_lines(heads, cells, width)


def call_lines(
    campaigns: Iterable[CallCampaignRow], outcomes: Iterable[tuple[str, int]], width: int
) -> Iterator[Text]:
    """Yields the call campaigns with their people, and the outcomes of all calls (S3-32)."""
    yield _title("Call campaigns, from calls.call_campaigns")
    heads = ["business", "campaign", "status", "people#", "completed#", "successful#"]
    heads += ["with a success#", "failed#"]
    yield from table_lines(heads, campaigns, width)
    texts = "   ".join(f"{outcome} {number:,}" for outcome, number in outcomes)
    yield from table_lines(("calls", "outcomes"), [("all", texts)], width)


def outreach_lines(rows: Iterable[ReportRow], width: int) -> Iterator[Text]:
    """Yields the final report of each outreach campaign, and its experiments."""
    finals = [row for row in rows if row.reason == "final"]
    yield _title("Outreach, from the facts campaign.report")
    heads = ["business", "campaign", "completed by", "people#", "reached#", "wanted#"]
    heads += ["responses#", "conversions#", "opt-outs#"]
    yield from table_lines(heads, map(_outreach_cells, finals), width)
    heads = ["experiment", "template", "people#", "reached#", "responses#", "rate#", "decision"]
    cells = (
        line for row in finals for each in row.values["experiments"] for line in _variants(each)
    )
    yield from table_lines(heads, cells, width)


def _outreach_cells(row: ReportRow) -> Sequence[object]:
    values, counts = row.values, row.values["counts"]
    names = ("responses", "conversions", "opt_outs")
    return (
        row.tenant_id,
        row.campaign_id,
        values["end_reason"],
        counts.get("runs", 0),
        counts.get("reached", 0),
        values["targets"]["contacts"],
        *(counts.get(name, 0) for name in names),
    )


def _variants(values: dict[str, Any]) -> Iterator[Sequence[object]]:
    """Yields both variants of an experiment, the first one with the decision."""
    decision = f"{values['winner']} wins" if values["winner"] else "no winner"
    for variant in "ab":
        of = values[variant]
        rate = of["response_rate"]
        yield (
            f"{values['experiment_id']} {variant.upper()}",
            values[f"template_{variant}"],
            of["runs"],
            of["reached"],
            of["responses"],
            None if rate is None else f"{100 * rate:.1f} %",
            decision if variant == "a" else None,
        )


def account_lines(rows: Iterable[AccountRow], width: int) -> Iterator[Text]:
    """Yields the sender accounts with what they have sent (C-38)."""
    yield _title("Sender accounts, from touchstream.send_log")
    heads = ["business", "account", "channel", "commands#", "first", "last"]
    cells = ((*row[:4], *(at and f"{at:%a %d %b %H:%M}" for at in row[4:])) for row in rows)
    yield from table_lines(heads, cells, width)


def grants_text(rows: Iterable[CallTotals]) -> str:
    """Returns how many slots of calls each business has got, and how many it holds."""
    shares = (f"{row.tenant_id} {row.granted:,} ({row.held} held now)" for row in rows)
    return f"slots of calls granted: {', '.join(shares) or 'none'}"


def reason_lines(rows: Iterable[tuple[str, str, int]], width: int) -> Iterator[Text]:
    """Yields, for each decision not to do something or not yet, its reasons and their numbers."""
    yield _title("Decisions and their reasons, from touchstream.decisions")
    reasons: dict[str, list[str]] = {}
    for fact, reason, number in rows:
        reasons.setdefault(fact, []).append(f"{reason} {number:,}")
    cells = ((fact, "   ".join(texts)) for fact, texts in reasons.items())
    yield from table_lines(("decision", "reasons"), cells, width)


def _title(text: str) -> Text:
    return Text(text, style="italic")


def stories(queries: DemoQueries) -> list[dict[str, Any]]:
    """Returns three enrollments with the most different reasons, touch by touch."""
    return [
        _story(queries, row.tenant_id, row.enrollment_id)
        for row in choose_stories(queries.unsent())
    ]


def choose_stories(rows: list[UnsentTouches], most: int = STORIES) -> list[UnsentTouches]:
    """Chooses one enrollment after the other: the one with the most reasons that those before it do
    not have, where reasons of gates count more; of equal ones the first."""
    seen: set[str] = set()
    chosen: list[UnsentTouches] = []
    while rows and len(chosen) < most:
        best = max(rows, key=lambda row: _story_score(row, seen))
        seen |= {*best.reasons, *best.put_off}
        chosen.append(best)
        rows = [row for row in rows if row is not best]
    return chosen


def _story_score(row: UnsentTouches, seen: set[str]) -> int:
    gates = [
        reason for reason in set(row.reasons) - seen if reason.startswith(GATE_REASON_PREFIXES)
    ]
    return 3 * len(gates) + len({*row.reasons, *row.put_off} - seen)


def _story(queries: DemoQueries, tenant_id: str, enrollment_id: str) -> dict[str, Any]:
    enrollment = queries.enrollment(tenant_id, enrollment_id)
    waits = queries.waits(tenant_id, enrollment.contact_id, enrollment_id)
    ended = f"{enrollment.status}: {enrollment.reason}" if enrollment.reason else enrollment.status
    return {
        "tenant_id": tenant_id,
        "contact_id": enrollment.contact_id,
        "campaign_id": enrollment.campaign_id,
        "enrollment_id": enrollment_id,
        "ended": ended,
        "touches": [
            {
                "number": touch.number,
                "channel": touch.channel,
                "outcome": _outcome(enrollment, touch),
                "on_the_way": [
                    _deferral_text(wait) for wait in waits if wait.touch_number == touch.number
                ],
            }
            for touch in queries.touches(tenant_id, enrollment_id)
        ],
    }


def _outcome(enrollment: EnrollmentRow, touch: StepRow) -> str:
    if touch.sent_at is not None:
        after = f" (attempt {touch.attempt})" if (touch.attempt or 1) > 1 else ""
        return f"sent {format_minute(from_datetime(touch.sent_at))}{after}"
    if touch.scheduled_at is None:
        return f"not sent: enrollment {enrollment.status} ({enrollment.reason})"
    return f"not sent: {touch.phase} ({touch.reason})"


def _deferral_text(wait: Deferral) -> str:
    put_off = wait.fact == "touch.deferred" or wait.reason == WINDOW_CLOSED
    event = "put off" if put_off else "failed, again"
    until = "" if wait.until is None else f" until {format_minute(from_datetime(wait.until))}"
    return f"{format_minute(from_datetime(wait.at))} {event}: {wait.reason}{until}"


def print_stories(console: Console, stories: list[dict[str, Any]]) -> None:
    console.print("\n[bold]Three enrollments, and why each touch was not sent[/bold]")
    for story in stories:
        head = f"{story['tenant_id']}/{story['contact_id']} in {story['campaign_id']}"
        console.print(f"\n  {head}   {story['ended']}", highlight=False)
        for touch in story["touches"]:
            line = f"    touch {touch['number']} {touch['channel']:<5} {touch['outcome']}"
            console.print(line, highlight=False)
            for way in touch["on_the_way"]:
                console.print(f"        {way}", style="dim", highlight=False)
