"""What a call waits for: the gates of every touch, the hours of its campaign, the rules of its
number, and slots.

A wait with a known end is a timer of the request. A call that waits for a slot is in a queue, where
its reason is the one that was found when it was last looked at.
"""

from typing import Any, NamedTuple

import msgspec

from processors.dispatch.call_limits import (
    POOL_UNKNOWN,
    call_of,
    call_terms,
    first_end,
    slot_uses,
    values_of,
)
from processors.dispatch.call_numbers import number_hold
from processors.dispatch.call_quotas import quota_rules
from processors.dispatch.channel_owner import values_of as limit_values
from processors.dispatch.gates import ClosedGate, closed_gate, hold_of_campaign
from processors.dispatch.outcomes import emit_touch_fact, refuse, request_key
from processors.fold.turn import Turn
from processors.shared.caller_lists import has_agent, has_number
from processors.shared.frequency_caps import FREQUENCY_CAP
from processors.shared.limit_rules import settle
from processors.shared.send_windows import opens_at
from processors.shared.tenant_lookup import country_of
from schemas.base.times import MomentUs
from schemas.internal import messages as m
from schemas.internal.call_states import KnownPool
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import KnownTenant, Request
from schemas.internal.topics import Topic

CALL_HOURS = "call_hours"


class SlotHold(NamedTuple):
    """What keeps a call in its queue: the reason, its values, and the end of the wait where it is
    known. `is_own` is whether it is about the tenant or less, and not about the whole pool.
    `opens_at` is when the wait is over by itself; None where another call must end first."""

    reason: str
    values: dict[str, Any]
    until: MomentUs | None
    is_own: bool
    opens_at: MomentUs | None = None


def stopped_by_gate(turn: Turn, tenant: KnownTenant | None, touch: m.RequestTouch) -> bool:
    """Whether a gate stops a call that leaves its queue: the call is then refused, or waits for the
    moment at which the gate opens."""
    gate = _first_gate(turn, tenant, touch)
    if gate is None:
        return False
    if gate.opens_at is None:
        refuse(turn, touch, gate.reason, gate.values)
        return True
    request = turn.store.edit(request_key(touch), Request)
    if gate.reason == FREQUENCY_CAP:
        # The wait for a cap uses up no time of a touch: the contact's own caps do not either.
        expires_at = touch.expires_at + gate.opens_at - turn.now
        touch = msgspec.structs.replace(touch, expires_at=expires_at)
    defer(turn, touch, request, gate.reason, gate.opens_at, gate.opens_at, gate.values)
    return True


def _first_gate(turn: Turn, tenant: KnownTenant | None, touch: m.RequestTouch) -> ClosedGate | None:
    """The first gate that stops a call by itself. The status of its campaign stops its whole queue,
    as the hours of the campaign do, which come before the caps of the address."""
    gate = closed_gate(turn, tenant, touch)
    if gate is not None and gate.queue:
        gate = None
    if gate is not None and gate.reason != FREQUENCY_CAP:
        return gate
    unlisted = _unlisted(tenant, touch)
    if unlisted is not None:
        return ClosedGate(unlisted, {"pool_id": call_of(touch).pool_id})
    opening = opens(touch, turn.now)
    if opening == NEVER:
        return ClosedGate("no_window", {"window": call_of(touch).hours})
    if opening > turn.now:
        return None
    return gate or number_hold(turn, tenant, touch)


def _unlisted(tenant: KnownTenant | None, touch: m.RequestTouch) -> str | None:
    """The reason why a call is not made whose agent or caller number its tenant has removed from
    its lists while it waited; None if both are there."""
    call, terms = call_of(touch), call_terms(tenant)
    if not has_agent(terms, call.agent_id):
        return "agent_unknown"
    if not has_number(terms, call.from_number, country_of(tenant)):
        return "number_unknown"
    return None


def slot_hold(
    turn: Turn, pool: KnownPool, tenant: KnownTenant | None, touch: m.RequestTouch
) -> SlotHold | None:
    """What keeps a call from getting a slot now, other than the turns of other tenants; None if
    nothing does."""
    uses = slot_uses(turn, pool, tenant, touch)
    quotas = quota_rules(turn, tenant, touch)
    values = values_of(pool, uses)
    values["limits"] |= limit_values(quotas, turn.now)
    stopped = hold_of_campaign(turn, touch)
    if stopped is not None:
        return SlotHold(stopped, values, None, is_own=True)
    opens_now = opens(touch, turn.now)
    if opens_now > turn.now:
        hours = call_of(touch).hours
        assert hours is not None
        values |= {"window": hours, "zone": hours.zone, "zone_from": hours.zone_from}
        return SlotHold(CALL_HOURS, values, opens_now, is_own=True, opens_at=opens_now)
    quota = settle(quotas, turn.now)
    if quota.at > turn.now:
        at = None if quota.at == NEVER else quota.at
        return SlotHold(quota.reason, values, at, is_own=True, opens_at=at)
    full = [use for use in uses if use.is_full]
    if not full:
        return None
    of_pool = [use for use in full if use.name == "call_slots_pool"]
    if of_pool == full:
        reason = of_pool[0].name if pool.slots or pool.defined else POOL_UNKNOWN
        return SlotHold(reason, values, first_end(turn, of_pool[0].group), is_own=False)
    first = next(use for use in full if use.name != "call_slots_pool")
    return SlotHold(first.name, values, first_end(turn, first.group), is_own=True)


def opens(touch: m.RequestTouch, now: MomentUs) -> MomentUs:
    """When the hours of a call's campaign are open, from now on; NEVER if they never are."""
    return opens_at(call_of(touch).hours, now)


def report_hold(turn: Turn, request: Request, hold: SlotHold) -> None:
    """Informs the contact of a call in a queue about what it waits for, if that has changed."""
    touch = request.touch
    if request.wait == hold.reason:
        return
    next_try_at = hold.until if hold.until is not None else touch.expires_at
    defer(turn, touch, request, hold.reason, None, next_try_at, hold.values, hold.until)


def defer(
    turn: Turn,
    touch: m.RequestTouch,
    request: Request | None,
    reason: str,
    until: MomentUs | None,
    next_try_at: MomentUs,
    values: dict[str, Any],
    fact_until: MomentUs | None = None,
    lane: str = "",
) -> None:
    """Lets a call wait, and informs its contact. `until` is the end of the wait, None in a queue
    (that of the calls, or `lane`), where `fact_until` is the moment by which something may open."""
    if request is None:
        request = Request(touch, reason, until, turn.now)
        turn.store.put(request_key(touch), request)
    request.touch, request.wait, request.until, request.lane = touch, reason, until, lane
    key = m.contact_key(touch.tenant_id, touch.contact_id)
    ids = (touch.tenant_id, touch.contact_id, touch.command_id)
    turn.send(Topic.CONTACT_LOG, key, m.TouchDeferred(*ids, reason, next_try_at))
    known = until if until is not None else fact_until
    emit_touch_fact(
        turn,
        FactKind.TOUCH_DEFERRED,
        touch,
        reason=reason,
        until=None if known is None else fact_time(known),
        values=values | {"pool_id": call_of(touch).pool_id},
    )
