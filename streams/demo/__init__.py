"""The demo: two weeks of three businesses in about a minute, on a real Kafka and PostgreSQL."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from streams.base.log_format import JsonFormatter
from streams.demo.interrupts import Interrupts
from streams.demo.run import DemoRun
from streams.demo.supervise import DemoFailed
from streams.embedded.processes import StartFailed
from streams.embedded.stack import StackInUse

__all__ = ["run"]

INTERRUPTED = 130
"""The exit code after Ctrl-C."""

FILE_WIDTH = 130
"""The width of the output in characters where it is not a terminal."""

_LOG_NAME = "demo.log"


def run(
    *, customers: int = 2000, seconds: int = 60, data: Path | None = None, json: bool = False
) -> int:
    """Runs the demo. Returns 0 if everything ended and the recount agrees, 130 after Ctrl-C, which
    ends all processes within 10 s, and otherwise 1.

    The data is kept in the directory `data`. Without it a temporary directory is used, and removed
    unless the demo failed. With `json` the result is one JSON object on stdout, and all other
    output is on stderr.
    """
    console = _console(to_stderr=json)
    directory = data or Path(tempfile.mkdtemp(prefix="touchstream-demo-"))
    if data is not None and (data / "kafka").exists():
        console.print(f"{data} holds the data of an earlier run: give an empty directory")
        return 1
    status, interrupts = 1, Interrupts()
    try:
        with _clean_environment(), _logging_to(directory / "logs"), interrupts.handled():
            status = DemoRun(
                directory, console, interrupts, customers=customers, seconds=seconds, as_json=json
            ).run()
    except KeyboardInterrupt:
        console.print("\ninterrupted: everything that was started has ended")
        status = INTERRUPTED
    except (DemoFailed, StartFailed, StackInUse) as error:
        console.print(f"\n[red]the demo failed:[/red] {error}", highlight=False, soft_wrap=True)
    if data is None and status in (0, INTERRUPTED):
        shutil.rmtree(directory, ignore_errors=True)
    elif status != 0:
        console.print(f"logs: {directory / 'logs'}", highlight=False, soft_wrap=True)
    return status


def _console(*, to_stderr: bool) -> Console:
    """A console of the width of the terminal; `FILE_WIDTH` for a file."""
    console = Console(stderr=to_stderr)
    return console if console.is_terminal else Console(stderr=to_stderr, width=FILE_WIDTH)


@contextmanager
def _clean_environment() -> Iterator[None]:
    """Removes the settings of another deployment from the environment within the context."""
    removed = {
        name: os.environ.pop(name) for name in list(os.environ) if name.startswith("TOUCHSTREAM_")
    }
    try:
        yield
    finally:
        os.environ.update(removed)


@contextmanager
def _logging_to(directory: Path) -> Iterator[None]:
    """Writes the log of this process to a file in the directory, because the screen shows the
    demo."""
    directory.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(directory / _LOG_NAME)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("touchstream")
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagated
        handler.close()
