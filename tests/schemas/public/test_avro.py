"""Avro in both framings: the writer's schema, its resolution to the newest release, and bad
bytes."""

import json
from io import BytesIO
from typing import Any

import fastavro
import pytest
from fastavro.schema import fingerprint, to_parsing_canonical_form
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.error_codes import RefusalCode, Refused
from schemas.public.avro import frame_single
from schemas.public.avro_decoder import compile_decoder
from schemas.public.avro_moments import with_moments, without_logical_types
from schemas.public.codec import Decoder, encode_event
from schemas.public.compatibility import sample_value
from schemas.public.example_events import sample_model
from schemas.public.released import RELEASED, newest
from tests.testing.public_records import (
    SCHEMA_IDS,
    decode_record,
    record_headers,
    refusal_code,
    registry,
)

MICROS = "timestamp-micros"
AVRO_HEADERS = record_headers("touch.sent", content_type=b"application/avro")


def body_of(schema: Any, datum: Any) -> bytes:
    stream = BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(without_logical_types(schema)), datum)
    return stream.getvalue()


def touch_sent() -> dict[str, Any]:
    return sample_model("touch.sent").model_dump()


def read(schema: Any, body: bytes) -> Any:
    """The event in a body in Confluent framing, from a registry that has only this schema."""
    text = schema if isinstance(schema, str) else json.dumps(schema)
    return Decoder(lambda number: text).decode(AVRO_HEADERS, b"\x00\x00\x00\x00\x07" + body).data


def refused(schema: Any, body: bytes) -> RefusalCode:
    with pytest.raises(Refused) as error:
        read(schema, body)
    return error.value.code


def changed(**fields: Any) -> Any:
    """The released schema with fields added, or with fields removed that are given as None."""
    schema = json.loads(json.dumps(newest("touch.sent")))
    schema["fields"] = [field for field in schema["fields"] if field["name"] not in fields]
    schema["fields"] += [{"name": n, "type": kind} for n, kind in fields.items() if kind]
    return schema


def test_a_value_in_neither_framing_is_refused() -> None:
    assert refusal_code(AVRO_HEADERS, b"\x01abc") is RefusalCode.NOT_AVRO
    assert refusal_code(AVRO_HEADERS, b"Obj\x01") is RefusalCode.NOT_AVRO
    assert refusal_code(AVRO_HEADERS, b'{"tenant_id": "acme"}') is RefusalCode.NOT_AVRO


CONFLUENT = b"\x00\x00\x00\x00" + bytes([SCHEMA_IDS["touch.sent"]])


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"application/octet-stream",
        b"application/x-avro",
        b"application/avro; charset=binary",
        b"Application/Avro",
        b"avro/binary",
        b"application/vnd.apache.avro+binary",
        b"application/vnd.acme.touch+avro",
    ],
)
def test_framed_avro_is_told_by_its_content_type_or_its_first_byte(content: bytes | None) -> None:
    headers = record_headers("touch.sent", content_type=content)
    body = body_of(newest("touch.sent"), touch_sent())
    for value in (CONFLUENT + body, frame_single("touch.sent", touch_sent())):
        assert decode_record(headers, value) == decode_record(AVRO_HEADERS, value)


@pytest.mark.parametrize("content", [None, b"application/avro", b"application/x-avro"])
@pytest.mark.parametrize("schema_id", [1, 7, 2**31, 2**40])
def test_a_schema_id_of_8_bytes_is_refused_with_what_to_do(
    schema_id: int, content: bytes | None
) -> None:
    def unasked(_: int) -> str | None:
        raise AssertionError("the registry is asked")

    headers = record_headers("touch.sent", content_type=content)
    value = b"\x00" + schema_id.to_bytes(8, "big") + body_of(newest("touch.sent"), touch_sent())
    with pytest.raises(Refused) as error:
        Decoder(unasked if schema_id < 2**32 else registry).decode(headers, value)
    if schema_id < 2**32:
        assert error.value.code is RefusalCode.NOT_AVRO
        assert "8 bytes" in error.value.detail


