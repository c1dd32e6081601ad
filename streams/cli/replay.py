"""`touchstream replay`: recorded logs folded again by the code as it is now."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from schemas.base.times import format_rfc3339
from schemas.internal.facts import Fact
from streams.audit.replay.cause import Cause, Where
from streams.audit.replay.compared_outputs import Order
from streams.audit.replay.diff import Difference
from streams.audit.replay.recording import Kept, Recording, keeping
from streams.audit.replay.replay import Replayed
from streams.audit.replay.replay import replay as fold_again
from streams.base.settings import Settings, load_settings
from streams.cli.errors import NO, USAGE, CommandError
from streams.cli.output import Json, print_json, progress, settings
from streams.cli.why_text import decision
from streams.kafka.registry import decoder_of

_ABOUT = ("tenant_id", "contact_id", "campaign_id", "step_id", "command_id")
_SHOWN_MAX = 600
_SILENT = "nothing"


def replay(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A recording that --keep has made.")
    ] = None,
    from_topics: Annotated[
        bool, typer.Option("--from-topics", help="What stands on the topics now.")
    ] = False,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep it: a new file, with all addresses in it."),
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for the stream to rest.")
    ] = 30,
    json: Json = False,
) -> None:
    """Fold recorded logs again with the code as it is now; exit 1 if a command would be another,
    and show the first with its cause.

    Compared are the commands, when they went out, and what leads to them: requests, withdrawals
    and announcements. What is new since the recording is no difference. Each log is folded as it
    was recorded, so the first difference is the one to look at. The topics are read until they
    stand still, as for verify; a stream that does not is told as such. Commands that were framed
    for a registry need it again: TOUCHSTREAM_REGISTRY_URL.

    Example: touchstream replay --from-topics --keep monday.jsonl.gz
    """
    if (file is None) is not from_topics:
        raise CommandError("of what? A FILE, or --from-topics: one of them", USAGE)
    if keep is not None and file is not None:
        raise CommandError("--keep goes with --from-topics: the file is kept already", USAGE)
    found = settings() if from_topics else load_settings()
    with ExitStack() as held:
        tell = held.enter_context(progress())
        recording = _recording(file, found, wait)
        kept = held.enter_context(keeping(keep, recording.layout)) if keep else lambda _: None
        replayed = fold_again(recording, decoder_of(found), keep=kept, progress=tell)
    if json:
        print_json(_plain(replayed))
    else:
        for line in _lines(replayed):
            typer.echo(line)
    if replayed.different:
        raise CommandError(f"{replayed.different.total():,} differ", NO)


def _recording(file: Path | None, found: Settings, wait_s: float) -> Recording:
    if file is not None:
        return Kept(file)
    from streams.audit.replay.live_recording import Topics

    return Topics(found, wait_s=wait_s)


# in words


def _lines(replayed: Replayed) -> Iterator[str]:
    for topic, count in replayed.folded.items():
        yield f"{count:>12,}  records of {topic} folded"
    for kind, count in sorted(replayed.compared.items()):
        yield f"{count:>12,}  {kind} compared"
    if replayed.parked:
        yield f"{replayed.parked:>12,}  records or timers that cannot be folded"
    for (kind, what), count in sorted(replayed.different.items(), key=lambda row: -row[1]):
        yield f"{count:>12,}  {kind} {what.value}"
    if replayed.first is None:
        yield "nothing differs"
        return
    yield ""
    yield from _difference(replayed.first)
    yield from _cause(replayed.first, replayed.cause)


def _difference(first: Difference) -> Iterator[str]:
    fields = first.order.fields
    about = " ".join(f"{n}={fields[n]}" for n in _ABOUT if fields.get(n) is not None)
    yield f"first  {format_rfc3339(first.at)} {first.order.kind} {first.what.value}: {about}"
    yield f"  then  {_order(first.then, first.fields)}"
    yield f"  now   {_order(first.now, first.fields)}"


def _order(order: Order | None, names: tuple[str, ...]) -> str:
    if order is None:
        return _SILENT
    shown = names or [name for name in order.fields if name not in _ABOUT]
    return " ".join(f"{name}={_value(name, order.fields.get(name))}" for name in shown)[:_SHOWN_MAX]


def _value(name: str, value: Any) -> str:
    if isinstance(value, int) and (name == "at" or name.endswith("_at")):
        return format_rfc3339(value)
    return "none" if value is None else str(_builtins(value))


def _cause(first: Difference, cause: Cause | None) -> Iterator[str]:
    if cause is None:
        yield "cause  nothing recorded says whom it is about"
        return
    yield f"cause  {_where(cause.record)}"
    if cause.then is None and cause.now is None:
        yield f"  no decision before it differs; what differs is {_named(first.fields)}"
        return
    yield f"  then  {_SILENT if cause.then is None else decision(cause.then)}"
    yield f"  now   {_SILENT if cause.now is None else decision(cause.now)}"
    if cause.fields and cause.fields != ("fact",):
        yield f"  in    {_named(cause.fields)}"


def _named(fields: tuple[str, ...]) -> str:
    return ", ".join(fields) if fields else "that it is said at all"


def _where(record: Where | None) -> str:
    if record is None:
        return "no record has its time: nothing in the log led to it"
    by = "a timer that came due with " if record.timer else ""
    place = f"{record.place.topic}[{record.place.number}]@{record.offset}"
    return f"{by}{place}, {format_rfc3339(record.at)}, {record.message}"


# in JSON


def _plain(replayed: Replayed) -> dict[str, Any]:
    first, cause = replayed.first, replayed.cause
    different: dict[str, dict[str, int]] = {}
    for (kind, what), count in replayed.different.items():
        different.setdefault(kind, {})[what.name.lower()] = count
    return {
        "agrees": first is None,
        "folded": {topic.value: count for topic, count in replayed.folded.items()},
        "compared": replayed.compared,
        "parked": replayed.parked,
        "different": different,
        "first": None if first is None else _plain_difference(first, cause),
    }


def _plain_difference(first: Difference, cause: Cause | None) -> dict[str, Any]:
    return {
        "at": format_rfc3339(first.at),
        "kind": first.order.kind,
        "what": first.what.name.lower(),
        "fields": first.fields,
        "then": None if first.then is None else _builtins(first.then.fields),
        "now": None if first.now is None else _builtins(first.now.fields),
        "cause": None if cause is None else _plain_cause(cause),
    }


def _plain_cause(cause: Cause) -> dict[str, Any]:
    record = cause.record
    return {
        "then": _fact(cause.then),
        "now": _fact(cause.now),
        "fields": cause.fields,
        "record": None
        if record is None
        else {
            "topic": record.place.topic.value,
            "partition": record.place.number,
            "offset": record.offset,
            "at": format_rfc3339(record.at),
            "message": record.message,
            "timer": record.timer,
        },
    }


def _fact(fact: Fact | None) -> Any:
    return None if fact is None else msgspec.to_builtins(fact)


def _builtins(value: Any) -> Any:
    return msgspec.to_builtins(value, str_keys=True)
