"""Intake converts the events of calls: who is meant by a number, and what an outcome is (F-16,
F-17)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.fold.turn import Output
from schemas.base.call_outcomes import CALL_OUTCOMES
from schemas.base.times import parse_rfc3339
from schemas.csv_import.contacts import read_contacts
from schemas.csv_import.results import ContactLine
from schemas.internal import messages as m
from schemas.internal.facts import Fact
from schemas.internal.topics import Topic
from schemas.public.example_events import COMMAND_ID, TIME
from tests.processors.intake.test_dropped_fields import outputs_of


def message_of(ce_type: str, **changed: Any) -> Any:
    (output,) = outputs_of(ce_type, **changed)
    return output.message


def ended(**changed: Any) -> m.CallEnded:
    message = message_of("call.ended", **{"answered_by": None, **changed})
    assert isinstance(message, m.CallEnded)
    return message


def read_without(field: str, *outputs: Output) -> Any:
    """The message of an event that was read without an invalid field."""
    output, fact = outputs
    assert isinstance(fact.message, Fact)
    assert fact.message.reason == "FIELD_INVALID"
    assert (fact.message.values or {})["fields"] == {field: "FIELD_INVALID"}
    return output.message


def test_a_requested_call_has_all_of_its_event() -> None:
    (output,) = outputs_of("call.requested")
    assert output.topic is Topic.CONTACT_LOG
    assert output.key == b"acme/c-1"
    message = output.message
    assert isinstance(message, m.CallRequested)
    person = message.person
    assert (person.first_name, person.last_name, person.phone) == ("Ann", "Lee", "+12125550101")
    assert (message.agent_id, message.from_number) == ("agent-7", "+12125550100")
    assert (message.template_id, message.priority) == ("script-1", 50)
    assert message.scheduled_for == parse_rfc3339(TIME)
    assert message.variables == {"topic": "renewal"}
    assert m.decode_contact(m.encode(message)) == message


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Ann", "Ann", None),
        (" Ann  Lee ", "Ann", "Lee"),
        ("Ann van der Lee", "Ann", "van der Lee"),
        ("", None, None),
        (None, None, None),
    ],
)
def test_the_first_word_of_a_name_is_the_first_name(
    name: str | None, first: str | None, last: str | None
) -> None:
    person = message_of("call.requested", name=name).person
    assert (person.first_name, person.last_name) == (first, last)


@pytest.mark.parametrize("phone", ["+1 212 555 0101", "+12125550101", "+1 (212) 555-0101 x7"])
def test_a_person_without_an_id_is_the_one_that_an_import_has(phone: str) -> None:
    message = message_of("call.requested", contact_id=None, phone=phone)
    (line,) = read_contacts([b"phone\n", b"+12125550101\n"], "acme")
    assert isinstance(line, ContactLine)
    assert message.contact_id == line.event.contact_id


@pytest.mark.parametrize("phone", ["212 555 0101", "0171 123456", "12125550101"])
def test_a_number_without_its_country_code_identifies_nobody(phone: str) -> None:
    letter = message_of("call.requested", contact_id=None, phone=phone)
    assert isinstance(letter, m.DeadLetter)
    assert letter.code == "PHONE_WITHOUT_COUNTRY"
    assert phone not in letter.detail
    assert message_of("call.requested", phone=phone).contact_id == "c-1"


@pytest.mark.parametrize(
    "changed",
    [
        {"contact_id": None, "phone": None},
        {"contact_id": None, "phone": ""},
        {"contact_id": None, "phone": "n/a"},
        {"phone": "n/a"},
        {"from_number": "call me"},
        {"agent_id": ""},
        {"scheduled_for": "tomorrow"},
        {"tenant_id": "*"},
    ],
    ids=str,
)
def test_a_call_of_which_a_part_cannot_be_read_is_not_made(changed: dict[str, Any]) -> None:
    letter = message_of("call.requested", **changed)
    assert isinstance(letter, m.DeadLetter)
    assert letter.code == "FIELD_INVALID"


@pytest.mark.parametrize(
    ("given_priority", "priority"),
    [
        (7, 7),
        ("50", 50),
        (" -3 ", -3),
        ("+7", 7),
        ("1000", 1_000),
        (-1_000, -1_000),
        ("", 0),
        (None, 0),
    ],
)
def test_a_priority_may_be_digits(given_priority: Any, priority: int) -> None:
    assert message_of("call.requested", priority=given_priority).priority == priority


@pytest.mark.parametrize(
    "priority", [5.5, 5.0, "5.5", "high", 1_001, -1_001, "1001", 10**30, "9" * 40, True, [1]]
)
def test_any_other_priority_is_0_and_a_fact_names_it(priority: Any) -> None:
    outputs = outputs_of("call.requested", priority=priority)
    assert read_without("priority", *outputs).priority == 0


@given(st.text(max_size=40) | st.floats(allow_nan=False) | st.integers(-(10**20), 10**20))
def test_a_priority_is_within_its_range_whatever_the_event_has(priority: Any) -> None:
    message = outputs_of("call.requested", priority=priority)[0].message
    assert isinstance(message, m.CallRequested)
    assert -1_000 <= message.priority <= 1_000


def test_the_progress_of_a_call() -> None:
    message = message_of("call.progressed")
    assert isinstance(message, m.CallProgressed)
    assert (message.command_id, message.state, message.call_id) == (COMMAND_ID, "ringing", "CA-1")
    assert message_of("call.progressed", state="flying").code == "FIELD_INVALID"


@pytest.mark.parametrize("seconds", [-1, 86_401, 10**9, 10**30, "25", 2.5, None, True])
def test_seconds_that_no_call_lasts_cost_only_themselves(seconds: Any) -> None:
    message = read_without("seconds", *outputs_of("call.ended", seconds=seconds))
    assert isinstance(message, m.CallEnded)
    assert (message.seconds, message.outcome) == (0, "no_answer")


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        ({"outcome": "completed"}, "answered"),
        ({"outcome": "call-disconnected"}, "answered"),
        ({"outcome": "Busy"}, "busy"),
        ({"outcome": "no-answer"}, "no_answer"),
        ({"outcome": "429"}, "provider_limit"),
        ({"outcome": "unknown", "raw_status": "busy"}, "busy"),
        ({"outcome": "completed", "answered_by": "machine_start"}, "voicemail"),
        ({"outcome": "completed", "answered_by": "human"}, "answered"),
        ({"outcome": "busy", "answered_by": "machine"}, "busy"),
        ({"outcome": "exploded", "raw_status": "melted"}, "unknown"),
    ],
    ids=str,
)
def test_an_outcome_is_one_of_the_table(event: dict[str, Any], outcome: str) -> None:
    assert ended(**{"raw_status": None, **event}).outcome == outcome


@given(st.text(min_size=1, max_size=200))
def test_any_word_of_a_provider_is_an_outcome_of_the_table(word: str) -> None:
    message = outputs_of("call.ended", outcome=word, raw_status=None)[0].message
    if isinstance(message, m.CallEnded):
        assert message.outcome in CALL_OUTCOMES


@pytest.mark.parametrize(
    ("event", "raw"),
    [
        ({"outcome": "connected", "raw_status": None}, "connected"),
        ({"outcome": "busy", "raw_status": "USER_BUSY"}, "USER_BUSY"),
        ({"outcome": "busy", "raw_status": "Ann Lee was busy"}, "other"),
        ({"outcome": "+1 212 555 0101 is busy", "raw_status": None}, "other"),
    ],
    ids=str,
)
def test_the_word_of_the_provider_is_kept_as_a_code_and_never_as_a_text(
    event: dict[str, Any], raw: str
) -> None:
    assert ended(**event).raw_status == raw


def test_who_answered_is_a_code() -> None:
    assert message_of("call.ended").answered_by == "machine"
    assert ended(answered_by="Ann Lee, in person").answered_by == "other"


def test_a_call_of_the_first_release_has_neither_an_id_nor_a_raw_status() -> None:
    release_2 = {"call_id": None, "raw_status": None, "answered_by": None}
    message = ended(outcome="busy", **release_2)
    assert (message.outcome, message.seconds, message.call_id) == ("busy", 25, None)
    assert (message.raw_status, message.answered_by) == ("busy", None)


def test_what_a_call_led_to() -> None:
    message = message_of("call.reviewed")
    assert isinstance(message, m.CallReviewed)
    assert (message.command_id, message.success, message.result) == (COMMAND_ID, True, "callback")
    assert message_of("call.reviewed", result="He wants to buy!").result == "other"
    assert message_of("call.reviewed", result=None).result is None
    assert message_of("call.reviewed", success="yes").code == "FIELD_INVALID"


def test_an_accepted_connection_names_the_account_whose_invitation_it_was() -> None:
    message = message_of("connection.accepted", sender_id="account-1")
    assert isinstance(message, m.ConnectionAccepted)
    assert message.sender_id == "account-1"
