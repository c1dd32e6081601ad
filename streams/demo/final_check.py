"""The end of the demo: the final report, and the recount that must agree with PostgreSQL."""

from collections.abc import Callable
from typing import Any

import msgspec
from rich.console import Console

from schemas.internal.topics import Topic
from sinks.demo_queries import DemoQueries, ReportRow
from streams.base.settings import Settings
from streams.demo import final_report
from streams.demo.supervise import DemoFailed, DemoMonitor
from streams.demo.traffic import Traffic
from streams.demo.upstream_events import TORN_RECORD
from streams.kafka.reader import TopicReader

REST_TIMEOUT_S = 60.0
DIFFERENCES_MAX = 20


def finish(
    settings: Settings,
    console: Console,
    traffic: Traffic,
    queries: DemoQueries,
    monitor: DemoMonitor,
    wall_seconds: float,
    *,
    as_json: bool,
) -> int:
    """Prints the final report and recounts everything. Returns 0 if the recount agrees and there
    is no unexpected dead letter, otherwise 1."""
    with console.status("recount") as status:

        def progress(text: str) -> None:
            monitor.check_health()
            status.update(f"recount: {text}")

        counts, differences = recount(settings, progress)
        differences += unexpected_dead_letters(settings)
        differences += held_slots(queries)
        differences += outreach_problems(queries.reports())
    totals = _totals(traffic, queries, monitor, wall_seconds)
    analytics, stories = queries.analytics(), final_report.stories(queries)
    prospects, calls = queries.prospects(), _calls(queries)
    if as_json:
        result = {
            "agrees": not differences,
            "differences": differences,
            "recounted": counts,
            **totals,
            "analytics": [row._asdict() for row in analytics],
            "prospects": [row._asdict() for row in prospects],
            "calls": calls,
            "reports": [row._asdict() for row in queries.reports()],
            "accounts": {
                f"{row.tenant_id}/{row.sender_id}": row.commands for row in queries.accounts()
            },
            "stories": stories,
        }
        print(msgspec.json.format(msgspec.json.encode(result), indent=2).decode())
        return 1 if differences else 0
    width = console.width
    for line in (
        *final_report.analytics_lines(analytics, width),
        *final_report.prospect_lines(prospects, width),
        *final_report.call_lines(queries.call_campaigns(), queries.call_outcomes(), width),
        *final_report.outreach_lines(queries.reports(), width),
        *final_report.account_lines(queries.accounts(), width),
        *final_report.reason_lines(queries.reasons(), width),
    ):
        console.print(line, soft_wrap=True)
    final_report.print_stories(console, stories)
    _print_totals(console, totals, counts, differences)
    console.print(final_report.grants_text(queries.calls()), highlight=False)
    return 1 if differences else 0


def recount(
    settings: Settings, progress: Callable[[str], None]
) -> tuple[dict[str, int], list[str]]:
    """Runs `touchstream verify`: folds all logs again and compares. Returns the counts and the
    differences. Raises DemoFailed."""
    from streams.audit.rest import NotAtRest
    from streams.audit.verify import verify

    try:
        report = verify(settings, wait_s=REST_TIMEOUT_S, first=DIFFERENCES_MAX, progress=progress)
    except NotAtRest as error:
        raise DemoFailed(f"the roles have not processed all records: {error}") from error
    return dict(report.counts), [str(difference) for difference in report.differences]


def held_slots(queries: DemoQueries) -> list[str]:
    """Returns the slots of calls that are held although everything has ended: there must be none
    (F-18)."""
    return [
        f"{row.tenant_id} holds {row.held} slots of calls at rest"
        for row in queries.calls()
        if row.held
    ]


def outreach_problems(reports: list[ReportRow]) -> list[str]:
    """Returns what is missing of the outreach campaign: it must have completed by its target, and
    have reported that finally."""
    finals = [row for row in reports if row.reason == "final"]
    if len(finals) != 1:
        return [f"{len(finals)} final reports of outreach instead of one"]
    reason = finals[0].values["end_reason"]
    where = f"{finals[0].tenant_id}/{finals[0].campaign_id}"
    return [] if reason == "targets" else [f"{where} completed by {reason} and not by its target"]


def unexpected_dead_letters(settings: Settings) -> list[str]:
    """Returns the dead letters besides that of the torn record, which must be there once."""
    reader = TopicReader(settings, Topic.DEAD_LETTERS)
    found, torn = [], 0
    try:
        for _, lines in reader.read():
            for line in lines:
                if line.value == TORN_RECORD:
                    torn += 1
                    continue
                headers = {name: value or b"" for name, value in line.record.headers() or ()}
                found.append(f"dead letter: {headers.get('reason', b'').decode()}")
    finally:
        reader.close()
    return (
        found
        if torn == 1
        else [*found, f"the torn record is a dead letter {torn} times instead of once"]
    )


def _calls(queries: DemoQueries) -> dict[str, Any]:
    totals = queries.calls()
    return {
        "slots_held": sum(row.held for row in totals),
        "granted": {row.tenant_id: row.granted for row in totals},
        "outcomes": dict(queries.call_outcomes()),
        "campaigns": [row._asdict() for row in queries.call_campaigns()],
    }


def _totals(
    traffic: Traffic, queries: DemoQueries, monitor: DemoMonitor, took: float
) -> dict[str, Any]:
    facts = queries.totals()
    number = sum(facts.values())
    return {
        "wall_seconds": round(took, 1),
        "events": traffic.published,
        "facts": number,
        "commands": facts.get("touch.commanded", 0),
        "sends": facts.get("touch.sent", 0),
        "senders": dict(traffic.senders.counts),
        "facts_by_kind": facts,
        "per_second": round((traffic.published + number) / took),
        "restarts": monitor.restarts,
    }


def _print_totals(
    console: Console, totals: dict[str, Any], counts: dict[str, int], differences: list[str]
) -> None:
    console.print(
        f"\n[bold]{totals['events']:,}[/bold] events in, "
        f"[bold]{totals['facts']:,}[/bold] facts, [bold]{totals['commands']:,}[/bold] commands, "
        f"[bold]{totals['sends']:,}[/bold] sends in {totals['wall_seconds']} s: "
        f"{totals['per_second']:,} events and facts a second",
        highlight=False,
    )
    senders = ", ".join(f"{name} {count:,}" for name, count in totals["senders"].items())
    console.print(f"the senders: {senders}; roles restarted: {totals['restarts']}", highlight=False)
    if differences:
        console.print("\n[red bold]the recount does not agree:[/red bold]")
        for difference in differences:
            console.print(f"  {difference}", highlight=False, markup=False, soft_wrap=True)
        return
    records = sum(count for name, count in counts.items() if name in set(Topic))
    console.print(
        f"[green bold]the recount agrees[/green bold] (touchstream verify): {records:,} records "
        f"folded again, {counts.get('states', 0):,} states, "
        f"{counts.get('command ids', 0):,} command ids, and PostgreSQL row by row",
        highlight=False,
    )
