"""Intake converts public events to messages: replies without their text, backfilled events,
orders."""

import msgspec
import pytest

from processors.fold.task import Record
from processors.fold.turn import Output, Turn
from processors.intake import IntakeProcessor
from schemas.base.times import parse_rfc3339
from schemas.internal import messages as m
from schemas.internal.topics import Topic
from schemas.public.codec import Decoder, encode_event
from schemas.public.events import COMMAND_TYPES, EVENTS
from schemas.public.example_events import sample_model
from streams.audit.recorded_events import FROM_INTAKE

WHEN = parse_rfc3339("2026-03-02T15:00:00Z")
Headers = list[tuple[str, bytes | None]]


def intake_outputs(ce_type: str, *more: tuple[str, bytes], **changes: object) -> list[Output]:
    """The outputs of intake for the sample of an event, with more headers or other fields."""
    model = sample_model(ce_type, **changes)
    encoded, value = encode_event(ce_type, model, event_id="e", source="/s", time=WHEN)
    headers: Headers = [*encoded, *more]
    topic = EVENTS[ce_type].topic
    assert topic is not None
    outputs: list[Output] = []
    turn = Turn(WHEN, None, outputs, 0)  # type: ignore[arg-type]
    record = Record(0, WHEN, b"k", value, lambda: headers)
    IntakeProcessor(topic, Decoder().decode).apply(turn, record)
    return outputs


def test_the_message_of_a_reply_has_neither_its_text_nor_its_headers() -> None:
    away = {"Auto-Submitted": "auto-replied", "X-Secret": "hunter2"}
    (output,) = intake_outputs(
        "contact.replied", headers=away, text="I am away, hunter2", automatic=None, kind=None
    )
    assert isinstance(output.message, m.ContactReplied)
    assert output.message.automatic
    assert b"hunter2" not in msgspec.msgpack.encode(output.message)


@pytest.mark.parametrize("ce_type", ["job.completed", "contact.enrolled", "contact.replied"])
def test_a_backfilled_event_is_wrapped_in_a_message_of_its_own(ce_type: str) -> None:
    (output,) = intake_outputs(ce_type, ("ce_backfill", b"true"))
    assert isinstance(output.message, m.BackfilledEvent)
    event = m.decode_contact(output.message.event)
    assert isinstance(event, m.ExternalEvent)
    assert (event.tenant_id, event.at) == (output.message.tenant_id, WHEN)
    (plain,) = intake_outputs(ce_type, ("ce_backfill", b"false"))
    assert plain.message == event


def test_a_backfill_attribute_that_is_not_a_boolean_is_refused() -> None:
    (output,) = intake_outputs("job.completed", ("ce_backfill", b"maybe"))
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
def test_every_event_of_a_sequence_becomes_a_message(
    ce_type: str, message: type[m.Message]
) -> None:
    (output,) = intake_outputs(ce_type)
    assert isinstance(output.message, message)
    decode = m.decode_campaign if message is m.MoveRuns else m.decode_contact
    assert decode(m.encode(output.message)) == output.message


@pytest.mark.parametrize("ce_type", [name for name in EVENTS if name not in COMMAND_TYPES])
def test_what_intake_writes_is_known_as_written_by_intake(ce_type: str) -> None:
    (output,) = intake_outputs(ce_type)
    assert isinstance(output.message, FROM_INTAKE)
    assert not isinstance(output.message, m.EventUnsupported)
