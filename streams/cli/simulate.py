"""`touchstream simulate`: a campaign before it runs, on people who may be made up."""

import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich import progress as bars
from rich.console import Console
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from schemas.base.times import MINUTE, format_rfc3339
from schemas.internal.facts import Fact
from streams.audit.recorded_events import Notify
from streams.cli import simulate_inputs
from streams.cli.campaign import MaybeTenant
from streams.cli.errors import NO, USAGE, CommandError
from streams.cli.output import WIDTH_OF_FILES, Json, print_json, print_stderr, stderr_console
from streams.runtime.worker import calm_collector
from streams.simulation import enrollment_lines
from streams.simulation.compare_definitions import (
    Comparison,
    TouchRecorder,
    with_substitute_senders,
)
from streams.simulation.population import Population
from streams.simulation.report import ENROLLMENTS, ReportExists, ReportWriter, report
from streams.simulation.run import Listener, SimulationProgress
from streams.simulation.scenario import Scenario
from streams.simulation.summary import Summary
from streams.simulation.summary_text import show

_TELL_EVERY_S = 0.2
_YAML: dict[str, Any] = {"exists": True, "dir_okay": False}
_In = typer.Option

Definitions = Annotated[list[Path] | None, typer.Argument(metavar="[DEFINITION.yaml]...", **_YAML)]
PeopleFile = Annotated[
    Path | None, _In(metavar="FILE.csv", help="The people, as for contacts import.", **_YAML)
]
People = Annotated[int | None, _In(min=1, max=99_999_999, help="So many made-up people instead.")]
Zones = Annotated[str, _In(help="Their zones, drawn: A,B; the tenant's if none.")]
Over = Annotated[
    float | None,
    _In(
        min=0,
        max=24 * 366,
        help="Hours in which they come; 24 for jobs, and at once for the others.",
    ),
]
Events = Annotated[
    str | None, _In(metavar="FILE.jsonl", help="Recorded public events, as for publish.")
]
FromTopics = Annotated[
    bool, _In("--from-topics", help="The events that your own Kafka has, instead of a file's.")
]
Since = Annotated[str | None, _In(help="From this time of the topics' own on; their beginning.")]
Before = Annotated[str | None, _In(help="Until before this time of theirs; now.")]
Model = Annotated[
    Path | None, _In(metavar="FILE.yaml", help="What senders answer and people do.", **_YAML)
]
Seed = Annotated[int, _In(help="Another one draws another fate for everybody.")]
Timezone = Annotated[str | None, _In(help="The tenant's; as recorded, or UTC.")]
PerHour = Annotated[list[str] | None, _In(help="CHANNEL=N, or CHANNEL=none; 100 if not given.")]
Quiet = Annotated[str | None, _In(help="HH:MM-HH:MM; 21:00-08:00 if not given.")]
PerDay = Annotated[int | None, _In(help="Touches of one person in any 24 hours.")]
PerWeek = Annotated[int | None, _In(help="Touches of one person in any 7 days.")]
Start = Annotated[
    str | None, _In(help="A time; that of the first recorded event, or the first Monday of 2026.")
]
Until = Annotated[
    str | None, _In(help="A time, or hours as 336h; when nothing is left, or a year.")
]
Out = Annotated[Path | None, _In(metavar="DIR", help="A new directory for the report.")]
Against = Annotated[
    Path | None,
    _In(metavar="OTHER.yaml", help="The same under this definition: what differs?", **_YAML),
]
OtherPerHour = Annotated[
    list[str] | None, _In("--against-per-hour", help="The same under these limits.")
]


