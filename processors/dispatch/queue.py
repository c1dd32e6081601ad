"""The queues of an account: requests that wait for their window, for the others of their moment, or
for the limit.

A request waits as a state of its own. Where an account has a limit, the requests of one moment are
gathered first; then they, and those that the limit holds already, get the free slots in the order
of their priority, scheduled time, due time and command id (C-35).
"""

from typing import Any

import msgspec

from processors.dispatch import limits
from processors.dispatch.gates import closed_gate
from processors.dispatch.outcomes import command, emit_touch_fact, refuse, request_key
from processors.fold.store import Rank
from processors.fold.turn import Turn
from processors.shared.frequency_caps import FREQUENCY_CAP
from processors.shared.tenant_lookup import tenant_key
from schemas.internal import messages as m
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.states import GATHERING, Account, KnownTenant, Request, gathering_key
from schemas.internal.topics import Topic

BURST = 500
"""The most commands of one firing of an account's timer. The timer then fires again at once."""


def submit(turn: Turn, touch: m.RequestTouch, request: Request | None) -> None:
    """Checks all gates and the limit of a touch, and commands, refuses or defers it. `request` is
    the state of a touch that has waited before."""
    account = _account(turn, touch)
    tenant = _tenant(turn, touch.tenant_id)
    if _stopped_by_gate(turn, tenant, touch):
        return
    limit = limits.per_hour(tenant, touch.channel)
    used = limits.used(account, turn.now)
    if limit is None or _goes_at_once(turn, touch, account, limit, used):
        command(turn, tenant, touch, account, limit, used)
    elif used >= limit or not touch.rules:
        _throttle(turn, touch, request, account, limit, used)
    else:
        _gather(turn, touch, request, account, limits.GATHER_US)


def _goes_at_once(
    turn: Turn, touch: m.RequestTouch, account: Account, limit: int, used: int
) -> bool:
    """Whether a touch overtakes nobody who waits, and need not wait for others of its moment."""
    if account.next_slot_at is not None and _first(turn, account) is not None:
        return False
    if not touch.rules:
        return used < limit
    return limits.goes_at_once(account, limit, used, turn.now)


def line_up(turn: Turn, request: Request) -> None:
    """Puts a request whose wait is over into one of the account's queues. Many waits may end at the
    same moment, and the queue decides which request goes first."""
    touch = request.touch
    tenant = _tenant(turn, touch.tenant_id)
    limit = limits.per_hour(tenant, touch.channel)
    if limit is None and request.wait != FREQUENCY_CAP:
        submit(turn, touch, request)
    elif not _stopped_by_gate(turn, tenant, touch):
        account = _account(turn, touch)
        used = limits.used(account, turn.now)
        if limit is None:  # those that wait for one address are all here at this moment
            _gather(turn, touch, request, account, 0)
        elif not touch.rules:
            account.next_slot_at = turn.now
            values = {"used": used, "limit": limit}
            _defer(turn, touch, request, "throttled", None, turn.now, values)
        elif used >= limit:
            _throttle(turn, touch, request, account, limit, used)
        else:
            _gather(turn, touch, request, account, limits.GATHER_US)


def release(turn: Turn, account: Account) -> None:
    """Commands the first requests of the queues, as many as the limit allows, and sets the
    account's timer to the next slot. What was gathered and gets no slot is held by the limit."""
    tenant = _tenant(turn, account.tenant_id)
    limit = limits.per_hour(tenant, account.channel)
    account.next_slot_at = held_until = None
    for _ in range(BURST):
        key = _first(turn, account) if held_until is None else _first_gathered(turn, account)
        if key is None:
            break
        request = turn.store.edit(key, Request)
        assert request is not None
        if _stopped_by_gate(turn, tenant, request.touch):
            continue
        used = limits.used(account, turn.now)
        if limit is None or used < limit:
            command(turn, tenant, request.touch, account, limit, used)
            continue
        held_until = held_until or _next_slot(turn, request.touch, account)
        if request.wait == GATHERING:
            _throttle(turn, request.touch, request, account, limit, used)
    else:
        account.next_slot_at = turn.now
        return
    account.next_slot_at = held_until


