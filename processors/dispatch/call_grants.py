"""The grant of a slot: the lease is written, the request deleted and the command sent in one step.

A grant consumes a request, and the end of a call a lease, so that a repeat of either finds nothing.
The same command once more, for want of an answer, keeps the lease that it has: one command id, one
slot.
"""

from typing import Any

import msgspec

from processors.dispatch.address_caps import count_use
from processors.dispatch.call_leases import LeaseInput, LeaseState, after, granted_until
from processors.dispatch.call_limits import call_of, slot_uses, values_of
from processors.dispatch.call_numbers import begin_call, use_key
from processors.dispatch.call_quotas import count_call, quota_rules
from processors.dispatch.channel_owner import values_of as limit_values
from processors.dispatch.outcomes import emit_touch_fact, request_key
from processors.fold.turn import Turn
from processors.shared.send_windows import common_closing
from schemas.base.times import MomentUs
from schemas.internal import messages as m
from schemas.internal.call_states import KnownPool, Lease, lease_key
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.states import KnownTenant, Request
from schemas.internal.topics import COMMAND_TOPICS, Topic


def grant(turn: Turn, tenant: KnownTenant | None, pool: KnownPool, request: Request) -> None:
    """Gives a slot to a waiting call, and sends its command."""
    touch = request.touch
    call = call_of(touch)
    values = values_of(pool, slot_uses(turn, pool, tenant, touch))
    values["limits"] |= limit_values(quota_rules(turn, tenant, touch), turn.now)
    count_call(turn, tenant, touch)
    number = use_key(tenant, touch)
    send_before = _window_ends(touch, turn.now)
    place_by = min(turn.now + call.place_us, send_before)
    until = granted_until(call, turn.now)
    terms = (turn.now, until, 0, place_by, send_before, number)
    lease = Lease(_without_person(touch), LeaseState.PLACING, *terms)
    turn.store.put(lease_key(touch.tenant_id, pool.pool_id, touch.command_id), lease)
    turn.store.delete(request_key(touch))
    begin_call(turn, number, touch)
    count_use(turn, tenant, touch)
    emit_touch_fact(
        turn,
        FactKind.CALL_SLOT_GRANTED,
        touch,
        until=fact_time(until),
        values=values | {"agent_id": call.agent_id, "seq": pool.seq, "direct": call.direct},
    )
    _send_command(turn, touch, lease, values)


def repeat_command(turn: Turn, lease: Lease, touch: m.RequestTouch) -> None:
    """Sends the command of a call once more. Its slot and its deadlines stay as they are, so that
    only a sender that knows the command can answer later than they allow."""
    state, until = after(lease, LeaseInput.REPEATED, turn.now)
    kept = _without_person(touch)
    lease = msgspec.structs.replace(lease, touch=kept, state=state, until=until)
    turn.store.put(lease_key(touch.tenant_id, call_of(touch).pool_id, touch.command_id), lease)
    if turn.store.read(request_key(touch), Request) is not None:
        turn.store.delete(request_key(touch))
    _send_command(turn, touch, lease, {"pool_id": call_of(touch).pool_id})


def _without_person(touch: m.RequestTouch) -> m.RequestTouch:
    """The touch as its lease keeps it: the person may be erased before the call has ended."""
    return msgspec.structs.replace(touch, recipient="", spelling="", variables={}, reached_at=())


def _send_command(turn: Turn, touch: m.RequestTouch, lease: Lease, values: dict[str, Any]) -> None:
    key = m.contact_key(touch.tenant_id, touch.contact_id)
    due = m.CommandDue(touch, lease.send_before, lease.place_by)
    turn.send(COMMAND_TOPICS[touch.channel], key, due)
    ids = (touch.tenant_id, touch.contact_id, touch.command_id)
    commanded = m.TouchCommanded(*ids, touch.emission, lease.send_before, slot_until=lease.until)
    turn.send(Topic.CONTACT_LOG, key, commanded)
    emit_touch_fact(
        turn,
        FactKind.TOUCH_COMMANDED,
        touch,
        values={
            "emission": touch.emission,
            "priority": touch.priority,
            "window": touch.quiet,
            "hours": call_of(touch).hours,
            "template_id": touch.template_id,
            "place_by": fact_time(lease.place_by),
            **values,
        },
    )


def _window_ends(touch: m.RequestTouch, now: MomentUs) -> MomentUs:
    """When the call must not be placed any more: a window of it closes, or it expires."""
    closing = common_closing((touch.quiet, call_of(touch).hours), now)
    return min(closing, touch.expires_at)
