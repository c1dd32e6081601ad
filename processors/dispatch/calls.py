"""The owner of a call pool: all calls of all tenants that share its slots (C-20).

dispatch-log has one key for a pool, so one fold counts all its calls: no limit is shared between
two folds. After every record that may open something, free slots are given to the calls that are
next.
"""

import msgspec

from processors.dispatch import call_reports
from processors.dispatch.amendments import amended
from processors.dispatch.call_grants import repeat_command
from processors.dispatch.call_limits import call_of, known_tenant_of, pool_of, slot_uses, values_of
from processors.dispatch.call_numbers import NUMBER_BUSY, forget_calls
from processors.dispatch.call_reports import FreedSlot
from processors.dispatch.call_turns import (
    BURST,
    has_free_slot,
    has_waiting,
    join,
    look_again,
    open_turn,
    serve,
)
from processors.dispatch.call_waits import (
    SlotHold,
    defer,
    report_hold,
    slot_hold,
    stopped_by_gate,
)
from processors.dispatch.gates import closed_gate
from processors.dispatch.outcomes import request_key
from processors.dispatch.shared_suppressions import ask_for_suppressions, store_shared
from processors.fold.turn import Turn
from schemas.internal import messages as m
from schemas.internal.call_states import (
    ACTIVE,
    SUPPRESSIONS_PENDING,
    CallCampaign,
    KnownPool,
    Lease,
    NumberUse,
    PoolTenant,
    lease_key,
    pending_queue,
    pool_state_key,
    turn_key,
)
from schemas.internal.states import Request, State

__all__ = ["amend", "fire", "look_again", "receive", "submit"]


def receive(turn: Turn, message: m.CallReported | m.SuppressionsShared | m.PoolAnnounced) -> None:
    """Folds a message to the owner of a pool that is no request."""
    match message:
        case m.CallReported():
            _freed(turn, call_reports.report(turn, message))
        case m.SuppressionsShared():
            _suppressions_shared(turn, message)
        case m.PoolAnnounced():
            _pool_announced(turn, message)


def fire(turn: Turn, key: bytes, state: State) -> None:
    """Fires the timer of a lease, of which nothing more was reported in time, of a pool, which goes
    on, of a tenant, whose calls are looked at again, or of what is remembered of a number or of the
    ends of a campaign's calls."""
    match state:
        case Lease():
            _freed(turn, call_reports.expire(turn, key, state))
        case KnownPool():
            state.look_at = None
            serve(turn, state.pool_id)
        case PoolTenant():
            _look(turn, state)
        case NumberUse():
            forget_calls(turn, key, state)
        case CallCampaign():
            turn.store.delete(key)


def submit(turn: Turn, touch: m.RequestTouch, request: Request | None) -> None:
    """Puts a call into its queue, and gives it a slot if it is next. `request` is the state of a
    call that has waited before, open for change."""
    call = call_of(touch)
    tenant = known_tenant_of(turn, touch.tenant_id)
    lease = turn.store.read(lease_key(touch.tenant_id, call.pool_id, touch.command_id), Lease)
    if lease is not None and lease.state in ACTIVE:
        gate = closed_gate(turn, tenant, touch)
        if gate is not None and gate.queue:
            until = touch.expires_at
            defer(turn, touch, request, gate.reason, None, until, gate.values, lane=gate.queue)
        elif gate is None or not stopped_by_gate(turn, tenant, touch):
            repeat_command(turn, lease, touch)
        return
    seat = _seat(turn, touch.tenant_id, call.pool_id, touch.channel)
    if not seat.shared and turn.now < touch.expires_at:
        values = {"channel": touch.channel}
        defer(turn, touch, request, SUPPRESSIONS_PENDING, None, touch.expires_at, values)
    elif not stopped_by_gate(turn, tenant, touch):
        _line_up(turn, touch, request, seat)


