"""`touchstream publish`: publishes the events of a file, one CloudEvent in JSON a line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from schemas.internal.facts import Fact
from schemas.public.codec import PublicEvent
from streams.base.settings import Settings
from streams.cli.answer_reader import DONE_FACTS, REFUSALS, AnswerReader
from streams.cli.command_settings import connected_settings
from streams.cli.errors import EXIT_NO, EXIT_UNREACHABLE, CommandError
from streams.cli.event_publisher import EventPublisher
from streams.cli.input_lines import open_input, read_events
from streams.cli.options import Json, Timeout, Wait
from streams.cli.output import LimitedMessages, print_json, stderr_console
from streams.cli.request_reply import refusal
from streams.kafka.topics import layout_of

TIMEOUT_S = 10.0


class ValueEncoding(StrEnum):
    """The encoding of the record values."""

    JSON = "json"
    AVRO = "avro"


class PublishedLines:
    """Counts the lines of the input by their outcome, and reports the bad and refused ones."""

    def __init__(self) -> None:
        self.good = 0
        self.types: dict[str, int] = {}
        self.bad: list[dict[str, Any]] = []
        self.dropped: list[dict[str, Any]] = []
        self.refused: list[dict[str, Any]] = []
        self.unanswered: int | None = None
        self.on_progress: Callable[[int], object] = lambda _: None
        self._report = LimitedMessages()

    def count(self, kind: str) -> None:
        """A valid event of the ce_type `kind`, published unless this is a dry run."""
        self.good += 1
        self.types[kind] = self.types.get(kind, 0) + 1
        if self.good % 100 == 1:
            self.on_progress(self.good)

    def reject(self, line: int, code: str, detail: str) -> None:
        """A line that is not a valid event and is not sent."""
        self.bad.append({"line": line, "code": code, "detail": detail})
        self._report(f"line {line}: {code}: {detail}")

    def note_dropped(
        self, events: Iterator[tuple[int, PublicEvent]]
    ) -> Iterator[tuple[int, PublicEvent]]:
        """The events unchanged. Reports those without the optional fields that were invalid."""
        for line, event in events:
            if event.dropped is not None:
                fields = dict(event.dropped)
                self.dropped.append({"line": line, "type": event.type, "fields": fields})
                without = ", ".join(f"{name} ({code})" for name, code in fields.items())
                self._report(f"line {line}: {event.type} goes without {without}")
            yield line, event

    def answer(self, fact: Fact | None, line: int, kind: str) -> None:
        """The answer to an admin event; None if there was none in time."""
        if fact is not None and fact.fact in REFUSALS:
            detail = refusal(fact)
            self.refused.append({"line": line, "type": kind, "code": fact.reason, "detail": detail})
            self._report(f"line {line}: {kind} {detail}")
            return
        self.count(kind)
        if fact is None:
            self.unanswered = line


def publish(
    file: Annotated[str, typer.Argument(metavar="FILE.jsonl", help="A file, or - for stdin.")],
    encoding: Annotated[
        ValueEncoding, typer.Option(help="The encoding of the record values.")
    ] = ValueEncoding.JSON,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Validate only; needs no Kafka.")
    ] = False,
    wait: Wait = True,
    timeout: Timeout = TIMEOUT_S,
    json: Json = False,
) -> None:
    """Publish events: one CloudEvent in structured JSON a line.

    Each line is validated before it is sent. A bad line is reported with its number and code and
    is not sent; the other lines are, and the exit code is 1. An optional field with an invalid
    value is reported and left out of its event. After an event about a tenant or a
    campaign, the command waits until the engine has processed it, so that the events after it find
    its effect; a refusal by the engine is reported with its reason, and the exit code is 1. With
    --no-wait all events are sent at once.

    Example: python examples/events.py | touchstream publish -
    """
    lines = PublishedLines()
    with open_input(file) as stream:
        events = lines.note_dropped(read_events(stream, lines.reject))
        if dry_run:
            with _progress(lines):
                for _, event in events:
                    lines.count(event.type)
        else:
            _send(connected_settings(), events, lines, encoding, timeout if wait else 0.0)
    if json:
        print_json(
            {
                "published": 0 if dry_run else lines.good,
                "valid": lines.good,
                "types": lines.types,
                "bad": lines.bad,
                "dropped": lines.dropped,
                "refused": lines.refused,
            }
        )
    elif dry_run:
        print(f"{lines.good} valid, {len(lines.bad)} bad")
    else:
        print(f"{lines.good} published, {len(lines.bad)} bad, {len(lines.refused)} refused")
    if lines.unanswered is not None:
        raise CommandError(
            f"line {lines.unanswered}: the engine did not answer within {timeout:g} s; the lines "
            "after it were sent without waiting. Either the engine is not running, or it has "
            "already processed a newer event about the same tenant or campaign",
            EXIT_UNREACHABLE,
        )
    if lines.bad or lines.refused:
        message = f"{len(lines.bad)} lines were bad, {len(lines.refused)} refused"
        raise CommandError(message, EXIT_NO)


def _send(
    settings: Settings,
    events: Iterator[tuple[int, PublicEvent]],
    lines: PublishedLines,
    encoding: ValueEncoding,
    timeout_s: float,
) -> None:
    """Sends the events in order. Waits for the answer to each admin event, until one is not
    answered within `timeout_s`; 0 waits for none."""
    layout_of(settings)
    publisher = EventPublisher(settings, encoding.value)
    answers: AnswerReader | None = None
    try:
        with _progress(lines):
            for line, event in events:
                wait = timeout_s > 0 and event.type in DONE_FACTS and lines.unanswered is None
                if wait and answers is None:
                    answers = AnswerReader(settings)
                cause = publisher.send(event.type, event.data, event.id, event.source, event.time)
                if wait and answers is not None:
                    publisher.flush()
                    fact = answers.wait(event.type, cause, timeout_s)
                    lines.answer(fact, line, event.type)
                else:
                    lines.count(event.type)
    finally:
        publisher.flush()
        if answers is not None:
            answers.close()


@contextmanager
def _progress(lines: PublishedLines) -> Iterator[None]:
    """Shows the number of events on stderr while the body runs, on a terminal only."""
    if not stderr_console.is_terminal:
        yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=stderr_console, transient=True) as bar:
        task = bar.add_task("publishing")
        lines.on_progress = lambda good: bar.update(task, description=f"{good} events")
        yield
