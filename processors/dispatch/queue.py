"""The queue of an account: requests that wait for their window or for the limit.

A request waits as a state of its own. The limit holds requests in the account's queue, ordered by
priority, due time and command id (C-35).
"""

from typing import Any

import msgspec

from processors.dispatch import limits
from processors.dispatch.gates import closed_gate
from processors.dispatch.outcomes import command, emit_touch_fact, refuse, request_key
from processors.fold.turn import Turn
from processors.shared.tenant_lookup import tenant_key
from schemas.internal import messages as m
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.states import Account, KnownTenant, Request
from schemas.internal.topics import Topic

BURST = 500
"""The most commands of one firing of an account's timer. The timer then fires again at once."""


def submit(turn: Turn, touch: m.RequestTouch, request: Request | None) -> None:
    """Checks all gates and the limit of a touch, and commands, refuses or defers it. `request` is
    the state of a touch that has waited before."""
    account = _account(turn, touch)
    if _stopped_by_gate(turn, touch):
        return
    limit = _limit(turn, touch)
    used = limits.used(account, turn.now)
    queued = turn.store.first(m.account_key(touch.tenant_id, touch.channel)) is not None
    if limit is not None and (queued or used >= limit):
        if account.next_slot_at is None:
            account.next_slot_at = limits.next_slot(account, turn.now)
        values = {"used": used, "limit": limit, "window": "1h sliding"}
        # The account's own timer may be due at this moment and fire after this one.
        next_try_at = max(account.next_slot_at, turn.now)
        _defer(turn, touch, request, "throttled", None, next_try_at, values)
        return
    command(turn, touch, account, limit, used)


def line_up(turn: Turn, request: Request) -> None:
    """Puts a request whose wait is over into the account's queue. Many waits may end at the same
    moment, and the queue decides which request goes first."""
    touch = request.touch
    limit = _limit(turn, touch)
    if limit is None:
        submit(turn, touch, request)
    elif not _stopped_by_gate(turn, touch):
        account = _account(turn, touch)
        values = {"used": limits.used(account, turn.now), "limit": limit}
        account.next_slot_at = turn.now
        _defer(turn, touch, request, "throttled", None, turn.now, values)


def release(turn: Turn, account: Account) -> None:
    """Commands the first requests of the queue, as many as the limit allows, and sets the account's
    timer to the next slot."""
    queue = m.account_key(account.tenant_id, account.channel)
    tenant = turn.store.read(tenant_key(account.tenant_id), KnownTenant)
    limit = limits.per_hour(tenant, account.channel)
    account.next_slot_at = None
    for _ in range(BURST):
        key = turn.store.first(queue)
        if key is None:
            return
        request = turn.store.edit(key, Request)
        assert request is not None
        if _stopped_by_gate(turn, request.touch):
            continue
        used = limits.used(account, turn.now)
        if limit is not None and used >= limit:
            account.next_slot_at = limits.next_slot(account, turn.now)
            return
        command(turn, request.touch, account, limit, used)
    account.next_slot_at = turn.now


def amend(turn: Turn, order: m.AmendTouch) -> None:
    """Changes what a waiting request will send. A touch whose command is out stays as it is."""
    request = turn.store.edit(request_key(order), Request)
    if request is None:
        return
    request.touch = msgspec.structs.replace(
        request.touch,
        recipient=order.recipient,
        quiet=order.quiet,
        template_id=order.template_id,
        variables=order.variables,
    )
    if request.until is not None:
        request.until = turn.now


def release_now(turn: Turn, tenant_id: str, channel: str) -> None:
    """Sets the timer of an account with a queue to now, for example after a change of its limit."""
    key = m.account_key(tenant_id, channel)
    if turn.store.first(key) is not None:
        account = turn.store.edit(key, Account)
        assert account is not None
        account.next_slot_at = turn.now


def _stopped_by_gate(turn: Turn, touch: m.RequestTouch) -> bool:
    """Whether a gate stops the touch, which is then refused or deferred."""
    gate = closed_gate(turn, touch)
    if gate is None:
        return False
    if gate.opens_at is None:
        refuse(turn, touch, gate.reason, gate.values)
    else:
        request = turn.store.edit(request_key(touch), Request)
        _defer(turn, touch, request, gate.reason, gate.opens_at, gate.opens_at, gate.values)
    return True


def _defer(
    turn: Turn,
    touch: m.RequestTouch,
    request: Request | None,
    reason: str,
    until: int | None,
    next_try_at: int,
    values: dict[str, Any],
) -> None:
    """Lets a touch wait, and informs its contact unless the touch waits for the limit already.
    `until` is the end of the wait, None in the account's queue."""
    reported = request.wait if request is not None else None
    if request is None:
        request = Request(touch, reason, until, turn.now)
        turn.store.put(request_key(touch), request)
    request.wait, request.until = reason, until
    if reported == reason and until is None:
        return
    turn.send(
        Topic.CONTACT_LOG,
        m.contact_key(touch.tenant_id, touch.contact_id),
        m.TouchDeferred(touch.tenant_id, touch.contact_id, touch.command_id, reason, next_try_at),
    )
    next_try = fact_time(next_try_at)
    emit_touch_fact(
        turn, FactKind.TOUCH_DEFERRED, touch, reason=reason, until=next_try, values=values
    )


def _account(turn: Turn, touch: m.RequestTouch) -> Account:
    """The account of a touch, open for change; a new one where it has none yet."""
    key = m.account_key(touch.tenant_id, touch.channel)
    account = turn.store.edit(key, Account)
    if account is None:
        account = Account(touch.tenant_id, touch.channel)
        turn.store.put(key, account)
    return account


def _limit(turn: Turn, touch: m.RequestTouch) -> int | None:
    tenant = turn.store.read(tenant_key(touch.tenant_id), KnownTenant)
    return limits.per_hour(tenant, touch.channel)
