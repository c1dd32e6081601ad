"""The requests of a channel whose commands have more limits than that of an hour: of sender
accounts, of campaigns and mail domains, of days (C-38).

The requests of one moment are gathered, and then go in the order of priority, follow-up, scheduled
time, due time and command id (C-35), each to the account that may send it first. Those that no
account may send now wait in a queue (processors/dispatch/lanes.py). An account whose limits open
takes the first of its queues.
"""

from typing import Any

from processors.dispatch import lanes
from processors.dispatch.account_commands import send
from processors.dispatch.account_removal import HOLD_US, dissolve, hold, take_back
from processors.dispatch.channel_owner import (
    NO_ACCOUNT,
    ChannelOwner,
    Choice,
    is_repeat,
    kind_of,
)
from processors.dispatch.outcomes import request_key
from processors.dispatch.queue_heads import next_try, report_head, report_heads, wait_values
from processors.dispatch.waits import (
    defer,
    first_to_go,
    gather,
    rank_of,
)
from processors.fold.turn import Turn
from processors.shared.limit_rules import GATHER_US
from schemas.base.times import MomentUs
from schemas.internal import messages as m
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import (
    Account,
    Lane,
    Request,
    Sender,
    account_key,
)

BURST = 500
"""The most requests of one firing of a timer. The timer then fires again at once,
or in PACE_US if requests of a campaign that is paused were among them."""


def arrive(turn: Turn, account: Account, touch: m.RequestTouch, request: Request | None) -> None:
    """Lets a touch that has passed its gates wait for others of its moment, or for a limit."""
    owner = ChannelOwner(turn, account)
    senders = owner.candidates(touch)
    if not senders:
        hold(owner, touch, request)
        return
    choice = owner.choose(touch, senders)
    if is_repeat(touch):
        _repeat(owner, touch, request, choice)
        return
    if choice.at > turn.now:
        _wait(owner, touch, request, choice)
        return
    gather(turn, touch, request, account, GATHER_US)


def release(turn: Turn, account: Account) -> None:
    """Sends what was gathered, as far as the limits allow, and lets the rest wait for them. After a
    change of limits, closed lanes are opened first."""
    owner = ChannelOwner(turn, account)
    account.next_slot_at = None
    for _ in range(BURST):
        if account.is_reviewed:
            _review(owner)
            continue
        key = first_to_go(owner.turn, owner.account)
        if key is None:
            return
        request = turn.store.edit(key, Request)
        assert request is not None
        if not owner.is_stopped(request.touch):
            _place(owner, request)
    account.next_slot_at = turn.now + owner.pace_us


def serve(turn: Turn, sender: Sender) -> None:
    """Sends the first requests of an account's queues, as many as its limits allow, and sets its
    timer to the next moment at which it may send."""
    account = turn.store.edit(account_key(sender.tenant_id, sender.channel), Account)
    assert account is not None, "an account of the channel is one of its owner"
    if sender.terms.sender_id == NO_ACCOUNT and account.senders:
        sender.wake_at = None
        return
    owner = ChannelOwner(turn, account)
    for _ in range(BURST):
        if sender.removed_at:
            done = not dissolve(owner, sender)
        else:
            done = not (take_back(owner, sender) or _serve_first(owner, sender))
        if done:
            sender.wake_at = _next_wake(owner, sender)
            if not sender.removed_at:
                report_heads(owner, sender)
            return
    sender.wake_at = turn.now + owner.pace_us


def open_lane(turn: Turn, key: bytes, lane: Lane) -> None:
    """Opens a lane whose wait is over, and wakes the accounts that may send its requests."""
    lanes.reopen(turn, key, lane)
    tenant_id, _, channel = lane.ready.partition("\0")[0].partition("/")
    account = turn.store.edit(account_key(tenant_id, channel), Account)
    assert account is not None, "a lane belongs to an account"
    owner = ChannelOwner(turn, account)
    lanes.wake(owner, lanes.account_of_lane(lane), turn.now)


# one request


def _place(owner: ChannelOwner, request: Request) -> None:
    """Sends a gathered request, or lets it wait for a limit."""
    touch = request.touch
    senders = owner.candidates(touch)
    if not senders:
        hold(owner, touch, request)
        return
    choice = owner.choose(touch, senders)
    if choice.at > owner.turn.now:
        _wait(owner, touch, request, choice)
    else:
        send(owner, touch, choice)


def _wait(
    owner: ChannelOwner, touch: m.RequestTouch, request: Request | None, choice: Choice
) -> None:
    """Lets a touch wait in its queue until a limit opens."""
    turn = owner.turn
    queue = lanes.queue_of(owner, touch)
    ready = queue.partition("\0\0")[0]
    others_wait = turn.store.first(ready.encode()) is not None
    next_try_at, values = next_try(touch, choice), wait_values(owner, choice)
    request = defer(turn, touch, request, choice.reason, None, next_try_at, values, queue)
    lanes.enter(turn, request, queue)
    if not others_wait:
        _wake_when_open(owner, touch)


