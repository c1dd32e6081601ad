"""From a changelog record to rows: pure, and the same for the projection and for its recount.

Columns come in the order of tables.py.
"""

from typing import Any, NamedTuple

import msgspec

from schemas.internal.state_bytes import payload_of
from schemas.internal.states import (
    META,
    CampaignRecord,
    CampaignState,
    Contact,
    ContactState,
    EndedEnrollment,
    Enrollment,
    KnownCampaign,
    Phase,
    Place,
    Status,
)
from schemas.internal.topics import Topic
from sinks.campaign_rows import campaign_rows, step_rows, tenant_row
from sinks.copy_values import NOTHING, SHIFT, Row, Rows, at, document

_STATUS = [status.name.lower() for status in Status]
_NO_HOLDS = document([])
_PHASE = [phase.name.lower() for phase in Phase]

_decode_contact = msgspec.msgpack.Decoder(ContactState).decode
_decode_campaign = msgspec.msgpack.Decoder(CampaignState).decode
_decode_place = msgspec.msgpack.Decoder(Place).decode


class Record(NamedTuple):
    """One record of a projected topic; a plain tuple of the same five does as well."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes | None


class Undecodable(Exception):
    """One record that is no state and no fact, now or later; nothing of its batch was written."""

    def __init__(self, topic: str, partition: int, offset: int, reason: str) -> None:
        super().__init__(f"{topic}[{partition}]@{offset}: {reason}")
        self.topic, self.partition, self.offset, self.reason = topic, partition, offset, reason


# changelogs


def state_rows(topic: str, partition: int, key: bytes, value: bytes, rows: Rows) -> None:
    """What one entity's state says; raises msgspec.DecodeError or ValueError where it is none."""
    payload = payload_of(value)
    if key == META:
        place = _decode_place(payload)
        rows["tasks"].append(
            (topic, partition, place.next_offset, at(place.stream_time), place.timers,
             at(place.next_due))
        )  # fmt: skip
    elif topic == Topic.CONTACT_CHANGELOG:
        _contact_side(partition, key, _decode_contact(payload), rows)
    elif topic == Topic.CAMPAIGN_CHANGELOG:
        state = _decode_campaign(payload)
        if isinstance(state, CampaignRecord):
            campaign_rows(state, rows)
        else:
            rows["tenants"].append(tenant_row(state))


def _contact_side(partition: int, key: bytes, state: Any, rows: Rows) -> None:
    if isinstance(state, Contact):
        tenant_id, slash, contact_id = key.decode().partition("/")
        if not slash:
            raise ValueError("a contact's key is tenant/contact")
        contact_rows(tenant_id, contact_id, state, rows)
    elif isinstance(state, EndedEnrollment):
        run = state.enrollment  # what it was given went with its end, so there is nothing to erase
        rows["enrollments"].append(_enrollment_row(state.tenant_id, state.contact_id, run, False))
        rows["touches"] += _touch_rows(state.tenant_id, state.contact_id, run, False)
    elif partition == 0 and isinstance(state, KnownCampaign):
        # The campaign's own record has its newest version only; each partition has all.
        for version, definition in state.definitions.items():
            step_rows(state.tenant_id, state.campaign_id, version, definition, rows)


def contact_rows(tenant_id: str, contact_id: str, state: Contact, rows: Rows) -> None:
    """A contact, its enrollments and touches; of an erased one nothing but ids and times."""
    who = state.profile
    erased = state.erased_at is not None
    known = (
        (None,) * 7 + (NOTHING, document(state.opted_out), NOTHING)
        if erased
        else (
            who.first_name or None,
            who.last_name or None,
            who.email or None,
            who.phone or None,
            who.timezone or None,
            who.region or None,
            who.linkedin_url or None,
            document(who.attributes),
            document(state.opted_out),
            document(state.bounced),
        )
    )
    rows["contacts"].append(
        (
            tenant_id,
            contact_id,
            *known,
            document(state.jobs),
            at(state.erased_at),
            at(state.created_at),
            at(state.updated_at),
            document(state.replied) if state.replied else NOTHING,
            at(state.connected_at),
        )
    )
    if state.enrollments:
        enrollments, touches = rows["enrollments"], rows["touches"]
        for enrollment in state.enrollments:
            enrollments.append(_enrollment_row(tenant_id, contact_id, enrollment, erased))
            touches += _touch_rows(tenant_id, contact_id, enrollment, erased)


def _enrollment_row(tenant_id: str, contact_id: str, run: Enrollment, erased: bool) -> Row:
    return (
        tenant_id,
        run.enrollment_id,
        contact_id,
        run.campaign_id,
        run.version,
        run.cycle,
        run.job_id,
        run.service_type,
        run.anchor_at - SHIFT,
        run.started_at - SHIFT,
        _STATUS[run.status],
        run.reason,
        at(run.ended_at),
        at(run.frozen_at),
        run.touches[-1].number if run.touches else 0,
        at(run.due()),
        at(run.converted_at),
        run.conversion,
        None if erased or run.variables is None else document(run.variables),
        run.touches[-1].step_id if run.touches else None,
        None if run.waiting is None else run.waiting.since - SHIFT,
        None if run.waiting is None else run.waiting.until - SHIFT,
        document(run.holds) if run.holds else _NO_HOLDS,
        run.errors,
        None if erased else run.last_error,
    )


def _touch_rows(tenant_id: str, contact_id: str, run: Enrollment, erased: bool) -> list[Row]:
    enrollment_id, campaign_id, version = run.enrollment_id, run.campaign_id, run.version
    # Spelled out without calls: this is where a projection spends its time.
    return [
        (
            tenant_id,
            enrollment_id,
            t.number,
            t.step_id,
            contact_id,
            campaign_id,
            version,
            t.channel,
            t.scheduled_at - SHIFT,
            t.due_at - SHIFT,
            _PHASE[t.phase],
            t.wait,
            t.attempt,
            t.emission,
            t.command_id,
            t.reason,
            None if t.requested_at is None else t.requested_at - SHIFT,
            None if t.commanded_at is None else t.commanded_at - SHIFT,
            None if t.sent_at is None else t.sent_at - SHIFT,
            None if t.resolved_at is None else t.resolved_at - SHIFT,
            None if t.delivered_at is None else t.delivered_at - SHIFT,
            None if t.opened_at is None else t.opened_at - SHIFT,
            None if t.clicked_at is None else t.clicked_at - SHIFT,
            None if t.read_at is None else t.read_at - SHIFT,
            None if t.bounced_at is None else t.bounced_at - SHIFT,
            None if t.converted_at is None else t.converted_at - SHIFT,
            None if erased else t.error,
            t.template_id,
            t.visit,
            t.awaited,
            None if t.awaited_at is None else t.awaited_at - SHIFT,
            t.outcome,
            t.call_outcome,
            None if t.called_at is None else t.called_at - SHIFT,
        )
        for t in run.touches
    ]