def _line_up(turn: Turn, touch: m.RequestTouch, request: Request | None, seat: PoolTenant) -> None:
    """Puts a call that no gate stops into its queue. If it gets no slot, the contact is informed
    about what it waits for."""
    pool_id, key = seat.pool_id, request_key(touch)
    tenant = known_tenant_of(turn, touch.tenant_id)
    if not has_waiting(turn, pool_id, touch.tenant_id):
        join(turn, pool_id, touch.tenant_id)
    if request is None:
        request = Request(touch, "", None, turn.now)
        turn.store.put(key, request)
    elif request.wait == SUPPRESSIONS_PENDING:
        request.wait = ""
    request.until, request.lane = None, ""
    turn.store.enqueue(key)
    hold = slot_hold(turn, pool_of(turn, pool_id), tenant, touch)
    if hold is None or not hold.is_own:
        if seat.held_at is None:
            open_turn(turn, pool_id, touch.tenant_id)
        if has_free_slot(turn, pool_id):
            serve(turn, pool_id)
            waiting = turn.store.read(key, Request)
            if waiting is None or waiting.until is not None:
                return
            hold = slot_hold(turn, pool_of(turn, pool_id), tenant, touch)
    elif hold.opens_at is not None:
        _look_at(turn, seat, hold.opens_at)
    if hold is None:  # other tenants, or other calls of this one, are next
        uses = slot_uses(turn, pool_of(turn, pool_id), tenant, touch)
        values = values_of(pool_of(turn, pool_id), uses)
        hold = SlotHold("call_slots_pool", values, None, is_own=False)
    waiting = turn.store.edit(key, Request)
    assert waiting is not None
    report_hold(turn, waiting, hold)


def amend(turn: Turn, order: m.AmendTouch) -> None:
    """Changes what a waiting call will be, and looks at it as if it had just come."""
    request = turn.store.edit(request_key(order), Request)
    if request is not None:
        request.touch, request.until = amended(request.touch, order), turn.now


def _freed(turn: Turn, freed: FreedSlot | None) -> None:
    if freed is None:
        return
    touch = freed.touch
    for command_id in freed.waiting:
        key = request_key(msgspec.structs.replace(touch, command_id=command_id))
        request = turn.store.read(key, Request)
        if request is not None and request.wait == NUMBER_BUSY and request.until is not None:
            request = turn.store.edit(key, Request)
            assert request is not None
            request.until = turn.now
    pool_id = call_of(touch).pool_id
    if has_waiting(turn, pool_id, touch.tenant_id):
        open_turn(turn, pool_id, touch.tenant_id)
    serve(turn, pool_id)


def _look(turn: Turn, seat: PoolTenant) -> None:
    """Looks at the waiting calls of a tenant again: hours have opened, a limit has changed, or the
    suppressed numbers of the tenant are known."""
    seat.look_at = None
    if not seat.shared:
        return
    pending = pending_queue(seat.tenant_id, seat.pool_id)
    for _ in range(BURST):
        key = turn.store.first(pending)
        if key is None:
            break
        request = turn.store.edit(key, Request)
        assert request is not None
        submit(turn, request.touch, request)
    else:
        seat.look_at = turn.now
    seat.held_at = None
    if has_waiting(turn, seat.pool_id, seat.tenant_id):
        open_turn(turn, seat.pool_id, seat.tenant_id)
    serve(turn, seat.pool_id)


def _pool_announced(turn: Turn, message: m.PoolAnnounced) -> None:
    """Stores a call pool. A greater number of slots is given away at once; a smaller one ends no
    call."""
    pool_of(turn, message.pool_id)
    pool = turn.store.edit(pool_state_key(message.pool_id), KnownPool)
    assert pool is not None
    pool.slots, pool.weights, pool.reserved = message.slots, message.weights, message.reserved
    pool.defined, pool.look_at = True, turn.now


def _suppressions_shared(turn: Turn, message: m.SuppressionsShared) -> None:
    """Stores suppressed numbers of a tenant, and lets its calls begin once all are known."""
    store_shared(turn, message)
    if message.complete:
        seat = _seat(turn, message.tenant_id, message.pool_id, message.channel)
        if not seat.shared:
            seat = turn.store.edit(turn_key(seat.tenant_id, seat.pool_id), PoolTenant) or seat
            seat.shared, seat.look_at = True, turn.now


def _seat(turn: Turn, tenant_id: str, pool_id: str, channel: str) -> PoolTenant:
    """A tenant in a pool, for reading. With its first call, the pool asks for the suppressed
    numbers of the tenant."""
    key = turn_key(tenant_id, pool_id)
    seat = turn.store.read(key, PoolTenant)
    if seat is None:
        seat = PoolTenant(tenant_id, pool_id)
        turn.store.put(key, seat)
        ask_for_suppressions(turn, tenant_id, channel, pool_id)
    return seat


def _look_at(turn: Turn, seat: PoolTenant, at: int) -> None:
    if seat.look_at is None or seat.look_at > at:
        opened = turn.store.edit(turn_key(seat.tenant_id, seat.pool_id), PoolTenant)
        assert opened is not None
        opened.look_at = at
