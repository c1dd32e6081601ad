"""Rows of call campaigns: items, slots and call pools, computed from states by pure functions
(S3)."""

from collections.abc import Iterator

from schemas.base.times import MomentUs
from schemas.internal.call_states import Lease
from schemas.internal.enrollment import Enrollment, Phase, Status, Touch
from schemas.internal.item_status import item_status
from schemas.internal.states import PoolRecord
from sinks.copy_values import Row, jsonb, timestamptz


def call_item_row(tenant_id: str, contact_id: str, run: Enrollment) -> Row:
    """The row of a run that is an item of the call queue (S3-1). It has no personal data."""
    item = run.call
    assert item is not None, "the caller asks"
    status = item_status(run)
    call_id = next((t.call_id for t in reversed(run.touches) if t.call_id), None)
    last = run.touches[-1] if run.touches else None
    waiting = last if status == "queued" else None
    ended = status not in ("queued", "processing")
    return (
        tenant_id,
        run.enrollment_id,
        contact_id,
        None if item.direct else run.campaign_id,
        run.version,
        status,
        status == "completed" and call_id is not None,  # F-17
        next((t.reviewed for t in reversed(run.touches) if t.reviewed is not None), None),
        item.direct,
        item.agent_id,
        item.from_number,
        item.template_id,
        item.priority,
        item.position,
        timestamptz(item.scheduled_for),
        timestamptz(waiting.due_at if waiting and waiting.phase is Phase.SCHEDULED else None),
        run.status is Status.FROZEN,
        waiting.wait if waiting else None,
        call_id,
        last.call_outcome if last else None,
        sum(touch.call_seconds for touch in run.touches),
        _failure_reason(run, status),
        timestamptz(run.started_at),
        timestamptz(min((t.commanded_at for t in run.touches if t.commanded_at), default=None)),
        timestamptz(run.ended_at) if ended else None,
        timestamptz(max(_moments(run))),
    )


def _failure_reason(run: Enrollment, status: str) -> str | None:
    """Why an item has ended without a call that reached the person (S3-21)."""
    if status not in ("failed", "cancelled", "skipped"):
        return None
    phase = Phase.FAILED if status == "failed" else Phase.SKIPPED
    reason = next((t.reason for t in reversed(run.touches) if t.phase is phase), None)
    return run.reason if status == "cancelled" else reason or run.reason


def _moments(run: Enrollment) -> Iterator[MomentUs]:
    """Every moment at which something of an item has changed (S3-39)."""
    yield run.started_at
    for moment in (run.ended_at, run.frozen_at, run.converted_at):
        yield moment or 0
    for touch in run.touches:
        yield from (moment or 0 for moment in _moments_of(touch))


def _moments_of(touch: Touch) -> tuple[MomentUs | None, ...]:
    return (
        touch.requested_at,
        touch.commanded_at,
        touch.sent_at,
        touch.resolved_at,
        touch.called_at,
    )


def lease_row(state: Lease) -> Row:
    """The row of a call that has a slot, or whose slot has expired."""
    touch = state.touch
    call = touch.call
    return (
        touch.tenant_id,
        touch.command_id,
        call.pool_id if call else "",
        touch.contact_id,
        touch.campaign_id,
        touch.enrollment_id,
        call.agent_id if call else None,
        call.from_number if call else None,
        call.direct if call else False,
        state.state,
        timestamptz(state.granted_at),
        timestamptz(state.until),
        timestamptz(state.reported_at),
    )


def pool_row(state: PoolRecord) -> Row:
    """The row of a call pool."""
    return (
        state.pool_id,
        state.slots,
        jsonb(state.weights),
        jsonb(state.reserved),
        timestamptz(state.created_at),
        timestamptz(state.updated_at),
        timestamptz(state.reported_at),
    )
