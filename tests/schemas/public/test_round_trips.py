"""An event that is encoded in any encoding is decoded to the same event."""

from typing import Any, get_args

import pytest

from schemas.base.error_codes import SchemaUnavailable
from schemas.base.times import parse_rfc3339
from schemas.public.codec import Decoder, Encoding, PublicEvent, decode_event, encode_event
from schemas.public.events import EVENTS
from schemas.public.example_events import COMMAND_ID, TIME, sample_model
from tests.testing.public_records import (
    SCHEMA_IDS,
    decode_record,
    record_headers,
    registry,
    registry_down,
    structured_value,
)

WHEN = parse_rfc3339(TIME)
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)


def encoded_and_decoded(ce_type: str, encoding: Encoding) -> PublicEvent:
    """The example of an event after encoding and decoding."""
    headers, value = encode_event(
        ce_type,
        sample_model(ce_type),
        encoding,
        event_id="e-1",
        source="/test",
        time=WHEN,
        schema_id=SCHEMA_IDS[ce_type],
    )
    return decode_event(headers, value, registry)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("ce_type", EVENTS)
def test_every_event_round_trips_in_every_encoding(ce_type: str, encoding: Encoding) -> None:
    event = encoded_and_decoded(ce_type, encoding)
    assert event == PublicEvent(ce_type, "e-1", "/test", WHEN, sample_model(ce_type))


@pytest.mark.parametrize("ce_type", EVENTS)
def test_structured_mode_gives_the_same_event_as_binary_mode(ce_type: str) -> None:
    assert decode_record([], structured_value(ce_type)) == encoded_and_decoded(ce_type, "json")


ENDED = {"command_id": COMMAND_ID, "outcome": "busy"}
SENDER = {"sender_id": "s-1", "channel": "email"}
TENANT = {"timezone": "America/Chicago"}


@pytest.mark.parametrize(
    ("ce_type", "used", "spelling"),
    [
        ("contact.upserted", {"email": "ann@example.com"}, "contact.upserted"),
        ("contact.upserted", {"addresses": {"email": "ann@x.org"}}, "contact.upserted.v2"),
        ("contact.upserted", {"addresses": None}, "contact.upserted"),
        ("touch.opened", {"command_id": COMMAND_ID}, "touch.opened"),
        ("touch.opened", {"command_id": COMMAND_ID, "automatic": True}, "touch.opened.v2"),
        (
            "contact.replied",
            {"channel": "email", "headers": {"Subject": "x"}},
            "contact.replied.v2",
        ),
        ("call.ended", {**ENDED, "seconds": 5}, "call.ended"),
        ("call.ended", {**ENDED, "call_id": "CA-1"}, "call.ended.v2"),
        ("sender.upserted", {**SENDER, "limits": {"per_hour": 5}}, "sender.upserted"),
        ("sender.upserted", {**SENDER, "limits": {"jitter_seconds": 5}}, "sender.upserted.v2"),
        ("sender.upserted", {**SENDER, "premium": True}, "sender.upserted.v2"),
        ("tenant.upserted", {**TENANT, "limits": {"sms": {"per_hour": 5}}}, "tenant.upserted"),
        (
            "tenant.upserted",
            {**TENANT, "limits": {"sms": {"per_hour": 5}, "email": {"per_day": 9}}},
            "tenant.upserted.v4",
        ),
        ("tenant.upserted", {**TENANT, "calls": {}}, "tenant.upserted.v4"),
        ("tenant.upserted", {**TENANT, "calling_hours": True}, "tenant.upserted.v3"),
    ],
)
def test_an_event_names_the_release_that_its_fields_need(
    ce_type: str, used: dict[str, Any], spelling: str
) -> None:
    data = {"tenant_id": "acme", "contact_id": "ann", **used}
    model = EVENTS[ce_type].model.model_validate(data)
    headers, value = encode_event(ce_type, model, event_id="e-1", source="/test")
    assert dict(headers)["ce_type"] == spelling.encode()
    assert decode_record(headers, value).type == ce_type


def test_a_time_is_text_in_json_and_microseconds_in_the_model() -> None:
    headers, value = encode_event(
        "touch.sent", sample_model("touch.sent"), event_id="e-1", source="/test"
    )
    assert f'"sent_at":"{TIME}"'.encode() in value
    assert decode_record(headers, value).data.sent_at == WHEN


def test_an_event_without_a_time_has_none() -> None:
    event = decode_record(record_headers(ce_time=None), structured_data())
    assert event.time is None


def structured_data() -> bytes:
    return sample_model("touch.sent").model_dump_json().encode()


def test_confluent_framing_of_an_event_without_a_schema_id_is_an_error() -> None:
    with pytest.raises(ValueError, match="schema id"):
        encode_event(
            "touch.sent", sample_model("touch.sent"), "confluent", event_id="e", source="s"
        )


def test_encoding_the_model_of_another_event_is_an_error() -> None:
    with pytest.raises(TypeError):
        encode_event("job.completed", sample_model("touch.sent"), event_id="e", source="s")


def test_the_registry_is_requested_once_for_each_schema() -> None:
    requested_ids: list[int] = []

    def counting_registry(schema_id: int) -> str | None:
        requested_ids.append(schema_id)
        return registry(schema_id)

    headers, value = encode_event(
        "touch.sent",
        sample_model("touch.sent"),
        "confluent",
        event_id="e",
        source="s",
        schema_id=SCHEMA_IDS["touch.sent"],
    )
    decoder = Decoder(counting_registry)
    assert decoder.decode(headers, value) == decoder.decode(headers, value)
    assert requested_ids == [SCHEMA_IDS["touch.sent"]]


def test_an_outage_of_the_registry_is_not_a_refusal() -> None:
    headers, value = encode_event(
        "touch.sent",
        sample_model("touch.sent"),
        "confluent",
        event_id="e",
        source="s",
        schema_id=1,
    )
    with pytest.raises(SchemaUnavailable):
        decode_event(headers, value, registry_down)
