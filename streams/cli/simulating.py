"""`touchstream simulate`: a campaign before it runs, on people who may be made up."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import progress as bars
from rich.console import Console
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from processors.intake import understood
from schemas.codec import Event
from schemas.definition import Definition, parse, read
from schemas.messages import UpsertTenant
from schemas.people import LINE_BYTES, Bad, HeaderInvalid, read_people
from schemas.shapes import ContactUpserted
from schemas.times import DAY, HOUR, format_rfc3339, parse_rfc3339
from schemas.zones import is_zone
from streams.cli.campaign import MaybeTenant, moment_of, tenant_event, told
from streams.cli.common import (
    WIDTH_OF_FILES,
    Json,
    Sparing,
    bounded_lines,
    err,
    print_json,
    say,
)
from streams.cli.errors import NO, USAGE, Halt
from streams.cli.publish import opened, read_events
from streams.simulation.behaviour import Behaviour, BehaviourInvalid
from streams.simulation.population import Population
from streams.simulation.report import Report, ReportExists, report
from streams.simulation.running import Listener, Progress
from streams.simulation.scenario import SOURCE, Campaign, Recorded, Scenario
from streams.simulation.screen import show
from streams.simulation.senders import Senders
from streams.simulation.summary import Summary
from streams.worker import calm_collector

START = "2026-01-05T00:00:00Z"
"""A Monday. Not the present: the same command has the same result tomorrow."""

LONGEST = 366 * DAY
_TELL_EVERY_S = 0.2

In = typer.Option
_YAML = {"exists": True, "dir_okay": False}


class Bads:
    """Lines that were left out."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []
        self._tell = Sparing()

    def spoil(self, file: str, line: int, code: str, detail: str) -> None:
        self.found.append({"file": file, "line": line, "code": code, "detail": detail})
        self._tell(f"{file} line {line}: {code}: {detail}")


def simulate(
    definitions: Annotated[
        list[Path] | None, typer.Argument(metavar="[DEFINITION.yaml]...", **_YAML)
    ] = None,
    population: Annotated[
        Path | None, In(metavar="FILE.csv", help="The people, as for contacts import.", **_YAML)
    ] = None,
    people: Annotated[
        int | None, In(min=1, max=99_999_999, help="So many made-up people instead.")
    ] = None,
    zones: Annotated[str, In(help="Their zones, drawn: A,B; the tenant's if none.")] = "",
    over: Annotated[
        float | None,
        In(min=0, help="Hours in which they come; 24 for jobs, and at once for the others."),
    ] = None,
    events: Annotated[
        str | None, In(metavar="FILE.jsonl", help="Recorded public events, as for publish.")
    ] = None,
    behaviour: Annotated[
        Path | None, In(metavar="FILE.yaml", help="What senders answer and people do.", **_YAML)
    ] = None,
    seed: Annotated[int, In(help="Another one draws another fate for everybody.")] = 0,
    tenant: MaybeTenant = None,
    timezone: Annotated[str, In(help="The tenant's.")] = "UTC",
    per_hour: Annotated[
        list[str] | None, In(help="CHANNEL=N, or CHANNEL=none; 100 if not given.")
    ] = None,
    quiet: Annotated[str | None, In(help="HH:MM-HH:MM; 21:00-08:00 if not given.")] = None,
    per_day: Annotated[int | None, In(help="Touches of one person in any 24 hours.")] = None,
    per_week: Annotated[int | None, In(help="Touches of one person in any 7 days.")] = None,
    start: Annotated[
        str | None, In(help=f"A time; that of the first recorded event, or {START}.")
    ] = None,
    until: Annotated[
        str | None, In(help="A time, or hours as 336h; when nothing is left, or a year.")
    ] = None,
    out: Annotated[Path | None, In(metavar="DIR", help="A new directory for the report.")] = None,
    json: Json = False,
) -> None:
    """Try campaigns out before they run: the real decisions under virtual time, without Kafka.

    People come from a file or are made up; what they do, and what senders answer, comes from
    recorded events or is drawn by a behaviour model. The same seed gives the same bytes. --out has
    commands, facts and the drawn events, a line each, and the summary.

    Example: touchstream simulate examples/outreach.yaml --people 1000 --per-hour linkedin=none
    """
    bads = Bads()
    campaigns = [_campaign(file, tenant) for file in definitions or ()]
    recorded = None if events is None else Recorded(_recorded(events, bads), campaigns)
    if not campaigns and not recorded:
        raise Halt("nothing to simulate: give a DEFINITION.yaml, or --events", USAGE)
    owners = {campaign.definition.tenant_id: timezone for campaign in campaigns}
    options = {"per_hour": per_hour, "quiet": quiet, "per_day": per_day, "per_week": per_week}
    model = _behaviour(behaviour, events is None)
    begins = _start(start, recorded)
    scenario = Scenario(
        campaigns,
        _tenants(owners, recorded, options),
        _population(population, people, zones, seed, bads),
        recorded,
        None if model is None else Senders(model, seed),
        begins,
        _until(until, begins),
        None if over is None else int(over * HOUR),
    )
    found, summary = _run(scenario, seed, out)
    if json:
        print_json({**found, "bad": bads.found})
    else:
        wide = None if sys.stdout.isatty() else WIDTH_OF_FILES
        show(found, Console(width=wide, highlight=False))
        if out is not None:
            print(f"\nwritten: {out}")
    for fact in summary.refused:
        say(f"{fact.campaign_id}: not published: {fact.reason}")
    if summary.refused or bads.found:
        raise Halt(f"{len(bads.found)} lines were bad, {len(summary.refused)} orders refused", NO)


