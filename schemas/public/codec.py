"""Decodes records of the public topics into events, and encodes events into records.

Any bytes decode to a PublicEvent or raise Refused. The only other error is SchemaUnavailable, when
the schema registry does not answer: the record may be good, so it must not become a dead letter.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import msgspec
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from schemas.base.error_codes import RefusalCode, Refused
from schemas.base.times import MomentUs, format_rfc3339
from schemas.public.avro import (
    Resolve,
    SchemaReader,
    frame_confluent,
    frame_single,
    read_body,
    read_frame,
)
from schemas.public.cloudevents import AVRO, JSON, Headers, binary_headers, parse_envelope
from schemas.public.events import EVENTS
from schemas.public.faulty_fields import Dropped, refusal, without_faulty_fields
from schemas.public.needed_release import needed_release
from schemas.public.released import RELEASED, record_name

VALUE_BYTES = 1_048_576

Encoding = Literal["json", "avro", "confluent"]
"""JSON; Avro in single-object encoding; Avro in Confluent framing, which needs a schema id of the
registry."""


class PublicEvent(msgspec.Struct, frozen=True):
    """A decoded event of a public topic.

    `data` is its pydantic model. `time` is the producer's `ce_time` as a moment, or None.
    `backfill` marks an event of the past, which is recorded and schedules nothing. `dropped` names
    the optional fields that were invalid and that `data` does not have, each with a code; None if
    there are none.
    """

    type: str
    id: str
    source: str
    time: MomentUs | None
    data: Any
    backfill: bool = False
    dropped: Dropped | None = None


class _EventReader(NamedTuple):
    """The model, the Avro record name and the validators of one event type."""

    model: type[BaseModel]
    record: str
    from_json: Callable[[bytes], Any]
    from_python: Callable[[Any], Any]


_READERS = {
    name: _EventReader(
        event.model,
        record_name(name),
        event.model.__pydantic_validator__.validate_json,
        event.model.__pydantic_validator__.validate_python,
    )
    for name, event in EVENTS.items()
}

DecodeEvent = Callable[[Headers | None, bytes | None], PublicEvent]
"""Decodes the headers and the value of a record, like `Decoder.decode`."""


class Decoder:
    """Decodes public records. It keeps every schema that `resolve` returned."""

    def __init__(self, resolve: Resolve | None = None) -> None:
        self._resolve = resolve
        self._schema_readers: dict[int, SchemaReader] = {}

    def decode(self, headers: Headers | None, value: bytes | None) -> PublicEvent:
        """The event of a record.

        Raises Refused, with a code and a detail of bounded size, if the record is not a valid
        event; SchemaUnavailable if the registry does not answer.
        """
        if not value:
            raise Refused(RefusalCode.VALUE_EMPTY, "there is no value")
        if len(value) > VALUE_BYTES:
            raise Refused(RefusalCode.TOO_LARGE, f"{len(value)} bytes, at most {VALUE_BYTES}")
        envelope, body = parse_envelope(headers, value)
        name = envelope.event.name
        event_reader = _READERS[name]
        dropped = None
        if envelope.avro:
            data, dropped = self._from_avro(event_reader, body)
        else:
            try:
                data = event_reader.from_json(body)
            except ValidationError as error:
                data, dropped = _from_faulty_json(event_reader, body, error)
        return PublicEvent(
            name, envelope.id, envelope.source, envelope.time, data, envelope.backfill, dropped
        )

    def _from_avro(self, event_reader: _EventReader, value: bytes) -> tuple[Any, Dropped | None]:
        schema_reader, begin = read_frame(value, self._resolve, self._schema_readers)
        if schema_reader.record != event_reader.record:
            detail = f"the schema is of {schema_reader.record}, the event is {event_reader.record}"
            raise Refused(RefusalCode.AVRO_SCHEMA_MISMATCH, detail)
        datum = read_body(schema_reader, value[begin:])
        validate = event_reader.from_python
        try:
            return validate(datum), None
        except ValidationError as error:
            return without_faulty_fields(event_reader.model, validate, datum, error)


_escape = re.compile(
    rb"\\(?:(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
).sub


def _without_half(found: re.Match[bytes]) -> bytes:
    """An escape of JSON; half a character, which programs leave where they cut a text, becomes NUL,
    and makes its field invalid."""
    return rb"\u0000" if found[2] else found[0]


def _from_faulty_json(
    event_reader: _EventReader, body: bytes, error: ValidationError
) -> tuple[Any, Dropped | None]:
    """The event without the optional fields that are invalid. Raises Refused if it has none without
    them."""

    def validate(value: Any) -> Any:
        return event_reader.from_json(to_json(value, inf_nan_mode="constants"))

    try:
        value = from_json(body)
    except ValueError:
        try:
            value = from_json(_escape(_without_half, body))
        except ValueError:
            raise refusal(error) from None
        try:
            return validate(value), None
        except ValidationError as further:
            error = further
    return without_faulty_fields(event_reader.model, validate, value, error)


_decoder = lru_cache(maxsize=8)(Decoder)


def decode_event(
    headers: Headers | None, value: bytes | None, resolve: Resolve | None = None
) -> PublicEvent:
    """The event of a record, from a decoder that is cached for each `resolve`.

    Raises the errors of `Decoder.decode`.
    """
    return _decoder(resolve).decode(headers, value)


def encode_event(
    ce_type: str,
    model: BaseModel,
    encoding: Encoding = "json",
    *,
    event_id: str | None,
    source: str,
    time: MomentUs | None = None,
    schema_id: int | None = None,
) -> tuple[list[tuple[str, bytes]], bytes]:
    """The headers and the value of an event in binary mode; `decode_event` reads back the same
    model.

    Without `event_id` the id is a hash of the value, so equal content is the same event. Raises
    TypeError if `model` is not the model of `ce_type`, ValueError if Confluent framing has no
    `schema_id`.
    """
    if not isinstance(model, EVENTS[ce_type].model):
        raise TypeError(f"{type(model).__name__} is not the model of {ce_type}")
    if encoding == "json":
        value = model.__pydantic_serializer__.to_json(model, exclude_none=True)
    else:
        value = encode_avro(ce_type, model.model_dump(), schema_id, framing=encoding)
    content = JSON if encoding == "json" else AVRO[0]
    ce_time = None if time is None else format_rfc3339(time)
    if event_id is None:
        event_id = blake2b(value, digest_size=12).hexdigest()
    needed = _with_release(ce_type, model, encoding)
    return binary_headers(needed, event_id, source, ce_time, content), value


def _with_release(ce_type: str, model: BaseModel, encoding: Encoding) -> str:
    """The `ce_type`, with the first release that has every field that the event uses: a reader that
    does not know this release refuses the event instead of losing a field. Single-object Avro is
    always of the newest release, and nobody can read it who does not know that one."""
    if encoding == "avro" and len(RELEASED[ce_type]) > 1:
        return f"{ce_type}.v{len(RELEASED[ce_type])}"
    release = needed_release(ce_type, model)
    return ce_type if release == 1 else f"{ce_type}.v{release}"


def encode_avro(
    ce_type: str, datum: dict[str, Any], schema_id: int | None, *, framing: Encoding
) -> bytes:
    """Plain values as Avro of the newest release, in single-object or Confluent framing.

    Raises ValueError if Confluent framing has no `schema_id`.
    """
    if framing == "avro":
        return frame_single(ce_type, datum)
    if schema_id is None:
        raise ValueError("Confluent framing needs a schema id of the registry")
    return frame_confluent(ce_type, datum, schema_id)
