"""What waits at dispatch, for what and until when, and which slots of calls are in use.

The answer is a pure function of the states of one task of the dispatch processor, by the functions
with which that processor decides.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from processors.dispatch.call_limits import call_of, known_tenant_of, pool_of, slot_uses
from processors.dispatch.call_waits import slot_hold
from processors.dispatch.channel_owner import NO_SENDER, ChannelOwner, values_of
from processors.dispatch.gates import hold_of_campaign
from processors.fold.store import Store
from processors.fold.turn import Turn
from schemas.base.times import MomentUs
from schemas.internal.call_states import (
    ACTIVE,
    SUPPRESSIONS_PENDING,
    KnownPool,
    Lease,
    PoolTenant,
    turn_key,
)
from schemas.internal.messages import RequestTouch, account_key
from schemas.internal.sender_states import KnownCampaignLimits
from schemas.internal.state_bytes import NEVER, payload_of
from schemas.internal.states import (
    Account,
    DispatchState,
    KnownTenant,
    Request,
    SendChunk,
    Sender,
    SendLog,
)

NEXT = "next"
"""The reason of a call that nothing holds but the turns of others."""

_READ = (
    *(Account, KnownCampaignLimits, KnownPool, KnownTenant, Lease, PoolTenant, Request),
    *(SendChunk, Sender, SendLog),
)
_TAGS = [kind.__name__.encode() for kind in _READ]
_HEAD_BYTES = 40
"""The beginning of a stored state, in which its tag is."""

_decode = msgspec.msgpack.Decoder(DispatchState).decode


class SlotRow(msgspec.Struct, frozen=True, kw_only=True):
    """A limit of calls with those that are under way. `scope` is pool, tenant, campaign, agent or
    number; `name` is that of what it limits. `frees_at` is when one of its slots is free at the
    latest."""

    pool_id: str
    scope: str
    tenant_id: str | None
    name: str
    used: int
    limit: int | None
    frees_at: MomentUs | None


class CallRow(msgspec.Struct, frozen=True, kw_only=True):
    """A call that has a slot."""

    pool_id: str
    tenant_id: str
    campaign_id: str
    contact_id: str
    command_id: str
    agent_id: str | None
    state: str
    granted_at: MomentUs
    until: MomentUs


class WaitingRow(msgspec.Struct, frozen=True, kw_only=True):
    """Touches that wait for the same, of one tenant, channel, campaign, agent and sender account.

    `first_command_id` and `first_contact_id` are those of the one that goes first, with its
    `priority`. `turn` is the place of the tenant in its pool: 1 is served next. `sender_id` is the
    account that may send the first one soonest. `until` is when something opens, None if nobody
    knows it.
    """

    tenant_id: str
    channel: str
    campaign_id: str
    reason: str
    waiting: int
    first_command_id: str
    first_contact_id: str
    priority: int
    expires_at: MomentUs
    until: MomentUs | None = None
    pool_id: str | None = None
    agent_id: str | None = None
    sender_id: str | None = None
    direct: bool = False
    turn: int | None = None
    limits: dict[str, Any] = {}


class QueueView(NamedTuple):
    """What one or several tasks have."""

    slots: list[SlotRow]
    calls: list[CallRow]
    waiting: list[WaitingRow]


def is_of_queue(value: bytes) -> bool:
    """Whether the bytes of a state may be of a kind that a view needs: a quick look."""
    head = value[:_HEAD_BYTES]
    return any(tag in head for tag in _TAGS)


def queue_view(
    states: Mapping[bytes, bytes], now: MomentUs, owns_pool: Callable[[str], bool]
) -> QueueView:
    """The view of a task, from its stored states by key. Every task knows all pools; `owns_pool` is
    whether it owns one."""
    store = Store(_decode)
    for key, value in states.items():
        store.restore(key, value)
    store.restored()
    turn = Turn(now, store, [], 0)
    decoded = [_decode(payload_of(value)) for _, value in store.items()]
    leases = [each for each in decoded if isinstance(each, Lease) and each.state in ACTIVE]
    requests = [each for each in decoded if isinstance(each, Request)]
    waiting = [*_waiting_calls(turn, requests), *_waiting_messages(turn, requests)]
    pools = [each for each in decoded if isinstance(each, KnownPool) and owns_pool(each.pool_id)]
    return QueueView(_slots(turn, pools, leases), [_call(each) for each in leases], waiting)


def merged(views: Iterable[QueueView]) -> QueueView:
    """The views of several tasks as one, in a fixed order."""
    all_views = [*views]
    return QueueView(
        sorted((row for view in all_views for row in view.slots), key=_slot_order),
        sorted((row for view in all_views for row in view.calls), key=lambda row: row.until),
        sorted((row for view in all_views for row in view.waiting), key=_waiting_order),
    )


_SCOPES = ("pool", "tenant", "campaign", "agent", "number")


def _slot_order(row: SlotRow) -> tuple[object, ...]:
    return row.pool_id, _SCOPES.index(row.scope), row.tenant_id or "", row.name


def _waiting_order(row: WaitingRow) -> tuple[object, ...]:
    at = (row.reason != NEXT, row.until is None, row.until or 0)
    return row.pool_id is None, row.pool_id or "", row.turn or 0, not row.direct, *at, -row.priority


# slots


def _slots(turn: Turn, pools: list[KnownPool], leases: list[Lease]) -> list[SlotRow]:
    """A row for each limit that a call under way is counted in, and for each pool."""
    rows: dict[tuple[str, str, str], SlotRow] = {}
    ends: dict[bytes, MomentUs] = {}
    for lease in leases:
        touch = lease.touch
        pool = pool_of(turn, call_of(touch).pool_id)
        for use in slot_uses(turn, pool, known_tenant_of(turn, touch.tenant_id), touch):
            scope = use.name.removeprefix("call_slots_")
            name = _name_of(scope, touch)
            ends[use.group] = min(lease.until, ends.get(use.group, lease.until))
            tenant_id = None if scope == "pool" else touch.tenant_id
            rows[pool.pool_id, scope, f"{tenant_id}/{name}"] = SlotRow(
                pool_id=pool.pool_id,
                scope=scope,
                tenant_id=tenant_id,
                name=name,
                used=use.used,
                limit=pool.slots if scope == "pool" else use.limit,
                frees_at=ends[use.group],
            )
    for pool in pools:
        rows.setdefault((pool.pool_id, "pool", f"None/{pool.pool_id}"), _empty(pool))
    return [*rows.values()]


def _empty(pool: KnownPool) -> SlotRow:
    return SlotRow(
        pool_id=pool.pool_id,
        scope="pool",
        tenant_id=None,
        name=pool.pool_id,
        used=0,
        limit=pool.slots,
        frees_at=None,
    )


def _name_of(scope: str, touch: RequestTouch) -> str:
    call = call_of(touch)
    names = {
        "pool": call.pool_id,
        "tenant": touch.tenant_id,
        "campaign": touch.campaign_id,
        "agent": call.agent_id,
        "number": call.from_number,
    }
    return names[scope] or ""


def _call(lease: Lease) -> CallRow:
    touch = lease.touch
    call = call_of(touch)
    return CallRow(
        pool_id=call.pool_id,
        tenant_id=touch.tenant_id,
        campaign_id=touch.campaign_id,
        contact_id=touch.contact_id,
        command_id=touch.command_id,
        agent_id=call.agent_id,
        state=lease.state,
        granted_at=lease.granted_at,
        until=lease.until,
    )


# what waits


def _waiting_calls(turn: Turn, requests: Iterable[Request]) -> Iterator[WaitingRow]:
    """The calls that wait, by what stops all of them alike."""
    calls = [each for each in requests if each.touch.call is not None]
    places = _turns(turn, calls)
    groups: dict[tuple[Any, ...], list[Request]] = {}
    for request in calls:
        place, call = request.place(), call_of(request.touch)
        own = (request.wait, call.pool_id, call.agent_id) if place is None else place[:1]
        key = (*_names(request), *own)  # what holds the first of a queue holds all of it
        groups.setdefault(key, []).append(request)
    for group in groups.values():
        first = _first(group)
        touch = first.touch
        call = call_of(touch)
        pool = pool_of(turn, call.pool_id)
        reason, until, values = first.wait, first.until, {}
        stopped = hold_of_campaign(turn, touch)
        if stopped is not None:
            reason, until = stopped, None
        elif until is None and reason != SUPPRESSIONS_PENDING:
            hold = slot_hold(turn, pool, known_tenant_of(turn, touch.tenant_id), touch)
            if hold is None:
                reason = NEXT
            else:
                reason, until, values = hold.reason, hold.until, hold.values
        yield _row(
            group,
            first,
            reason,
            until,
            pool_id=call.pool_id,
            agent_id=call.agent_id,
            direct=call.direct,
            turn=places.get((call.pool_id, touch.tenant_id)),
            limits=values.get("limits", {}),
        )


def _turns(turn: Turn, calls: Iterable[Request]) -> dict[tuple[str, str], int]:
    """The place of each tenant with waiting calls among those of its pool."""
    pairs = {(call_of(each.touch).pool_id, each.touch.tenant_id) for each in calls}
    seats = [turn.store.read(turn_key(tenant, pool), PoolTenant) for pool, tenant in pairs]
    known = [seat for seat in seats if seat is not None]
    known.sort(key=lambda seat: (seat.pool_id, seat.passed, seat.served_seq, seat.tenant_id))
    places: dict[tuple[str, str], int] = {}
    counts: dict[str, int] = {}
    for seat in known:
        counts[seat.pool_id] = counts.get(seat.pool_id, 0) + 1
        places[seat.pool_id, seat.tenant_id] = counts[seat.pool_id]
    return places


def _waiting_messages(turn: Turn, requests: Iterable[Request]) -> Iterator[WaitingRow]:
    """The touches of channels without a pool that wait, by what stops all of them alike."""
    groups: dict[tuple[Any, ...], list[Request]] = {}
    for request in requests:
        if request.touch.call is None:
            in_queue = request.until is None
            own = request.lane if in_queue and request.lane else (request.wait, in_queue)
            if hold_of_campaign(turn, request.touch) is not None:
                own = ""  # whatever it waits for, nothing of its campaign is sent
            groups.setdefault((*_names(request), own), []).append(request)
    for group in groups.values():
        first = _first(group)
        names = first.touch.tenant_id, first.touch.channel
        account = turn.store.read(account_key(*names), Account)
        stopped = hold_of_campaign(turn, first.touch)
        if stopped is not None:
            yield _row(group, first, stopped, None)
        elif first.until is not None or account is None:
            yield _row(group, first, first.wait, first.until)
        elif account.by_rules:
            yield _held_by_rules(turn, account, group, first)
        else:
            yield _row(group, first, first.wait, account.next_slot_at)


def _held_by_rules(
    turn: Turn, account: Account, group: list[Request], first: Request
) -> WaitingRow:
    """The row of touches that wait for limits: what holds the first one now. The reason that is
    stored with it is that of the moment at which it began to wait."""
    owner = ChannelOwner(turn, account)
    senders = owner.candidates(first.touch)
    if not senders:
        return _row(group, first, NO_SENDER, None)
    choice = owner.choose(first.touch, senders)
    reason = choice.reason if choice.at > turn.now else NEXT
    until = None if choice.at >= NEVER else max(choice.at, turn.now)
    return _row(
        group,
        first,
        reason,
        until,
        sender_id=choice.sender.terms.sender_id or None,
        limits=values_of(choice.rules, turn.now),
    )


def _names(request: Request) -> tuple[str, str, str]:
    touch = request.touch
    return touch.tenant_id, touch.channel, touch.campaign_id


def _first(group: Iterable[Request]) -> Request:
    """The request that goes first: by its rank in a queue, or else by the end of its wait."""
    return min(group, key=_rank)


def _rank(request: Request) -> tuple[Any, ...]:
    place = request.place()
    return (request.until,) if place is None else (0, *place[1])


def _row(
    group: list[Request], first: Request, reason: str, until: MomentUs | None, **more: Any
) -> WaitingRow:
    touch = first.touch
    return WaitingRow(
        tenant_id=touch.tenant_id,
        channel=touch.channel,
        campaign_id=touch.campaign_id,
        reason=reason,
        waiting=len(group),
        first_command_id=touch.command_id,
        first_contact_id=touch.contact_id,
        priority=touch.priority,
        expires_at=touch.expires_at,
        until=until,
        **more,
    )