def _run(scenario: Scenario, seed: int, out: Path | None) -> tuple[dict[str, Any], Summary]:
    """The summary, and a report where one is asked for."""
    summary = Summary(scenario.owners())
    calm_collector()
    with _writing(out) as written:
        listeners: list[Listener] = [summary, *([written] if written is not None else [])]
        with _progress() as progress:
            ended = scenario.run(listeners, progress)
        found = summary.told(ended, {**scenario.about(), "seed": seed})
        if written is not None:
            written.summary(found)
            if not written.page(found):
                say("no report.html: pip install 'touchstream[report]'")
    return found, summary


def _campaign(file: Path, tenant: str | None) -> Campaign:
    text = file.read_bytes()
    found = read(text, tenant_id=tenant)
    if not isinstance(found, Definition):
        raise Halt(told(str(file), found))
    return Campaign(found, {**parse(text), "tenant_id": found.tenant_id})


def _recorded(file: str, bads: Bads) -> Iterator[Event]:
    with opened(file) as lines:
        for _, event in read_events(lines, partial(bads.spoil, file)):
            yield event


def _tenants(
    owners: dict[str, str], recorded: Recorded | None, options: dict[str, Any]
) -> dict[str, UpsertTenant]:
    """As the record first tells of them, or as the options do."""
    found = dict(recorded.tenants) if recorded is not None else {}
    for owner, timezone in owners.items():
        if owner not in found:
            event = tenant_event(owner, timezone, **options)
            order = understood(Event("tenant.upserted", owner, SOURCE, None, event), 0)
            assert isinstance(order, UpsertTenant)
            found[owner] = order
    return {owner: found[owner] for owner in owners}


def _behaviour(file: Path | None, alone: bool) -> Behaviour | None:
    """Where nothing is recorded and no model is given, everything is sent and nobody stirs."""
    try:
        if file is not None:
            return Behaviour.read(file.read_bytes())
    except BehaviourInvalid as error:
        lines = "\n".join(f"  {problem}" for problem in error.problems)
        raise Halt(f"{file}: no behaviour model:\n{lines}", NO) from None
    return Behaviour.of(None) if alone else None


def _population(
    file: Path | None, people: int | None, zones: str, seed: int, bads: Bads
) -> Population | None:
    if file is not None and people is not None:
        raise Halt("--population or --people, not both", USAGE)
    if people is not None:
        return Population.made(people, _zones(zones), seed)
    if file is None:
        return None
    try:
        return Population.told(_people(file, bads))
    except HeaderInvalid as error:
        raise Halt(f"{file}: {error}", USAGE) from None


def _zones(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if not is_zone(name)]
    if wrong:
        raise Halt(f"not an IANA time zone: {', '.join(wrong)}", USAGE)
    return names


def _people(file: Path, bads: Bads) -> Iterator[ContactUpserted]:
    with file.open("rb") as stream:
        for found in read_people(bounded_lines(stream, LINE_BYTES + 1), "anybody"):
            if isinstance(found, Bad):
                bads.spoil(str(file), found.line, found.code, found.detail)
            else:
                yield found.event


def _start(text: str | None, recorded: Recorded | None) -> int:
    if text is not None:
        return moment_of(text)
    if recorded is not None and recorded.begins is not None:
        return recorded.begins
    return parse_rfc3339(START)


def _until(text: str | None, start: int) -> int:
    if text is None:
        return start + LONGEST
    hours = text.removesuffix("h")
    if hours.isdecimal():
        return start + min(int(hours) * HOUR, LONGEST)
    until = moment_of(text)
    if not start <= until <= start + LONGEST:
        raise Halt("--until: within a year of the start", USAGE)
    return until


@contextmanager
def _writing(out: Path | None) -> Iterator[Report | None]:
    """The report; what keeps it from being written ends the command, and leaves none."""
    if out is None:
        yield None
        return
    try:
        with report(out) as written:
            yield written
    except ReportExists as error:
        raise Halt(str(error), USAGE) from None
    except OSError as error:
        why = error.strerror or str(error)
        raise Halt(f"{out}: {why}; there is no report, not even a half one", NO) from None


@contextmanager
def _progress() -> Iterator[Progress]:
    """Virtual time and records, on a terminal only."""
    if not err.is_terminal:
        yield lambda now, records: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    shown = 0.0
    with bars.Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("simulating")

        def tell(now: int, records: int) -> None:
            nonlocal shown
            if time.monotonic() > shown + _TELL_EVERY_S:
                shown = time.monotonic()
                at = format_rfc3339(now - now % (60 * 1_000_000))
                bar.update(task, description=f"{at}, {records:,} records")

        yield tell
