"""A simulation reads events as intake does: an invalid optional field costs the field, and a fact
names it."""

import json
from pathlib import Path
from typing import Any

from schemas.base.times import HOUR, format_rfc3339
from schemas.internal.facts import FactKind
from schemas.public.codec import Decoder
from schemas.public.example_events import sample
from streams.simulation.scenario import RecordedEvents, Scenario, with_event_times
from tests.testing.builders import step
from tests.testing.command_line import Touchstream
from tests.testing.simulation_harness import RecordingListener, campaign
from tests.testing.world import START

WHO = {"tenant_id": "acme", "contact_id": "ann"}


def line(number: int, kind: str, hours: float, **data: Any) -> bytes:
    """An event in structured mode, at so many hours after START."""
    envelope = {"specversion": "1.0", "type": kind, "id": f"e-{number}", "source": "/test"}
    time = format_rfc3339(START + int(hours * HOUR))
    return json.dumps({**envelope, "time": time, "data": {**sample(kind), **data}}).encode()


LINES = [
    line(1, "tenant.upserted", 0, tenant_id="acme", fence=None, quiet_hours=None),
    line(2, "contact.upserted", 1, **WHO, email="ann@example.com", phone="n/a", addresses=None),
    line(3, "contact.enrolled", 2, **WHO, campaign_id="trial", variables={"a": []}),
]


def test_the_facts_of_a_simulation_name_the_dropped_fields_in_their_order() -> None:
    decode = Decoder().decode
    definition = campaign(step("mail"))
    events = with_event_times(decode((), text) for text in LINES)
    recorded = RecordedEvents(events, [definition], START)
    assert len(recorded) == 3
    listener = RecordingListener()
    until = START + 48 * HOUR
    scenario = Scenario([definition], recorded.tenants, None, recorded, None, START, until)
    scenario.run([listener])
    dropped = listener.facts_of(FactKind.EVENT_FIELD_DROPPED)
    assert [(fact.contact_id, fact.values) for fact in dropped] == [
        ("ann", {"event": "contact.upserted", "fields": {"phone": "CONTACT_PHONE_INVALID"}}),
        ("ann", {"event": "contact.enrolled", "fields": {"variables.*": "FIELD_INVALID"}}),
    ]
    recipients = {touch.recipient for touch in listener.commanded_touches()}
    assert recipients == {"ann@example.com"}


def test_publish_reports_the_fields_that_it_leaves_out(
    touchstream: Touchstream, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(LINES))
    result = touchstream("publish", file, "--dry-run", "--json")
    assert result.code == 0
    assert "line 2: contact.upserted goes without phone (CONTACT_PHONE_INVALID)" in result.err
    assert result.json()["dropped"] == [
        {"line": 2, "type": "contact.upserted", "fields": {"phone": "CONTACT_PHONE_INVALID"}},
        {"line": 3, "type": "contact.enrolled", "fields": {"variables.*": "FIELD_INVALID"}},
    ]
