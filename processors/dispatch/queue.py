"""The queues of an account: requests that wait for their window, for the others of their moment, or
for the limit.

A request waits as a state of its own. Where an account has a limit, the requests of one moment are
gathered first; then they, and those that the limit holds already, get the free slots in the order
of their priority, scheduled time, due time and command id (C-35).
"""

from processors.dispatch import account_queue, account_rules, limits
from processors.dispatch.amendments import amended
from processors.dispatch.channel_owner import is_repeat
from processors.dispatch.outcomes import command, request_key
from processors.dispatch.waits import (
    PACE_US,
    defer,
    first_gathered,
    first_to_go,
    gather,
    stopped_by_gate,
)
from processors.fold.turn import Turn
from processors.shared.frequency_caps import FREQUENCY_CAP
from processors.shared.limit_rules import GATHER_US
from processors.shared.send_windows import closes_at
from processors.shared.tenant_lookup import tenant_key
from schemas.internal import messages as m
from schemas.internal.states import GATHERING, Account, KnownTenant, Request

BURST = 500
"""The most commands of one firing of an account's timer. The timer then fires again at
once, or in PACE_US if requests of a campaign that is paused were among them."""


def submit(turn: Turn, touch: m.RequestTouch, request: Request | None) -> None:
    """Checks all gates and the limit of a touch, and commands, refuses or defers it. `request` is
    the state of a touch that has waited before."""
    account = _account(turn, touch)
    tenant = _tenant(turn, touch.tenant_id)
    if stopped_by_gate(turn, tenant, touch):
        return
    if account.by_rules:
        account_queue.arrive(turn, account, touch, request)
        return
    limit = limits.per_hour(tenant, touch.channel)
    used = limits.used(account, turn.now)
    if touch.emission > 1 and is_repeat(touch):
        _command(turn, tenant, touch, account, None, used)
    elif limit is None or _goes_at_once(turn, touch, account, limit, used):
        _command(turn, tenant, touch, account, limit, used)
    elif used >= limit or not touch.rules:
        _throttle(turn, touch, request, account, limit, used)
    else:
        gather(turn, touch, request, account, GATHER_US)


def _command(
    turn: Turn,
    tenant: KnownTenant | None,
    touch: m.RequestTouch,
    account: Account,
    limit: int | None,
    used: int,
) -> None:
    """Writes the command of a touch, and counts it under the limit. `used` commands of the limit
    were sent in the hour before."""
    if limit is not None:
        limits.count(account, limit, turn.now)
    send_before = min(closes_at(touch.quiet, turn.now), touch.expires_at)
    command(turn, tenant, touch, send_before, {"used": used, "limit": limit})


def _goes_at_once(
    turn: Turn, touch: m.RequestTouch, account: Account, limit: int, used: int
) -> bool:
    """Whether a touch overtakes nobody who waits, and need not wait for others of its moment."""
    if account.next_slot_at is not None and first_to_go(turn, account) is not None:
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
    is_free = limit is None and request.wait != FREQUENCY_CAP
    if is_free or is_repeat(touch) or _account(turn, touch).by_rules:
        submit(turn, touch, request)
    elif not stopped_by_gate(turn, tenant, touch):
        account = _account(turn, touch)
        used = limits.used(account, turn.now)
        if limit is None:  # those that wait for one address are all here at this moment
            gather(turn, touch, request, account, 0)
        elif not touch.rules:
            account.next_slot_at = turn.now
            values = {"used": used, "limit": limit}
            defer(turn, touch, request, "throttled", None, turn.now, values)
        elif used >= limit:
            _throttle(turn, touch, request, account, limit, used)
        else:
            gather(turn, touch, request, account, GATHER_US)


def release(turn: Turn, account: Account) -> None:
    """Commands the first requests of the queues, as many as the limit allows, and sets the
    account's timer to the next slot. What was gathered and gets no slot is held by the limit."""
    if account.by_rules:
        account_queue.release(turn, account)
        return
    tenant = _tenant(turn, account.tenant_id)
    limit = limits.per_hour(tenant, account.channel)
    account.next_slot_at = held_until = None
    pace_us = 0
    for _ in range(BURST):
        key = first_to_go(turn, account) if held_until is None else first_gathered(turn, account)
        if key is None:
            break
        request = turn.store.edit(key, Request)
        assert request is not None
        gate = stopped_by_gate(turn, tenant, request.touch)
        if gate is not None:
            pace_us = PACE_US if gate.queue else pace_us
            continue
        used = limits.used(account, turn.now)
        if limit is None or used < limit:
            counted = None if is_repeat(request.touch) else limit
            _command(turn, tenant, request.touch, account, counted, used)
            continue
        held_until = held_until or _next_slot(turn, request.touch, account, limit)
        if request.wait == GATHERING:
            _throttle(turn, request.touch, request, account, limit, used)
    else:
        account.next_slot_at = turn.now + pace_us
        return
    account.next_slot_at = held_until


def amend(turn: Turn, order: m.AmendTouch) -> None:
    """Changes what a waiting request will send. A touch whose command is out stays as it is."""
    request = turn.store.edit(request_key(order), Request)
    if request is None:
        return
    is_held = request.wait == FREQUENCY_CAP and request.touch.recipient == order.recipient
    request.touch = amended(request.touch, order)
    if request.lane or (request.until is not None and not is_held):
        request.until, request.lane = turn.now, ""  # another domain has other limits


def release_now(turn: Turn, tenant_id: str, channel: str) -> None:
    """Sets the timer of an account with a queue to now, for example after a change of its limit."""
    account = turn.store.read(m.account_key(tenant_id, channel), Account)
    if account is not None and first_to_go(turn, account) is not None:
        account = turn.store.edit(m.account_key(tenant_id, channel), Account)
        assert account is not None
        account.next_slot_at = turn.now


def _throttle(
    turn: Turn,
    touch: m.RequestTouch,
    request: Request | None,
    account: Account,
    limit: int,
    used: int,
) -> None:
    """Lets a touch wait for a slot of the limit."""
    slot_at = _next_slot(turn, touch, account, limit)
    if account.next_slot_at is None:
        account.next_slot_at = slot_at
    elif first_gathered(turn, account) is None:
        # The account's own timer may be due at this moment and fire after this one.
        slot_at = max(account.next_slot_at, turn.now)
    values = {"used": used, "limit": limit, "window": "1h sliding"}
    defer(turn, touch, request, "throttled", None, slot_at, values)


def _next_slot(turn: Turn, touch: m.RequestTouch, account: Account, limit: int) -> int:
    """When the queue is looked at for the next slot of the limit: after the requests of the moment
    at which the slot comes free, because one of them may have a higher priority."""
    slot_at = limits.next_slot(account, limit, turn.now)
    return slot_at + GATHER_US if touch.rules else slot_at


def _account(turn: Turn, touch: m.RequestTouch) -> Account:
    """The account of a touch, open for change; a new one where it has none yet."""
    key = m.account_key(touch.tenant_id, touch.channel)
    account = turn.store.edit(key, Account)
    if account is None:
        account = Account(touch.tenant_id, touch.channel)
        turn.store.put(key, account)
        if account_rules.are_needed(turn, account):
            account_rules.begin(turn, account)
    return account


def _tenant(turn: Turn, tenant_id: str) -> KnownTenant | None:
    return turn.store.read(tenant_key(tenant_id), KnownTenant)
