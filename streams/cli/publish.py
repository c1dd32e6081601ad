"""`touchstream publish`: events from a file, one CloudEvent in JSON a line, each checked first."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any, BinaryIO

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from schemas.base.error_codes import Refused
from schemas.internal.facts import Fact
from schemas.public.codec import VALUE_BYTES, Decoder, Event
from schemas.public.events import EVENTS
from streams.base.settings import Settings
from streams.cli.errors import NO, UNREACHABLE, USAGE, CommandError
from streams.cli.event_publisher import ANSWERS, REFUSALS, AnswerReader, Publisher
from streams.cli.output import (
    Json,
    LimitedMessages,
    Timeout,
    Wait,
    bounded_lines,
    print_json,
    settings,
    stderr_console,
)
from streams.cli.request_reply import refusal
from streams.kafka.topics import layout_of

TIMEOUT_S = 10.0
STRUCTURED = (("content-type", b"application/cloudevents+json"),)
_LINE_BYTES = VALUE_BYTES + 2


class ValueEncoding(StrEnum):
    """How values are written."""

    JSON = "json"
    AVRO = "avro"


class Count:
    """What became of the lines."""

    def __init__(self) -> None:
        self.good = 0
        self.types: dict[str, int] = {}
        self.bad: list[dict[str, Any]] = []
        self.refused: list[dict[str, Any]] = []
        self.unanswered: int | None = None
        self.tell: Callable[[int], object] = lambda _: None
        self._tell = LimitedMessages()

    def take(self, kind: str) -> None:
        self.good += 1
        self.types[kind] = self.types.get(kind, 0) + 1
        if self.good % 100 == 1:
            self.tell(self.good)

    def spoil(self, line: int, code: str, detail: str) -> None:
        """A line that is not sent."""
        self.bad.append({"line": line, "code": code, "detail": detail})
        self._tell(f"line {line}: {code}: {detail}")

    def refuse(self, line: int, kind: str, fact: Fact) -> None:
        """An order that was sent, and that the engine said no to."""
        why = refusal(fact)
        self.refused.append({"line": line, "type": kind, "code": fact.reason, "detail": why})
        self._tell(f"line {line}: {kind} {why}")


def publish(
    file: Annotated[str, typer.Argument(metavar="FILE.jsonl", help="A file, or - for stdin.")],
    encoding: Annotated[
        ValueEncoding, typer.Option(help="How values are written.")
    ] = ValueEncoding.JSON,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only; needs no Kafka.")] = False,
    wait: Wait = True,
    timeout: Timeout = TIMEOUT_S,
    json: Json = False,
) -> None:
    """Publish events: one CloudEvent in structured JSON a line.

    Each line is checked before it is sent; a bad one is told with its number and code, the good
    ones go on, and the exit code is 1. Orders (tenants, campaigns) are waited for, so that the
    events after them find them done, and one that the engine refuses is told with its reason and
    is code 1 too; --no-wait sends everything at once.

    Example: python examples/events.py | touchstream publish -
    """
    count = Count()
    with opened(file) as lines:
        events = read_events(lines, count.spoil)
        if dry_run:
            with _progress(count):
                for _, event in events:
                    count.take(event.type)
        else:
            _send(settings(), events, count, encoding, timeout if wait else 0.0)
    if json:
        print_json(
            {
                "published": 0 if dry_run else count.good,
                "valid": count.good,
                "types": count.types,
                "bad": count.bad,
                "refused": count.refused,
            }
        )
    elif dry_run:
        print(f"{count.good} valid, {len(count.bad)} bad")
    else:
        print(f"{count.good} published, {len(count.bad)} bad, {len(count.refused)} refused")
    if count.unanswered is not None:
        raise CommandError(
            f"line {count.unanswered}: nothing answered within {timeout:g} s, and the rest was "
            "sent without waiting. Is the engine running, or does it know a newer order already?",
            UNREACHABLE,
        )
    if count.bad or count.refused:
        raise CommandError(f"{len(count.bad)} lines were bad, {len(count.refused)} refused", NO)


def _send(
    found: Settings,
    events: Iterator[tuple[int, Event]],
    count: Count,
    encoding: ValueEncoding,
    timeout_s: float,
) -> None:
    layout_of(found)
    publisher = Publisher(found, encoding.value)
    answers: AnswerReader | None = None
    try:
        with _progress(count):
            for line, event in events:
                order = timeout_s > 0 and event.type in ANSWERS and count.unanswered is None
                if order and answers is None:
                    answers = AnswerReader(found)
                cause = publisher.send(event.type, event.data, event.id, event.source, event.time)
                if order and answers is not None:
                    publisher.flush()
                    _heed(answers.wait(event.type, cause, timeout_s), line, event.type, count)
                else:
                    count.take(event.type)
    finally:
        publisher.flush()
        if answers is not None:
            answers.close()


def _heed(fact: Fact | None, line: int, kind: str, count: Count) -> None:
    """An order that was refused does not count as published; after one that nobody answers no
    other is waited for."""
    if fact is not None and fact.fact in REFUSALS:
        count.refuse(line, kind, fact)
        return
    count.take(kind)
    if fact is None:
        count.unanswered = line


def read_events(
    lines: BinaryIO, spoil: Callable[[int, str, str], None]
) -> Iterator[tuple[int, Event]]:
    """Every good line with its number; `spoil` hears of the others, by number, code and reason."""
    decode = Decoder().decode
    for number, line in enumerate(bounded_lines(lines, _LINE_BYTES), 1):
        if not line.strip():
            continue
        try:
            event = decode(STRUCTURED, line.strip())
        except Refused as refused:
            spoil(number, refused.code, refused.detail)
            continue
        if EVENTS[event.type].topic is None:
            spoil(number, "EVENT_WRONG_TOPIC", f"{event.type} is a command: we write it")
        else:
            yield number, event


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """A file, or stdin where its name is `-`. Raises Halt."""
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        file = open(name, "rb")  # noqa: PTH123, SIM115 (a person's argument, closed below)
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}", USAGE) from None
    with file:
        yield file


@contextmanager
def _progress(count: Count) -> Iterator[None]:
    """A line on stderr that counts, on a terminal only."""
    if not stderr_console.is_terminal:
        yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=stderr_console, transient=True) as bar:
        task = bar.add_task("publishing")
        count.tell = lambda good: bar.update(task, description=f"{good} events")
        yield
