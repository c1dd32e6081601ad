"""Headers and value are parsed to an envelope, or refused with a code."""

from typing import Any

import pytest

from schemas.base.error_codes import RefusalCode
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


@pytest.mark.parametrize("content", [None, b"application/json; charset=utf-8", b"Application/JSON"])
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


BASE64 = {"data_base64": "AA=="}


@pytest.mark.parametrize("changed", [BASE64, {"data": None, **BASE64}])
def test_structured_mode_with_binary_data_is_refused(changed: dict[str, Any]) -> None:
    assert refusal_code([], structured_value(**changed)) is RefusalCode.NOT_CLOUDEVENT


def test_structured_mode_with_avro_is_refused() -> None:
    code = refusal_code([], structured_value(datacontenttype="application/avro"))
    assert code is RefusalCode.CONTENT_TYPE_UNKNOWN


def test_structured_mode_has_a_content_type_of_its_own() -> None:
    content: list[Header] = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
    assert decode_record(content, structured_value()).id == "e-1"


def test_null_data_is_an_invalid_value() -> None:
    assert refusal_code([], structured_value(data=None)) is RefusalCode.FIELD_INVALID


def test_ce_time_is_optional_and_must_be_a_time() -> None:
    assert (
        refusal_code(record_headers(ce_time=b"soon"), record_value())
        is RefusalCode.CE_HEADER_INVALID
    )
    assert refusal_code([], structured_value(time="soon")) is RefusalCode.CE_HEADER_INVALID
    assert decode_record([], structured_value(time=None)).time is None
