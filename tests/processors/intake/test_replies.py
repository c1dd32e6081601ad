"""Intake finds out what a reply is: a person's answer, a machine's, or an opt-out. No text goes
on."""

from typing import Any

import msgspec
import pytest

from processors.intake.contact_events import CONTACT_EVENTS
from schemas.base.opt_out_words import digest_of, word_of
from schemas.channels import CHANNELS
from schemas.internal import messages as m
from schemas.public.events import EVENTS

AWAY = {"Auto-Submitted": "auto-replied"}
APPLE = {**AWAY, "X-Apple-Unsubscribe": "true"}
BY_TEXT = [name for name, row in CHANNELS.items() if row.opt_out_by_text]


def message_of(ce_type: str = "contact.replied", **fields: Any) -> Any:
    """What intake writes for an event with these fields."""
    names = {"tenant_id": "acme", "contact_id": "ann"}
    data = EVENTS[ce_type].model.model_validate(names | fields)
    return CONTACT_EVENTS[ce_type](data, "s#1", 5, ce_type)


def reply(**fields: Any) -> m.ContactReplied:
    message = message_of(**{"channel": "email", **fields})
    assert isinstance(message, m.ContactReplied)
    return message


def opt_out_method(**fields: Any) -> str | None:
    message = message_of(**{"channel": "email", **fields})
    assert isinstance(message, m.ContactUnsubscribed), message
    assert (message.at, message.cause, message.complained) == (5, "s#1", False)
    return message.method


def test_the_channels_on_which_words_are_opt_outs_are_those_of_text_messages() -> None:
    assert BY_TEXT == ["sms", "whatsapp"]


@pytest.mark.parametrize(
    ("fields", "automatic"),
    [
        ({}, False),
        ({"headers": AWAY}, True),
        ({"headers": {"X-Auto-Response-Suppress": "All"}}, False),
        ({"headers": {"Precedence": "list"}}, False),
        ({"headers": {"X-Autoreply": "no"}}, False),
        ({"automatic": True}, True),
        ({"automatic": False, "headers": AWAY}, False),
        ({"automatic": True, "headers": {"Auto-Submitted": "no"}}, True),
        ({"kind": "human", "headers": AWAY}, False),
        ({"kind": "human", "automatic": True}, False),
        ({"kind": "automatic"}, True),
        ({"kind": "automatic", "automatic": False}, True),
        ({"kind": "gone", "automatic": True, "headers": AWAY}, False),
    ],
)
def test_the_sender_counts_before_the_headers(fields: dict[str, Any], automatic: bool) -> None:
    assert reply(**fields).automatic is automatic


def test_somebody_who_has_left_gives_no_response() -> None:
    assert reply(kind="gone").gone
    assert not reply(kind="human").gone


def test_an_opt_out_that_the_sender_has_recognised_is_one() -> None:
    assert opt_out_method(kind="unsubscribe", automatic=True, headers=AWAY) == "reply"


def test_the_opt_out_of_a_mail_program_is_asked_before_automatic() -> None:
    assert opt_out_method(headers=APPLE) == "reply"
    assert opt_out_method(headers=APPLE, automatic=True) == "reply"
    assert not reply(headers=APPLE, kind="human").automatic
    assert reply(headers={**APPLE, "X-Apple-Unsubscribe": "false"}).automatic


@pytest.mark.parametrize("channel", BY_TEXT)
@pytest.mark.parametrize("text", ["STOP", " stopall. ", "Unsubscribe", "CANCEL", "end", "Quit!"])
def test_a_word_of_the_carriers_is_an_opt_out_whatever_else_is_stated(
    channel: str, text: str
) -> None:
    assert opt_out_method(channel=channel, text=text) == "text"
    assert opt_out_method(channel=channel, text=text, automatic=True) == "text"
    assert opt_out_method(channel=channel, text=text, kind="human") == "text"


def test_a_word_inside_of_a_message_or_on_another_channel_is_no_opt_out() -> None:
    assert reply(channel="sms", text="Stop by on Monday").keyword is not None
    assert reply(channel="email", text="STOP").keyword is None
    assert reply(channel="linkedin", text="STOP").keyword is None


def test_a_short_text_message_goes_on_as_a_digest_and_a_long_one_not_at_all() -> None:
    message = reply(channel="sms", text="Arrêt!")
    assert message.keyword == digest_of(word_of("ARRÊT"))
    assert b"rr" not in msgspec.msgpack.encode(message)
    assert reply(channel="sms", text="I would like to know more about that. " * 4).keyword is None
    assert reply(channel="sms", text="...").keyword is None
    assert reply(channel="sms").keyword is None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"code": "550 5.1.1"}, "550_5.1.1"),
        ({"code": 450}, "450"),
        ({"code": "550", "detail": "550 5.7.1 blocked ann@example.com"}, "550_5.7.1"),
        ({"code": "User ann@example.com unknown"}, "other"),
    ],
)
def test_the_code_of_a_failure_is_one_word(fields: dict[str, Any], code: str) -> None:
    command_id = "0f009309-9336-833e-bbd8-16624f0a566c"
    assert message_of("touch.failed", command_id=command_id, **fields).code == code


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"bounce_type": "hard"}, "hard"),
        ({"bounce_type": "hard", "reason": "550 5.7.1 blocked, our IP is on a list"}, "block"),
        ({"enhanced_code": "5.1.1"}, "hard"),
        ({"smtp_code": 452}, "soft"),
        ({}, "soft"),
    ],
)
def test_a_bounce_has_the_type_of_its_codes(fields: dict[str, Any], expected: str) -> None:
    command_id = "0f009309-9336-833e-bbd8-16624f0a566c"
    assert message_of("touch.bounced", command_id=command_id, **fields).bounce_type == expected
