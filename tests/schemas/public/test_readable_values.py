"""Invalid fields of `contact.replied`, `touch.failed` and other events are read as far as possible:
an opt-out in a text or header, and the code of a provider, are not lost."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.error_codes import RefusalCode
from schemas.public.avro import frame_single
from schemas.public.example_events import sample_model
from schemas.public.inbound_events import ContactReplied
from schemas.public.opt_out_replies import opt_out_method, word_of_reply
from schemas.public.readable_values import readable_headers, readable_text
from tests.testing.public_records import decode_record, record_headers, record_value, refusal

INVALID = RefusalCode.FIELD_INVALID
APPLE = {"X-Apple-Unsubscribe": "true"}
MANY = {f"X-Header-{number}": "x" for number in range(150)}


def reply_of(**fields: Any) -> tuple[ContactReplied, set[str]]:
    """A reply that was read, and the names of its dropped fields."""
    whole = {"tenant_id": "acme", "contact_id": "ann", "channel": "email", **fields}
    event = decode_record(record_headers("contact.replied"), json.dumps(whole).encode())
    return event.data, {*(event.dropped or ())}


def method_of(data: ContactReplied) -> str | None:
    return opt_out_method(data.kind, word_of_reply(data.channel, data.text), data.headers)


@pytest.mark.parametrize(
    "text",
    [
        *("STOP\x00", "\x00STOP", "ST\x00OP", "STOP" + " " * 30_000, "\n" * 30_000 + "stop"),
        *(["STOP"], "stop\u200b" + "\u200b" * 200, "STOP" + "." * 200),
    ],
)
@pytest.mark.parametrize("channel", ["sms", "whatsapp"])
def test_an_invalid_text_is_still_an_opt_out(channel: str, text: Any) -> None:
    data, _ = reply_of(channel=channel, text=text)
    assert method_of(data) == "text"


@pytest.mark.parametrize("text", ["STOP it\x00 please", "x" * 30_000, ["STOP", "it"], [], 7, [1]])
def test_an_invalid_text_that_is_no_word_is_none(text: Any) -> None:
    data, dropped = reply_of(channel="sms", text=text)
    assert method_of(data) is None
    assert dropped == {"text"}


@pytest.mark.parametrize(
    "headers",
    [
        {**MANY, **APPLE},
        {"X-Apple-Unsubscribe": ["true"]},
        {"X-Apple-Unsubscribe": ["no", "true"]},
        {"X-Apple-Unsubscribe": True},
        {"X-APPLE-UNSUBSCRIBE\x00": "true"},
        {"X-Apple-Unsubscribe:": "true", "Received": 7},
        {"x-apple-unsubscribe": "true" + " " * 3_000},
        [["X-Apple-Unsubscribe", "true"]],
        [["Received", "x"], ["x-apple-unsubscribe", "no"], ["X-Apple-Unsubscribe", "true"]],
        [{"name": "X-Apple-Unsubscribe", "value": "true"}],
        [{"Received": "x"}, {"X-Apple-Unsubscribe": "true"}],
        ["Received: x", "X-Apple-Unsubscribe: true"],
        "Received: x\r\nX-Apple-Unsubscribe:\r\n true\r\n",
        '[["X-Apple-Unsubscribe", "true"]]',
        '{"X-Apple-Unsubscribe": "true"}',
    ],
)
def test_headers_in_another_form_are_still_an_opt_out(headers: Any) -> None:
    data, dropped = reply_of(headers=headers)
    assert method_of(data) == "reply"
    assert dropped


@pytest.mark.parametrize(
    "headers",
    [
        {**MANY, "Auto-Submitted": "auto-replied"},
        {"Auto-Submitted": ["auto-replied"]},
        {"AUTO-SUBMITTED": "auto-replied", "Received": ["a", "b"]},
        [["auto-submitted", "auto-replied"]],
        "Auto-Submitted: auto-replied",
    ],
)
def test_an_automatic_reply_is_recognised_by_headers_in_another_form(headers: Any) -> None:
    data, _ = reply_of(headers=headers)
    assert data.headers == {"auto-submitted": "auto-replied"}


@pytest.mark.parametrize(
    "headers", [7, [], [7], "x", "[1", "{}", [[["a"]]], {"Received": []}, [["Received", "x"]]]
)
def test_headers_without_one_that_counts_are_dropped(headers: Any) -> None:
    data, dropped = reply_of(headers=headers)
    assert not data.headers
    assert dropped


@pytest.mark.parametrize(
    "opt_out",
    [
        {"channel": "sms", "text": "STOP"},
        {"channel": "sms", "text": "STOP\x00"},
        {"headers": APPLE},
        {"headers": {**MANY, **APPLE}},
    ],
)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("command_id", "SM8f3"), ("command_id", ""), ("command_id", 7)],
        *[("automatic", "maybe"), ("automatic", "yes"), ("automatic", 7), ("automatic", [])],
        *[("kind", ""), ("kind", "odd"), ("kind", 7), ("kind", [])],
    ],
)
def test_no_other_field_costs_an_opt_out(opt_out: dict[str, Any], field: str, value: Any) -> None:
    data, dropped = reply_of(**opt_out, **{field: value})
    assert method_of(data) is not None
    assert field in dropped


@pytest.mark.parametrize("opt_out", ["unsubscribe", " Unsubscribe "])
@pytest.mark.parametrize("invalid", [{"command_id": ""}, {"automatic": "maybe"}])
def test_no_other_field_costs_an_opt_out_by_its_kind(opt_out: str, invalid: dict[str, Any]) -> None:
    data, dropped = reply_of(kind=opt_out, **invalid)
    assert (method_of(data), dropped) == ("reply", {*invalid})


@pytest.mark.parametrize("fields", [{"kind": "odd"}, {"kind": ""}, {"automatic": "maybe"}])
def test_the_text_and_the_headers_decide_without_a_valid_kind(fields: dict[str, Any]) -> None:
    data, dropped = reply_of(channel="sms", text="Stop by on Monday", **fields)
    assert (method_of(data), data.kind, data.automatic, dropped) == (None, None, None, {*fields})
    automatic = {"Auto-Submitted": "auto-replied"}
    data, dropped = reply_of(headers=automatic, **fields)
    assert (data.headers, data.automatic, dropped) == (automatic, None, {*fields})


@pytest.mark.parametrize(("value", "flag"), [("false", False), (" True", True), (1, True)])
def test_a_flag_may_be_a_text(value: Any, flag: bool) -> None:
    data, dropped = reply_of(automatic=value)
    assert (data.automatic, dropped) == (flag, set())
    for name, field in [("touch.opened", "automatic"), ("touch.failed", "permanent")]:
        event = decode_record(record_headers(name), record_value(name, **{field: value}))
        assert (getattr(event.data, field), event.dropped) == (flag, None)


def test_a_failure_without_a_valid_permanent_and_a_bounce_without_a_valid_type_count() -> None:
    failed = record_value("touch.failed", code="550", permanent="perhaps")
    event = decode_record(record_headers("touch.failed"), failed)
    assert (event.data.permanent, event.dropped) == (None, {"permanent": INVALID})
    bounced = record_value("touch.bounced", bounce_type="odd", smtp_code=[550])
    event = decode_record(record_headers("touch.bounced"), bounced)
    assert event.dropped == {"bounce_type": INVALID, "smtp_code": INVALID}
    bounced = record_value("touch.bounced", bounce_type="Hard")
    assert decode_record(record_headers("touch.bounced"), bounced).data.bounce_type == "hard"


@pytest.mark.parametrize(
    ("outcome", "read"),
    [
        *[("no-answer\r\n", "no-answer"), ("busy\n486", "busy 486"), (486, "486")],
        ("x" * 900, "x" * 200),
    ],
)
def test_the_outcome_of_a_call_is_never_lost(outcome: Any, read: str) -> None:
    ended = record_value("call.ended", outcome=outcome)
    event = decode_record(record_headers("call.ended"), ended)
    assert (event.data.outcome, event.dropped) == (read, None)
    wrong_values: tuple[Any, ...] = ([], "\x00", True, None)
    for wrong in wrong_values:
        ended = record_value("call.ended", outcome=wrong)
        assert refusal(record_headers("call.ended"), ended).detail.startswith("outcome")


def test_a_connection_does_not_depend_on_its_command() -> None:
    accepted = record_value("connection.accepted", command_id="SM8f3")
    event = decode_record(record_headers("connection.accepted"), accepted)
    assert (event.data.command_id, event.dropped) == (None, {"command_id": INVALID})


def test_the_command_of_a_reply_costs_only_itself() -> None:
    data, dropped = reply_of(text="Yes, please call me", command_id="SM8f3")
    assert (data.text, data.command_id, dropped) == ("Yes, please call me", None, {"command_id"})


def test_an_invalid_channel_refuses_the_opt_out() -> None:
    whole = record_value("contact.replied", channel="fax", text="STOP", automatic="no")
    assert refusal(record_headers("contact.replied"), whole).detail.startswith("channel")


def test_avro_loses_no_opt_out_either() -> None:
    names = sample_model("contact.replied").model_dump()
    headers = record_headers("contact.replied.v3", content_type=b"application/avro")
    datum = names | {"channel": "sms", "text": "STOP\x00", "kind": None, "command_id": "SM8f3"}
    data = decode_record(headers, frame_single("contact.replied", datum)).data
    assert method_of(data) == "text"
    datum = names | {"channel": "email", "headers": {**MANY, **APPLE}, "kind": None}
    assert method_of(decode_record(headers, frame_single("contact.replied", datum)).data) == "reply"


@pytest.mark.parametrize(
    ("code", "plain"),
    [
        ("550-5.1.1 no such user\r\n550 5.1.1 ann@example.com", "550_5.1.1"),
        ("550 5.1.1\n", "550_5.1.1"),
        ("550 5.1.1 The email account that you tried to reach does not exist. " * 3, "550_5.1.1"),
        ("opted_out\n", "opted_out"),
        ("nothing that anybody knows\n", "other"),
        (550.0, "550"),
    ],
)
def test_the_whole_answer_of_a_provider_is_read_for_its_code(code: Any, plain: str) -> None:
    failed = record_value("touch.failed", code=code)
    event = decode_record(record_headers("touch.failed"), failed)
    assert (event.data.code, event.dropped) == (plain, None)
    for name in ("smtp_code", "enhanced_code"):
        bounced = record_value("touch.bounced", **{name: code})
        event = decode_record(record_headers("touch.bounced"), bounced)
        assert (getattr(event.data, name), event.dropped) == (plain, None)


@pytest.mark.parametrize("code", [None, [], {}, True, [550], 1e300, 5.5, 2**80])
def test_what_is_no_code_refuses_the_failure(code: Any) -> None:
    refused = refusal(record_headers("touch.failed"), record_value("touch.failed", code=code))
    assert refused.detail.partition(":")[0] == "code"  # without the names of types


def test_the_answer_in_full_is_cut_and_not_dropped() -> None:
    long = "550 5.7.1 blocked " + "x" * 30_000
    bounced = record_value("touch.bounced", reason=long)
    event = decode_record(record_headers("touch.bounced"), bounced)
    assert event.data.reason == long[:20_000]
    assert event.dropped == {"reason": INVALID}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(_json)
def test_what_is_read_of_any_value_is_valid(value: Any) -> None:
    data, _ = reply_of()
    names = data.model_dump(exclude={"text", "headers"})
    text, headers = readable_text(value), readable_headers(value)
    assert ContactReplied(**names, text=text, headers=headers)
