"""Who is next in a call pool: the turns of tenants, and within a tenant the order of its calls
(S3-15, F-16).

Among the tenants with a call that may go and a slot of their own, the one with the least virtual
time is served, then the one served longest ago by the pool's running number, then by tenant id.
Each turn moves the tenant's virtual time on by a stride, which is shorter for a greater weight. A
tenant that joins starts one stride after the turn that was served last, so that it neither waits
for its past nor is paid for it.
"""

from heapq import heapify, heappop, heapreplace

from processors.dispatch.call_grants import grant
from processors.dispatch.call_limits import (
    call_terms,
    known_tenant_of,
    pool_of,
    unfilled_floor,
    unfilled_floors,
)
from processors.dispatch.call_waits import report_hold, slot_hold, stopped_by_gate
from processors.dispatch.outcomes import request_key
from processors.fold.store import Rank
from processors.fold.turn import Turn
from schemas.base.times import MomentUs
from schemas.internal.call_states import (
    KnownPool,
    PoolTenant,
    held_queue,
    pool_slots_group,
    pool_state_key,
    pools_group,
    tenant_slots_group,
    turn_key,
    turn_queue,
    waiting_queues,
)
from schemas.internal.states import KnownTenant, Request

STRIDE = 1_000_000
"""How far a turn moves the virtual time of a tenant of weight 1."""

BURST = 500
"""So many waiting calls are looked at in one step. A timer goes on with the others at once."""


def serve(turn: Turn, pool_id: str) -> None:
    """Gives free slots of a pool to the calls that are next, in bounded bursts."""
    looks_left = BURST
    while has_free_slot(turn, pool_id):
        pool = pool_of(turn, pool_id)
        _release_held(turn, pool)
        seat, is_turn = _next_tenant(turn, pool)
        if seat is None:
            return
        if looks_left <= 0:
            _edit_pool(turn, pool_id).look_at = turn.now
            return
        request, looks = _next_call(turn, pool, seat, looks_left)
        looks_left -= looks
        if request is not None:
            _move_on(turn, seat, is_turn=is_turn)
            pool = pool_of(turn, pool_id)
            grant(turn, known_tenant_of(turn, seat.tenant_id), pool, request)


def join(turn: Turn, pool_id: str, tenant_id: str) -> None:
    """Lets a tenant begin whose first call has come: one stride after the turn that was served
    last."""
    pool, key = pool_of(turn, pool_id), turn_key(tenant_id, pool_id)
    seat = turn.store.edit(key, PoolTenant)
    assert seat is not None
    seat.passed = pool.passed + stride_of(pool, tenant_id)
    turn.store.enqueue(key)


def open_turn(turn: Turn, pool_id: str, tenant_id: str) -> None:
    """Makes a tenant one of those that may be served. Turns that it could not use are lost: it
    begins at the present virtual time."""
    key = turn_key(tenant_id, pool_id)
    seat = turn.store.read(key, PoolTenant)
    if seat is None or seat.ready or not seat.shared:
        return
    seat = _edit_seat(turn, seat)
    seat.passed = max(seat.passed, pool_of(turn, pool_id).passed)
    seat.ready, seat.held_at = True, None
    turn.store.enqueue(key)


def look_again(turn: Turn, tenant_id: str) -> None:
    """Has the waiting calls of a tenant looked at in every pool, for example after a change of its
    limits."""
    for key in turn.store.members(pools_group(tenant_id)):
        seat = turn.store.edit(key, PoolTenant)
        assert seat is not None
        seat.look_at = turn.now


def has_free_slot(turn: Turn, pool_id: str) -> bool:
    """Whether fewer calls of a pool are under way than it has slots."""
    return turn.store.count(pool_slots_group(pool_id)) < pool_of(turn, pool_id).slots


def has_waiting(turn: Turn, pool_id: str, tenant_id: str) -> bool:
    """Whether calls of a tenant wait for a slot of a pool."""
    store = turn.store
    return any(
        store.first(queue) for queue in store.queues_below(waiting_queues(tenant_id, pool_id))
    )


def stride_of(pool: KnownPool, tenant_id: str) -> int:
    """How far a turn moves the virtual time of a tenant."""
    return STRIDE // pool.weights.get(tenant_id, 1)


def _next_tenant(turn: Turn, pool: KnownPool) -> tuple[PoolTenant | None, bool]:
    """The tenant that is served next, and whether that is its turn. While only slots are left that
    are kept free for tenants, it is one of these, and out of turn."""
    store = turn.store
    if pool.reserved:
        free = pool.slots - store.count(pool_slots_group(pool.pool_id))
        if free <= unfilled_floors(turn, pool):
            return _next_reserved(turn, pool), False
    key = store.first(turn_queue(pool.pool_id))
    return (None if key is None else store.read(key, PoolTenant)), True


def _next_reserved(turn: Turn, pool: KnownPool) -> PoolTenant | None:
    """Of the tenants that have fewer calls than they have reserved, the one whose turn it is."""
    seats = []
    for tenant_id in pool.reserved:
        seat = turn.store.read(turn_key(tenant_id, pool.pool_id), PoolTenant)
        if seat is not None and seat.ready and unfilled_floor(turn, pool, tenant_id):
            seats.append(seat)
    return min(seats, key=lambda seat: (seat.passed, seat.served_seq, seat.tenant_id), default=None)


