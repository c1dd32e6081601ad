"""The values that the fields of events accept and refuse."""

import json
from typing import Any

import pytest

from schemas.base.error_codes import RefusalCode
from schemas.base.times import parse_rfc3339
from schemas.public.events import COMMAND_TYPES, EVENTS
from schemas.public.example_events import COMMAND_ID, TIME, sample
from tests.testing.public_records import (
    decode_record,
    dropped_fields,
    record_headers,
    record_value,
    refusal,
    refusal_code,
)


def decoded_data(ce_type: str, **changed: Any) -> Any:
    return decode_record(record_headers(ce_type), record_value(ce_type, **changed)).data


def refusal_code_and_field(ce_type: str, **changed: Any) -> tuple[RefusalCode, str]:
    """The code of the refusal, and the field at the beginning of its detail."""
    refused = refusal(record_headers(ce_type), record_value(ce_type, **changed))
    return refused.code, refused.detail.partition(":")[0]


def customer(**changed: Any) -> dict[str, Any]:
    inner: dict[str, Any] = sample("job.completed")["customer"]
    return inner | changed


def test_every_event_but_the_commands_has_a_topic() -> None:
    assert {name for name, event in EVENTS.items() if event.topic is None} == set(COMMAND_TYPES)


def test_unknown_fields_are_ignored() -> None:
    assert decoded_data("touch.sent", colour="red") == decoded_data("touch.sent")


@pytest.mark.parametrize("ce_type", EVENTS)
def test_every_event_belongs_to_a_tenant(ce_type: str) -> None:
    assert refusal_code_and_field(ce_type, tenant_id=None)[0] is RefusalCode.FIELD_INVALID
    whole = sample(ce_type)
    del whole["tenant_id"]
    refused = refusal(record_headers(ce_type), json.dumps(whole).encode())
    assert (refused.code, refused.detail) == (RefusalCode.FIELD_MISSING, "tenant_id")


@pytest.mark.parametrize("tenant", ["", "a/b", "-a", "a b", "a\n", "é", "a" * 65, 7, None, ["a"]])
def test_a_tenant_id_has_no_character_that_could_split_a_key(tenant: Any) -> None:
    assert refusal_code_and_field("touch.sent", tenant_id=tenant) == (
        RefusalCode.FIELD_INVALID,
        "tenant_id",
    )


@pytest.mark.parametrize("contact", ["", "a\x00b", "a\nb", "a\x7f", "c" * 201])
def test_a_contact_id_is_one_short_line(contact: str) -> None:
    assert refusal_code_and_field("touch.sent", contact_id=contact) == (
        RefusalCode.FIELD_INVALID,
        "contact_id",
    )


def test_a_contact_id_can_have_any_letters() -> None:
    assert decoded_data("touch.sent", contact_id="客/7 é").contact_id == "客/7 é"


def test_a_command_id_in_capitals_is_the_same_id() -> None:
    assert decoded_data("touch.sent", command_id=COMMAND_ID.upper()).command_id == COMMAND_ID


@pytest.mark.parametrize("command", ["", "1", COMMAND_ID + "0", COMMAND_ID.replace("-", "")])
def test_a_command_id_is_a_uuid(command: str) -> None:
    assert refusal_code_and_field("touch.opened", command_id=command) == (
        RefusalCode.FIELD_INVALID,
        "command_id",
    )


@pytest.mark.parametrize("zone", ["Mars/Base", "EST5", "../etc", "Factory"])
def test_a_timezone_is_an_iana_name(zone: str) -> None:
    dropped = dropped_fields("job.completed", customer=customer(timezone=zone))
    assert dropped == {"customer.timezone": RefusalCode.TIMEZONE_UNKNOWN}
    assert (
        refusal_code_and_field("tenant.upserted", timezone=zone)[0] is RefusalCode.TIMEZONE_UNKNOWN
    )


def test_an_empty_text_and_null_are_different_values() -> None:
    cleared = decoded_data(
        "job.completed", customer=customer(timezone="", phone="", email=None)
    ).customer
    assert (cleared.timezone, cleared.phone, cleared.email) == ("", "", None)


def test_a_tenant_without_a_timezone_is_refused() -> None:
    assert refusal_code_and_field("tenant.upserted", timezone="")[0] is RefusalCode.TIMEZONE_UNKNOWN


