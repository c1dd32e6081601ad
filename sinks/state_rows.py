"""Rows of the state tables, computed from changelog records by pure functions.

The projection and the recount use the same functions. Values come in the order of the columns in
`tables.py`.
"""

from typing import Any, NamedTuple

import msgspec

from schemas.internal.call_states import Lease
from schemas.internal.contact_messages import OLD_ADDRESS_FIELDS
from schemas.internal.enrollment import Enrollment, Phase, Status
from schemas.internal.opt_outs import opt_outs
from schemas.internal.sender_states import Sender
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import (
    POSITION_KEY,
    STATE_FORMAT,
    CampaignRecord,
    CampaignState,
    Contact,
    ContactState,
    EndedEnrollment,
    KnownCampaign,
    PoolRecord,
    Profile,
    SenderRecord,
    StateTooNew,
    TaskPosition,
    TenantRecord,
)
from schemas.internal.topics import Topic
from sinks.call_rows import call_item_row, lease_row, pool_row
from sinks.campaign_rows import campaign_rows, step_rows, tenant_row
from sinks.copy_values import EMPTY_JSONB, PG_EPOCH_US, Row, Rows, jsonb, named, timestamptz
from sinks.run_result_rows import add_result_rows
from sinks.sender_rows import sender_row, sender_state_row

_CONTACT_CHANGELOG = Topic.CONTACT_CHANGELOG
"""Looked up once: the names of an enum are slow, and every record asks for it."""

_STATUS = [status.name.lower() for status in Status]
_NO_HOLDS = jsonb([])
_PHASE = [phase.name.lower() for phase in Phase]

_decode_contact = msgspec.msgpack.Decoder(ContactState).decode
_decode_campaign = msgspec.msgpack.Decoder(CampaignState).decode
_decode_dispatch = msgspec.msgpack.Decoder(Lease | Sender).decode
_decode_position = msgspec.msgpack.Decoder(TaskPosition).decode


