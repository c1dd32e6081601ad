"""`touchstream dead-letters …`: lists, shows and retries records that could not be processed."""

from typing import Annotated, Any

import typer
from confluent_kafka import KafkaException

from streams.base.settings import Settings
from streams.cli.command_settings import connected_settings
from streams.cli.dead_letter_store import (
    RetryProducer,
    StoredDeadLetter,
    parse_place,
    read_dead_letters,
    retry_refusal,
    select,
)
from streams.cli.errors import EXIT_NO, EXIT_USAGE, CommandError
from streams.cli.options import Json
from streams.cli.output import format_time, print_json, print_stderr, print_table
from streams.kafka.topics import layout_of

SHOWN_BYTES = 2_000

app = typer.Typer(
    no_args_is_help=True, help="Records that could not be processed: list, show, retry."
)

Code = Annotated[str | None, typer.Option(help="Only those with this reason code.")]


@app.command("list")
def list_dead_letters(
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many, the newest.")] = 20,
    code: Code = None,
    json: Json = False,
) -> None:
    """List dead letters, the newest last; exit 1 if there are none.

    Example: touchstream dead-letters list --code NOT_JSON
    """
    letters = _read(connected_settings()).values()
    found = [letter for letter in letters if code in (None, letter.reason)]
    shown = found[-limit:]
    if json:
        print_json([_as_json(letter, short=True) for letter in shown])
    else:
        print_letters(shown)
        if len(shown) < len(found):
            print_stderr(f"{len(found) - len(shown)} older ones are not shown: --limit")
    if not found:
        raise CommandError("no dead letters", EXIT_NO)


@app.command()
def show(
    place: Annotated[str, typer.Argument(help="As `list` shows it, such as 0/17.")],
    json: Json = False,
) -> None:
    """Show one dead letter: reason, origin, original headers, original bytes.

    Example: touchstream dead-letters show 0/17
    """
    (letter,) = select(_read(connected_settings()), [parse_place(place)])
    if json:
        print_json(_as_json(letter, short=False))
        return
    print(f"{letter.place}  {letter.reason}: {letter.detail}")
    print(f"from     {_origin(letter)}, set aside at {format_time(letter.at_ms * 1_000)}")
    print(f"retried  {letter.retried} times")
    print(f"key      {_printable(letter.key)}")
    for name, value in letter.headers:
        print(f"header   {name}: {_printable(value)}")
    size = len(letter.value or b"")
    cut = f", of which the first {SHOWN_BYTES} follow" if size > SHOWN_BYTES else ""
    print(f"value    {size} bytes{cut}\n{_printable((letter.value or b'')[:SHOWN_BYTES])}")


@app.command()
def retry(
    places: Annotated[list[str] | None, typer.Argument(help="Such as 0/17 0/18.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All that were not retried before.")
    ] = False,
    code: Code = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also those that were retried before.")
    ] = False,
    json: Json = False,
) -> None:
    """Send the original bytes, headers and key back to the topic they came from, once.

    All are sent in one transaction, with a marker for each, so a second retry is refused (exit 1).
    A record that still cannot be processed becomes a new dead letter.

    Example: touchstream dead-letters retry --all --code AVRO_SCHEMA_UNKNOWN
    """
    if everything == bool(places):
        raise CommandError("give places, or --all", EXIT_USAGE)
    settings = connected_settings()
    layout_of(settings)
    producer = RetryProducer(settings)  # first: it ends an earlier retry, whose markers count
    letters = read_dead_letters(settings)
    if everything:
        candidates = [
            letter
            for letter in letters.values()
            if code in (None, letter.reason) and (force or not letter.retried)
        ]
        chosen = []
        for letter in candidates:
            if refusal := retry_refusal(letter, force=force):
                print_stderr(f"{letter.place} is not retried: {refusal}")
            else:
                chosen.append(letter)
    else:
        chosen = select(letters, [parse_place(place) for place in places or ()])
    _send(producer, chosen, force=force)
    if json:
        print_json({"retried": [letter.place for letter in chosen]})
    else:
        for letter in chosen:
            print(f"{letter.place} is back on {letter.origin_topic}[{letter.origin_partition}]")


def print_letters(letters: list[StoredDeadLetter]) -> None:
    """Prints dead letters as a table on stdout."""
    heads = ("place", "at", "reason", "origin", "bytes#", "retried#", "detail")
    print_table(heads, [_row(letter) for letter in letters])


def _send(producer: RetryProducer, letters: list[StoredDeadLetter], *, force: bool) -> None:
    """Sends all letters, or none. Raises CommandError for a letter that must not be retried."""
    if not letters:
        raise CommandError("nothing to retry", EXIT_NO)
    for letter in letters:
        if refusal := retry_refusal(letter, force=force):
            raise CommandError(f"{letter.place}: {refusal}; nothing was sent", EXIT_NO)
    try:
        producer.send(letters)
    except KafkaException as error:
        if error.args[0].fatal():
            message = "another retry started after this one; this one sent nothing"
            raise CommandError(message, EXIT_NO) from None
        raise


def _read(settings: Settings) -> dict[str, StoredDeadLetter]:
    layout_of(settings)
    return read_dead_letters(settings)


def _origin(letter: StoredDeadLetter) -> str:
    return f"{letter.origin_topic}[{letter.origin_partition}]@{letter.origin_offset}"


def _row(letter: StoredDeadLetter) -> tuple[object, ...]:
    size = len(letter.value or b"")
    at = format_time(letter.at_ms * 1_000)
    return (letter.place, at, letter.reason, _origin(letter), size, letter.retried, letter.detail)


def _as_json(letter: StoredDeadLetter, *, short: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "place": letter.place,
        "at": format_time(letter.at_ms * 1_000),
        "reason": letter.reason,
        "detail": letter.detail,
        "origin_topic": letter.origin_topic,
        "origin_partition": letter.origin_partition,
        "origin_offset": letter.origin_offset,
        "bytes": len(letter.value or b""),
        "retried": letter.retried,
    }
    if not short:
        row["key"] = _encoded(letter.key)
        row["headers"] = [[name, _encoded(value)] for name, value in letter.headers]
        row["value"] = _encoded(letter.value)
    return row


def _encoded(value: bytes | None) -> dict[str, str] | None:
    """Bytes for JSON: {"text": …} where they are UTF-8, else {"hex": …}."""
    if value is None:
        return None
    try:
        return {"text": value.decode()}
    except UnicodeDecodeError:
        return {"hex": value.hex()}


def _printable(value: bytes | None) -> str:
    """Bytes for a terminal: hex unless they are UTF-8, and without control characters, which could
    change the terminal's state."""
    if value is None:
        return "(none)"
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return f"hex {value.hex(' ')}"
    return "".join(c if c.isprintable() or c == "\n" else "·" for c in text)
