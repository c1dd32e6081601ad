"""An optional field with an invalid value costs the field; anything else refuses the event."""

import json
import time
from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from schemas.base.error_codes import RefusalCode
from schemas.base.provider_codes import NO_CODE
from schemas.public.avro import frame_single
from schemas.public.events import COMMAND_TYPES, EVENTS
from schemas.public.example_events import sample, sample_model
from schemas.public.inbound_events import (
    DROPPABLE,
    AddressReopened,
    CallRequested,
    ContactSteered,
    ConversionRecorded,
    Customer,
    JobCompleted,
    ReviewReceived,
    TouchClicked,
    TouchOpened,
)
from schemas.public.readable_values import CUT, READABLE
from tests.testing.public_records import (
    decode_record,
    dropped_fields,
    record_headers,
    record_value,
    refusal,
)

INVALID = RefusalCode.FIELD_INVALID

REFUSING: dict[type[BaseModel], set[str]] = {
    JobCompleted: {"enroll"},
    ContactSteered: {"campaign_id"},
    TouchOpened: {"automatic"},
    TouchClicked: {"automatic"},
    ReviewReceived: {"command_id", "campaign_id"},
    ConversionRecorded: {"command_id", "campaign_id"},
    CallRequested: {"contact_id", "phone", "agent_id", "from_number", "scheduled_for"},
}
"""The optional fields whose fault refuses the event, because without them it would order more than
its producer did, or something else."""


def models() -> list[type[BaseModel]]:
    """The models of events about jobs, contacts and engagement, and of the parts of these."""
    names = {"jobs", "contacts", "engagement"}
    kinds = [event.model for event in EVENTS.values() if (event.topic or "") in names]
    return [*dict.fromkeys(kinds), Customer]


@pytest.mark.parametrize("model", models())
def test_every_optional_field_is_either_dropped_or_refuses(model: type[BaseModel]) -> None:
    optional = {name for name, field in model.model_fields.items() if not field.is_required()}
    dropped, refusing = {*DROPPABLE.get(model, ())}, REFUSING.get(model, set())
    assert dropped | refusing == optional
    assert not dropped & refusing


def test_admin_events_lose_no_field() -> None:
    admin = {e.model for e in EVENTS.values() if e.topic in ("campaigns", "senders", None)}
    assert not admin & DROPPABLE.keys()


