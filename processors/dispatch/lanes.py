"""The queues in which requests wait for a sender account.

Requests that only wait for an account stand in one queue for each account, action and kind of touch
(first or follow-up); those that any account may send in one without an account. What also has the
limits of a campaign or a mail domain waits in a lane: a queue of its own, which stands in the queue
of the account as one entry, with the rank of its first request. While such a limit is used up, the
lane is closed and out of the way. So who is next is always at the head of a few queues, however
many requests wait.
"""

from processors.dispatch.channel_owner import NO_ACCOUNT, ChannelOwner, kind_of
from processors.dispatch.outcomes import request_key
from processors.dispatch.waits import rank_of
from processors.fold.turn import Turn
from processors.shared.limit_scopes import KINDS
from schemas.base.times import MomentUs
from schemas.channels import CHANNELS
from schemas.internal import messages as m
from schemas.internal.sender_states import closed_lanes, is_lane, lane_key
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import Lane, Request

ANY = "*"
"""Stands for the account of a queue whose requests any account may send."""


def ready_queue(tenant_id: str, channel: str, action: str, kind: int, sender_id: str) -> str:
    """The queue of the requests that wait for an account, or for any."""
    return f"{tenant_id}/{channel}\0r\0{action}\0{kind}\0{sender_id}"


def held_queue(tenant_id: str, channel: str, sender_id: str) -> str:
    """The queue of the requests that wait for an account that is not there."""
    return f"{tenant_id}/{channel}\0h\0{sender_id}"


def queue_of(owner: ChannelOwner, touch: m.RequestTouch) -> str:
    """The queue in which a touch belongs: that of its account, or a lane of it."""
    bound = owner.bound(touch)
    sender_id = ANY if bound is None else bound.terms.sender_id
    actions = CHANNELS[touch.channel].actions
    action = touch.action if touch.action in actions else next(iter(actions))  # of older versions
    ready = ready_queue(touch.tenant_id, touch.channel, action, kind_of(touch), sender_id)
    campaign_id, domain = owner.lane_of(touch)
    return f"{ready}\0\0{campaign_id}\0{domain}" if campaign_id or domain else ready


def queues_of(owner: ChannelOwner, sender_id: str) -> list[tuple[str, int, bytes]]:
    """The queues from which an account takes its touches, each with action and kind."""
    names = (sender_id, ANY) if sender_id != NO_ACCOUNT else (ANY,)
    return [
        (
            action,
            kind,
            ready_queue(owner.tenant_id, owner.channel, action, kind, name).encode(),
        )
        for action in CHANNELS[owner.channel].actions
        for kind in KINDS
        for name in names
    ]


def enter(turn: Turn, request: Request, queue: str) -> None:
    """Puts a request into a queue, and its lane into that of the account."""
    request.lane, request.until = queue, None
    turn.store.requeue(request_key(request.touch), request)
    if not is_lane(queue):
        return
    place = request.place()
    assert place is not None
    key = lane_key(queue)
    lane = turn.store.edit(key, Lane)
    if lane is None:
        lane = Lane(queue, queue.partition("\0\0")[0], place[1])
        turn.store.put(key, lane)
    elif place[1] < lane.rank:
        lane.rank = place[1]
    turn.store.requeue(key, lane)


def first_of_lane(turn: Turn, key: bytes) -> bytes | None:
    """The key of the first request of a lane that heads a queue. None if the lane is empty or its
    first request has another rank by now: the lane is then removed, or stands elsewhere."""
    lane = turn.store.edit(key, Lane)
    assert lane is not None
    request_at = turn.store.first(lane.name.encode())
    if request_at is None:
        turn.store.delete(key)
        return None
    rank = rank_of(turn, request_at)
    if rank == lane.rank:
        return request_at
    lane.rank = rank
    turn.store.requeue(key, lane)
    return None


def close(turn: Turn, key: bytes, opens_at: MomentUs) -> None:
    """Closes a lane until one of its limits allows a command; with NEVER until a limit changes."""
    lane = turn.store.edit(key, Lane)
    assert lane is not None
    lane.closed, lane.opens_at = True, None if opens_at >= NEVER else opens_at
    turn.store.requeue(key, lane)


def reopen(turn: Turn, key: bytes, lane: Lane) -> None:
    """Opens a closed lane: its limits are looked at again when it heads its queue."""
    lane.closed, lane.opens_at = False, None
    turn.store.requeue(key, lane)


def first_closed(turn: Turn, owner: ChannelOwner) -> bytes | None:
    """The key of a closed lane of the channel; None without one."""
    return turn.store.first(closed_lanes(f"{owner.tenant_id}/{owner.channel}"))


def account_of_lane(lane: Lane) -> str:
    """The id of the account whose queue a lane stands in; ANY if it is that of no account."""
    return lane.ready.rpartition("\0")[2]


def wake(owner: ChannelOwner, sender_id: str, at: MomentUs) -> None:
    """Lets an account look at its queues at a moment, or with ANY every account."""
    ids = [each.terms.sender_id for each in owner.senders()]
    for each in ids if sender_id == ANY else [sender_id]:
        known = owner.sender(each)
        if known is not None and (known.wake_at is None or known.wake_at > at):
            owner.edit_sender(each).wake_at = at
