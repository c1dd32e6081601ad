"""Records as a producer would write them, with one thing changed."""

import json
from typing import Any

from schemas.base.error_codes import RefusalCode, Refused, SchemaUnavailable
from schemas.public.cloudevents import Headers
from schemas.public.codec import Decoder, PublicEvent
from schemas.public.events import EVENTS
from schemas.public.example_events import TIME, sample
from schemas.public.released import newest

Header = tuple[str, bytes | None]

IDS = {name: number for number, name in enumerate(EVENTS, start=1)}
"""The numbers that the registry of these tests gave."""

_NAMES = {number: name for name, number in IDS.items()}


def registry(number: int) -> str | None:
    """A registry that knows every event's newest release."""
    name = _NAMES.get(number)
    return None if name is None else json.dumps(newest(name))


def registry_down(number: int) -> str | None:
    raise SchemaUnavailable("connection refused")


def headers(ce_type: str = "touch.sent", /, **changed: bytes | None) -> list[Header]:
    """Binary mode in JSON; a header given as None is left out."""
    usual: dict[str, bytes | None] = {
        "ce_specversion": b"1.0",
        "ce_type": ce_type.encode(),
        "ce_id": b"e-1",
        "ce_source": b"/test",
        "ce_time": TIME.encode(),
        "content-type": b"application/json",
    }
    changed = {name.replace("content_type", "content-type"): v for name, v in changed.items()}
    return [(name, value) for name, value in (usual | changed).items() if value is not None]


def structured(ce_type: str = "touch.sent", /, **changed: Any) -> bytes:
    """The same in structured mode; an attribute given as None is null."""
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


def value(ce_type: str = "touch.sent", /, **changed: Any) -> bytes:
    return json.dumps(sample(ce_type, **changed)).encode()


def decoded(given: Headers | None, body: bytes | None) -> PublicEvent:
    return Decoder(registry).decode(given, body)


def refusal(given: Headers | None, body: bytes | None) -> Refused:
    """What it is refused with; an event is a failure of the test."""
    try:
        event = decoded(given, body)
    except Refused as refused:
        assert len(refused.detail) <= 300
        return refused
    raise AssertionError(f"taken for {event.type}")


def code_of(given: Headers | None, body: bytes | None) -> RefusalCode:
    return refusal(given, body).code
