"""What the commands share: settings that are checked before anything starts, and how they print."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, BinaryIO

import typer
from confluent_kafka import KafkaError, KafkaException
from rich.console import Console
from rich.status import Status
from rich.table import Table

from schemas.base.times import format_rfc3339
from streams.base.settings import Settings, SettingsInvalid, load_settings, require_kafka
from streams.cli.errors import UNREACHABLE, CommandError, mask_secrets
from streams.kafka.clients import admin

BROKER_TIMEOUT_S = 8.0
MESSAGES_MAX = 20
WIDTH_OF_FILES = 200

stderr_console = Console(stderr=True, highlight=False)

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Tenant = Annotated[str, typer.Option("--tenant", help="The tenant's id.")]
Timeout = Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait at most.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the engine's answer.")]


def settings(*, reach: bool = True) -> Settings:
    """The environment's, with a broker that answers. Raises SettingsInvalid, Halt."""
    found = quiet(require_kafka(checked(load_settings())))
    if reach:
        _reach(found)
    return found


def checked(found: Settings) -> Settings:
    """The same, if its clock can be read. Raises SettingsInvalid."""
    try:
        found.scaled_clock()
    except ValueError:
        raise SettingsInvalid("TOUCHSTREAM_CLOCK: must be real:shown:speed") from None
    return found


def quiet(found: Settings) -> Settings:
    """The same, with a client that leaves the talking to us."""
    return found.model_copy(update={"kafka": {"log_level": "0", **found.kafka}})


def _reach(found: Settings) -> None:
    heard: list[KafkaError] = []
    listening = {**found.kafka, "error_cb": heard.append}
    with admin(found.model_copy(update={"kafka": listening})) as client:
        try:
            client.list_topics(timeout=BROKER_TIMEOUT_S)
            return
        except KafkaException as error:
            client.poll(0)
            last: KafkaError = error.args[0]
    said = [e.str() for e in heard if e.code() != KafkaError._ALL_BROKERS_DOWN]
    why = said[0] if said else last.str()
    raise CommandError(
        mask_secrets(f"Kafka at {found.bootstrap_servers} does not answer: {why}"), UNREACHABLE
    )


def print_stderr(text: str) -> None:
    """What a person at the terminal should know meanwhile: stderr, so that data stay data."""
    stderr_console.print(text, markup=False, soft_wrap=True)


class LimitedMessages:
    """Says the first few of many, and that there are more."""

    def __init__(self) -> None:
        self._told = 0

    def __call__(self, text: str) -> None:
        self._told += 1
        if self._told <= MESSAGES_MAX:
            print_stderr(text)
        elif self._told == MESSAGES_MAX + 1:
            print_stderr("… and more; --json lists them all")


@contextmanager
def progress() -> "Iterator[ProgressLine]":
    """Tells how far something is, on stderr: a moving line on a terminal, lines elsewhere."""
    if not stderr_console.is_terminal:
        yield ProgressLine(None)
        return
    with stderr_console.status("reading the logs") as status:
        yield ProgressLine(status)


class ProgressLine:
    """Says a thing once."""

    def __init__(self, status: Status | None) -> None:
        self._status = status
        self._last = ""

    def __call__(self, what: str) -> None:
        if self._status is not None:
            self._status.update(what)
        elif what != self._last:
            print_stderr(what)
        self._last = what


def bounded_lines(stream: BinaryIO, most: int) -> Iterator[bytes]:
    """Lines of at most so many bytes: the rest of a longer one is passed over."""
    while line := stream.readline(most):
        cut = len(line) == most and not line.endswith(b"\n")
        while cut and (rest := stream.readline(most)):
            cut = not rest.endswith(b"\n")
        yield line


def print_json(data: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(data, ensure_ascii=False, default=str, indent=2))


def print_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout; a column whose heading ends with `#` holds numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        numbers = head.endswith("#")
        table.add_column(head.rstrip("#"), justify="right" if numbers else "left", no_wrap=numbers)
    for row in rows:
        table.add_row(*("-" if cell is None else _plain(str(cell)) for cell in row))
    wide = None if sys.stdout.isatty() else WIDTH_OF_FILES
    Console(width=wide, highlight=False).print(table)


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def format_time(micros: int | None) -> str | None:
    """For a table: to the second, UTC."""
    return None if micros is None else format_rfc3339(micros - micros % 1_000_000)
