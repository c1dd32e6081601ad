"""Replies that nobody wrote, by their headers; and history, by its mark."""

import msgspec
import pytest

from processors.fold.task import Record
from processors.fold.turn import Output, Turn
from processors.intake import IntakeProcessor
from schemas.base.times import parse_rfc3339
from schemas.internal import messages as m
from schemas.internal.topics import Topic
from schemas.public.auto_reply import is_automatic
from schemas.public.codec import Decoder, encode_event
from schemas.public.events import EVENTS
from schemas.public.example_events import sample_model

WHEN = parse_rfc3339("2026-03-02T15:00:00Z")
Headers = list[tuple[str, bytes | None]]


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"auto-submitted": "auto-generated; owner=x"},
        {"X-Autoreply": "yes"},
        {"X-Auto-Response-Suppress": "All"},
        {"Precedence": "auto_reply"},
        {"PRECEDENCE": " Bulk "},
    ],
)
def test_headers_of_an_automatic_reply_are_recognised(headers: dict[str, str]) -> None:
    assert is_automatic(headers)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Auto-Submitted": "no"}, {"Precedence": "first-class"}, {"Subject": "auto_reply"}],
)
def test_headers_of_a_reply_by_a_person_are_not_automatic(headers: dict[str, str]) -> None:
    assert not is_automatic(headers)


def taken(ce_type: str, *more: tuple[str, bytes], **changes: object) -> list[Output]:
    """What intake makes of a sample of an event."""
    model = sample_model(ce_type, **changes)
    given, value = encode_event(ce_type, model, event_id="e", source="/s", time=WHEN)
    headers: Headers = [*given, *more]
    topic = EVENTS[ce_type].topic
    assert topic is not None
    outputs: list[Output] = []
    turn = Turn(WHEN, None, outputs, 0)  # type: ignore[arg-type]
    record = Record(0, WHEN, b"k", value, lambda: headers)
    IntakeProcessor(topic, Decoder().decode).apply(turn, record)
    return outputs


def test_the_text_and_the_headers_of_a_reply_stay_outside() -> None:
    away = {"Auto-Submitted": "auto-replied", "X-Secret": "hunter2"}
    (output,) = taken("contact.replied", headers=away, text="I am away, hunter2")
    assert isinstance(output.message, m.ContactReplied)
    assert output.message.automatic
    assert b"hunter2" not in msgspec.msgpack.encode(output.message)


@pytest.mark.parametrize("ce_type", ["job.completed", "contact.enrolled", "contact.replied"])
def test_history_is_marked_as_such(ce_type: str) -> None:
    (output,) = taken(ce_type, ("ce_backfill", b"true"))
    assert isinstance(output.message, m.BackfilledEvent)
    event = m.decode_contact(output.message.event)
    assert isinstance(event, m.ExternalEvent)
    assert (event.tenant_id, event.at) == (output.message.tenant_id, WHEN)
    (plain,) = taken(ce_type, ("ce_backfill", b"false"))
    assert plain.message == event


def test_a_mark_that_says_nothing_is_refused() -> None:
    (output,) = taken("job.completed", ("ce_backfill", b"maybe"))
    assert output.topic is Topic.DEAD_LETTERS
    assert isinstance(output.message, m.DeadLetter)
    assert output.message.code == "CE_HEADER_INVALID"


@pytest.mark.parametrize(
    ("ce_type", "message"),
    [
        ("contact.paused", m.ContactPaused),
        ("contact.resumed", m.ContactResumed),
        ("contact.stopped", m.ContactStopped),
        ("connection.accepted", m.ConnectionAccepted),
        ("conversion.recorded", m.ConversionRecorded),
        ("call.ended", m.CallEnded),
        ("campaign.migrated", m.MoveRuns),
    ],
)
def test_every_event_of_a_sequence_has_its_message(ce_type: str, message: type[m.Message]) -> None:
    (output,) = taken(ce_type)
    assert isinstance(output.message, message)
    decode = m.decode_campaign if message is m.MoveRuns else m.decode_contact
    assert decode(m.encode(output.message)) == output.message
