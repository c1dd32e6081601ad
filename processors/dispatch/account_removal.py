"""The touches of a sender account that was removed: other accounts write on, or they are held for a
week and then refused (C-38)."""

from typing import Any

import msgspec

from processors.dispatch import lanes
from processors.dispatch.channel_owner import NO_SENDER, ChannelOwner, is_repeat
from processors.dispatch.outcomes import refuse
from processors.dispatch.waits import defer
from schemas.base.times import DAY
from schemas.internal import messages as m
from schemas.internal.facts import fact_time
from schemas.internal.states import Lane, Request, Sender

HOLD_US = 7 * DAY
"""How long touches are held for an account that was removed."""

SENDER_GONE = "sender_gone"


def hold(owner: ChannelOwner, touch: m.RequestTouch, request: Request | None) -> None:
    """Holds a touch whose account was removed for a week, and refuses it then. Without any account
    it waits for one until it expires. A repeat is refused at once: its command is out."""
    turn = owner.turn
    bound = owner.bound(touch)
    sender_id, until = "", touch.expires_at
    if bound is not None:
        sender_id, until = bound.terms.sender_id, bound.removed_at + HOLD_US
        if until <= turn.now or is_repeat(touch):
            _refuse_gone(owner, touch, bound)
            return
    queue = lanes.held_queue(owner.tenant_id, owner.channel, sender_id)
    values: dict[str, Any] = {}
    if bound is not None:
        values = {"sender_id": sender_id, "removed_at": fact_time(bound.removed_at)}
        lanes.wake(owner, sender_id, until)
    request = defer(turn, touch, request, NO_SENDER, None, until, values, queue)
    lanes.enter(turn, request, queue)


def _refuse_gone(owner: ChannelOwner, touch: m.RequestTouch, sender: Sender) -> None:
    values = {
        "sender_id": sender.terms.sender_id,
        "removed_at": fact_time(sender.removed_at),
        "on_gone": sender.terms.on_gone,
    }
    refuse(owner.turn, touch, SENDER_GONE, values)


def dissolve(owner: ChannelOwner, sender: Sender) -> bool:
    """Moves the next request of an account that was removed: to the other accounts, or to those
    that are held. After a week these are refused. False if nothing is left to do."""
    turn = owner.turn
    waiting = _first_of_queues(owner, sender)
    if waiting is not None:
        request = turn.store.edit(waiting, Request)
        assert request is not None
        if not owner.is_stopped(request.touch):
            _move(owner, request)
        return True
    held = lanes.held_queue(owner.tenant_id, owner.channel, sender.terms.sender_id)
    key = turn.store.first(held.encode())
    if key is None or sender.removed_at + HOLD_US > turn.now:
        return False
    request = turn.store.read(key, Request)
    assert request is not None
    _refuse_gone(owner, request.touch, sender)
    return True


def _first_of_queues(owner: ChannelOwner, sender: Sender) -> bytes | None:
    """The first request that waits for an account, and if no account is left for any. Its lanes
    are removed on the way."""
    turn = owner.turn
    others = bool(owner.senders())
    for _, _, queue in lanes.queues_of(owner, sender.terms.sender_id):
        if others and queue.endswith(b"\0" + lanes.ANY.encode()):
            continue
        while (key := turn.store.first(queue)) is not None:
            if not isinstance(turn.store.read(key, Request), Lane):
                return key
            first = lanes.first_of_lane(turn, key)
            if first is not None:
                return first
    return None


def _move(owner: ChannelOwner, request: Request) -> None:
    """Moves a request whose account is gone."""
    turn, touch = owner.turn, request.touch
    if not owner.candidates(touch):
        hold(owner, touch, request)
        return
    touch = request.touch = msgspec.structs.replace(touch, bound_sender="")
    queue = lanes.queue_of(owner, touch)
    lanes.enter(turn, request, queue)
    lanes.wake(owner, lanes.ANY, turn.now)


def take_back(owner: ChannelOwner, sender: Sender) -> bool:
    """Moves the next request that was held for an account, or for any, into its queue, because the
    account is there."""
    turn = owner.turn
    for sender_id in dict.fromkeys((sender.terms.sender_id, "")):
        held = lanes.held_queue(owner.tenant_id, owner.channel, sender_id)
        key = turn.store.first(held.encode())
        if key is not None:
            request = turn.store.edit(key, Request)
            assert request is not None
            lanes.enter(turn, request, lanes.queue_of(owner, request.touch))
            lanes.wake(owner, lanes.ANY, turn.now)
            return True
    return False