def test_a_schema_id_that_does_not_exist_is_refused() -> None:
    assert refusal_code(AVRO_HEADERS, b"\x00\x00\x00\xff\xffabc") is RefusalCode.AVRO_SCHEMA_UNKNOWN


def test_confluent_framing_without_a_registry_is_refused() -> None:
    with pytest.raises(Refused) as error:
        Decoder().decode(AVRO_HEADERS, b"\x00\x00\x00\x00\x01abc")
    assert error.value.code is RefusalCode.AVRO_SCHEMA_UNKNOWN


def test_a_fingerprint_of_no_released_schema_is_refused() -> None:
    assert (
        refusal_code(AVRO_HEADERS, b"\xc3\x01" + b"\x07" * 8 + b"abc")
        is RefusalCode.AVRO_SCHEMA_UNKNOWN
    )


@pytest.mark.parametrize("frame", [b"\x00", b"\x00\x00\x00\x00", b"\xc3\x01", b"\xc3\x01abc"])
def test_a_truncated_frame_is_refused(frame: bytes) -> None:
    assert refusal_code(AVRO_HEADERS, frame) is RefusalCode.AVRO_TRUNCATED


def test_a_schema_of_another_event_type_is_refused() -> None:
    _, body = encode_event(
        "touch.opened", sample_model("touch.opened"), "avro", event_id="e", source="s"
    )
    assert refusal_code(AVRO_HEADERS, body) is RefusalCode.AVRO_SCHEMA_MISMATCH


def test_field_bounds_apply_to_avro_values_too() -> None:
    bad = {**touch_sent(), "tenant_id": "a/b"}
    assert refusal_code(AVRO_HEADERS, frame_single("touch.sent", bad)) is RefusalCode.FIELD_INVALID
    late = {**touch_sent(), "sent_at": 2**62}
    assert decode_record(AVRO_HEADERS, frame_single("touch.sent", late)).dropped == {
        "sent_at": RefusalCode.TIME_OUT_OF_RANGE
    }


def test_a_definition_that_is_not_json_is_refused() -> None:
    for text in ("{", "[]", '{"a": 1e999}', "[" * 100_000, '{"a": "\\u0000"}'):
        datum = {"tenant_id": "acme", "campaign_id": "c", "definition": text}
        event_headers = record_headers("campaign.published", content_type=b"application/avro")
        assert (
            refusal_code(event_headers, frame_single("campaign.published", datum))
            is RefusalCode.FIELD_INVALID
        )


def test_a_newer_producers_extra_field_is_ignored() -> None:
    schema = changed(colour="string")
    assert read(schema, body_of(schema, {**touch_sent(), "colour": "red"})) == sample_model(
        "touch.sent"
    )


def test_an_older_producers_missing_field_takes_its_default() -> None:
    schema = changed(sent_at=None, provider_message_id=None)
    data = read(schema, body_of(schema, touch_sent()))
    assert (data.sent_at, data.provider_message_id) == (None, None)


def moment(logical: str | None, integer: str = "long") -> dict[str, str]:
    return {"type": integer} | ({"logicalType": logical} if logical else {})


WHEN: int = touch_sent()["sent_at"]
COUNTED = {
    "timestamp-millis": WHEN // 1_000,
    "timestamp-micros": WHEN,
    "timestamp-nanos": WHEN * 1_000 + 999,
    None: WHEN,
}


@pytest.mark.parametrize("logical", COUNTED)
def test_a_moment_is_read_in_the_unit_of_its_logical_type(logical: str | None) -> None:
    datum = touch_sent() | {"sent_at": COUNTED[logical]}
    own = moment(logical)
    for kind in (own, ["null", own], [own, "null"], ["string", "null", own]):
        schema = changed(sent_at=kind)
        assert read(schema, body_of(schema, datum)) == sample_model("touch.sent")
    schema = changed(sent_at=["null", own])
    assert read(schema, body_of(schema, datum | {"sent_at": None})).sent_at is None


