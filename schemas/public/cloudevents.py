"""CloudEvents 1.0 over Kafka: parses the headers and value of a record into an envelope.

Binary mode has the attributes in `ce_` headers and the event as value. Structured mode has both in
one JSON object. Of a header that occurs twice the last one counts, as in Kafka's own clients.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from schemas.base.error_codes import RefusalCode, Refused, printable
from schemas.base.times import OUT_OF_RANGE, MomentUs, parse_moment
from schemas.public.events import EVENTS, EventType

SPECVERSION = b"1.0"
CONTENT_TYPE = "content-type"
JSON = "application/json"
STRUCTURED = "application/cloudevents+json"
AVRO = ("application/avro", "avro/binary", "application/vnd.apache.avro+binary")

_ATTRIBUTE_BYTES = 512
_HEADERS = 100

Headers = Iterable[tuple[str, bytes | None]]


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """The CloudEvents attributes of an event.

    `time` is `ce_time` as a moment, or None. `avro` is the encoding of the value: Avro or else
    JSON. `backfill` marks an event of the past, which is recorded and schedules nothing.
    """

    event: EventType
    id: str
    source: str
    time: MomentUs | None
    avro: bool
    backfill: bool = False


class _Structured(msgspec.Struct, gc=False):
    """An event in structured mode. `data` stays JSON text for the model of the event to parse."""

    specversion: Any = None
    type: Any = None
    id: Any = None
    source: Any = None
    time: Any = None
    datacontenttype: Any = None
    backfill: Any = None
    data: msgspec.Raw = msgspec.Raw()
    data_base64: Any = None


_decode_structured = msgspec.json.Decoder(_Structured).decode

# An entry for each spelling of a known type, `job.completed` and `job.completed.v1`, so that one
# lookup decides.
_TYPES: dict[bytes, EventType] = {
    spelling.encode(): event
    for name, event in EVENTS.items()
    for spelling in (name, *(f"{name}.v{number}" for number in range(1, event.version + 1)))
}
_CONTENT_IS_AVRO: dict[bytes | None, bool] = {
    None: False,
    JSON.encode(): False,
    **{content.encode(): True for content in AVRO},
}


def parse_envelope(headers: Headers | None, value: bytes) -> tuple[Envelope, bytes]:
    """The envelope of a record, and the bytes of the event without it.

    Raises Refused if the record is not a CloudEvent of a known type.
    """
    try:
        by_name = dict(headers or ())
    except (TypeError, ValueError):
        raise Refused(RefusalCode.NOT_CLOUDEVENT, "the headers are no pairs") from None
    ce_type = by_name.get("ce_type")
    if ce_type is None:
        return _structured(by_name, value)
    event = _TYPES.get(ce_type)
    if event is None:
        raise _unknown_type(_text(ce_type, "ce_type"))
    if by_name.get("ce_specversion") != SPECVERSION:
        _check_specversion(_text(by_name.get("ce_specversion"), "ce_specversion"))
    time = by_name.get("ce_time")
    avro = _CONTENT_IS_AVRO.get(by_name.get(CONTENT_TYPE))
    return (
        Envelope(
            event,
            _text(by_name.get("ce_id"), "ce_id"),
            _source(by_name.get("ce_source")),
            None if time is None else _header_time(time),
            _content_is_avro(by_name) if avro is None else avro,
            "ce_backfill" in by_name and _is_true(by_name["ce_backfill"]),
        ),
        value,
    )


def binary_headers(
    event_type: str, event_id: str, source: str, time: str | None, content_type: str
) -> list[tuple[str, bytes]]:
    """The headers of an event in binary mode, in a fixed order. `time` is RFC 3339 text."""
    headers = [
        ("ce_specversion", SPECVERSION),
        ("ce_type", event_type.encode()),
        ("ce_id", event_id.encode()),
        ("ce_source", source.encode()),
        (CONTENT_TYPE, content_type.encode()),
    ]
    return headers if time is None else [*headers, ("ce_time", time.encode())]


def _structured(by_name: dict[str, bytes | None], value: bytes) -> tuple[Envelope, bytes]:
    content = by_name.get(CONTENT_TYPE)
    if any(name.startswith("ce_") for name in list(by_name)[:_HEADERS] if isinstance(name, str)):
        raise Refused(RefusalCode.CE_HEADER_MISSING, "ce_type is missing")
    if content is not None and not _is_json(content):
        raise Refused(
            RefusalCode.NOT_CLOUDEVENT, "no ce_type header, and not structured JSON either"
        )
    try:
        outer = _decode_structured(value)
    except (msgspec.DecodeError, RecursionError):
        detail = "no ce_type header, and the value is no CloudEvent in JSON"
        raise Refused(RefusalCode.NOT_CLOUDEVENT, detail) from None
    return _structured_envelope(outer), bytes(outer.data)


def _structured_envelope(outer: _Structured) -> Envelope:
    name = _attribute(outer.type, "type")
    event = _TYPES.get(name.encode("utf-8", "replace"))
    if event is None:
        raise _unknown_type(name)
    _check_specversion(_attribute(outer.specversion, "specversion"))
    if outer.data_base64 is not None or not bytes(outer.data):
        raise Refused(
            RefusalCode.NOT_CLOUDEVENT, "structured mode has its event in `data`, as JSON"
        )
    if outer.datacontenttype not in (None, JSON):
        detail = "structured mode carries application/json alone"
        raise Refused(RefusalCode.CONTENT_TYPE_UNKNOWN, detail)
    return Envelope(
        event,
        _attribute(outer.id, "id"),
        _attribute(outer.source, "source"),
        None if outer.time is None else _time(_attribute(outer.time, "time")),
        False,
        outer.backfill is not None and _is_true(outer.backfill),
    )


def _is_true(value: Any) -> bool:
    """The value of a boolean attribute: text in a header, text or a boolean in JSON.

    Raises Refused for any other value.
    """
    match value:
        case True | b"true" | "true":
            return True
        case False | b"false" | "false":
            return False
    raise Refused(RefusalCode.CE_HEADER_INVALID, "backfill is true or false")


def _text(raw: Any, name: str) -> str:
    """The text of a header.

    Raises Refused if the header is missing, empty, too long or not printable UTF-8.
    """
    if not raw:
        raise Refused(RefusalCode.CE_HEADER_MISSING, f"{name} is missing")
    try:
        text: str = raw.decode()
    except (UnicodeDecodeError, AttributeError):
        raise Refused(RefusalCode.CE_HEADER_INVALID, f"{name} is not UTF-8") from None
    if len(raw) > _ATTRIBUTE_BYTES or not text.isprintable():
        raise Refused(
            RefusalCode.CE_HEADER_INVALID, f"{name} is too long, or has control characters"
        )
    return text


@lru_cache(maxsize=1024)
def _source(raw: Any) -> str:
    """The text of `ce_source`, cached because there are few sources."""
    return _text(raw, "ce_source")


def _header_time(raw: bytes) -> int:
    if len(raw) > _ATTRIBUTE_BYTES:
        raise Refused(RefusalCode.CE_HEADER_INVALID, "ce_time is too long")
    return _time(raw.decode("utf-8", "replace"))


def _attribute(value: Any, name: str) -> str:
    """The text of an attribute in structured mode, checked like a header."""
    if value is not None and not isinstance(value, str):
        raise Refused(RefusalCode.CE_HEADER_INVALID, f"{name} is not a text")
    return _text((value or "").encode("utf-8", "replace"), name)


def _time(text: str) -> int:
    """The moment that `ce_time` names.

    Raises Refused if it is out of range, because a time far in the future would be the latest for
    ever, and for text that is not a time.
    """
    try:
        return parse_moment(text)
    except ValueError as error:
        if str(error) == OUT_OF_RANGE:
            raise Refused(RefusalCode.TIME_OUT_OF_RANGE, f"time is {error}") from None
        raise Refused(RefusalCode.CE_HEADER_INVALID, f"time is {error}") from None


def _check_specversion(text: str) -> None:
    if not text.startswith("1."):
        raise Refused(RefusalCode.CE_VERSION_UNKNOWN, f"specversion {text[:20]} is not 1.x")


def _unknown_type(name: str) -> Refused:
    stem, dot, number = name.rpartition(".v")
    if dot and stem in EVENTS:
        newest = EVENTS[stem].version
        detail = f"{stem} is known up to release {newest}, this asks for {number[:20]}"
        return Refused(RefusalCode.EVENT_VERSION_UNKNOWN, detail)
    return Refused(RefusalCode.EVENT_TYPE_UNKNOWN, printable(name[:100]))


def _content_is_avro(by_name: dict[str, bytes | None]) -> bool:
    """Whether a content type with parameters or capitals is Avro; the common spellings are looked
    up.

    Raises Refused if it is neither Avro nor JSON.
    """
    content = _content(by_name.get(CONTENT_TYPE))
    if content not in AVRO and content != JSON and not content.endswith("+json"):
        raise Refused(RefusalCode.CONTENT_TYPE_UNKNOWN, f"{content[:100]} is neither JSON nor Avro")
    return content in AVRO


def _is_json(content: bytes) -> bool:
    return _content(content) in (STRUCTURED, JSON)


def _content(raw: bytes | None) -> str:
    text = _text(raw, CONTENT_TYPE) if raw else JSON
    return text.partition(";")[0].strip().lower()
