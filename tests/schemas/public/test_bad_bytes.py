"""Any bytes are decoded to an event or refused, and a refusal does not contain the payload."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base.error_codes import RefusalCode, Refused
from schemas.public.codec import Decoder, encode_event
from schemas.public.events import EVENTS
from schemas.public.example_events import sample_model
from tests.testing.public_records import (
    SCHEMA_IDS,
    Header,
    decode_record,
    record_headers,
    record_value,
    refusal,
    refusal_code,
    registry,
    structured_value,
)

JSON, AVRO = b"application/json", b"application/avro"


@pytest.mark.parametrize("body", [None, b""])
def test_a_record_without_a_value_is_refused(body: bytes | None) -> None:
    assert refusal_code(record_headers(), body) is RefusalCode.VALUE_EMPTY


NO_JSON = [b"hello", b"{", b'{"a":1}}', b"\xff\xfe", b"{'a':1}", b'{"a":\x00}']


@pytest.mark.parametrize("body", NO_JSON)
def test_a_value_that_is_not_json_is_refused(body: bytes) -> None:
    assert refusal_code(record_headers(), body) is RefusalCode.NOT_JSON


@pytest.mark.parametrize("body", [b"[]", b"7", b'"text"', b"null", b"NaN"])
def test_json_that_is_not_an_object_is_refused(body: bytes) -> None:
    assert refusal_code(record_headers(), body) is RefusalCode.FIELD_INVALID


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_no_values(number: str) -> None:
    definition = with_number("campaign.published", number, definition={"delay": 0})
    assert refusal_code(record_headers("campaign.published"), definition) is (
        RefusalCode.FIELD_INVALID
    )
    called = with_number("call.ended", number, seconds=0)
    assert decode_record(record_headers("call.ended"), called).dropped == {
        "seconds": RefusalCode.FIELD_INVALID
    }
    contact = with_number("contact.upserted", number, addresses=None, attributes={"x": 0})
    assert decode_record(record_headers("contact.upserted"), contact).dropped == {
        "attributes.*": RefusalCode.FIELD_INVALID
    }


@pytest.mark.parametrize("digits", [20, 400])
def test_huge_integers_are_no_values(digits: int) -> None:
    called = with_number("call.ended", "9" * digits, seconds=0)
    assert decode_record(record_headers("call.ended"), called).dropped == {
        "seconds": RefusalCode.FIELD_INVALID
    }


def test_an_integer_of_100_000_digits_is_refused() -> None:
    called = with_number("call.ended", "9" * 100_000, seconds=0)
    assert refusal_code(record_headers("call.ended"), called) is RefusalCode.NOT_JSON


def with_number(ce_type: str, number: str, /, **changed: Any) -> bytes:
    """The value of an event whose last number, a 0, is this one."""
    head, _, tail = record_value(ce_type, **changed).rpartition(b'": 0')
    return head + b'": ' + number.encode() + tail


@pytest.mark.parametrize("half", [rb"\ud83d", rb"\uDE00", rb"\ud83d\ud83d", rb"\uD83D\n"])
def test_half_a_character_costs_only_its_field(half: bytes) -> None:
    reply = record_value("contact.replied", channel="sms", text="X", headers=None)
    cut = reply.replace(b'"X"', rb'"\ud83d\ude00 \\ud800 STOP' + half + b'"')
    event = decode_record(record_headers("contact.replied"), cut)
    assert event.data.text.startswith("😀 \\ud800 STOP")
    assert event.dropped == {"text": RefusalCode.FIELD_INVALID}
    named = record_value("contact.upserted", first_name="X").replace(b'"X"', b'"' + half + b'"')
    event = decode_record(record_headers("contact.upserted"), named)
    assert (event.data.first_name, {*(event.dropped or ())}) == (None, {"first_name"})


def test_half_a_character_in_an_id_refuses_the_event() -> None:
    reply = record_value("contact.replied", contact_id="X").replace(b'"X"', rb'"ann\ud83d"')
    refused = refusal(record_headers("contact.replied"), reply)
    assert (refused.code, refused.detail[:10]) == (RefusalCode.FIELD_INVALID, "contact_id")


def test_half_a_character_in_what_is_no_json_either_way() -> None:
    assert (
        refusal_code(record_headers("contact.replied"), rb'{"a": "\ud83d') is RefusalCode.NOT_JSON
    )


def test_a_value_of_ten_megabytes_is_refused_before_it_is_parsed() -> None:
    refused = refusal(
        record_headers("contact.replied"), record_value("contact.replied", text="x" * 10_000_000)
    )
    assert refused.code is RefusalCode.TOO_LARGE


def test_a_refused_text_is_not_repeated_in_the_detail() -> None:
    refused = refusal(
        record_headers("contact.replied"), record_value("contact.replied", channel="secret" * 5_000)
    )
    assert refused.code is RefusalCode.FIELD_INVALID
    assert "secret" not in refused.detail


@pytest.mark.parametrize("mark", [b"[", b'{"a":'])
@pytest.mark.parametrize("deep", [1_000, 100_000])
def test_deep_nesting_is_refused(mark: bytes, deep: int) -> None:
    start = b'{"tenant_id":"acme","campaign_id":"c","definition":'
    assert (
        refusal_code(record_headers("campaign.published"), start + mark * deep)
        is RefusalCode.TOO_DEEP
    )
    whole = b'{"specversion":"1.0","data":' + mark * deep
    assert refusal_code([], whole) is RefusalCode.NOT_CLOUDEVENT


def test_of_a_duplicate_json_key_the_last_one_counts() -> None:
    twice = record_value().replace(b'{"tenant_id"', b'{"tenant_id": "other", "tenant_id"')
    assert Decoder().decode(record_headers(), twice).data.tenant_id == "acme"


def test_a_long_field_name_is_cut_and_printable_in_the_detail() -> None:
    steps = {"\u202e\n" * 40: "x", "x" * 90: "y"}
    refused = refusal(
        record_headers("campaign.migrated"), record_value("campaign.migrated", steps=steps)
    )
    assert refused.detail.isprintable()


def encoded(ce_type: str, encoding: Any) -> tuple[list[Header], bytes]:
    encoded_headers, body = encode_event(
        ce_type,
        sample_model(ce_type),
        encoding,
        event_id="e",
        source="s",
        schema_id=SCHEMA_IDS[ce_type],
    )
    return list(encoded_headers), body


def outcome(headers: Any, body: bytes | None) -> RefusalCode | None:
    try:
        Decoder(registry).decode(headers, body)
    except Refused as refused:
        assert len(refused.detail) <= 300
        assert refused.detail.isprintable()
        return refused.code
    return None


names = st.sampled_from(sorted(EVENTS))
contents = st.sampled_from([JSON, AVRO, None, b"", b"x"])


@given(names, contents, st.binary(max_size=300))
def test_random_bytes_are_decoded_or_refused(name: str, content: bytes | None, body: bytes) -> None:
    outcome(record_headers(name, content_type=content), body)


@given(st.lists(st.tuples(st.text(max_size=20), st.none() | st.binary(max_size=40))), st.binary())
def test_random_headers_are_decoded_or_refused(event_headers: list[Header], body: bytes) -> None:
    outcome(event_headers, body)


@settings(max_examples=400)
@given(names, st.sampled_from(["json", "avro", "confluent"]), st.data())
def test_a_mutated_event_is_decoded_or_refused(
    name: str, encoding: str, draw: st.DataObject
) -> None:
    event_headers, body = encoded(name, encoding)
    changed = bytearray(body)
    for _ in range(draw.draw(st.integers(1, 4))):
        changed[draw.draw(st.integers(0, len(body) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(body)))
    outcome(event_headers, bytes(changed))
    outcome(event_headers, bytes(changed[:cut]))
    outcome(event_headers, bytes(changed) + bytes(changed[:cut]))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(max_examples=300)
@given(names, st.data())
def test_an_event_with_any_json_in_any_field_is_decoded_or_refused(
    name: str, draw: st.DataObject
) -> None:
    whole = json.loads(record_value(name))
    field = draw.draw(st.sampled_from(sorted(whole)))
    whole[field] = draw.draw(json_values)
    outcome(record_headers(name), json.dumps(whole).encode())
    outcome([], structured_value(name, data=whole))


@pytest.mark.parametrize("ce_type", EVENTS)
@pytest.mark.parametrize("encoding", ["avro", "confluent"])
def test_truncated_avro_is_refused(ce_type: str, encoding: str) -> None:
    event_headers, body = encoded(ce_type, encoding)
    for cut in range(1, len(body)):
        assert outcome(event_headers, body[:cut]) is not None
    assert outcome(event_headers, body + b"\x00") is RefusalCode.NOT_AVRO