@pytest.mark.parametrize("logical", COUNTED)
def test_the_unit_counts_in_a_schema_that_is_else_the_released_one(logical: str | None) -> None:
    text = json.dumps(newest("job.completed")).replace("timestamp-micros", str(logical))
    schema = json.loads(text.replace(', "logicalType": "None"', ""))
    datum = sample_model("job.completed").model_dump() | {"completed_at": COUNTED[logical]}
    headers = record_headers("job.completed", content_type=b"application/avro")
    value = b"\x00\x00\x00\x00\x07" + body_of(schema, datum)
    event = Decoder(lambda _: json.dumps(schema)).decode(headers, value)
    assert event.data == sample_model("job.completed")


def test_the_unit_counts_inside_records_maps_and_unions() -> None:
    def inner(logical: str) -> Any:
        fields = [{"name": "at", "type": ["null", moment(logical)]}]
        return {"type": "record", "name": "Inner", "fields": fields}

    def whole(logical: str) -> Any:
        part = inner(logical)
        maps = {"type": "map", "values": {"type": "array", "items": part}}
        fields = [{"name": "parts", "type": ["null", maps]}, {"name": "n", "type": moment(logical)}]
        return {"type": "record", "name": "Whole", "fields": fields}

    marked = fastavro.parse_schema(with_moments(whole("timestamp-millis"), whole(MICROS)))
    stream = BytesIO(body_of(whole(MICROS), {"parts": {"a": [{"at": 7}, {"at": None}]}, "n": 8}))
    plain = fastavro.parse_schema(without_logical_types(whole(MICROS)))
    assert fastavro.schemaless_reader(stream, marked, plain) == {
        "parts": {"a": [{"at": 7_000}, {"at": None}]},
        "n": 8_000,
    }


def test_a_number_that_is_no_moment_stays_as_it_is() -> None:
    schema = json.loads(json.dumps(newest("call.ended")))
    (seconds,) = (field for field in schema["fields"] if field["name"] == "seconds")
    seconds["type"] = moment("timestamp-millis")
    body = body_of(schema, sample_model("call.ended").model_dump())
    headers = record_headers("call.ended", content_type=b"application/avro")
    event = Decoder(lambda _: json.dumps(schema)).decode(headers, b"\x00\x00\x00\x00\x07" + body)
    assert event.data == sample_model("call.ended")


NO_MOMENTS = [
    ("local-timestamp-millis", "long"),
    ("local-timestamp-micros", "long"),
    ("local-timestamp-nanos", "long"),
    ("time-micros", "long"),
    ("time-millis", "int"),
    ("date", "int"),
    ("acme-seconds", "long"),
]


@pytest.mark.parametrize(("logical", "integer"), NO_MOMENTS)
def test_a_number_of_another_logical_type_is_no_moment(logical: str, integer: str) -> None:
    """As text without a zone is none in JSON: the required field refuses, the optional one is
    dropped."""
    number = 20_000 if integer == "int" else WHEN
    schema = json.loads(json.dumps(newest("job.completed")))
    (completed,) = (field for field in schema["fields"] if field["name"] == "completed_at")
    completed["type"] = moment(logical, integer)
    body = body_of(schema, sample_model("job.completed").model_dump() | {"completed_at": number})
    headers = record_headers("job.completed", content_type=b"application/avro")
    with pytest.raises(Refused) as error:
        Decoder(lambda _: json.dumps(schema)).decode(headers, b"\x00\x00\x00\x00\x07" + body)
    assert error.value.code is RefusalCode.FIELD_INVALID
    assert error.value.detail.startswith(f"completed_at: {logical}")
    schema = changed(sent_at=["null", moment(logical, integer)])
    text = json.dumps(schema)
    body = body_of(schema, touch_sent() | {"sent_at": number})
    event = Decoder(lambda _: text).decode(AVRO_HEADERS, b"\x00\x00\x00\x00\x07" + body)
    assert event.dropped == {"sent_at": RefusalCode.FIELD_INVALID}
    body = body_of(schema, touch_sent() | {"sent_at": None})
    event = Decoder(lambda _: text).decode(AVRO_HEADERS, b"\x00\x00\x00\x00\x07" + body)
    assert event.dropped is None


