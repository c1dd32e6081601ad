"""Reports about a call move its lease. Without a report of its end the lease ends by its timer.

A report is about the lease of its tenant, pool and command id: one of another tenant, of a call
that has ended, or of none finds nothing.
"""

from typing import Any

import msgspec

from processors.dispatch.call_breaker import count_end
from processors.dispatch.call_leases import LeaseInput, LeaseState, after, expired_at
from processors.dispatch.call_limits import call_of
from processors.dispatch.call_numbers import end_call, resume_call
from processors.dispatch.outcomes import emit_touch_fact
from processors.fold.turn import Turn
from schemas.base.call_outcomes import NO_ATTEMPT, UNKNOWN
from schemas.base.times import SECOND
from schemas.internal import messages as m
from schemas.internal.call_states import ACTIVE, Lease, lease_key
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.topics import Topic

_INPUTS = {
    "initiated": LeaseInput.INITIATED,
    "ringing": LeaseInput.RINGING,
    "in_progress": LeaseInput.IN_PROGRESS,
    "ended": LeaseInput.ENDED,
}


class FreedSlot(msgspec.Struct, frozen=True):
    """A slot that a call has left, and the requests that have waited for the end of that call."""

    touch: m.RequestTouch
    waiting: list[str]


def report(turn: Turn, message: m.CallReported) -> FreedSlot | None:
    """Moves the lease of a call, and returns the slot if that frees one."""
    key = lease_key(message.tenant_id, message.pool_id, message.command_id)
    lease = turn.store.read(key, Lease)
    received = _INPUTS.get(message.state)
    if lease is None or received is None or lease.touch.contact_id != message.contact_id:
        return None
    if received is LeaseInput.ENDED:
        return _end(turn, key, lease, message)
    state, until = after(lease, received, turn.now)
    changed = msgspec.structs.replace(
        lease, state=state, until=until, reported_at=max(lease.reported_at, message.at)
    )
    turn.store.put(key, changed)
    is_overrun = state is LeaseState.OVERRUN and lease.state != state
    if is_overrun:
        resume_call(turn, lease)
    if lease.state != state:
        kind = FactKind.CALL_OVERRUN if is_overrun else FactKind.CALL_PROGRESSED
        _emit(turn, kind, changed, message, until=fact_time(until), values={"state": state})
    return None


def expire(turn: Turn, key: bytes, lease: Lease) -> FreedSlot | None:
    """Ends a lease whose time is over: the contact is informed that the call was lost. A later
    report of it is still understood for a while."""
    state, until = after(lease, LeaseInput.TIMER, turn.now)
    if state is LeaseState.FREE:
        turn.store.delete(key)
        return None
    turn.store.put(key, msgspec.structs.replace(lease, state=state, until=until))
    touch = lease.touch
    values = {
        "state": lease.state,
        "pool_id": call_of(touch).pool_id,
        "granted_at": fact_time(lease.granted_at),
    }
    emit_touch_fact(turn, FactKind.CALL_SLOT_EXPIRED, touch, values=values)
    if lease.state != LeaseState.OVERRUN:  # of an overrun, the contact knows that it was lost
        lost = m.CallLost(touch.tenant_id, touch.contact_id, touch.command_id)
        turn.send(Topic.CONTACT_LOG, m.contact_key(touch.tenant_id, touch.contact_id), lost)
        count_end(turn, touch, UNKNOWN)
    return FreedSlot(touch, end_call(turn, lease, was_made=True))


def _end(turn: Turn, key: bytes, lease: Lease, message: m.CallReported) -> FreedSlot | None:
    turn.store.delete(key)
    values: dict[str, Any] = {"state": lease.state, "seconds": message.seconds}
    values["held_seconds"] = (turn.now - lease.granted_at) // SECOND
    if lease.state in ACTIVE:
        _emit(turn, FactKind.CALL_SLOT_FREED, lease, message, values=values)
        if lease.state != LeaseState.OVERRUN:  # it was counted when its slot expired
            count_end(turn, lease.touch, message.outcome)
        was_made = message.outcome not in NO_ATTEMPT
        return FreedSlot(lease.touch, end_call(turn, lease, was_made=was_made))
    values["late_seconds"] = (turn.now - expired_at(lease)) // SECOND
    _emit(turn, FactKind.CALL_SLOT_FREED, lease, message, values=values)
    return None


def _emit(turn: Turn, kind: FactKind, lease: Lease, message: m.CallReported, **fields: Any) -> None:
    values = {"pool_id": message.pool_id, **fields.pop("values")}
    emit_touch_fact(
        turn,
        kind,
        lease.touch,
        reason=message.outcome or None,
        cause=message.cause,
        occurred_at=fact_time(message.at),
        values=values,
        **fields,
    )