class ProjectedRecord(NamedTuple):
    """One record of a projected topic. A plain tuple of these five values is accepted too."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes | None


class Undecodable(Exception):
    """A record that can never be projected. Nothing of its batch was written."""

    def __init__(self, topic: str, partition: int, offset: int, reason: str) -> None:
        super().__init__(f"{topic}[{partition}]@{offset}: {reason}")
        self.topic, self.partition, self.offset, self.reason = topic, partition, offset, reason


RunEnd = tuple[str, str, int]
"""A run as (tenant id, enrollment id, number of its last touch)."""


def state_rows(
    topic: str,
    partition: int,
    key: bytes,
    value: bytes,
    rows: Rows,
    taken_back: list[RunEnd],
) -> None:
    """Adds the rows of one changelog record, which is no tombstone; to `taken_back` the runs that
    may have had further touches before.

    Raises msgspec.DecodeError or ValueError where key or value is not that of a state, StateTooNew
    where a later version has written it.
    """
    payload = payload_of(value)
    if key == POSITION_KEY:
        position = _decode_position(payload)
        if position.state_format > STATE_FORMAT:
            raise StateTooNew(position.state_format, position.minimum_version)
        rows["tasks"].append(
            (
                topic,
                partition,
                position.next_offset,
                timestamptz(position.stream_time),
                position.timers,
                timestamptz(position.next_due),
            )
        )
    elif topic == _CONTACT_CHANGELOG:
        _contact_changelog_rows(partition, key, _decode_contact(payload), rows, taken_back)
    elif topic == Topic.CAMPAIGN_CHANGELOG:
        record = _decode_campaign(payload)
        match record:
            case CampaignRecord():
                campaign_rows(record, rows)
            case TenantRecord():
                rows["tenants"].append(tenant_row(record))
            case SenderRecord():
                rows["senders"].append(sender_row(record))
            case PoolRecord():
                rows["call_pools"].append(pool_row(record))
    elif topic == Topic.DISPATCH_CHANGELOG:
        _dispatch_changelog_rows(payload, rows)


def _dispatch_changelog_rows(payload: bytes, rows: Rows) -> None:
    """Adds the row of a slot or of a sender account. The other states of dispatch, of which there
    are many more, are not even decoded."""
    match _tag(payload):
        case b"Lease":
            rows["call_leases"].append(lease_row(_decode_dispatch(payload)))
        case b"Sender":
            sender = _decode_dispatch(payload)
            if sender.terms.sender_id:  # without one it stands for a tenant that has no account
                rows["sender_states"].append(sender_state_row(sender))


def _tag(payload: bytes) -> bytes:
    """The tag of an encoded state, without decoding it: the text after the head of its array. Empty
    for what is no state."""
    head = payload[:1]
    start = 1 if head[:1] < b"\xa0" else 3  # an array of more than 15 items has a length of its own
    size = payload[start] & 0x1F if len(payload) > start else 0
    return payload[start + 1 : start + 1 + size]


def _contact_changelog_rows(
    partition: int, key: bytes, state: Any, rows: Rows, taken_back: list[RunEnd]
) -> None:
    if isinstance(state, Contact):
        tenant_id, slash, contact_id = key.decode().partition("/")
        if not slash:
            raise ValueError("a contact's key is tenant/contact")
        _contact_rows(tenant_id, contact_id, state, rows, taken_back)
    elif isinstance(state, EndedEnrollment):
        # Variables and errors were removed when the enrollment ended: there is nothing to erase.
        run = state.enrollment
        rows["enrollments"].append(_enrollment_row(state.tenant_id, state.contact_id, run, False))
        rows["touches"] += _touch_rows(state.tenant_id, state.contact_id, run, False)
        if run.call is not None:
            rows["call_items"].append(call_item_row(state.tenant_id, state.contact_id, run))
        if run.results is not None:
            ids = (state.tenant_id, state.contact_id)
            add_result_rows(*ids, run, rows, erased=False, archived=True)
    elif partition == 0 and isinstance(state, KnownCampaign):
        # campaign-changelog has the newest version only; every partition here has all versions.
        for version, definition in state.definitions.items():
            step_rows(state.tenant_id, state.campaign_id, version, definition, rows)


_COLUMNS = frozenset(OLD_ADDRESS_FIELDS)
"""The addresses that have a column of their own."""


def _other_addresses(who: Profile) -> bytes:
    others = who.addresses.keys() - _COLUMNS
    return jsonb({name: text for name in others if (text := who.address(name))})


def _conversions(state: Contact) -> dict[str, Any]:
    return {key: named(conversion) for key, conversion in state.conversions.items()}


def _contact_rows(
    tenant_id: str, contact_id: str, state: Contact, rows: Rows, taken_back: list[RunEnd]
) -> None:
    """Adds the rows of a contact, its enrollments and its touches. The rows of an erased contact
    have only ids and times."""
    who = state.profile
    erased = state.erased_at is not None
    personal = (
        (None,) * 7 + (EMPTY_JSONB, jsonb(opt_outs(state)), EMPTY_JSONB)
        if erased
        else (
            who.first_name or None,
            who.last_name or None,
            who.address("email") or None,
            who.address("phone") or None,
            who.timezone or None,
            who.region or None,
            who.address("linkedin_url") or None,
            jsonb(who.attributes) if who.attributes else EMPTY_JSONB,
            jsonb(opt_outs(state)) if state.opted_out else EMPTY_JSONB,
            jsonb(state.bounced) if state.bounced else EMPTY_JSONB,
        )
    )
    rows["contacts"].append(
        (
            tenant_id,
            contact_id,
            *personal,
            jsonb(state.jobs),
            timestamptz(state.erased_at) if erased else None,
            timestamptz(state.created_at),
            timestamptz(state.updated_at),
            jsonb(state.replied) if state.replied else EMPTY_JSONB,
            None if state.connected_at is None else timestamptz(state.connected_at),
            EMPTY_JSONB if erased or who.addresses.keys() <= _COLUMNS else _other_addresses(who),
            jsonb(state.resubscribed) if state.resubscribed else EMPTY_JSONB,
            None if erased or not state.conversions else jsonb(_conversions(state)),
            None if erased or not state.soft_bounces else jsonb(state.soft_bounces),
        )
    )
    if state.enrollments:
        enrollments, touches = rows["enrollments"], rows["touches"]
        for enrollment in state.enrollments:
            enrollments.append(_enrollment_row(tenant_id, contact_id, enrollment, erased))
            touches += _touch_rows(tenant_id, contact_id, enrollment, erased)
            if enrollment.call is not None:
                rows["call_items"].append(call_item_row(tenant_id, contact_id, enrollment))
            if enrollment.results is not None:
                ids = (tenant_id, contact_id)
                add_result_rows(*ids, enrollment, rows, erased=erased, archived=False)
            for touch in enrollment.touches:
                back = touch.came_back
                if back is not None and back.taken_back > enrollment.touches[-1].number:
                    # Planned touches are taken back when an earlier one is sent again (C-25).
                    run_end = (tenant_id, enrollment.enrollment_id, enrollment.touches[-1].number)
                    taken_back.append(run_end)


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
        run.anchor_at - PG_EPOCH_US,
        run.started_at - PG_EPOCH_US,
        _STATUS[run.status],
        run.reason,
        None if run.ended_at is None else run.ended_at - PG_EPOCH_US,
        None if run.frozen_at is None else run.frozen_at - PG_EPOCH_US,
        run.touches[-1].number if run.touches else 0,
        timestamptz(run.due()),
        None if run.converted_at is None else run.converted_at - PG_EPOCH_US,
        run.conversion,
        None if erased or run.variables is None else jsonb(run.variables),
        run.touches[-1].step_id if run.touches else None,
        None if run.waiting is None else run.waiting.since - PG_EPOCH_US,
        None if run.waiting is None else run.waiting.until - PG_EPOCH_US,
        jsonb(run.holds) if run.holds else _NO_HOLDS,
        run.errors,
        None if erased else run.last_error,
    )


def _touch_rows(tenant_id: str, contact_id: str, run: Enrollment, erased: bool) -> list[Row]:
    enrollment_id, campaign_id, version = run.enrollment_id, run.campaign_id, run.version
    # Written without function calls: the projection spends most of its time here.
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
            t.scheduled_at - PG_EPOCH_US,
            t.due_at - PG_EPOCH_US,
            _PHASE[t.phase],
            t.wait,
            t.attempt,
            t.emission,
            t.command_id,
            t.reason,
            None if t.requested_at is None else t.requested_at - PG_EPOCH_US,
            None if t.commanded_at is None else t.commanded_at - PG_EPOCH_US,
            None if t.sent_at is None else t.sent_at - PG_EPOCH_US,
            None if t.resolved_at is None else t.resolved_at - PG_EPOCH_US,
            None if t.delivered_at is None else t.delivered_at - PG_EPOCH_US,
            None if t.opened_at is None else t.opened_at - PG_EPOCH_US,
            None if t.clicked_at is None else t.clicked_at - PG_EPOCH_US,
            None if t.read_at is None else t.read_at - PG_EPOCH_US,
            None if t.bounced_at is None else t.bounced_at - PG_EPOCH_US,
            None if t.converted_at is None else t.converted_at - PG_EPOCH_US,
            None if erased else t.error,
            t.template_id,
            t.visit,
            t.awaited,
            None if t.awaited_at is None else t.awaited_at - PG_EPOCH_US,
            t.outcome,
            t.call_outcome,
            None if t.called_at is None else t.called_at - PG_EPOCH_US,
            t.pool_id,
            t.sender_id,
            t.call_id,
            t.call_seconds,
            t.reviewed,
            None if t.call_log is None else t.call_log.status,
        )
        for t in run.touches
    ]
