"""CloudEvents 1.0 over Kafka: parses the headers and value of a record into an envelope.

Binary mode has the attributes in `ce_` headers and the event as value. Structured mode has both in
one JSON object. The content type decides about the mode; a record without one is in binary mode if
it has `ce_` headers. Of a header that occurs twice, in capitals or not, the last one counts, as in
Kafka's own clients.
"""

import re
from base64 import b64decode
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from schemas.base.error_codes import RefusalCode, Refused, printable
from schemas.base.times import OUT_OF_RANGE, MomentUs, parse_moment
from schemas.public.avro import FRAMES
from schemas.public.events import EVENTS, EventType

SPECVERSION = b"1.0"
CONTENT_TYPE = "content-type"
JSON = "application/json"
STRUCTURED = "application/cloudevents+json"
AVRO = ("application/avro", "avro/binary", "application/vnd.apache.avro+binary")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some editors and libraries write before UTF-8. JSON parsers refuse it."""

_ATTRIBUTE_BYTES = 512

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

_IN_JSON, _IN_AVRO, _UNKNOWN, _IN_ENVELOPE = "JSON", "Avro", "unknown", "structured"
"""What a content type makes of the value. If it is unknown, the first bytes decide."""

_COMMON_CONTENT: dict[bytes | None, str] = {
    JSON.encode(): _IN_JSON,
    **{content.encode(): _IN_AVRO for content in AVRO},
}
_USUAL_NAMES = frozenset(
    (
        *(CONTENT_TYPE, "ce_type", "ce_specversion", "ce_id", "ce_source", "ce_time"),
        *("ce_backfill", "ce_subject", "traceparent", "tracestate"),
    )
)
"""Names of headers in small letters: other names may have capitals."""

_words = re.compile(r"[a-z0-9]+").findall


def parse_envelope(headers: Headers | None, value: bytes) -> tuple[Envelope, bytes]:
    """The envelope of a record, and the bytes of the event without it.

    Raises Refused if the record is not a CloudEvent of a known type.
    """
    try:
        by_name = dict(headers or ())
    except (TypeError, ValueError):
        raise Refused(RefusalCode.NOT_CLOUDEVENT, "the headers are no pairs") from None
    if not _USUAL_NAMES.issuperset(by_name):
        pairs = headers if isinstance(headers, list | tuple) else by_name.items()
        by_name = {name.lower(): text for name, text in pairs if isinstance(name, str)}
    content = _COMMON_CONTENT.get(by_name.get(CONTENT_TYPE))
    ce_type = by_name.get("ce_type")
    if content is None or ce_type is None:
        content = _uncommon_content(by_name)
        if content is _IN_ENVELOPE:
            return _structured(value)
        ce_type = by_name["ce_type"]
    event = _TYPES.get(ce_type)  # type: ignore[arg-type]
    if event is None:
        raise _unknown_type(_text(ce_type, "ce_type"))
    if by_name.get("ce_specversion") != SPECVERSION:
        _check_specversion(_text(by_name.get("ce_specversion"), "ce_specversion"))
    time, backfill = by_name.get("ce_time"), by_name.get("ce_backfill")
    avro = content is _IN_AVRO or (content is _UNKNOWN and value.startswith(FRAMES))
    envelope = Envelope(
        event,
        _text(by_name.get("ce_id"), "ce_id"),
        _source(by_name.get("ce_source")),
        _header_time(time) if time else None,
        avro,
        _is_true(backfill) if backfill else False,
    )
    return envelope, value if avro else value.removeprefix(BYTE_ORDER_MARK)


def _uncommon_content(by_name: dict[str, bytes | None]) -> str:
    """What the content type makes of a record in structured mode, or of one with another spelling
    of its content type or of its header names."""
    raw = by_name.get(CONTENT_TYPE)
    content = _content(_text(raw, CONTENT_TYPE)) if raw else _UNKNOWN
    if content is _IN_ENVELOPE or "ce_type" in by_name:
        return content
    if any(name.startswith("ce_") for name in by_name):
        raise Refused(RefusalCode.CE_HEADER_MISSING, "ce_type is missing")
    if content is _IN_AVRO:
        detail = "no ce_type header, and not structured JSON either"
        raise Refused(RefusalCode.NOT_CLOUDEVENT, detail)
    return _IN_ENVELOPE


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


def _structured(value: bytes) -> tuple[Envelope, bytes]:
    try:
        outer = _decode_structured(value.removeprefix(BYTE_ORDER_MARK))
    except (msgspec.DecodeError, RecursionError):
        detail = "no ce_type header, and the value is no CloudEvent in JSON"
        raise Refused(RefusalCode.NOT_CLOUDEVENT, detail) from None
    name = _attribute(outer.type, "type")
    event = _TYPES.get(name.encode("utf-8", "replace"))
    if event is None:
        raise _unknown_type(name)
    _check_specversion(_attribute(outer.specversion, "specversion"))
    avro, data = _structured_data(outer)
    envelope = Envelope(
        event,
        _attribute(outer.id, "id"),
        _attribute(outer.source, "source"),
        None if _is_absent(outer.time) else _time(_attribute(outer.time, "time")),
        avro,
        False if _is_absent(outer.backfill) else _is_true(outer.backfill),
    )
    return envelope, data


def _structured_data(outer: _Structured) -> tuple[bool, bytes]:
    """Whether the event is in Avro, and its bytes: JSON is in `data`, and any encoding in
    `data_base64`."""
    content = _UNKNOWN
    if not _is_absent(outer.datacontenttype):
        content = _content(_attribute(outer.datacontenttype, "datacontenttype"))
    if content is _IN_ENVELOPE:
        detail = "datacontenttype is that of the event inside, not of the envelope"
        raise Refused(RefusalCode.CONTENT_TYPE_UNKNOWN, detail)
    data = bytes(outer.data)
    if _is_absent(outer.data_base64):
        if not data:
            detail = "structured mode has its event in `data` or in `data_base64`"
            raise Refused(RefusalCode.NOT_CLOUDEVENT, detail)
        if content is _IN_AVRO:
            detail = "in structured mode, Avro is in `data_base64`"
            raise Refused(RefusalCode.CONTENT_TYPE_UNKNOWN, detail)
        return False, data
    if data not in (b"", b"null"):
        raise Refused(RefusalCode.NOT_CLOUDEVENT, "there are both `data` and `data_base64`")
    try:
        data = b64decode(outer.data_base64, validate=True)
    except (TypeError, ValueError):
        raise Refused(RefusalCode.NOT_CLOUDEVENT, "`data_base64` is not base64") from None
    avro = content is _IN_AVRO or (content is _UNKNOWN and data.startswith(FRAMES))
    return avro, data if avro else data.removeprefix(BYTE_ORDER_MARK)


def _is_absent(attribute: Any) -> bool:
    """Whether an attribute counts as absent: null, or an empty text."""
    return attribute is None or attribute == ""


def _is_true(value: Any) -> bool:
    """The value of a boolean attribute: text in a header, text or a boolean in JSON. Some libraries
    write the text with a capital.

    Raises Refused for any other value.
    """
    match value.lower() if isinstance(value, bytes | str) else value:
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


@lru_cache(maxsize=1024)
def _content(text: str) -> str:
    """What a content type makes of a value, in any spelling: parameters and capitals do not matter.

    Raises Refused for a type that is neither JSON nor Avro, and for the formats and batches of
    CloudEvents that are not read.
    """
    media = text.partition(";")[0].strip().lower()
    if media == STRUCTURED:
        return _IN_ENVELOPE
    if media.startswith("application/cloudevents-batch"):
        detail = "a batch of events is not read: send a record for each event"
        raise Refused(RefusalCode.CONTENT_TYPE_UNKNOWN, detail)
    if media.startswith("application/cloudevents"):
        detail = f"{media[:100]} is not read: structured mode is {STRUCTURED}"
        raise Refused(RefusalCode.CONTENT_TYPE_UNKNOWN, detail)
    if media.endswith(("/json", "+json")):
        return _IN_JSON
    if "avro" in _words(media):
        return _IN_AVRO
    if media in ("", "application/octet-stream"):
        return _UNKNOWN
    raise Refused(RefusalCode.CONTENT_TYPE_UNKNOWN, f"{media[:100]} is neither JSON nor Avro")
