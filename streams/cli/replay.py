"""`touchstream replay`: folds recorded logs with the current code, and shows what differs."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from schemas.base.times import format_rfc3339
from schemas.internal.facts import Fact
from streams.audit.replay.cause import Cause, CausingRecord
from streams.audit.replay.compared_outputs import ComparedOutput
from streams.audit.replay.diff import OutputDifference
from streams.audit.replay.recording import Recording, RecordingFile, new_recording
from streams.audit.replay.replay import ReplayResult
from streams.audit.replay.replay import replay as replay_recording
from streams.base.settings import Settings, load_settings
from streams.cli.command_settings import connected_settings
from streams.cli.errors import EXIT_NO, EXIT_USAGE, CommandError
from streams.cli.options import Json, WaitForRest
from streams.cli.output import print_json, progress
from streams.cli.why_text import fact_line
from streams.kafka.registry import decoder_of

IDS = ("tenant_id", "contact_id", "campaign_id", "step_id", "command_id")
OUTPUT_CHARS_MAX = 600
NO_OUTPUT = "nothing"


def replay(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A recording made with --keep.")
    ] = None,
    from_topics: Annotated[
        bool, typer.Option("--from-topics", help="Replay the logs that are on Kafka now.")
    ] = False,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Save the logs as a recording, addresses included, in a new file."
        ),
    ] = None,
    wait: WaitForRest = 30,
    json: Json = False,
) -> None:
    """Fold recorded logs again with the current code; exit 1 if it would send another command, and
    show the first difference with its cause.

    Commands are compared, the times when they were sent, and what leads to them: requests,
    withdrawals and announcements. Fields that are new since the recording are ignored. Each log is
    folded with its recorded input, so the first difference is the one to look at. With
    --from-topics the logs are read until they stop growing; logs that keep growing are an error, as
    for verify. Commands in Confluent framing need their registry: TOUCHSTREAM_REGISTRY_URL.

    Example: touchstream replay --from-topics --keep monday.jsonl.gz
    """
    if (file is None) is not from_topics:
        raise CommandError("give either a FILE or --from-topics", EXIT_USAGE)
    if keep is not None and file is not None:
        raise CommandError("--keep needs --from-topics: a FILE is a recording already", EXIT_USAGE)
    settings = connected_settings() if from_topics else load_settings()
    with ExitStack() as resources:
        show_progress = resources.enter_context(progress())
        recording = _recording(file, settings, wait)
        save = (
            resources.enter_context(new_recording(keep, recording.layout))
            if keep
            else lambda _: None
        )
        replayed = replay_recording(
            recording, decoder_of(settings), keep=save, progress=show_progress
        )
    if json:
        print_json(_as_json(replayed))
    else:
        for line in _lines(replayed):
            typer.echo(line)
    if replayed.different:
        raise CommandError(f"{replayed.different.total():,} differ", EXIT_NO)


def _recording(file: Path | None, settings: Settings, wait_s: float) -> Recording:
    if file is not None:
        return RecordingFile(file)
    from streams.audit.replay.live_recording import LiveRecording

    return LiveRecording(settings, wait_s=wait_s)


# as text


def _lines(replayed: ReplayResult) -> Iterator[str]:
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
    yield from _difference_lines(replayed.first)
    yield from _cause_lines(replayed.first, replayed.cause)


def _difference_lines(first: OutputDifference) -> Iterator[str]:
    fields = first.output.fields
    ids = " ".join(f"{name}={fields[name]}" for name in IDS if fields.get(name) is not None)
    yield f"first  {format_rfc3339(first.at)} {first.output.kind} {first.kind.value}: {ids}"
    yield f"  then  {_output_text(first.recorded, first.fields)}"
    yield f"  now   {_output_text(first.current, first.fields)}"


def _output_text(output: ComparedOutput | None, names: tuple[str, ...]) -> str:
    """The named fields of an output, or, without names, all fields besides the ids."""
    if output is None:
        return NO_OUTPUT
    shown = names or [name for name in output.fields if name not in IDS]
    text = " ".join(f"{name}={_value(name, output.fields.get(name))}" for name in shown)
    if len(text) <= OUTPUT_CHARS_MAX:
        return text
    return f"{text[:OUTPUT_CHARS_MAX]}… (cut; --json shows all)"


def _value(name: str, value: Any) -> str:
    if isinstance(value, int) and (name == "at" or name.endswith("_at")):
        return format_rfc3339(value)
    return "none" if value is None else str(_builtins(value))


def _cause_lines(first: OutputDifference, cause: Cause | None) -> Iterator[str]:
    if cause is None:
        yield "cause  not found: the recording does not name its contact"
        return
    yield f"cause  {_record_text(cause.record)}"
    if cause.recorded is None and cause.current is None:
        yield f"  no earlier decision differs; the difference is {_field_names(first.fields)}"
        return
    yield f"  then  {NO_OUTPUT if cause.recorded is None else fact_line(cause.recorded)}"
    yield f"  now   {NO_OUTPUT if cause.current is None else fact_line(cause.current)}"
    if cause.fields and cause.fields != ("fact",):
        yield f"  in    {_field_names(cause.fields)}"


def _field_names(fields: tuple[str, ...]) -> str:
    return ", ".join(fields) if fields else "that only one side has it"


def _record_text(record: CausingRecord | None) -> str:
    if record is None:
        return "no record has its time, so none in the log has led to it"
    timer = "a timer that came due with " if record.timer else ""
    place = f"{record.partition.topic}[{record.partition.number}]@{record.offset}"
    return f"{timer}{place}, {format_rfc3339(record.at)}, {record.message}"


# as JSON


def _as_json(replayed: ReplayResult) -> dict[str, Any]:
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
        "first": None if first is None else _difference_json(first, cause),
    }


def _difference_json(first: OutputDifference, cause: Cause | None) -> dict[str, Any]:
    return {
        "at": format_rfc3339(first.at),
        "kind": first.output.kind,
        "what": first.kind.name.lower(),
        "fields": first.fields,
        "then": None if first.recorded is None else _builtins(first.recorded.fields),
        "now": None if first.current is None else _builtins(first.current.fields),
        "cause": None if cause is None else _cause_json(cause),
    }


def _cause_json(cause: Cause) -> dict[str, Any]:
    record = cause.record
    return {
        "then": _fact_json(cause.recorded),
        "now": _fact_json(cause.current),
        "fields": cause.fields,
        "record": None
        if record is None
        else {
            "topic": record.partition.topic.value,
            "partition": record.partition.number,
            "offset": record.offset,
            "at": format_rfc3339(record.at),
            "message": record.message,
            "timer": record.timer,
        },
    }


def _fact_json(fact: Fact | None) -> Any:
    return None if fact is None else msgspec.to_builtins(fact)


def _builtins(value: Any) -> Any:
    return msgspec.to_builtins(value, str_keys=True)