def fields_of(model: type[BaseModel], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    own = [(*prefix, name) for name in DROPPABLE.get(model, ())]
    return own + (fields_of(Customer, ("customer",)) if model is JobCompleted else [])


FIELDS = [
    (name, path)
    for name, event in EVENTS.items()
    if name not in COMMAND_TYPES
    for path in fields_of(event.model)
]


def with_value(name: str, path: tuple[str, ...], value: Any) -> bytes:
    """An event in JSON with this value at the path."""
    whole = json.loads(record_value(name))
    held = whole
    for part in path[:-1]:
        held = held[part]
    held[path[-1]] = value
    return json.dumps(whole).encode()


def without(name: str, path: tuple[str, ...]) -> Any:
    """The event without the field."""
    whole = json.loads(with_value(name, path, None))
    held = whole
    for part in path[:-1]:
        held = held[part]
    del held[path[-1]]
    return EVENTS[name].model.model_validate_json(json.dumps(whole))


@pytest.mark.parametrize("value", [[1], "x\x00" * 11_000], ids=["list", "text"])
@pytest.mark.parametrize(("name", "path"), FIELDS, ids=str)
def test_an_invalid_optional_field_costs_the_field_alone(
    name: str, path: tuple[str, ...], value: Any
) -> None:
    event = decode_record(record_headers(name), with_value(name, path, value))
    if path[-1].endswith("_code") and isinstance(value, str):  # it is read for a code
        assert (getattr(event.data, path[-1]), event.dropped) == (NO_CODE, None)
        return
    assert event.dropped is not None
    assert [*event.dropped] == [".".join(path)]
    is_cut = path[-1] in CUT & READABLE.get(EVENTS[name].model, {}).keys() - {"headers"}
    if is_cut and isinstance(value, str):
        assert getattr(event.data, path[-1]) == "x" * 11_000
    else:
        assert event.data == without(name, path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(max_examples=300)
@given(st.sampled_from(FIELDS), json_values)
def test_no_value_of_an_optional_field_costs_the_event(
    field: tuple[str, tuple[str, ...]], value: Any
) -> None:
    name, path = field
    data = decode_record(record_headers(name), with_value(name, path, value)).data
    plain = sample_model(name)
    kept = {key for key in type(plain).model_fields if key != path[0]}
    assert all(getattr(data, key) == getattr(plain, key) for key in kept)


def test_valid_events_drop_nothing() -> None:
    for name in EVENTS:
        assert decode_record(record_headers(name), record_value(name)).dropped is None


def test_only_the_invalid_entries_of_a_map_are_dropped() -> None:
    attributes = {"plan": "gold", "size": [], "age": 7, "note": None}
    addresses = {"email": "n/a", "phone": "+12125550100", "fax": "1"}
    whole = record_value("contact.upserted", attributes=attributes, addresses=addresses)
    event = decode_record(record_headers("contact.upserted"), whole)
    assert event.dropped == {
        "attributes.*": INVALID,
        "addresses.email": "CONTACT_EMAIL_INVALID",
        "addresses.*": INVALID,
    }
    assert event.data.attributes == {"plan": "gold", "age": 7}
    assert event.data.addresses == {"phone": "+12125550100"}
    headers = {"Auto-Submitted": "auto-replied", "Received": "x" * 2_001}
    reply = record_value("contact.replied", headers=headers)
    assert decode_record(record_headers("contact.replied"), reply).data.headers == {
        "auto-submitted": "auto-replied"
    }
    assert dropped_fields("contact.enrolled", variables={"a": 1, "b": "x"}) == {
        "variables.*": INVALID
    }


def test_each_dropped_field_has_its_own_code() -> None:
    customer = sample("job.completed")["customer"] | {"timezone": "Mars/Base", "phone": 7}
    assert dropped_fields("job.completed", customer=customer) == {
        "customer.timezone": RefusalCode.TIMEZONE_UNKNOWN,
        "customer.phone": INVALID,
    }


@pytest.mark.parametrize(
    ("name", "changed", "place"),
    [
        ("job.completed", {"job_id": ""}, "job_id"),
        ("job.completed", {"enroll": "no"}, "enroll"),
        ("contact.upserted", {"contact_id": 7}, "contact_id"),
        ("contact.stopped", {"campaign_id": "a/b", "reason": 7}, "campaign_id"),
        ("touch.sent", {"command_id": "1"}, "command_id"),
        ("touch.failed", {"code": []}, "code"),
        ("touch.opened", {"automatic": "no"}, "automatic"),
        ("review.clicked", {"command_id": "1"}, "command_id"),
        ("contact.replied", {"channel": "fax"}, "channel"),
    ],
)
def test_a_fault_elsewhere_refuses_the_event_and_is_the_one_that_is_named(
    name: str, changed: dict[str, Any], place: str
) -> None:
    optional = {"sent_at": 7, "detail": 7, "reason": 7, "text": 7, "first_name": 7}
    whole = json.loads(record_value(name)) | optional | changed
    refused = refusal(record_headers(name), json.dumps(whole).encode())
    assert (refused.code, refused.detail.partition(":")[0]) == (INVALID, place)


@pytest.mark.parametrize("mark", ["\x85", "\u2028", "\u2029", "\x9f", "\n"])
def test_a_name_or_region_with_the_end_of_a_line_is_dropped(mark: str) -> None:
    texts = {"first_name": f"Ann{mark}Bcc: eve", "region": f"FL{mark}"}
    assert dropped_fields("contact.upserted", **texts) == dict.fromkeys(texts, INVALID)


def test_other_invisible_characters_of_names_stay() -> None:
    name = "Anne\u00a0Marie \u0928\u200d"
    event = decode_record(
        record_headers("contact.upserted"), record_value("contact.upserted", first_name=name)
    )
    assert (event.data.first_name, event.dropped) == (name, None)


def test_a_customer_without_an_id_refuses_the_job() -> None:
    customers: list[Any] = [{"email": 7}, {"contact_id": "", "email": 7}, None, 7, []]
    for customer in customers:
        whole = record_value("job.completed", customer=customer)
        assert refusal(record_headers("job.completed"), whole).detail.startswith("customer")


def test_avro_loses_only_the_field_too() -> None:
    datum = sample_model("contact.upserted").model_dump() | {
        "first_name": "a\x00b",
        "timezone": "Mars/Base",
        "attributes": {"plan": "gold", "note": "\x00"},
    }
    headers = record_headers("contact.upserted", content_type=b"application/avro")
    event = decode_record(headers, frame_single("contact.upserted", datum))
    assert event.dropped == {
        "first_name": INVALID,
        "timezone": RefusalCode.TIMEZONE_UNKNOWN,
        "attributes.*": INVALID,
    }
    assert (event.data.first_name, event.data.attributes) == (None, {"plan": "gold"})


def test_no_value_is_in_the_name_of_a_dropped_field() -> None:
    names = ["ann.lee@example.com", "x" * 5_000, "Ann\x00Lee", "+1 212 555 0100", "AnnLee"]
    names += ["212-555-0100"]
    dropped = dropped_fields("contact.upserted", attributes={name: [] for name in names})
    assert dropped == {"attributes.*": INVALID}


@pytest.mark.parametrize("name", ["contact.upserted", "campaign.migrated"])
def test_a_map_of_many_invalid_entries_is_looked_at_in_bounded_time(name: str) -> None:
    field = {"contact.upserted": "attributes", "campaign.migrated": "steps"}[name]
    whole = record_value(name, **{field: {f"k{number}": [] for number in range(60_000)}})
    began = time.process_time()
    if name == "contact.upserted":
        assert decode_record(record_headers(name), whole).dropped == {field: INVALID}
    else:
        assert refusal(record_headers(name), whole).code is INVALID
    assert time.process_time() - began < 3


def test_every_model_of_the_table_belongs_to_an_event() -> None:
    assert {*DROPPABLE, *REFUSING} <= {*chain(models())}
    assert AddressReopened in DROPPABLE
