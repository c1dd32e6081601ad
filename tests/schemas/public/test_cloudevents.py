"""Headers and value are parsed to an envelope, or refused with a code."""

from typing import Any

import pytest

from schemas.base.error_codes import RefusalCode
from tests.testing.public_records import (
    Header,
    code_of,
    decoded,
    headers,
    refusal,
    structured,
    value,
)


def test_a_type_can_name_a_known_release() -> None:
    assert decoded(headers("touch.sent.v1"), value()).type == "touch.sent"


@pytest.mark.parametrize("name", ["touch.sent.v2", "touch.sent.v0", "touch.sent.v99999999999"])
def test_a_type_with_an_unknown_release_is_refused_with_its_own_code(name: str) -> None:
    assert code_of(headers(name), value()) is RefusalCode.EVENT_VERSION_UNKNOWN
    assert code_of([], structured().replace(b'"touch.sent"', f'"{name}"'.encode())) is (
        RefusalCode.EVENT_VERSION_UNKNOWN
    )


@pytest.mark.parametrize("name", ["touch.lost", "TOUCH.SENT", "touch.sent.", "x" * 400])
def test_an_unknown_type_is_refused(name: str) -> None:
    assert code_of(headers(name), value()) is RefusalCode.EVENT_TYPE_UNKNOWN


@pytest.mark.parametrize("name", ["ce_type", "ce_id", "ce_source", "ce_specversion"])
@pytest.mark.parametrize("given", [None, b""])
def test_a_missing_header_is_refused_by_name(name: str, given: bytes | None) -> None:
    why = refusal(headers(**{name: given}), value())
    assert why.code is RefusalCode.CE_HEADER_MISSING
    assert name in why.detail


@pytest.mark.parametrize("name", ["ce_id", "ce_source", "ce_time", "content-type"])
@pytest.mark.parametrize("given", [b"\xff\xfe", b"a" * 513, b"a\nb", b"\x00"])
def test_a_header_that_is_not_short_printable_utf_8_is_refused(name: str, given: bytes) -> None:
    assert code_of(headers(**{name: given}), value()) is RefusalCode.CE_HEADER_INVALID


def test_of_a_duplicate_header_the_last_one_counts() -> None:
    assert decoded([("ce_id", b"first"), *headers(ce_id=b"second")], value()).id == "second"


def test_other_headers_are_ignored() -> None:
    more: list[Header] = [("traceparent", b"\xff"), ("x", None), ("ce_subject", b"s")]
    assert decoded([*headers(), *more], value()) == decoded(headers(), value())


@pytest.mark.parametrize("version", [b"0.3", b"2.0", b"1"])
def test_another_cloudevents_version_is_refused(version: bytes) -> None:
    assert code_of(headers(ce_specversion=version), value()) is RefusalCode.CE_VERSION_UNKNOWN


def test_a_later_minor_version_is_accepted() -> None:
    assert decoded(headers(ce_specversion=b"1.1"), value()).type == "touch.sent"


@pytest.mark.parametrize("content", [None, b"application/json; charset=utf-8", b"Application/JSON"])
def test_json_is_the_default_and_has_several_spellings(content: bytes | None) -> None:
    assert decoded(headers(content_type=content), value()).type == "touch.sent"


def test_another_content_type_is_refused() -> None:
    assert code_of(headers(content_type=b"text/xml"), value()) is RefusalCode.CONTENT_TYPE_UNKNOWN


def test_a_record_without_headers_or_structured_event_is_refused() -> None:
    assert code_of([], value()) is RefusalCode.CE_HEADER_MISSING
    assert code_of(None, b"hello") is RefusalCode.NOT_CLOUDEVENT
    assert code_of([], b"\x00\x00\x00\x00\x01") is RefusalCode.NOT_CLOUDEVENT
    assert (
        code_of([("content-type", b"application/avro")], structured()) is RefusalCode.NOT_CLOUDEVENT
    )


@pytest.mark.parametrize("name", ["type", "id", "source", "specversion"])
def test_structured_mode_requires_its_attributes(name: str) -> None:
    assert code_of([], structured(**{name: None})) is RefusalCode.CE_HEADER_MISSING
    assert code_of([], structured(**{name: 7})) is RefusalCode.CE_HEADER_INVALID


BASE64 = {"data_base64": "AA=="}


@pytest.mark.parametrize("changed", [BASE64, {"data": None, **BASE64}])
def test_structured_mode_with_binary_data_is_refused(changed: dict[str, Any]) -> None:
    assert code_of([], structured(**changed)) is RefusalCode.NOT_CLOUDEVENT


def test_structured_mode_with_avro_is_refused() -> None:
    why = code_of([], structured(datacontenttype="application/avro"))
    assert why is RefusalCode.CONTENT_TYPE_UNKNOWN


def test_structured_mode_has_a_content_type_of_its_own() -> None:
    content: list[Header] = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
    assert decoded(content, structured()).id == "e-1"


def test_null_data_is_an_invalid_value() -> None:
    assert code_of([], structured(data=None)) is RefusalCode.FIELD_INVALID


def test_ce_time_is_optional_and_must_be_a_time() -> None:
    assert code_of(headers(ce_time=b"soon"), value()) is RefusalCode.CE_HEADER_INVALID
    assert code_of([], structured(time="soon")) is RefusalCode.CE_HEADER_INVALID
    assert decoded([], structured(time=None)).time is None