def amend(turn: Turn, order: m.AmendTouch) -> None:
    """Changes what a waiting request will send. A touch whose command is out stays as it is."""
    request = turn.store.edit(request_key(order), Request)
    if request is None:
        return
    is_held = request.wait == FREQUENCY_CAP and request.touch.recipient == order.recipient
    request.touch = msgspec.structs.replace(
        request.touch,
        recipient=order.recipient,
        quiet=order.quiet,
        template_id=order.template_id,
        variables=order.variables,
        spelling=order.spelling,
    )
    if request.until is not None and not is_held:
        request.until = turn.now


def release_now(turn: Turn, tenant_id: str, channel: str) -> None:
    """Sets the timer of an account with a queue to now, for example after a change of its limit."""
    account = turn.store.read(m.account_key(tenant_id, channel), Account)
    if account is not None and _first(turn, account) is not None:
        account = turn.store.edit(m.account_key(tenant_id, channel), Account)
        assert account is not None
        account.next_slot_at = turn.now


def _first(turn: Turn, account: Account) -> bytes | None:
    """The key of the first request of an account: of those that the limit holds, and of those that
    are gathered."""
    held = turn.store.first(m.account_key(account.tenant_id, account.channel))
    gathered = _first_gathered(turn, account)
    if held is None or gathered is None:
        return held or gathered
    return min(held, gathered, key=lambda key: _rank(turn, key))


def _first_gathered(turn: Turn, account: Account) -> bytes | None:
    return turn.store.first(gathering_key(account.tenant_id, account.channel))


def _rank(turn: Turn, key: bytes) -> Rank:
    request = turn.store.read(key, Request)
    place = None if request is None else request.place()
    assert place is not None, "a request in a queue has a place"
    return place[1]


def _stopped_by_gate(turn: Turn, tenant: KnownTenant | None, touch: m.RequestTouch) -> bool:
    """Whether a gate stops the touch, which is then refused or deferred."""
    gate = closed_gate(turn, tenant, touch)
    if gate is None:
        return False
    if gate.opens_at is None:
        refuse(turn, touch, gate.reason, gate.values)
    else:
        request = turn.store.edit(request_key(touch), Request)
        if gate.reason == FREQUENCY_CAP:
            # The wait for a cap uses up no time of a touch: the contact's own caps do not either.
            expires_at = touch.expires_at + gate.opens_at - turn.now
            touch = msgspec.structs.replace(touch, expires_at=expires_at)
            if request is not None:
                request.touch = touch
        _defer(turn, touch, request, gate.reason, gate.opens_at, gate.opens_at, gate.values)
    return True


def _throttle(
    turn: Turn,
    touch: m.RequestTouch,
    request: Request | None,
    account: Account,
    limit: int,
    used: int,
) -> None:
    """Lets a touch wait for a slot of the limit."""
    slot_at = _next_slot(turn, touch, account)
    if account.next_slot_at is None:
        account.next_slot_at = slot_at
    elif _first_gathered(turn, account) is None:
        # The account's own timer may be due at this moment and fire after this one.
        slot_at = max(account.next_slot_at, turn.now)
    values = {"used": used, "limit": limit, "window": "1h sliding"}
    _defer(turn, touch, request, "throttled", None, slot_at, values)


def _next_slot(turn: Turn, touch: m.RequestTouch, account: Account) -> int:
    """When the queue is looked at for the next slot of the limit: after the requests of the moment
    at which the slot comes free, because one of them may have a higher priority."""
    slot_at = limits.next_slot(account, turn.now)
    return slot_at + limits.GATHER_US if touch.rules else slot_at


def _gather(
    turn: Turn, touch: m.RequestTouch, request: Request | None, account: Account, wait_us: int
) -> None:
    """Lets a touch wait until the requests of its moment are here. This wait has no fact."""
    until = turn.now + wait_us
    if account.next_slot_at is None or account.next_slot_at > until:
        account.next_slot_at = until
    if request is None:
        request = Request(touch, GATHERING, None, turn.now)
        turn.store.put(request_key(touch), request)
    request.wait, request.until = GATHERING, None


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


def _tenant(turn: Turn, tenant_id: str) -> KnownTenant | None:
    return turn.store.read(tenant_key(tenant_id), KnownTenant)