def simulate(
    definitions: Definitions = None,
    population: PeopleFile = None,
    people: People = None,
    zones: Zones = "",
    over: Over = None,
    events: Events = None,
    from_topics: FromTopics = False,
    since: Since = None,
    before: Before = None,
    behaviour: Model = None,
    seed: Seed = 0,
    tenant: MaybeTenant = None,
    timezone: Timezone = None,
    per_hour: PerHour = None,
    quiet: Quiet = None,
    per_day: PerDay = None,
    per_week: PerWeek = None,
    start: Start = None,
    until: Until = None,
    against: Against = None,
    against_per_hour: OtherPerHour = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Try campaigns out before they run: the real decisions under virtual time, without Kafka.

    People come from a file or are made up; what they do, and what senders answer, comes from
    recorded events or is drawn by a behaviour model. --from-topics takes the events that the
    engine was told, each at the moment in which it took it. The same seed gives the same bytes.
    --out has commands, facts and the drawn events, a line each, and the summary. --against
    simulates another definition of a campaign, too, and says which touches it adds, removes and
    moves.

    Example: touchstream simulate examples/outreach.yaml --people 1000 --per-hour linkedin=none
    """
    options = {
        "timezone": timezone,
        "per_hour": per_hour,
        "quiet": quiet,
        "per_day": per_day,
        "per_week": per_week,
    }
    span = _span(events, from_topics, since, before)
    files = simulate_inputs.SimulationFiles(definitions or [], population, events, span, behaviour)
    crowd, bads = (
        simulate_inputs.MadeUpPeople(people, zones, over),
        simulate_inputs.RejectedInputs(),
    )
    with _progress() as tell:
        scenario = simulate_inputs.scenario_of(
            files, crowd, options, tenant, seed, (start, until), bads, tell
        )
        other = None
        if against is not None or against_per_hour:
            other = simulate_inputs.other_side(scenario, against, tenant, against_per_hour)
        found, refused = _run(scenario, other, _Asked(seed, bads, tell), out)
    if json:
        print_json({**found, "bad": bads.found})
    else:
        _show(found, out)
    if refused or bads.found:
        raise CommandError(
            f"{len(bads.found)} lines or records were bad, {refused} orders refused", NO
        )


def _span(
    events: str | None, from_topics: bool, since: str | None, before: str | None
) -> simulate_inputs.TimeSpan | None:
    if from_topics and events is not None:
        raise CommandError("--events or --from-topics, not both", USAGE)
    if from_topics:
        return simulate_inputs.TimeSpan(since, before)
    if since is not None or before is not None:
        raise CommandError("--since and --before are times of --from-topics", USAGE)
    return None


def _show(found: dict[str, Any], out: Path | None) -> None:
    wide = None if sys.stdout.isatty() else WIDTH_OF_FILES
    show(found, Console(width=wide, highlight=False))
    if out is not None:
        print(f"\nwritten: {out}")


class _Asked(NamedTuple):
    """What both sides share: the seed, and who hears of what is bad and how far it is."""

    seed: int
    bads: simulate_inputs.RejectedInputs
    tell: Notify

    def run(
        self,
        scenario: Scenario,
        listeners: list[Listener],
        summary: Summary,
        written: ReportWriter | None = None,
    ) -> dict[str, Any]:
        """From beginning to end; what it has in memory goes with it."""
        progress = _told(scenario.population, self.tell)
        ended = scenario.run(listeners, progress, park=self.bads.letter)
        if written is not None:
            written.lines(ENROLLMENTS, map(enrollment_lines.told, ended.enrollments))
        about = {**scenario.about(), "seed": self.seed, "bad_lines": len(self.bads.found)}
        return summary.told(ended, about)


def _run(
    scenario: Scenario, other: Scenario | None, asked: _Asked, out: Path | None
) -> tuple[dict[str, Any], int]:
    """The summary, and how many orders were refused; and a report where one is asked for."""
    summary, touches = Summary(scenario.owners()), TouchRecorder()
    calm_collector()
    with _writing(out) as written:
        listeners: list[Listener] = [summary]
        if written is not None:
            listeners.append(written)
        if other is not None:
            listeners.append(touches)
        found = asked.run(scenario, listeners, summary, written)
        refused = summary.refused
        if other is not None:
            found["against"], more = _against(other, touches, asked, written)
            refused = [*refused, *more]
        if written is not None:
            written.summary(found)
            if not written.page(found):
                print_stderr("no report.html: pip install 'touchstream[report]'")
    for fact in refused:
        print_stderr(f"{fact.campaign_id}: not published: {fact.reason}")
    return found, len(refused)


def _against(
    other: Scenario, was: TouchRecorder, asked: _Asked, written: ReportWriter | None
) -> tuple[dict[str, Any], list[Fact]]:
    """What is different on the other side."""
    gc.collect()  # the engine of this side goes before another one comes
    summary, now = Summary(other.owners()), TouchRecorder()
    whole = asked.run(with_substitute_senders(other, was), [summary, now], summary)
    comparison = Comparison(was, now, () if other.recorded is None else other.recorded.heard)
    if written is not None:
        written.lines("differences.jsonl", comparison.people())
        written.lines("marked.jsonl", comparison.marked)
    return {**comparison.told(), "summary": whole}, summary.refused


@contextmanager
def _writing(out: Path | None) -> Iterator[ReportWriter | None]:
    """The report; what keeps it from being written ends the command, and leaves none."""
    if out is None:
        yield None
        return
    try:
        with report(out) as written:
            yield written
    except ReportExists as error:
        raise CommandError(str(error), USAGE) from None
    except OSError as error:
        why = error.strerror or str(error)
        raise CommandError(f"{out}: {why}; there is no report, not even a half one", NO) from None


@contextmanager
def _progress() -> Iterator[Notify]:
    """How far it is, on a terminal only: what was read, then virtual time, people and records."""
    if not stderr_console.is_terminal:
        yield lambda what: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with bars.Progress(*columns, console=stderr_console, transient=True) as bar:
        task = bar.add_task("simulating")
        yield lambda what: bar.update(task, description=what)


def _told(population: Population | None, tell: Notify) -> SimulationProgress:
    shown = 0.0

    def progress(now: int, records: int) -> None:
        nonlocal shown
        if time.monotonic() > shown + _TELL_EVERY_S:
            shown = time.monotonic()
            at = format_rfc3339(now - now % MINUTE)
            tell(f"{at}{_people(population)}, {records:,} records")

    return progress


def _people(population: Population | None) -> str:
    return "" if population is None else f", {population.entered:,} of {population.size:,} people"
