"""An optional field that is invalid costs the field: the event counts, and a fact names the
field."""

import json
from typing import Any

import pytest

from processors.fold.task import Record
from processors.fold.turn import Output, Turn
from processors.intake import IntakeProcessor
from schemas.base.times import parse_rfc3339, to_datetime
from schemas.internal import facts
from schemas.internal import messages as m
from schemas.internal.facts import Fact, FactKind
from schemas.internal.topics import Topic
from schemas.public.codec import Decoder
from schemas.public.events import EVENTS
from schemas.public.example_events import sample
from tests.testing.public_records import record_headers

RECORDED = parse_rfc3339("2026-03-02T15:05:00Z")


def outputs_of(name: str, /, **changed: Any) -> list[Output]:
    """The outputs of intake for the sample of an event with other fields, in JSON."""
    topic = EVENTS[name].topic
    assert topic is not None
    outputs: list[Output] = []
    value = json.dumps(sample(name, **changed)).encode()
    record = Record(0, RECORDED, b"k", value, lambda: record_headers(name))
    turn = Turn(RECORDED, None, outputs, 0)  # type: ignore[arg-type]
    IntakeProcessor(topic, Decoder().decode).apply(turn, record)
    return outputs


def customer(**changed: Any) -> dict[str, Any]:
    whole: dict[str, Any] = sample("job.completed")["customer"]
    return whole | changed


def test_a_job_with_an_unknown_zone_counts_and_a_fact_names_the_zone() -> None:
    event, fact = outputs_of("job.completed", customer=customer(timezone="Mars/Base"))
    assert isinstance(event.message, m.JobCompleted)
    assert event.message.person.timezone is None
    assert fact.topic is Topic.FACTS
    assert fact.key == event.key
    assert facts.decode(facts.encode(fact.message)) == Fact(
        fact=FactKind.EVENT_FIELD_DROPPED,
        at=to_datetime(RECORDED),
        tenant_id="acme",
        contact_id=event.message.contact_id,
        cause="/test#e-1",
        reason="TIMEZONE_UNKNOWN",
        values={"event": "job.completed", "fields": {"customer.timezone": "TIMEZONE_UNKNOWN"}},
        occurred_at=to_datetime(event.message.at),
    )


def test_several_codes_are_no_reason() -> None:
    _, fact = outputs_of("job.completed", customer=customer(timezone="Mars/Base", phone="n/a"))
    assert isinstance(fact.message, Fact)
    assert fact.message.reason is None
    assert fact.message.values == {
        "event": "job.completed",
        "fields": {
            "customer.timezone": "TIMEZONE_UNKNOWN",
            "customer.phone": "CONTACT_PHONE_INVALID",
        },
    }


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("contact.upserted", {"first_name": "hunter2\x00", "attributes": {"hunter2 ": []}}),
        ("contact.upserted", {"email": "hunter2@x.org, hunter2@y.org"}),
        ("contact.replied", {"text": "hunter2\x00"}),
        ("touch.failed", {"detail": "hunter2\x00"}),
    ],
)
def test_the_fact_does_not_have_the_value(name: str, changed: dict[str, Any]) -> None:
    event, fact = outputs_of(name, **changed)
    assert isinstance(event.message, m.ExternalEvent)
    assert b"hunter2" not in facts.encode(fact.message)


def test_an_event_without_a_fault_has_no_such_fact() -> None:
    (event,) = outputs_of("job.completed")
    assert isinstance(event.message, m.JobCompleted)


def test_a_fault_in_a_required_field_is_a_dead_letter_alone() -> None:
    (letter,) = outputs_of("job.completed", job_id="", customer=customer(phone="n/a"))
    assert isinstance(letter.message, m.DeadLetter)


def test_a_fact_of_a_tenants_order_has_no_contact() -> None:
    event, fact = outputs_of("address.reopened", reason=7)
    assert isinstance(event.message, m.ReopenAddress)
    assert isinstance(fact.message, Fact)
    assert fact.message.contact_id is None
