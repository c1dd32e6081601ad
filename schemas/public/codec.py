"""The one way in and the one way out of the public contract (design 3).

Any bytes at all give an Event or Refused; nothing else comes out, except SchemaUnavailable when the
registry cannot be asked: an outage is not the record's fault, so it must not become a dead letter.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import msgspec
from pydantic import BaseModel, ValidationError

from schemas.base.error_codes import RefusalCode, Refused
from schemas.base.times import OUT_OF_RANGE, format_rfc3339
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
from schemas.public.released import record_name

__all__ = ["Decoder", "Encoding", "Event", "Refused", "decode_event", "encode_event"]

VALUE_BYTES = 1_048_576

Encoding = Literal["json", "avro", "confluent"]
"""JSON; Avro in single-object encoding; Avro in Confluent framing, which needs a schema id."""


class PublicEvent(msgspec.Struct, frozen=True):
    """A public event that was understood. `time` is the producer's own (micros), None if it gave
    none."""

    type: str
    id: str
    source: str
    time: int | None
    data: Any
    backfill: bool = False


class _Way(NamedTuple):
    """What decoding one event type needs, found by one lookup."""

    record: str
    from_json: Callable[[bytes], Any]
    from_python: Callable[[Any], Any]


_WAYS = {
    name: _Way(
        record_name(name),
        event.model.__pydantic_validator__.validate_json,
        event.model.__pydantic_validator__.validate_python,
    )
    for name, event in EVENTS.items()
}


DecodeEvent = Callable[[Headers | None, bytes | None], PublicEvent]
"""As `Decoder.decode`."""


class Decoder:
    """Reads public records; remembers the schemas that `resolve` found."""

    def __init__(self, resolve: Resolve | None = None) -> None:
        self._resolve = resolve
        self._known: dict[int, SchemaReader] = {}

    def decode(self, headers: Headers | None, value: bytes | None) -> PublicEvent:
        """The event, or Refused with a code and a detail of bounded size."""
        if not value:
            raise Refused(RefusalCode.VALUE_EMPTY, "there is no value")
        if len(value) > VALUE_BYTES:
            raise Refused(RefusalCode.TOO_LARGE, f"{len(value)} bytes, at most {VALUE_BYTES}")
        envelope, body = parse_envelope(headers, value)
        name = envelope.event.name
        way = _WAYS[name]
        try:
            data = self._avro(way, body) if envelope.avro else way.from_json(body)
        except ValidationError as error:
            raise _refusal(error) from None
        return PublicEvent(
            name, envelope.id, envelope.source, envelope.time, data, envelope.backfill
        )

    def _avro(self, way: _Way, value: bytes) -> Any:
        reader, begin = read_frame(value, self._resolve, self._known)
        if reader.record != way.record:
            detail = f"the schema is of {reader.record}, the event says {way.record}"
            raise Refused(RefusalCode.AVRO_SCHEMA_MISMATCH, detail)
        return way.from_python(read_body(reader, value[begin:]))


_decoder = lru_cache(maxsize=8)(Decoder)


def decode_event(
    headers: Headers | None, value: bytes | None, resolve: Resolve | None = None
) -> PublicEvent:
    """As `Decoder.decode`, with a decoder kept for each `resolve`."""
    return _decoder(resolve).decode(headers, value)


def encode_event(
    ce_type: str,
    model: BaseModel,
    encoding: Encoding = "json",
    *,
    event_id: str | None,
    source: str,
    time: int | None = None,
    schema_id: int | None = None,
) -> tuple[list[tuple[str, bytes]], bytes]:
    """Headers and value in binary mode; what `decode_event` makes the same model of. Without an id
    it has its content's: the same said again is the same event."""
    if not isinstance(model, EVENTS[ce_type].model):
        raise TypeError(f"{type(model).__name__} is not the shape of {ce_type}")
    if encoding == "json":
        value = model.model_dump_json(exclude_none=True).encode()
    else:
        value = encode_avro(ce_type, model.model_dump(), schema_id, framed=encoding)
    content = JSON if encoding == "json" else AVRO[0]
    when = None if time is None else format_rfc3339(time)
    if event_id is None:
        event_id = blake2b(value, digest_size=12).hexdigest()
    return binary_headers(ce_type, event_id, source, when, content), value


def encode_avro(
    ce_type: str, datum: dict[str, Any], schema_id: int | None, *, framed: Encoding
) -> bytes:
    """Plain values of the newest release, framed; Confluent framing without a number is a
    mistake."""
    if framed == "avro":
        return frame_single(ce_type, datum)
    if schema_id is None:
        raise ValueError("Confluent framing needs the schema's number")
    return frame_confluent(ce_type, datum, schema_id)


def _refusal(error: ValidationError) -> Refused:
    """The first thing wrong, by its place; never the value itself, which may be large or
    private."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    kind, message = first["type"], first["msg"].removeprefix("Value error, ")
    place = ".".join(str(part)[:60] for part in first["loc"])
    if kind == "json_invalid":
        deep = "recursion limit" in message
        return Refused(RefusalCode.TOO_DEEP if deep else RefusalCode.NOT_JSON, message)
    if kind == "missing":
        return Refused(RefusalCode.FIELD_MISSING, place)
    if message == OUT_OF_RANGE:
        return Refused(RefusalCode.TIME_OUT_OF_RANGE, f"{place}: {message}")
    if kind == "timezone_unknown":
        return Refused(RefusalCode.TIMEZONE_UNKNOWN, f"{place}: {message}")
    return Refused(RefusalCode.FIELD_INVALID, f"{place or 'the value'}: {message}")
