"""`touchstream simulate`: campaigns under virtual time, on recorded or made-up people."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from schemas.internal.facts import Fact
from streams.audit.recorded_events import Notify
from streams.cli import simulate_options as option
from streams.cli.errors import EXIT_USAGE, CommandError
from streams.cli.options import Json, MaybeTenant
from streams.cli.output import print_json, print_stderr, terminal_width
from streams.cli.rejected_inputs import RejectedInputs
from streams.cli.request_reply import fields, reason_text
from streams.cli.simulate_inputs import (
    MadeUpPeople,
    OtherSide,
    SimulationFiles,
    TenantOptions,
    TimeSpan,
    build_scenario,
    other_scenario,
)
from streams.cli.simulate_output import (
    FILE_WIDTH,
    check_inputs,
    report_errors,
    shown_progress,
    simulation_progress,
)
from streams.cli.simulate_seeds import check_seeds, show_spread
from streams.runtime.worker import raise_gc_threshold
from streams.simulation import enrollment_lines
from streams.simulation.compare_definitions import (
    Comparison,
    TouchRecorder,
    with_substitute_senders,
)
from streams.simulation.report import ENROLLMENTS, ReportWriter, open_report
from streams.simulation.run import Listener
from streams.simulation.scenario import Scenario
from streams.simulation.summary import Summary
from streams.simulation.summary_text import print_summary


def simulate(
    definitions: option.Definitions = None,
    population: option.Population = None,
    people: option.People = None,
    zones: option.Zones = "",
    over: option.Over = None,
    events: option.Events = None,
    from_topics: option.FromTopics = False,
    since: option.Since = None,
    before: option.Before = None,
    behaviour: option.Behaviour = None,
    setup: option.Setup = None,
    seed: option.Seed = 0,
    seeds: option.Seeds = None,
    tenant: MaybeTenant = None,
    timezone: option.Timezone = None,
    per_hour: option.PerHour = None,
    quiet: option.Quiet = None,
    per_day: option.PerDay = None,
    per_week: option.PerWeek = None,
    start: option.Start = None,
    until: option.Until = None,
    against: option.Against = None,
    against_per_hour: option.AgainstPerHour = None,
    against_setup: option.AgainstSetup = None,
    out: option.Out = None,
    json: Json = False,
) -> None:
    """Simulate campaigns before they run: the engine's decisions under virtual time, without Kafka.

    People come from a file or are made up. What they do and what senders answer comes from recorded
    events, or is drawn by a behaviour model. --from-topics reads the events that your own engine
    has received, each at the time at which the engine processed it. The same seed gives the same
    bytes. --out writes commands, facts and drawn events, one a line, and the summary. --against
    also simulates another definition of a campaign, and shows which touches it adds, removes and
    moves. --setup has tenants, call pools and sender accounts with their limits. --seeds shows how
    completion and the decisions of experiments spread over many seeds.

    Example: touchstream simulate examples/outreach.yaml --people 1000 --per-hour linkedin=none
    """
    tenant_options = TenantOptions(timezone, per_hour, quiet, per_day, per_week)
    topics = _topics_span(events, from_topics, since, before)
    files = SimulationFiles(definitions or [], population, events, topics, behaviour, setup)
    made_up, rejected = MadeUpPeople(people, zones, over), RejectedInputs()
    with shown_progress() as show_progress:
        span = TimeSpan(start, until)
        scenario = build_scenario(
            files, made_up, tenant_options, tenant, seed, span, rejected, show_progress
        )
        side = OtherSide(against, against_per_hour, against_setup)
        if seeds is not None:
            check_seeds(scenario, any(side))
            drawn = range(seed, seed + seeds)
            show_spread(scenario, drawn, rejected, show_progress, out, as_json=json)
            return
        other = other_scenario(scenario, side, tenant, tenant_options) if any(side) else None
        _note_silent_senders(scenario)
        runner = _Runner(seed, rejected, show_progress)
        result, refused = _run(scenario, other, runner, out)
    _print(result, refused, rejected, out, as_json=json)


def _print(
    result: dict[str, Any],
    refused: list[Fact],
    rejected: RejectedInputs,
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Prints the summary. Raises CommandError if an input was bad."""
    if as_json:
        more = {"bad": rejected.rows, "left_out": rejected.cells}
        print_json({**result, **more, "not_published": [fields(fact) for fact in refused]})
    else:
        _print_result(result, out)
    check_inputs(rejected, len(refused), len(result.get("not_activated", ())))


