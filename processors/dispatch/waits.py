"""How a request waits at a gate or in a queue, and what its contact learns of it."""

from typing import Any

import msgspec

from processors.dispatch.gates import ClosedGate, closed_gate
from processors.dispatch.outcomes import emit_touch_fact, refuse, request_key
from processors.fold.store import Rank
from processors.fold.turn import Turn
from processors.shared.frequency_caps import FREQUENCY_CAP
from schemas.base.times import MILLISECOND, DurationUs
from schemas.internal import messages as m
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.states import GATHERING, Account, KnownTenant, Request, gathering_key
from schemas.internal.topics import Topic

PACE_US: DurationUs = 100 * MILLISECOND
"""The time from one burst to the next where campaigns that are paused or over have many requests:
the other accounts of the partition have their turn."""


def stopped_by_gate(
    turn: Turn, tenant: KnownTenant | None, touch: m.RequestTouch
) -> ClosedGate | None:
    """The gate that stops the touch, which is then refused or deferred; None without one."""
    gate = closed_gate(turn, tenant, touch)
    if gate is None:
        return None
    request = turn.store.edit(request_key(touch), Request)
    if gate.queue:
        until = touch.expires_at
        defer(turn, touch, request, gate.reason, None, until, gate.values, gate.queue)
    elif gate.opens_at is None:
        refuse(turn, touch, gate.reason, gate.values)
    else:
        if gate.reason == FREQUENCY_CAP:
            # The wait for a cap uses up no time of a touch: the contact's own caps do not either.
            expires_at = touch.expires_at + gate.opens_at - turn.now
            touch = msgspec.structs.replace(touch, expires_at=expires_at)
            if request is not None:
                request.touch = touch
        defer(turn, touch, request, gate.reason, gate.opens_at, gate.opens_at, gate.values)
    return gate


def defer(
    turn: Turn,
    touch: m.RequestTouch,
    request: Request | None,
    reason: str,
    until: int | None,
    next_try_at: int,
    values: dict[str, Any],
    lane: str = "",
) -> Request:
    """Lets a touch wait, and informs its contact unless the touch waits for the limit already.
    `until` is the end of the wait, None in a queue: that of the channel, or `lane`."""
    reported = request.wait if request is not None else None
    if request is None:
        request = Request(touch, reason, until, turn.now)
        turn.store.put(request_key(touch), request)
    request.wait, request.until, request.lane = reason, until, lane
    if lane:
        request.next_try_at = next_try_at
    if reported == reason and until is None:
        return request
    _report(turn, touch, reason, next_try_at, values)
    return request


def gather(
    turn: Turn, touch: m.RequestTouch, request: Request | None, account: Account, wait_us: int
) -> None:
    """Lets a touch wait until the requests of its moment are here. This wait has no fact."""
    until = turn.now + wait_us
    if account.next_slot_at is None or account.next_slot_at > until:
        account.next_slot_at = until
    if request is None:
        request = Request(touch, GATHERING, None, turn.now)
        turn.store.put(request_key(touch), request)
    request.wait, request.until, request.lane = GATHERING, None, ""


def first_gathered(turn: Turn, account: Account) -> bytes | None:
    """The key of the first request of a channel that is gathered."""
    return turn.store.first(gathering_key(account.tenant_id, account.channel))


def first_to_go(turn: Turn, account: Account) -> bytes | None:
    """The key of the first request of a channel: of those that are gathered, and of those that the
    limit of an hour holds."""
    held = turn.store.first(m.account_key(account.tenant_id, account.channel))
    gathered = first_gathered(turn, account)
    if held is None or gathered is None:
        return held or gathered
    return min(held, gathered, key=lambda key: rank_of(turn, key))


def rank_of(turn: Turn, key: bytes) -> Rank:
    """The rank of an entry of a queue: of a request or an open lane."""
    state = turn.store.read(key, Request)
    place = None if state is None else state.place()
    assert place is not None, "an entry of a queue has a place"
    return place[1]


def restate(
    turn: Turn, request: Request, reason: str, next_try_at: int, values: dict[str, Any]
) -> None:
    """Informs the contact of a request that waits in a queue that another limit holds it now, or
    until another moment."""
    request.wait, request.next_try_at = reason, next_try_at
    _report(turn, request.touch, reason, next_try_at, values)


def _report(
    turn: Turn, touch: m.RequestTouch, reason: str, next_try_at: int, values: dict[str, Any]
) -> None:
    turn.send(
        Topic.CONTACT_LOG,
        m.contact_key(touch.tenant_id, touch.contact_id),
        m.TouchDeferred(touch.tenant_id, touch.contact_id, touch.command_id, reason, next_try_at),
    )
    next_try = fact_time(next_try_at)
    emit_touch_fact(
        turn, FactKind.TOUCH_DEFERRED, touch, reason=reason, until=next_try, values=values
    )
