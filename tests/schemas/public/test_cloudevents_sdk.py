"""The official SDK of CloudEvents and this code read each other's events as the same event."""

import json
import string
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cloudevents.core.bindings import kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1 import kafka as former_kafka
from cloudevents.v1.http import CloudEvent as FormerCloudEvent
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.times import from_datetime, to_datetime
from schemas.public.cloudevents import BYTE_ORDER_MARK
from schemas.public.codec import Encoding, PublicEvent, encode_event
from schemas.public.events import EVENTS
from schemas.public.example_events import sample, sample_model
from tests.testing.public_records import SCHEMA_IDS, decode_record

JSON_TYPES = [
    "application/json",
    "application/json; charset=utf-8",
    "text/json",
    "application/vnd.acme.crm+json",
]
ODD_JSON_TYPES = ["Application/JSON", "application/JSON;charset=UTF-8", "application/Acme+Json"]
AVRO_TYPES = ["application/avro", "application/x-avro", "avro/binary", "application/vnd.acme+avro"]

names = st.sampled_from(sorted(EVENTS))
lines = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=60)
zones = st.integers(-18 * 60, 18 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
days = st.integers(1, 36_000).map(lambda day: datetime(2000, 1, 2, tzinfo=UTC) + timedelta(day))
times = st.builds(
    lambda day, micros, zone: (day + timedelta(microseconds=micros)).astimezone(zone),
    days,
    st.integers(0, 86_400_000_000),
    zones,
)
attributes = st.fixed_dictionaries(
    {"type": names, "id": lines, "source": lines, "time": times},
    optional={"subject": lines, "dataschema": lines, "backfill": st.booleans()},
)
extensions = st.dictionaries(
    st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=20).map("x".__add__),
    lines,
    max_size=3,
)


def expected(written: dict[str, Any]) -> PublicEvent:
    """The event that the attributes of an event name, with the sample of its type as data."""
    name = written["type"]
    when = from_datetime(written["time"].astimezone(UTC))
    backfill = bool(written.get("backfill"))
    return PublicEvent(
        name, written["id"], written["source"], when, sample_model(name), backfill=backfill
    )


def read(message: kafka.KafkaMessage) -> PublicEvent:
    return decode_record([*message.headers.items()], message.value)


@given(attributes, extensions, st.none() | st.sampled_from(JSON_TYPES), st.data())
def test_what_the_sdk_writes_in_json_is_read_as_the_same_event(
    written: dict[str, Any], further: dict[str, str], content: str | None, draw: st.DataObject
) -> None:
    data: Any = sample(written["type"])
    if draw.draw(st.booleans(), "data is bytes"):
        content = draw.draw(st.none() | st.sampled_from(JSON_TYPES + ODD_JSON_TYPES))
        mark = draw.draw(st.sampled_from([b"", BYTE_ORDER_MARK]))
        data = mark + json.dumps(data).encode()
    if content is not None:
        written = written | {"datacontenttype": content}
    event = CloudEvent(further | written, data)
    assert read(kafka.to_binary(event, JSONFormat())) == expected(written)
    assert read(kafka.to_structured(event, JSONFormat())) == expected(written)


@given(attributes, st.sampled_from(AVRO_TYPES), st.sampled_from(["avro", "confluent"]))
def test_what_the_sdk_writes_in_avro_is_read_as_the_same_event(
    written: dict[str, Any], content: str, encoding: Encoding
) -> None:
    _, value = encoded(written["type"], encoding)
    event = CloudEvent(written | {"datacontenttype": content}, value)
    assert read(kafka.to_binary(event, JSONFormat())) == expected(written)
    assert read(kafka.to_structured(event, JSONFormat())) == expected(written)


@given(attributes)
def test_what_the_former_interface_of_the_sdk_writes_is_read_as_the_same_event(
    written: dict[str, Any],
) -> None:
    plain = {name: value for name, value in written.items() if name != "backfill"}
    texts = plain | {"time": plain["time"].isoformat(), "datacontenttype": "application/json"}
    event = FormerCloudEvent(texts, sample(plain["type"]))
    for message in (former_kafka.to_binary(event), former_kafka.to_structured(event)):
        value = message.value if isinstance(message.value, bytes) else message.value.encode()
        assert decode_record([*message.headers.items()], value) == expected(plain)


@pytest.mark.parametrize("encoding", ["json", "avro", "confluent"])
@given(attributes)
def test_what_is_written_here_the_sdk_reads_as_the_same_event(
    encoding: Encoding, written: dict[str, Any]
) -> None:
    headers, value = encoded(written["type"], encoding, written)
    event = kafka.from_kafka_event(kafka.KafkaMessage(dict(headers), None, value))
    got = event.get_attributes()
    assert {name: got[name] for name in ("id", "source", "time", "specversion")} == {
        "id": written["id"],
        "source": written["source"],
        "time": written["time"],
        "specversion": "1.0",
    }
    assert got["type"].split(".v")[0] == written["type"]
    data = event.get_data()
    if encoding == "json":
        name = written["type"]
        assert EVENTS[name].model.model_validate_json(json.dumps(data)) == sample_model(name)
    else:
        assert (data.encode() if isinstance(data, str) else data) == value


def encoded(
    name: str, encoding: Encoding, written: dict[str, Any] | None = None
) -> tuple[list[tuple[str, bytes]], bytes]:
    about = written or {"id": "e-1", "source": "/test", "time": to_datetime(0)}
    return encode_event(
        name,
        sample_model(name),
        encoding,
        event_id=about["id"],
        source=about["source"],
        time=from_datetime(about["time"]),
        schema_id=SCHEMA_IDS[name],
    )
