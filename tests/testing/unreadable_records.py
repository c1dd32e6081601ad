"""Records that nobody can read, and the code each is refused with."""

import json
from typing import Any, NamedTuple

from schemas.base.error_codes import RefusalCode
from schemas.internal.topics import Topic
from schemas.public.codec import encode_event
from schemas.public.example_events import sample, sample_model
from tests.testing.publishing import Headers

JSON, AVRO = b"application/json", b"application/avro"


class Bad(NamedTuple):
    """One record; `packed` goes compressed past the broker's limit, `stamp` is the record's own
    timestamp in milliseconds (0: now)."""

    name: str
    code: str
    value: bytes | None
    headers: Headers
    topic: Topic = Topic.JOBS
    key: bytes | None = b"acme/ann"
    packed: bool = False
    stamp: int = 0


def headers(ce_type: str = "job.completed", content: bytes = JSON, **changed: bytes) -> Headers:
    """A CloudEvent's, with some changed; an empty one is left out."""
    found = {
        "ce_specversion": b"1.0",
        "ce_type": ce_type.encode(),
        "ce_id": b"bad",
        "ce_source": b"test",
        "content-type": content,
        **changed,
    }
    return [(name, value) for name, value in found.items() if value]


def body(ce_type: str = "job.completed", **changed: Any) -> bytes:
    """A sample as JSON, NaN and all."""
    return json.dumps(sample(ce_type, **changed)).encode()


def without(name: str) -> bytes:
    """A job that lacks something."""
    whole = sample("job.completed")
    del whole[name]
    return json.dumps(whole).encode()


_SINGLE = encode_event(
    "job.completed", sample_model("job.completed"), "avro", event_id="x", source="y"
)[1]
_DEEP = b'{"definition":' * 5_000 + b"1" + b"}" * 5_000
_REPLY = "contact.replied"


def _long(characters: int) -> bytes:
    return body(_REPLY, text="x" * characters)


def _reply(
    name: str, code: str, value: bytes, content: bytes = JSON, *, packed: bool = False
) -> Bad:
    return Bad(name, code, value, headers(_REPLY, content), Topic.ENGAGEMENT, packed=packed)


_CUSTOMER = {"contact_id": "ann", "timezone": "Mars/Olympus"}

BAD = (
    Bad("garbage", RefusalCode.NOT_JSON, b"\x00\xff garbage", headers()),
    Bad("garbage without headers", RefusalCode.NOT_CLOUDEVENT, b"\x00\xff garbage", []),
    Bad("nothing", RefusalCode.VALUE_EMPTY, None, headers()),
    Bad("wrong magic", RefusalCode.NOT_AVRO, b"\x07" + _SINGLE[1:], headers(content=AVRO)),
    Bad("truncated Avro", RefusalCode.AVRO_TRUNCATED, _SINGLE[:-5], headers(content=AVRO)),
    Bad("truncated frame", RefusalCode.AVRO_TRUNCATED, b"\x00\x00", headers(content=AVRO)),
    Bad(
        "unknown schema id",
        RefusalCode.AVRO_SCHEMA_UNKNOWN,
        b"\x00\x00\x0f\x42\x3f body",
        headers(content=AVRO),
    ),
    Bad(
        "unknown fingerprint",
        RefusalCode.AVRO_SCHEMA_UNKNOWN,
        b"\xc3\x01" + bytes(20),
        headers(content=AVRO),
    ),
    Bad("wrong type", RefusalCode.FIELD_INVALID, body(tenant_id=7), headers()),
    Bad("missing field", RefusalCode.FIELD_MISSING, without("customer"), headers()),
    Bad("a list", RefusalCode.FIELD_INVALID, b"[]", headers()),
    Bad(
        "NaN",
        RefusalCode.FIELD_INVALID,
        body("contact.upserted", attributes={"x": float("nan")}),
        headers("contact.upserted"),
        Topic.CONTACTS,
    ),
    Bad("NUL in an id", RefusalCode.FIELD_INVALID, body(tenant_id="a\x00b"), headers()),
    Bad(
        "another's key in an id", RefusalCode.FIELD_INVALID, body(tenant_id="quiet/ann"), headers()
    ),
    _reply("long text", RefusalCode.FIELD_INVALID, _long(30_000)),
    _reply("beyond our limit", RefusalCode.TOO_LARGE, _long(1_500_000)),
    _reply("up to the broker's limit", RefusalCode.TOO_LARGE, _long(3_999_000)),
    _reply("compressed past it", RefusalCode.TOO_LARGE, _long(20_000_000), packed=True),
    Bad(
        "deep nesting", RefusalCode.TOO_DEEP, _DEEP, headers("campaign.published"), Topic.CAMPAIGNS
    ),
    Bad("a great key", RefusalCode.NOT_JSON, b"?", headers(), key=b"k" * 2_500_000),
    Bad("great headers", RefusalCode.NOT_JSON, b"?", [*headers(), ("x", b"h" * 400_000)]),
    Bad("unknown type", RefusalCode.EVENT_TYPE_UNKNOWN, body(), headers("job.exploded")),
    Bad("unknown version", RefusalCode.EVENT_VERSION_UNKNOWN, body(), headers("job.completed.v99")),
    Bad(
        "unknown CloudEvents",
        RefusalCode.CE_VERSION_UNKNOWN,
        body(),
        headers(ce_specversion=b"2.0"),
    ),
    Bad("no id", RefusalCode.CE_HEADER_MISSING, body(), headers(ce_id=b"")),
    Bad(
        "id with control characters", RefusalCode.CE_HEADER_INVALID, body(), headers(ce_id=b"a\nb")
    ),
    Bad("unknown content", RefusalCode.CONTENT_TYPE_UNKNOWN, body(), headers(content=b"text/xml")),
    Bad("wrong topic", "EVENT_WRONG_TOPIC", body(), headers(), Topic.CONTACTS),
    Bad(
        "event of 1970",
        RefusalCode.TIME_OUT_OF_RANGE,
        body(),
        headers(ce_time=b"1970-01-01T00:00:00Z"),
    ),
    Bad("stamped in 1970", RefusalCode.TIME_OUT_OF_RANGE, body(), headers(), stamp=1_000),
    Bad("stamped before time", RefusalCode.TIME_OUT_OF_RANGE, body(), headers(), stamp=-(2**62)),
    Bad(
        "job of 2200",
        RefusalCode.TIME_OUT_OF_RANGE,
        body(completed_at="2200-01-01T00:00:00Z"),
        headers(),
    ),
    Bad("unknown zone", RefusalCode.TIMEZONE_UNKNOWN, body(customer=_CUSTOMER), headers()),
)
