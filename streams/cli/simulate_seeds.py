"""`touchstream simulate --seeds`: one simulation under many seeds, and how its outcomes spread."""

from pathlib import Path

from rich.console import Console

from streams.audit.recorded_events import Notify
from streams.cli.errors import EXIT_USAGE, CommandError
from streams.cli.output import print_json, print_stderr, terminal_width
from streams.cli.rejected_inputs import RejectedInputs
from streams.cli.simulate_output import (
    FILE_WIDTH,
    check_inputs,
    report_errors,
    simulation_progress,
)
from streams.runtime.worker import raise_gc_threshold
from streams.simulation.campaign_text import refused_lines
from streams.simulation.quantiles import SummaryRow
from streams.simulation.report import PAGE, SUMMARY, new_directory, write_lines, write_summary
from streams.simulation.scenario import Scenario
from streams.simulation.seed_outcomes import (
    NothingCounted,
    SeedOutcomes,
    simulate_seeds,
    spread_of,
)
from streams.simulation.seeds_text import print_spread


def check_seeds(scenario: Scenario, is_compared: bool) -> None:
    """Raises CommandError if the scenario cannot be simulated under several seeds."""
    if is_compared:
        raise CommandError("give --seeds or another side to compare with, not both", EXIT_USAGE)
    if scenario.senders is None:
        raise CommandError("--seeds: nothing is drawn without --behaviour", EXIT_USAGE)


def show_spread(
    scenario: Scenario,
    seeds: range,
    rejected: RejectedInputs,
    show_progress: Notify,
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Simulates the scenario under every seed, writes the report, and prints the spread. Raises
    CommandError."""
    outcomes = _run(scenario, seeds, rejected, show_progress)
    spread = spread_of(outcomes.rows)
    about = {**scenario.describe(), "first_seed": seeds[0], "seeds": len(seeds)}
    summary = {
        "simulation": about,
        "campaigns": spread,
        "not_activated": outcomes.not_activated,
    }
    if out is not None:
        _write(out, summary, outcomes.rows)
    if as_json:
        print_json({**summary, "rows": outcomes.rows, "bad": rejected.rows})
    else:
        console = Console(width=terminal_width() or FILE_WIDTH, highlight=False)
        for line in refused_lines(summary, console.width):
            console.print(line, soft_wrap=True)
        print_spread(spread, console)
        if out is not None:
            print(f"\nwritten: {out}")
    check_inputs(rejected, 0, len(outcomes.not_activated))


def _run(
    scenario: Scenario, seeds: range, rejected: RejectedInputs, show_progress: Notify
) -> SeedOutcomes:
    done = 0

    def show(text: str) -> None:
        show_progress(f"seed {done + 1:,} of {len(seeds):,}: {text}")

    def on_seed(number: int) -> None:
        nonlocal done
        done = number

    raise_gc_threshold()
    progress = simulation_progress(scenario.population, show)
    try:
        return simulate_seeds(
            scenario, seeds, progress, on_seed=on_seed, on_dead_letter=rejected.add_dead_letter
        )
    except NothingCounted:
        message = "--seeds: no campaign has an experiment, targets, or an end that is decided"
        raise CommandError(message, EXIT_USAGE) from None


def _write(out: Path, summary: SummaryRow, rows: list[SummaryRow]) -> None:
    """Writes the directory of the report: a line for each seed and campaign, the spread, and a page
    if plotly is installed."""
    with report_errors(out), new_directory(out) as directory:
        write_lines(directory / "seeds.jsonl", rows)
        write_summary(directory / SUMMARY, summary)
        try:
            from streams.simulation.seeds_page import render_spread
        except ModuleNotFoundError as error:
            if error.name != "plotly":
                raise
            print_stderr("no report.html: pip install 'touchstream[report]'")
            return
        page = render_spread(summary["campaigns"], rows, summary["simulation"])
        (directory / PAGE).write_text(page, "utf-8")