def _release_held(turn: Turn, pool: KnownPool) -> None:
    """Lets the tenants take part again whose limit of the whole pool is not reached any more."""
    used = turn.store.count(pool_slots_group(pool.pool_id))
    while (key := turn.store.first(held_queue(pool.pool_id))) is not None:
        seat = turn.store.read(key, PoolTenant)
        assert seat is not None and seat.held_at is not None
        if seat.held_at <= used:
            return
        seat = _edit_seat(turn, seat)
        seat.held_at = None
        open_turn(turn, pool.pool_id, seat.tenant_id)


def _move_on(turn: Turn, seat: PoolTenant, *, is_turn: bool) -> None:
    """Moves the virtual time of the pool to the turn that is served, and that of the tenant one
    stride further. A slot that is kept free for a tenant is no turn."""
    pool, seat = _edit_pool(turn, seat.pool_id), _edit_seat(turn, seat)
    pool.seq += 1
    seat.served_seq = pool.seq
    if is_turn:
        pool.passed = seat.passed
        seat.passed += stride_of(pool, seat.tenant_id)
    turn.store.enqueue(turn_key(seat.tenant_id, seat.pool_id))


def _next_call(
    turn: Turn, pool: KnownPool, seat: PoolTenant, looks_left: int
) -> tuple[Request | None, int]:
    """The call of a tenant that gets a slot, and at how many calls that has looked. Without one the
    tenant is taken out of the turns."""
    tenant, store = known_tenant_of(turn, seat.tenant_id), turn.store
    terms = call_terms(tenant)
    if store.count(tenant_slots_group(seat.tenant_id, pool.pool_id)) >= terms.slots:
        _edit_seat(turn, seat).ready = False
        return None, 1
    pool_used = store.count(pool_slots_group(pool.pool_id))
    if terms.pool_slots is not None and pool_used >= terms.pool_slots:
        seat = _edit_seat(turn, seat)
        seat.ready, seat.held_at = False, terms.pool_slots
        store.enqueue(turn_key(seat.tenant_id, pool.pool_id))
        return None, 1
    return _first_call(turn, pool, seat, tenant, looks_left)


def _first_call(
    turn: Turn, pool: KnownPool, seat: PoolTenant, tenant: KnownTenant | None, looks_left: int
) -> tuple[Request | None, int]:
    """The first call of a tenant that may go, and at how many calls it has looked. Without one the
    tenant leaves the turns, until something opens for one of its calls.

    A queue that is held stays as it is, so all queues are looked at. A call that a gate stops
    leaves its queue, so a burst of them ends after `looks_left` and goes on where it was.
    """
    store = turn.store
    queues = store.queues_below(waiting_queues(seat.tenant_id, seat.pool_id))
    heads = [head for queue in queues if (head := _head_of(turn, queue)) is not None]
    heapify(heads)
    looks, opens_next = 1, seat.look_at
    while heads:
        _, queue, key = heads[0]
        request = store.read(key, Request)
        assert request is not None
        opening = _held_until(turn, pool, tenant, request)
        if opening is not None:
            heappop(heads)
            if opening:
                opens_next = min(opening, opens_next or opening)
        elif not stopped_by_gate(turn, tenant, request.touch):
            return store.edit(key, Request), looks
        else:
            following = _head_of(turn, queue)
            heappop(heads) if following is None else heapreplace(heads, following)
            looks += 1
            if looks > looks_left:
                return None, looks
    seat = _edit_seat(turn, seat)
    seat.ready, seat.look_at = False, opens_next
    return None, looks


def _held_until(
    turn: Turn, pool: KnownPool, tenant: KnownTenant | None, request: Request
) -> MomentUs | None:
    """Whether what holds for a whole queue holds its first call: the moment at which its hours or a
    limit open next, 0 where a lease must end first; None if nothing holds it. The contact is
    informed."""
    touch = request.touch
    hold = slot_hold(turn, pool, tenant, touch)
    if hold is None or not hold.is_own:
        return None
    if hold.reason != request.wait:
        opened = turn.store.edit(request_key(touch), Request)
        assert opened is not None
        report_hold(turn, opened, hold)
    return hold.opens_at or 0


def _head_of(turn: Turn, queue: bytes) -> tuple[Rank, bytes, bytes] | None:
    """The first call of a queue: its rank, the queue and its key; None if the queue is empty."""
    key = turn.store.first(queue)
    request = None if key is None else turn.store.read(key, Request)
    if key is None or request is None:
        return None
    place = request.place()
    assert place is not None, "a request in a queue has a place"
    return place[1], queue, key


def _edit_seat(turn: Turn, seat: PoolTenant) -> PoolTenant:
    opened = turn.store.edit(turn_key(seat.tenant_id, seat.pool_id), PoolTenant)
    assert opened is not None
    return opened


def _edit_pool(turn: Turn, pool_id: str) -> KnownPool:
    opened = turn.store.edit(pool_state_key(pool_id), KnownPool)
    assert opened is not None
    return opened
