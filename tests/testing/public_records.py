"""Records of the public topics as a producer writes them, each with some parts changed."""

import json
from typing import Any

from schemas.base.error_codes import RefusalCode, Refused, SchemaUnavailable
from schemas.public.cloudevents import Headers
from schemas.public.codec import Decoder, PublicEvent
from schemas.public.events import EVENTS
from schemas.public.example_events import TIME, sample
from schemas.public.released import newest

Header = tuple[str, bytes | None]

SCHEMA_IDS = {name: number for number, name in enumerate(EVENTS, start=1)}
"""The schema id of each event's newest release in the registry of these tests."""

_CE_TYPES = {number: name for name, number in SCHEMA_IDS.items()}


def registry(schema_id: int) -> str | None:
    """The schema with an id as JSON text, from a registry that has every newest release."""
    ce_type = _CE_TYPES.get(schema_id)
    return None if ce_type is None else json.dumps(newest(ce_type))


def registry_down(schema_id: int) -> str | None:
    """A registry that does not answer. Raises SchemaUnavailable."""
    raise SchemaUnavailable("connection refused")


def record_headers(ce_type: str = "touch.sent", /, **changed: bytes | None) -> list[Header]:
    """The headers of an event in binary mode in JSON, without those that are given as None."""
    defaults: dict[str, bytes | None] = {
        "ce_specversion": b"1.0",
        "ce_type": ce_type.encode(),
        "ce_id": b"e-1",
        "ce_source": b"/test",
        "ce_time": TIME.encode(),
        "content-type": b"application/json",
    }
    changed = {name.replace("content_type", "content-type"): v for name, v in changed.items()}
    return [(name, value) for name, value in (defaults | changed).items() if value is not None]


def structured_value(ce_type: str = "touch.sent", /, **changed: Any) -> bytes:
    """The value of an event in structured mode; an attribute that is given as None is null."""
    whole = {
        "specversion": "1.0",
        "type": ce_type,
        "id": "e-1",
        "source": "/test",
        "time": TIME,
        "datacontenttype": "application/json",
        "data": sample(ce_type),
    }
    return json.dumps(whole | changed).encode()


def record_value(ce_type: str = "touch.sent", /, **changed: Any) -> bytes:
    """The JSON value of an event in binary mode."""
    return json.dumps(sample(ce_type, **changed)).encode()


def decode_record(headers: Headers | None, value: bytes | None) -> PublicEvent:
    """The event of a record. Raises Refused if the record is not valid."""
    return Decoder(registry).decode(headers, value)


def refusal(headers: Headers | None, value: bytes | None) -> Refused:
    """The error of a record that must be refused. Raises AssertionError if it is decoded."""
    try:
        event = decode_record(headers, value)
    except Refused as refused:
        assert len(refused.detail) <= 300
        return refused
    raise AssertionError(f"the record was decoded as {event.type}")


def dropped_fields(ce_type: str, /, **changed: Any) -> dict[str, str]:
    """The fields that are dropped from an event in JSON with these fields; it must be decoded."""
    return decode_record(record_headers(ce_type), record_value(ce_type, **changed)).dropped or {}


def refusal_code(headers: Headers | None, value: bytes | None) -> RefusalCode:
    """The code of the error of a record that must be refused."""
    return refusal(headers, value).code