def _topics_span(
    events: str | None, from_topics: bool, since: str | None, before: str | None
) -> TimeSpan | None:
    """The span to read from topics; None if they are not read. Raises CommandError."""
    if from_topics and events is not None:
        raise CommandError("give --events or --from-topics, not both", EXIT_USAGE)
    if from_topics:
        return TimeSpan(since, before)
    if since is not None or before is not None:
        raise CommandError("--since and --before go with --from-topics", EXIT_USAGE)
    return None


def _print_result(result: dict[str, Any], out: Path | None) -> None:
    print_summary(result, Console(width=terminal_width() or FILE_WIDTH, highlight=False))
    if out is not None:
        print(f"\nwritten: {out}")


class _Runner(NamedTuple):
    """Runs scenarios that share a seed, rejected inputs and progress."""

    seed: int
    rejected: RejectedInputs
    show_progress: Notify

    def run(
        self,
        scenario: Scenario,
        listeners: list[Listener],
        summary: Summary,
        report: ReportWriter | None = None,
    ) -> dict[str, Any]:
        """Runs the scenario, writes its enrollments to the report, and returns the summary. The
        simulation's memory is free when this returns."""
        progress = simulation_progress(scenario.population, self.show_progress)
        ended = scenario.run(listeners, progress, on_dead_letter=self.rejected.add_dead_letter)
        if report is not None:
            report.write_lines(ENROLLMENTS, map(enrollment_lines.to_row, ended.enrollments))
        about = {**scenario.describe(), "seed": self.seed, "bad_lines": len(self.rejected.rows)}
        return summary.to_dict(ended, about)


def _run(
    scenario: Scenario, other: Scenario | None, runner: _Runner, out: Path | None
) -> tuple[dict[str, Any], list[Fact]]:
    """Runs the scenario and the `other` one, and writes the report to `out`. Returns the summary
    and the facts of the refused campaigns."""
    summary, touches = Summary(scenario), TouchRecorder()
    raise_gc_threshold()
    with _open_report(out) as report:
        listeners: list[Listener] = [summary]
        if report is not None:
            listeners.append(report)
        if other is not None:
            listeners.append(touches)
        result = runner.run(scenario, listeners, summary, report)
        refused = summary.refused
        if other is not None:
            against, other_refused = _run_other(other, touches, runner, report)
            same = [*other.campaigns] == [*scenario.campaigns]
            result["against"] = {"same_definitions": same, **against}
            refused = [*refused, *other_refused]
        if report is not None:
            report.write_summary(result)
            if not report.write_page(result):
                print_stderr("no report.html: pip install 'touchstream[report]'")
    for fact in refused:
        reason = reason_text(fact, _REFUSAL_HINTS)
        print_stderr(f"{fact.tenant_id}/{fact.campaign_id}: not published: {reason}")
    return result, refused


_REFUSAL_HINTS = {
    "TENANT_UNKNOWN": ": there is no tenant {tenant} at that time; an event tenant.upserted must be"
    " before campaign.published",
}


def _note_silent_senders(scenario: Scenario) -> None:
    """Prints which commands nobody answers, if there is no behaviour model."""
    if scenario.senders is not None or scenario.recorded is None:
        return
    if scenario.recorded.last_answered_at():
        text = "recorded events are the only answers: a touch that has none ends with no_answer"
    else:
        text = (
            "nobody answers: no event is a touch.sent or touch.failed, so that every touch ends "
            "with no_answer"
        )
    print_stderr(f"note: without --behaviour {text}")


def _run_other(
    other: Scenario, first: TouchRecorder, runner: _Runner, report: ReportWriter | None
) -> tuple[dict[str, Any], list[Fact]]:
    """Runs the other scenario. Returns how its touches differ from the `first` ones, with its
    summary, and the facts of its refused events."""
    gc.collect()  # frees the first engine before a second one is created
    summary, touches = Summary(other), TouchRecorder()
    whole = runner.run(with_substitute_senders(other, first), [summary, touches], summary)
    answers = () if other.recorded is None else other.recorded.answers
    comparison = Comparison(first, touches, answers)
    if report is not None:
        report.write_lines("differences.jsonl", comparison.changed_contacts())
        report.write_lines("marked.jsonl", comparison.marked_events)
    return {**comparison.summary(), "summary": whole}, summary.refused


@contextmanager
def _open_report(out: Path | None) -> Iterator[ReportWriter | None]:
    """Yields a writer for the directory `out`; None without one. Raises CommandError for what keeps
    the report from being written; nothing of it is left then."""
    if out is None:
        yield None
        return
    with report_errors(out), open_report(out) as report:
        yield report
