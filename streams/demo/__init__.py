"""Two weeks of three businesses in about a minute, on a real Kafka and a real PostgreSQL."""

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
from streams.demo.run import Lapse
from streams.demo.supervise import Failed
from streams.embedded.processes import StartFailed
from streams.embedded.stack import Taken

__all__ = ["run"]

INTERRUPTED = 130
WIDTH = 130
_NAME = "demo.log"


def run(
    *, customers: int = 2000, seconds: int = 60, data: Path | None = None, json: bool = False
) -> int:
    """The whole demo; 0 only if everything ended and the recount agrees.

    `data` keeps what was made; without it, a directory is made and removed, unless something went
    wrong. With `json` the result is one object on stdout and the rest is on stderr. Ctrl-C ends all
    that was started within 10 s: 130.
    """
    console = _console(to_stderr=json)
    directory = data or Path(tempfile.mkdtemp(prefix="touchstream-demo-"))
    if data is not None and (data / "kafka").exists():
        console.print(f"{data} holds the data of an earlier run: name an empty directory")
        return 1
    status, interrupts = 1, Interrupts()
    try:
        with _clean_environment(), _logging_to(directory / "logs"), interrupts.heard():
            status = Lapse(
                directory, console, interrupts, customers=customers, seconds=seconds, as_json=json
            ).run()
    except KeyboardInterrupt:
        console.print("\ninterrupted: everything that was started has ended")
        status = INTERRUPTED
    except (Failed, StartFailed, Taken) as error:
        console.print(f"\n[red]the demo failed:[/red] {error}", highlight=False, soft_wrap=True)
    if data is None and status in (0, INTERRUPTED):
        shutil.rmtree(directory, ignore_errors=True)
    elif status != 0:
        console.print(f"logs: {directory / 'logs'}", highlight=False, soft_wrap=True)
    return status


def _console(*, to_stderr: bool) -> Console:
    """As wide as the terminal; elsewhere wide enough for the tables."""
    console = Console(stderr=to_stderr)
    return console if console.is_terminal else Console(stderr=to_stderr, width=WIDTH)


@contextmanager
def _clean_environment() -> Iterator[None]:
    """Settings of another deployment must not reach the demo's processes."""
    kept = {
        name: os.environ.pop(name) for name in list(os.environ) if name.startswith("TOUCHSTREAM_")
    }
    try:
        yield
    finally:
        os.environ.update(kept)


@contextmanager
def _logging_to(directory: Path) -> Iterator[None]:
    """Our own log lines go to a file: the screen is taken."""
    directory.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(directory / _NAME)
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
