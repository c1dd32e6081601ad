"""What all forms of `touchstream simulate` share: the progress, and the errors at their end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from schemas.base.times import MINUTE, MomentUs, format_rfc3339
from streams.audit.recorded_events import Notify
from streams.cli.errors import EXIT_NO, EXIT_USAGE, CommandError
from streams.cli.output import stderr_console
from streams.cli.rejected_inputs import RejectedInputs
from streams.simulation.population import Population
from streams.simulation.report import ReportExists
from streams.simulation.run import SimulationProgress

PROGRESS_INTERVAL_S = 0.2
FILE_WIDTH = 200
"""The width of the summary in a file or pipe, in characters."""


def check_inputs(rejected: RejectedInputs, refused: int, not_activated: int) -> None:
    """Ends the command with EXIT_NO if inputs were bad, or campaigns refused."""
    if refused or rejected.rows or not_activated:
        message = f"{len(rejected.rows)} lines or records were bad, {refused} events refused"
        drafts = f", campaigns not activated: {not_activated}" if not_activated else ""
        raise CommandError(message + drafts, EXIT_NO)


@contextmanager
def report_errors(out: Path) -> Iterator[None]:
    """Raises CommandError for what keeps a report from being written to `out`."""
    try:
        yield
    except ReportExists as error:
        raise CommandError(str(error), EXIT_USAGE) from None
    except OSError as error:
        cause = error.strerror or str(error)
        raise CommandError(f"{out}: {cause}; no report was written", EXIT_NO) from None


@contextmanager
def shown_progress() -> Iterator[Notify]:
    """Yields a function that shows the progress on stderr; elsewhere than on a terminal it shows
    nothing."""
    if not stderr_console.is_terminal:
        yield lambda text: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=stderr_console, transient=True) as bar:
        task = bar.add_task("simulating")
        yield lambda text: bar.update(task, description=text)


def simulation_progress(population: Population | None, show_progress: Notify) -> SimulationProgress:
    """A function that shows virtual time, people and records, at most every PROGRESS_INTERVAL_S."""
    shown_at_s = 0.0

    def progress(now: MomentUs, records: int) -> None:
        nonlocal shown_at_s
        if time.monotonic() > shown_at_s + PROGRESS_INTERVAL_S:
            shown_at_s = time.monotonic()
            at = format_rfc3339(now - now % MINUTE)
            show_progress(f"{at}{_people(population)}, {records:,} records")

    return progress


def _people(population: Population | None) -> str:
    if population is None:
        return ""
    return f", {population.entered_count:,} of {population.size:,} people"
