"""Headers and value are parsed to an envelope, or refused with a code."""

from base64 import b64encode
from typing import Any

import pytest

from schemas.base.error_codes import RefusalCode
from schemas.public.avro import frame_single
from schemas.public.cloudevents import BYTE_ORDER_MARK, STRUCTURED
from schemas.public.example_events import sample_model
from tests.testing.public_records import (
    Header,
    decode_record,
    record_headers,
    record_value,
    refusal,
    refusal_code,
    structured_value,
)


def test_a_type_can_name_a_known_release() -> None:
    assert decode_record(record_headers("touch.sent.v1"), record_value()).type == "touch.sent"


@pytest.mark.parametrize("name", ["touch.sent.v2", "touch.sent.v0", "touch.sent.v99999999999"])
def test_a_type_with_an_unknown_release_is_refused_with_its_own_code(name: str) -> None:
    assert refusal_code(record_headers(name), record_value()) is RefusalCode.EVENT_VERSION_UNKNOWN
    assert refusal_code([], structured_value().replace(b'"touch.sent"', f'"{name}"'.encode())) is (
        RefusalCode.EVENT_VERSION_UNKNOWN
    )


@pytest.mark.parametrize("name", ["touch.lost", "TOUCH.SENT", "touch.sent.", "x" * 400])
def test_an_unknown_type_is_refused(name: str) -> None:
    assert refusal_code(record_headers(name), record_value()) is RefusalCode.EVENT_TYPE_UNKNOWN


@pytest.mark.parametrize("name", ["ce_type", "ce_id", "ce_source", "ce_specversion"])
@pytest.mark.parametrize("header", [None, b""])
def test_a_missing_header_is_refused_by_name(name: str, header: bytes | None) -> None:
    refused = refusal(record_headers(**{name: header}), record_value())
    assert refused.code is RefusalCode.CE_HEADER_MISSING
    assert name in refused.detail


@pytest.mark.parametrize("name", ["ce_id", "ce_source", "ce_time", "content-type"])
@pytest.mark.parametrize("header", [b"\xff\xfe", b"a" * 513, b"a\nb", b"\x00"])
def test_a_header_that_is_not_short_printable_utf_8_is_refused(name: str, header: bytes) -> None:
    assert (
        refusal_code(record_headers(**{name: header}), record_value())
        is RefusalCode.CE_HEADER_INVALID
    )


def test_of_a_duplicate_header_the_last_one_counts() -> None:
    assert (
        decode_record([("ce_id", b"first"), *record_headers(ce_id=b"second")], record_value()).id
        == "second"
    )


@pytest.mark.parametrize("other", ["CE_ID", "Ce_Id", "ce_id"])
def test_of_a_header_in_two_spellings_the_last_one_counts(other: str) -> None:
    plain = record_headers(ce_id=b"first")
    for headers in ([*plain, (other, b"second")], (*plain, (other, b"second"))):
        assert decode_record(headers, record_value()).id == "second"
    assert decode_record([(other, b"second"), *plain], record_value()).id == "first"
    both = [*plain, (other, b"second"), ("ce_id", b"third")]
    assert decode_record(both, record_value()).id == "third"


def test_of_two_content_types_the_last_one_decides_about_the_mode() -> None:
    structured: Header = ("Content-Type", b"application/cloudevents+json")
    assert decode_record([*record_headers(), structured], structured_value(id="e-2")).id == "e-2"
    plain = [structured, *record_headers(content_type=b"application/json")]
    assert decode_record(plain, record_value()).id == "e-1"


def test_other_headers_are_ignored() -> None:
    more: list[Header] = [("traceparent", b"\xff"), ("x", None), ("ce_subject", b"s")]
    assert decode_record([*record_headers(), *more], record_value()) == decode_record(
        record_headers(), record_value()
    )


@pytest.mark.parametrize("version", [b"0.3", b"2.0", b"1"])
def test_another_cloudevents_version_is_refused(version: bytes) -> None:
    assert (
        refusal_code(record_headers(ce_specversion=version), record_value())
        is RefusalCode.CE_VERSION_UNKNOWN
    )


def test_a_later_minor_version_is_accepted() -> None:
    assert decode_record(record_headers(ce_specversion=b"1.1"), record_value()).type == "touch.sent"


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"application/json; charset=utf-8",
        b"Application/JSON",
        b" application/json ;a=b",
        b"text/json",
        b"application/vnd.acme.crm+JSON; v=2",
        b"application/octet-stream",
    ],
)
def test_json_is_the_default_and_has_several_spellings(content: bytes | None) -> None:
    assert decode_record(record_headers(content_type=content), record_value()).type == "touch.sent"


def test_another_content_type_is_refused() -> None:
    assert (
        refusal_code(record_headers(content_type=b"text/xml"), record_value())
        is RefusalCode.CONTENT_TYPE_UNKNOWN
    )


def test_a_record_without_headers_or_structured_event_is_refused() -> None:
    assert refusal_code([], record_value()) is RefusalCode.CE_HEADER_MISSING
    assert refusal_code(None, b"hello") is RefusalCode.NOT_CLOUDEVENT
    assert refusal_code([], b"\x00\x00\x00\x00\x01") is RefusalCode.NOT_CLOUDEVENT
    assert (
        refusal_code([("content-type", b"application/avro")], structured_value())
        is RefusalCode.NOT_CLOUDEVENT
    )


@pytest.mark.parametrize("name", ["type", "id", "source", "specversion"])
def test_structured_mode_requires_its_attributes(name: str) -> None:
    assert refusal_code([], structured_value(**{name: None})) is RefusalCode.CE_HEADER_MISSING
    assert refusal_code([], structured_value(**{name: 7})) is RefusalCode.CE_HEADER_INVALID


