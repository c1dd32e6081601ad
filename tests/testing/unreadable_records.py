"""Records that cannot be read, each with the code that it is refused with."""

import json
from typing import Any, NamedTuple

from schemas.base.error_codes import RefusalCode
from schemas.internal.topics import Topic
from schemas.public.codec import encode_event
from schemas.public.example_events import sample, sample_model
from tests.testing.publishing import Headers

JSON, AVRO = b"application/json", b"application/avro"


class UnreadableRecord(NamedTuple):
    """A record that intake refuses with `code`. With `packed` it is published compressed, so that
    the broker takes more than its limit. A timestamp of 0 means now."""

    name: str
    code: str
    value: bytes | None
    headers: Headers
    topic: Topic = Topic.JOBS
    key: bytes | None = b"acme/ann"
    packed: bool = False
    timestamp_ms: int = 0


def headers(ce_type: str = "job.completed", content: bytes = JSON, **changed: bytes) -> Headers:
    """The headers of a CloudEvent with some values changed; a header with an empty value is left
    out."""
    values = {
        "ce_specversion": b"1.0",
        "ce_type": ce_type.encode(),
        "ce_id": b"bad",
        "ce_source": b"test",
        "content-type": content,
        **changed,
    }
    return [(name, value) for name, value in values.items() if value]


def body(ce_type: str = "job.completed", **changed: Any) -> bytes:
    """An example event with changed fields as JSON; NaN is allowed."""
    return json.dumps(sample(ce_type, **changed)).encode()


def without(name: str) -> bytes:
    """A completed job without one of its fields."""
    fields = sample("job.completed")
    del fields[name]
    return json.dumps(fields).encode()


_SINGLE = encode_event(
    "job.completed", sample_model("job.completed"), "avro", event_id="x", source="y"
)[1]
_DEEP = b'{"definition":' * 5_000 + b"1" + b"}" * 5_000
_REPLY = "contact.replied"


def _sender(name: str, ce_type: str, **changed: Any) -> UnreadableRecord:
    """An event on the topic `senders` with a value that is refused."""
    value, code = body(ce_type, **changed), RefusalCode.FIELD_INVALID
    return UnreadableRecord(name, code, value, headers(ce_type), Topic.SENDERS)


def _long(characters: int) -> bytes:
    return body(_REPLY, text="x" * characters)


def _reply(
    name: str, code: str, value: bytes, content: bytes = JSON, *, packed: bool = False
) -> UnreadableRecord:
    return UnreadableRecord(
        name, code, value, headers(_REPLY, content), Topic.ENGAGEMENT, packed=packed
    )