FAR = ["1999-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "0001-01-01T00:00:00Z"]


@pytest.mark.parametrize("time", FAR)
def test_a_time_far_in_the_past_or_future_is_refused(time: str) -> None:
    result = (RefusalCode.TIME_OUT_OF_RANGE, "completed_at")
    assert refusal_code_and_field("job.completed", completed_at=time) == result
    assert (
        refusal_code(record_headers(ce_time=time.encode()), record_value())
        is RefusalCode.TIME_OUT_OF_RANGE
    )


@pytest.mark.parametrize(
    "time", ["", "yesterday", "2026-03-02", "2026-03-02T15:04:05", "1772463845", 1772463845, None]
)
def test_a_time_is_rfc_3339_with_an_offset(time: Any) -> None:
    assert refusal_code_and_field("job.completed", completed_at=time) == (
        RefusalCode.FIELD_INVALID,
        "completed_at",
    )


def test_the_offset_of_a_time_is_applied() -> None:
    local = decoded_data("job.completed", completed_at="2026-03-02T10:04:05-05:00").completed_at
    assert local == parse_rfc3339(TIME)


def test_a_line_cannot_forge_a_header() -> None:
    forged = customer(email="a@example.com\r\nBcc: b@example.com")
    dropped = dropped_fields("job.completed", customer=forged)
    assert dropped == {"customer.email": "CONTACT_EMAIL_INVALID"}


def test_a_text_that_postgresql_cannot_hold_is_refused() -> None:
    assert dropped_fields("contact.replied", text="a\x00b") == {"text": RefusalCode.FIELD_INVALID}


def test_a_reply_can_have_many_lines() -> None:
    assert decoded_data("contact.replied", text="Hello,\n\nthanks\t!").text == "Hello,\n\nthanks\t!"


@pytest.mark.parametrize("code", [503, "503"])
def test_a_numeric_provider_code_becomes_text(code: Any) -> None:
    assert decoded_data("touch.failed", code=code).code == "503"


@pytest.mark.parametrize("ce_type", ["touch.opened", "touch.clicked", "contact.replied"])
def test_null_means_that_nobody_knows_whether_it_was_a_machine(ce_type: str) -> None:
    assert decoded_data(ce_type, automatic=None).automatic is None


def test_types_are_strict() -> None:
    assert refusal_code_and_field("touch.opened", automatic="yes") == (
        RefusalCode.FIELD_INVALID,
        "automatic",
    )
    assert dropped_fields("call.ended", seconds="25") == {"seconds": RefusalCode.FIELD_INVALID}
    assert refusal_code_and_field("job.completed", enroll=1) == (
        RefusalCode.FIELD_INVALID,
        "enroll",
    )
    assert (
        refusal_code_and_field("job.completed", service_type="gardening")[0]
        is RefusalCode.FIELD_INVALID
    )
    assert (
        refusal_code_and_field("contact.unsubscribed", channel="pigeon")[0]
        is RefusalCode.FIELD_INVALID
    )


def test_an_opt_out_can_be_for_all_channels_and_a_reply_has_one_channel() -> None:
    assert decoded_data("contact.unsubscribed", channel="all").channel == "all"
    assert refusal_code_and_field("contact.replied", channel="all")[0] is RefusalCode.FIELD_INVALID


@pytest.mark.parametrize("hours", [0, -1, 43_801])
def test_a_delay_of_a_tenant_is_above_0_and_at_most_five_years(hours: float) -> None:
    result = refusal_code_and_field("tenant.upserted", delay_hours_by_service={"hvac": hours})
    assert result[0] is RefusalCode.FIELD_INVALID


@pytest.mark.parametrize("clock", ["24:00", "7:00", "21:60", "noon", 1260])
def test_quiet_hours_are_times_of_day(clock: Any) -> None:
    quiet = {"start": clock, "end": "08:00"}
    assert (
        refusal_code_and_field("tenant.upserted", quiet_hours=quiet)[0] is RefusalCode.FIELD_INVALID
    )


def test_attributes_are_flat_and_bounded() -> None:
    for value in ({"b": 1}, None, 2**64):
        dropped = dropped_fields("contact.upserted", attributes={"a": value, "b": 1})
        assert dropped == {"attributes.*": RefusalCode.FIELD_INVALID}
    many = {f"k{number}": 1 for number in range(101)}
    dropped = dropped_fields("contact.upserted", attributes=many)
    assert dropped == {"attributes": RefusalCode.FIELD_INVALID}


def test_an_attribute_keeps_its_type() -> None:
    kinds = {"text": "1", "whole": 1, "decimal": 1.0, "flag": True}
    read = decoded_data("contact.upserted", attributes=kinds).attributes
    assert {name: type(item) for name, item in read.items()} == {
        "text": str,
        "whole": int,
        "decimal": float,
        "flag": bool,
    }


@pytest.mark.parametrize("deep", [17, 150])
def test_a_definition_is_any_object_of_bounded_depth(deep: int) -> None:
    nested: Any = {}
    for _ in range(deep):
        nested = {"a": nested}
    result = refusal_code_and_field("campaign.published", definition=nested)
    assert result == (RefusalCode.FIELD_INVALID, "definition")
    wide = [0] * 5_001
    assert (
        refusal_code_and_field("campaign.published", definition={"a": wide})[0]
        is RefusalCode.FIELD_INVALID
    )
    assert (
        refusal_code_and_field("campaign.published", definition=[])[0] is RefusalCode.FIELD_INVALID
    )
    assert (
        refusal_code_and_field("campaign.published", definition={"a": "\x00"})[0]
        is RefusalCode.FIELD_INVALID
    )
    assert (
        refusal_code_and_field("campaign.published", definition={"a": 2**63})[0]
        is RefusalCode.FIELD_INVALID
    )


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("opt_out_words", ["BASTA", "!!!"], "no message is equal to it"),
        ("opt_out_words", ["Start!"], "lifts an opt-out"),
        ("country", "XX", "no country has this code"),
    ],
)
def test_a_tenant_has_words_and_a_country_that_can_count(field: str, value: Any, why: str) -> None:
    whole = record_value("tenant.upserted", **{field: value})
    refused = refusal(record_headers("tenant.upserted"), whole)
    assert refused.code is RefusalCode.FIELD_INVALID
    assert refused.detail.startswith(field) and why in refused.detail
