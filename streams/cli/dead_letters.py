"""`touchstream dead-letters …`: what could not be read, shown and sent back."""

from typing import Annotated, Any

import typer
from confluent_kafka import KafkaException

from streams.base.settings import Settings
from streams.cli.dead_letter_store import (
    RetryProducer,
    StoredDeadLetter,
    place_of,
    read,
    retry_refusal,
    select,
)
from streams.cli.errors import NO, USAGE, CommandError
from streams.cli.output import Json, format_time, print_json, print_stderr, print_table, settings
from streams.kafka.topics import layout_of

SHOWN_BYTES = 2_000

app = typer.Typer(no_args_is_help=True, help="What could not be read: list, show, send back.")

Code = Annotated[str | None, typer.Option(help="Only those with this reason code.")]


@app.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
    code: Code = None,
    json: Json = False,
) -> None:
    """List dead letters, the newest last; exit 1 if there are none.

    Example: touchstream dead-letters list --code NOT_JSON
    """
    found = [letter for letter in _read(settings()).values() if code in (None, letter.reason)]
    shown = found[-limit:]
    if json:
        print_json([_as_json(letter, short=True) for letter in shown])
    else:
        heads = ("place", "at", "reason", "origin", "bytes#", "retried#", "detail")
        print_table(heads, [_row(letter) for letter in shown])
        if len(shown) < len(found):
            print_stderr(f"{len(found) - len(shown)} older ones are not shown: --limit")
    if not found:
        raise CommandError("no dead letters", NO)


@app.command()
def show(
    place: Annotated[str, typer.Argument(help="As `list` shows it, such as 0/17.")],
    json: Json = False,
) -> None:
    """Show one dead letter: reason, origin, original headers, original bytes.

    Example: touchstream dead-letters show 0/17
    """
    (letter,) = select(_read(settings()), [place_of(place)])
    if json:
        print_json(_as_json(letter, short=False))
        return
    origin = f"{letter.origin_topic}[{letter.origin_partition}]@{letter.origin_offset}"
    print(f"{letter.place}  {letter.reason}: {letter.detail}")
    print(f"from     {origin}, set aside at {format_time(letter.at_ms * 1_000)}")
    print(f"retried  {letter.retried} times")
    print(f"key      {_text(letter.key)}")
    for name, value in letter.headers:
        print(f"header   {name}: {_text(value)}")
    size = len(letter.value or b"")
    cut = f", the first {SHOWN_BYTES} here" if size > SHOWN_BYTES else ""
    print(f"value    {size} bytes{cut}\n{_text((letter.value or b'')[:SHOWN_BYTES])}")


@app.command()
def retry(
    places: Annotated[list[str] | None, typer.Argument(help="Such as 0/17 0/18.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All not yet retried.")] = False,
    code: Code = None,
    force: Annotated[bool, typer.Option("--force", help="Also what was retried before.")] = False,
    json: Json = False,
) -> None:
    """Send the original bytes, headers and key back to where they came from, once.

    All in one transaction with a marker for each, so a second retry is refused (exit 1). A letter
    that is still bad becomes a new dead letter.

    Example: touchstream dead-letters retry --all --code AVRO_SCHEMA_UNKNOWN
    """
    if everything == bool(places):
        raise CommandError("name places, or --all", USAGE)
    found = settings()
    layout_of(found)
    sender = RetryProducer(
        found
    )  # first: what an earlier retry has marked is then there to be read
    letters = read(found)
    if everything:
        asked = [
            x for x in letters.values() if code in (None, x.reason) and (force or not x.retried)
        ]
        left_out = [x for x in asked if retry_refusal(x, force=force)]
        asked = [x for x in asked if x not in left_out]
        for letter in left_out:
            print_stderr(f"{letter.place} is left: {retry_refusal(letter, force=force)}")
    else:
        asked = select(letters, [place_of(place) for place in places or ()])
    _send(sender, asked, force=force)
    if json:
        print_json({"retried": [letter.place for letter in asked]})
    else:
        for letter in asked:
            print(f"{letter.place} is back on {letter.origin_topic}[{letter.origin_partition}]")


def _send(sender: RetryProducer, letters: list[StoredDeadLetter], *, force: bool) -> None:
    if not letters:
        raise CommandError("nothing to retry", NO)
    for letter in letters:
        reason = retry_refusal(letter, force=force)
        if reason:
            raise CommandError(f"{letter.place}: {reason}; nothing was sent", NO)
    try:
        sender.send(letters)
    except KafkaException as error:
        if error.args[0].fatal():
            raise CommandError("another retry took over; this one sent nothing", NO) from None
        raise


def _read(found: Settings) -> dict[str, StoredDeadLetter]:
    layout_of(found)
    return read(found)


def _row(letter: StoredDeadLetter) -> tuple[object, ...]:
    origin = f"{letter.origin_topic}[{letter.origin_partition}]@{letter.origin_offset}"
    size = len(letter.value or b"")
    when = format_time(letter.at_ms * 1_000)
    return (letter.place, when, letter.reason, origin, size, letter.retried, letter.detail)


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
    """Text where it is text, hex where it is not, and which of the two."""
    if value is None:
        return None
    try:
        return {"text": value.decode()}
    except UnicodeDecodeError:
        return {"hex": value.hex()}


def _text(value: bytes | None) -> str:
    """Safe for a terminal: bytes that could steer it are not printed."""
    if value is None:
        return "(none)"
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return f"hex {value.hex(' ')}"
    return "".join(c if c.isprintable() or c == "\n" else "·" for c in text)