UNREADABLE_RECORDS = (
    UnreadableRecord("garbage", RefusalCode.NOT_JSON, b"\x00\xff garbage", headers()),
    UnreadableRecord(
        "garbage without headers", RefusalCode.NOT_CLOUDEVENT, b"\x00\xff garbage", []
    ),
    UnreadableRecord("an empty value", RefusalCode.VALUE_EMPTY, b"", headers()),
    UnreadableRecord(
        "wrong magic", RefusalCode.NOT_AVRO, b"\x07" + _SINGLE[1:], headers(content=AVRO)
    ),
    UnreadableRecord(
        "truncated Avro", RefusalCode.AVRO_TRUNCATED, _SINGLE[:-5], headers(content=AVRO)
    ),
    UnreadableRecord(
        "truncated frame", RefusalCode.AVRO_TRUNCATED, b"\x00\x00", headers(content=AVRO)
    ),
    UnreadableRecord(
        "unknown schema id",
        RefusalCode.AVRO_SCHEMA_UNKNOWN,
        b"\x00\x00\x0f\x42\x3f body",
        headers(content=AVRO),
    ),
    UnreadableRecord(
        "schema id of 8 bytes",
        RefusalCode.NOT_AVRO,
        b"\x00" + (7).to_bytes(8) + b" body",
        headers(content=AVRO),
    ),
    UnreadableRecord(
        "a batch",
        RefusalCode.CONTENT_TYPE_UNKNOWN,
        b"[]",
        headers(content=b"application/cloudevents-batch+json"),
    ),
    UnreadableRecord(
        "unknown fingerprint",
        RefusalCode.AVRO_SCHEMA_UNKNOWN,
        b"\xc3\x01" + bytes(20),
        headers(content=AVRO),
    ),
    UnreadableRecord("wrong type", RefusalCode.FIELD_INVALID, body(tenant_id=7), headers()),
    UnreadableRecord("missing field", RefusalCode.FIELD_MISSING, without("customer"), headers()),
    UnreadableRecord("a list", RefusalCode.FIELD_INVALID, b"[]", headers()),
    UnreadableRecord(
        "NaN",
        RefusalCode.FIELD_INVALID,
        body("campaign.published", definition={"x": float("nan")}),
        headers("campaign.published"),
        Topic.CAMPAIGNS,
    ),
    UnreadableRecord(
        "NUL in an id", RefusalCode.FIELD_INVALID, body(tenant_id="a\x00b"), headers()
    ),
    UnreadableRecord(
        "another's key in an id", RefusalCode.FIELD_INVALID, body(tenant_id="quiet/ann"), headers()
    ),
    _reply("long channel", RefusalCode.FIELD_INVALID, body(_REPLY, channel="x" * 30_000)),
    _reply("beyond our limit", RefusalCode.TOO_LARGE, _long(1_500_000)),
    _reply("up to the broker's limit", RefusalCode.TOO_LARGE, _long(3_999_000)),
    _reply("compressed past it", RefusalCode.TOO_LARGE, _long(20_000_000), packed=True),
    UnreadableRecord(
        "deep nesting", RefusalCode.TOO_DEEP, _DEEP, headers("campaign.published"), Topic.CAMPAIGNS
    ),
    UnreadableRecord("a great key", RefusalCode.NOT_JSON, b"?", headers(), key=b"k" * 2_500_000),
    UnreadableRecord(
        "great headers", RefusalCode.NOT_JSON, b"?", [*headers(), ("x", b"h" * 400_000)]
    ),
    UnreadableRecord(
        "unknown type", RefusalCode.EVENT_TYPE_UNKNOWN, body(), headers("job.exploded")
    ),
    UnreadableRecord(
        "unknown version", RefusalCode.EVENT_VERSION_UNKNOWN, body(), headers("job.completed.v99")
    ),
    UnreadableRecord(
        "unknown CloudEvents",
        RefusalCode.CE_VERSION_UNKNOWN,
        body(),
        headers(ce_specversion=b"2.0"),
    ),
    UnreadableRecord("no id", RefusalCode.CE_HEADER_MISSING, body(), headers(ce_id=b"")),
    UnreadableRecord(
        "id with control characters", RefusalCode.CE_HEADER_INVALID, body(), headers(ce_id=b"a\nb")
    ),
    UnreadableRecord(
        "unknown content", RefusalCode.CONTENT_TYPE_UNKNOWN, body(), headers(content=b"text/xml")
    ),
    UnreadableRecord("wrong topic", "EVENT_WRONG_TOPIC", body(), headers(), Topic.CONTACTS),
    UnreadableRecord(
        "event of 1970",
        RefusalCode.TIME_OUT_OF_RANGE,
        body(),
        headers(ce_time=b"1970-01-01T00:00:00Z"),
    ),
    UnreadableRecord(
        "stamped in 1970", RefusalCode.TIME_OUT_OF_RANGE, body(), headers(), timestamp_ms=1_000
    ),
    UnreadableRecord(
        "stamped before time",
        RefusalCode.TIME_OUT_OF_RANGE,
        body(),
        headers(),
        timestamp_ms=-(2**62),
    ),
    UnreadableRecord(
        "job of 2200",
        RefusalCode.TIME_OUT_OF_RANGE,
        body(completed_at="2200-01-01T00:00:00Z"),
        headers(),
    ),
    UnreadableRecord(
        "unknown zone of a tenant",
        RefusalCode.TIMEZONE_UNKNOWN,
        body("tenant.upserted", timezone="Mars/Olympus"),
        headers("tenant.upserted"),
        Topic.SENDERS,
    ),
    UnreadableRecord(
        "a call to a number without its country",
        RefusalCode.PHONE_WITHOUT_COUNTRY,
        body("call.requested", contact_id=None, phone="212 555 0101"),
        headers("call.requested"),
        Topic.CONTACTS,
    ),
    UnreadableRecord(
        "a call to nobody",
        RefusalCode.FIELD_INVALID,
        body("call.requested", contact_id=None, phone=None),
        headers("call.requested"),
        Topic.CONTACTS,
    ),
    UnreadableRecord(
        "a call to an emergency number",
        RefusalCode.FIELD_INVALID,
        body("call.requested", phone="911"),
        headers("call.requested"),
        Topic.CONTACTS,
    ),
    _sender("a pool of a tenant", "pool.upserted", tenant_id="acme"),
    _sender("a pool without slots", "pool.upserted", slots=0),
    _sender("a tenant without weight", "pool.upserted", weights={"acme": 0}),
    _sender("more than all slots reserved", "pool.upserted", reserved={"acme": 11}),
    _sender("a limit of 0", "sender.upserted", limits={"per_hour": 0}),
    _sender("a negative limit", "sender.upserted", limits={"per_day": -1}),
    _sender("a limit above its range", "sender.upserted", limits={"per_week": 1_000_001}),
    _sender(
        "a window that never opens",
        "sender.upserted",
        window={"start": "09:00", "end": "09:00"},
    ),
    _sender("no call at all", "tenant.upserted", calls={"concurrent": 0}),
)