def _wake_when_open(owner: ChannelOwner, touch: m.RequestTouch) -> None:
    """Lets the accounts that may send a touch look at their queues when their own limits open:
    then a closed lane does not hide what waits behind it."""
    for sender in owner.candidates(touch):
        at = owner.opens(sender, touch.action, kind_of(touch)).at
        if at < NEVER:
            lanes.wake(owner, sender.terms.sender_id, at)


def _repeat(
    owner: ChannelOwner, touch: m.RequestTouch, request: Request | None, choice: Choice
) -> None:
    """Sends the repeat of a command, which no limit counts. Only a closed account holds it."""
    turn, at, reason = owner.turn, choice.at, choice.reason
    if at <= turn.now:
        send(owner, touch, choice)
    elif at >= NEVER:
        _wait(owner, touch, request, choice)
    else:
        defer(turn, touch, request, reason, at, at, wait_values(owner, choice))


def _review(owner: ChannelOwner) -> None:
    """Opens the next closed lane. After the last one every account looks at its queues."""
    key = lanes.first_closed(owner.turn, owner)
    if key is not None:
        lane = owner.turn.store.edit(key, Lane)
        assert lane is not None
        lanes.reopen(owner.turn, key, lane)
        return
    owner.account.is_reviewed = False
    for sender_id in owner.account.senders or [NO_ACCOUNT]:
        lanes.wake(owner, sender_id, owner.turn.now)


# the queues of an account


def _serve_first(owner: ChannelOwner, sender: Sender) -> bool:
    """Handles the first entry of the queues that the account may take from now; False without
    one."""
    turn = owner.turn
    key = _first_open(owner, sender)
    if key is None:
        return False
    lane = None
    if isinstance(turn.store.read(key, Request), Lane):
        lane, first = key, lanes.first_of_lane(turn, key)
        if first is None:
            return True
        key = first
    request = turn.store.edit(key, Request)
    assert request is not None
    _offer(owner, sender, request, lane)
    return True


def _first_open(owner: ChannelOwner, sender: Sender) -> bytes | None:
    """The key of the first entry of an account's queues that its own limits allow now."""
    turn = owner.turn
    entries = []
    for action, kind, queue in lanes.queues_of(owner, sender.terms.sender_id):
        key = turn.store.first(queue)
        if key is not None:
            entries.append((rank_of(turn, key), key, action, kind))
    entries.sort()
    closed: set[tuple[str, int]] = set()
    for _, key, action, kind in entries:
        if (action, kind) in closed:
            continue
        if owner.opens(sender, action, kind).at <= turn.now:
            return key
        closed.add((action, kind))
    return None


def _offer(owner: ChannelOwner, sender: Sender, request: Request, lane: bytes | None) -> None:
    """Sends the first request of an account's queues. Where a gate or a limit of its lane is
    closed, the request or the lane waits for that."""
    turn, touch = owner.turn, request.touch
    if owner.is_stopped(touch):
        return
    queue = lanes.queue_of(owner, touch)
    if queue != request.lane:
        lanes.enter(turn, request, queue)
        lanes.wake(owner, queue.partition("\0\0")[0].rpartition("\0")[2], turn.now)
        return
    choice = _choice(owner, sender, request)
    if choice.at <= turn.now:
        send(owner, touch, choice)
    elif lane is not None:
        lanes.close(turn, lane, choice.at)
        report_head(owner, request_key(touch), request, choice)
    else:
        raise AssertionError("an open account has no other limit for a request without a lane")


def _choice(owner: ChannelOwner, sender: Sender, request: Request) -> Choice:
    """The account for the first request of an account's queues: this one, or of those that may send
    it now and have none of a better rank, the least used one."""
    touch = request.touch
    if owner.bound(touch) is not None:
        return owner.open_for(touch, sender)
    senders = owner.senders()
    if len(senders) == 1:
        return owner.open_for(touch, sender)
    place = request.place()
    assert place is not None
    own = sender.terms.sender_id
    free = [
        each
        for each in senders
        if each.terms.sender_id == own or not _has_better(owner, each, place[1])
    ]
    choice = owner.choose(touch, free)
    return choice if choice.at <= owner.turn.now else owner.choose(touch, senders)


def _has_better(owner: ChannelOwner, sender: Sender, rank: Any) -> bool:
    """Whether requests that only this account may send are before a rank."""
    turn = owner.turn
    for _, _, queue in lanes.queues_of(owner, sender.terms.sender_id):
        if queue.endswith(b"\0" + lanes.ANY.encode()):
            continue
        key = turn.store.first(queue)
        if key is not None and rank_of(turn, key) < rank:
            return True
    return False


def _next_wake(owner: ChannelOwner, sender: Sender) -> MomentUs | None:
    """When an account looks at its queues again; None if nothing waits that time will open."""
    turn, sender_id = owner.turn, sender.terms.sender_id
    if sender.removed_at:
        held = lanes.held_queue(owner.tenant_id, owner.channel, sender_id).encode()
        return None if turn.store.first(held) is None else sender.removed_at + HOLD_US
    soonest = NEVER
    seen: set[tuple[str, int]] = set()
    for action, kind, queue in lanes.queues_of(owner, sender_id):
        if (action, kind) not in seen and turn.store.first(queue) is not None:
            seen.add((action, kind))
            soonest = min(soonest, owner.opens(sender, action, kind).at)
    return None if soonest >= NEVER else soonest