def in_base64(value: bytes) -> dict[str, Any]:
    return {"data": None, "data_base64": b64encode(value).decode()}


@pytest.mark.parametrize("content", [None, "", "application/json", "Text/JSON; charset=utf-8"])
def test_json_in_base64_is_the_same_event(content: str | None) -> None:
    for value in (record_value(), BYTE_ORDER_MARK + record_value()):
        whole = structured_value(datacontenttype=content, **in_base64(value))
        assert decode_record([], whole) == decode_record([], structured_value())


@pytest.mark.parametrize("content", [None, "", "application/avro", "application/vnd.x+avro;v=1"])
def test_avro_in_base64_is_the_same_event(content: str | None) -> None:
    value = frame_single("touch.sent", sample_model("touch.sent").model_dump())
    whole = structured_value(datacontenttype=content, **in_base64(value))
    assert decode_record([], whole) == decode_record([], structured_value())


@pytest.mark.parametrize("text", ["AA", "#", 7, [], {}, "é"])
def test_what_is_not_base64_is_refused(text: Any) -> None:
    whole = structured_value(data=None, data_base64=text)
    assert refusal_code([], whole) is RefusalCode.NOT_CLOUDEVENT


def test_data_and_data_in_base64_are_refused() -> None:
    assert refusal_code([], structured_value(data_base64="AA==")) is RefusalCode.NOT_CLOUDEVENT


def test_an_event_without_any_data_is_refused() -> None:
    whole = structured_value().replace(b'"data"', b'"date"')
    assert refusal_code([], whole) is RefusalCode.NOT_CLOUDEVENT


@pytest.mark.parametrize("content", ["application/avro", "text/xml", STRUCTURED])
def test_data_as_json_that_says_to_be_something_else_is_refused(content: str) -> None:
    code = refusal_code([], structured_value(datacontenttype=content))
    assert code is RefusalCode.CONTENT_TYPE_UNKNOWN


@pytest.mark.parametrize(
    "content", ["Application/JSON", "application/json;charset=utf-8", "application/vnd.acme+json"]
)
def test_the_json_inside_has_several_spellings(content: str) -> None:
    assert decode_record([], structured_value(datacontenttype=content)).id == "e-1"


STRUCTURED_TYPES = [
    b"application/cloudevents+json",
    b"application/cloudevents+json; charset=UTF-8",
    b"Application/CloudEvents+JSON",
]


@pytest.mark.parametrize("content", STRUCTURED_TYPES)
def test_structured_mode_is_told_by_the_content_type_and_by_nothing_else(content: bytes) -> None:
    alone: list[Header] = [("content-type", content)]
    beside = record_headers("touch.opened", ce_id=b"another", content_type=content)
    stray: list[Header] = [("ce_tenant", b"acme"), *alone]
    for headers in (alone, beside, stray):
        assert decode_record(headers, structured_value()) == decode_record([], structured_value())


def test_a_batch_of_events_is_refused_with_what_to_do() -> None:
    batch = b"[" + structured_value() + b"]"
    for content in (
        b"application/cloudevents-batch+json",
        b"Application/CloudEvents-Batch+JSON;a=b",
    ):
        for headers in ([("content-type", content)], record_headers(content_type=content)):
            refused = refusal(headers, batch)
            assert refused.code is RefusalCode.CONTENT_TYPE_UNKNOWN
            assert "a record for each event" in refused.detail


def test_structured_mode_in_another_format_is_refused_by_name() -> None:
    refused = refusal([("content-type", b"application/cloudevents+avro")], b"x")
    assert refused.code is RefusalCode.CONTENT_TYPE_UNKNOWN
    assert "application/cloudevents+json" in refused.detail


@pytest.mark.parametrize("content", [None, b"application/json", STRUCTURED_TYPES[0]])
def test_a_byte_order_mark_before_json_is_skipped(content: bytes | None) -> None:
    headers: list[Header] = [] if content is None else [("content-type", content)]
    marked = BYTE_ORDER_MARK + structured_value()
    assert decode_record(headers, marked) == decode_record([], structured_value())
    binary = record_headers(content_type=b"application/json")
    assert decode_record(binary, BYTE_ORDER_MARK + record_value()) == decode_record(
        binary, record_value()
    )


def test_an_empty_attribute_is_absent() -> None:
    empty = record_headers(ce_time=b"", ce_backfill=b"", content_type=b"")
    absent = record_headers(ce_time=None, content_type=None)
    assert decode_record(empty, record_value()) == decode_record(absent, record_value())
    structured = structured_value(time="", backfill="", datacontenttype="", data_base64="")
    assert decode_record([], structured) == decode_record(absent, record_value())


def test_the_names_of_headers_may_have_capitals() -> None:
    headers = [(name.upper(), value) for name, value in record_headers()]
    assert decode_record(headers, record_value()) == decode_record(record_headers(), record_value())


@pytest.mark.parametrize("text", [b"true", b"True", b"TRUE"])
def test_a_boolean_attribute_may_have_capitals(text: bytes) -> None:
    assert decode_record(record_headers(ce_backfill=text), record_value()).backfill


def test_null_data_is_an_invalid_value() -> None:
    assert refusal_code([], structured_value(data=None)) is RefusalCode.FIELD_INVALID


def test_ce_time_is_optional_and_must_be_a_time() -> None:
    assert (
        refusal_code(record_headers(ce_time=b"soon"), record_value())
        is RefusalCode.CE_HEADER_INVALID
    )
    assert refusal_code([], structured_value(time="soon")) is RefusalCode.CE_HEADER_INVALID
    assert decode_record([], structured_value(time=None)).time is None