@pytest.mark.parametrize("release", [1, 2, 3])
@pytest.mark.parametrize("given", [True, False, None])
def test_the_default_of_an_older_release_is_not_known(release: int, given: bool | None) -> None:
    """Releases 1 and 2 of contact.replied had `automatic: false` by default: their producers wrote
    it where they knew nothing."""
    schema = RELEASED["contact.replied"][release - 1]
    if given is None and release < 3:
        return
    datum = sample_model("contact.replied").model_dump() | {"automatic": given}
    body = body_of(schema, datum)
    headers = record_headers("contact.replied", content_type=b"application/avro")
    fingerprint_le = bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
    single = b"\xc3\x01" + fingerprint_le + body
    confluent = b"\x00\x00\x00\x00\x07" + body
    for value in (single, confluent):
        event = Decoder(lambda _: json.dumps(schema)).decode(headers, value)
        assert event.data.automatic is (given if release == 3 or given else None)


def test_a_producers_own_namespace_does_not_matter() -> None:
    schema = changed() | {"namespace": "com.acme"}
    assert read(schema, body_of(schema, touch_sent())) == sample_model("touch.sent")


def test_a_schema_that_cannot_be_resolved_is_a_mismatch() -> None:
    schema = changed(contact_id="long")
    body = body_of(schema, {**touch_sent(), "contact_id": 7})
    assert refused(schema, body) is RefusalCode.AVRO_SCHEMA_MISMATCH
    without = changed(contact_id=None)
    assert refused(without, body_of(without, touch_sent())) is RefusalCode.AVRO_SCHEMA_MISMATCH


def test_a_schema_of_no_known_event_is_a_mismatch() -> None:
    foreign = {"type": "record", "name": "Invoice", "fields": []}
    assert refused(foreign, b"") is RefusalCode.AVRO_SCHEMA_MISMATCH


@pytest.mark.parametrize(
    "schema",
    [
        "",
        "{",
        "[]",
        '"string"',
        '{"type": "record"}',
        "7",
        '{"type":"enum","name":"x"}',
        "[" * 50_000,
    ],
)
def test_a_registry_schema_that_is_not_a_record_is_refused(schema: str) -> None:
    assert refused(schema, b"abc") is RefusalCode.AVRO_SCHEMA_UNKNOWN


def test_surplus_or_missing_bytes_are_refused_by_the_general_reader_too() -> None:
    schema = changed(colour="string")
    body = body_of(schema, {**touch_sent(), "colour": "red"})
    assert refused(schema, body + b"x") is RefusalCode.NOT_AVRO
    assert refused(schema, body[:-1]) is RefusalCode.AVRO_TRUNCATED


@pytest.mark.parametrize("ce_type", RELEASED)
def test_the_compiled_decoder_gives_the_values_of_the_general_reader(ce_type: str) -> None:
    schema = newest(ce_type)
    decode = compile_decoder(schema)
    plain = fastavro.parse_schema(without_logical_types(schema))
    for turn in range(8):
        body = body_of(schema, sample_value(schema, turn))
        assert decode(body) == fastavro.schemaless_reader(BytesIO(body), plain, None)


numbers = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
kinds = st.dictionaries(st.text(max_size=200), st.text() | numbers, max_size=80)


@given(kinds, st.text(max_size=300))
def test_the_compiled_decoder_reads_any_text_and_number(attributes: Any, text: str) -> None:
    schema = newest("contact.upserted")
    datum = {
        **sample_model("contact.upserted").model_dump(),
        "attributes": attributes,
        "email": text,
    }
    assert compile_decoder(schema)(body_of(schema, datum)) == datum


def test_the_compiled_decoder_reads_blocks_with_a_size() -> None:
    schema = {"type": "array", "items": "long"}
    assert compile_decoder(schema)(b"\x03\x04\x02\x04\x02\x06\x00") == [1, 2, 3]


def test_a_text_with_a_negative_length_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        compile_decoder("string")(b"\x01abc")
