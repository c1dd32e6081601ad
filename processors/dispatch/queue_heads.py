"""What the first request of a queue waits for, reported anew when that changes (C-38).

A request that enters a queue is informed of what holds it then. Until it is the first one, other
commands and new limits move its moment; to report that for every waiting request would be too many
facts. So only the first of each queue is looked at, whenever its account goes to sleep: its reason
and its moment are then those of now.
"""

from typing import Any

from processors.dispatch import lanes
from processors.dispatch.channel_owner import ChannelOwner, Choice, values_of
from processors.dispatch.waits import restate
from schemas.internal import messages as m
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import Lane, Request, Sender


def report_heads(owner: ChannelOwner, sender: Sender) -> None:
    """Reports the waits of the first requests of an account's queues that are others by now."""
    store = owner.turn.store
    for _, _, queue in lanes.queues_of(owner, sender.terms.sender_id):
        key = store.first(queue)
        if key is not None and isinstance(lane := store.read(key, Request), Lane):
            key = store.first(lane.name.encode())
        request = None if key is None else store.read(key, Request)
        if key is None or request is None:
            continue
        senders = owner.candidates(request.touch)
        if senders:
            report_head(owner, key, request, owner.choose(request.touch, senders))


def report_head(owner: ChannelOwner, key: bytes, request: Request, choice: Choice) -> None:
    """Reports the wait of the first request of a queue, if it is another one by now."""
    if choice.at <= owner.turn.now:
        return  # an account takes it at this moment
    next_try_at = next_try(request.touch, choice)
    if (request.wait, request.next_try_at) != (choice.reason, next_try_at):
        changed = owner.turn.store.edit(key, Request)
        assert changed is not None
        restate(owner.turn, changed, choice.reason, next_try_at, wait_values(owner, choice))


def next_try(touch: m.RequestTouch, choice: Choice) -> int:
    """When a touch may go at the earliest; its expiry if no time will open its limits."""
    return touch.expires_at if choice.at >= NEVER else choice.at


def wait_values(owner: ChannelOwner, choice: Choice) -> dict[str, Any]:
    """The values of a wait: the account, and all its limits."""
    sender_id = choice.sender.terms.sender_id
    values: dict[str, Any] = {"sender_id": sender_id} if sender_id else {}
    return values | {"limits": values_of(choice.rules, owner.turn.now)}
