"""The rules of one number: never two calls under way to it, a gap between two calls, and how many
calls it gets in a day (S3-22).

They hold for all calls of a tenant in one pool, whatever campaign they are of. A direct call is
exempt from the gap and from the number of calls a day, which are about campaigns; it counts for
them.
"""

from typing import Any

from processors.dispatch.call_limits import call_of
from processors.dispatch.gates import ClosedGate
from processors.fold.turn import Turn
from processors.shared.address_keys import address_key
from schemas.base.times import DAY, SECOND
from schemas.internal.call_states import Lease, NumberUse, lease_key, number_key
from schemas.internal.facts import fact_time
from schemas.internal.messages import RequestTouch
from schemas.internal.states import KnownTenant

NUMBER_BUSY = "number_busy"
MEMORY_US = 7 * DAY
"""How long a call to a number is remembered, for a gap of another campaign too."""


def number_hold(turn: Turn, tenant: KnownTenant | None, touch: RequestTouch) -> ClosedGate | None:
    """The rule of its number that holds a call now; None if none does. A call that waits for the
    end of another one is noted beside that one."""
    call = call_of(touch)
    key = use_key(tenant, touch)
    use = turn.store.read(key, NumberUse)
    if use is None:
        return None
    pool: dict[str, Any] = {"pool_id": call.pool_id}
    for command_id in use.under_way:
        lease = turn.store.read(lease_key(touch.tenant_id, call.pool_id, command_id), Lease)
        if lease is not None and command_id != touch.command_id:
            _note_waiting(turn, key, touch.command_id)
            # After the end of the lease, whose own timer may fire after that of the request.
            opens_at = max(lease.until, turn.now) + 1
            return ClosedGate(NUMBER_BUSY, pool | {"command_id": command_id}, opens_at)
    if call.direct or not use.calls:
        return None
    gap_ends = use.calls[-1] + call.min_gap_us
    if gap_ends > turn.now:
        last, gap_seconds = fact_time(use.calls[-1]), call.min_gap_us // SECOND
        values = pool | {"last_call_at": last, "min_gap_seconds": gap_seconds}
        return ClosedGate("number_gap", values, gap_ends)
    limit = call.max_per_number_per_day
    if limit is not None and len(use.calls) >= limit and use.calls[-limit] + DAY > turn.now:
        used = sum(at + DAY > turn.now for at in use.calls)
        opens_at = use.calls[-limit] + DAY
        return ClosedGate("number_day", pool | {"used": used, "limit": limit}, opens_at)
    return None


def begin_call(turn: Turn, key: bytes, touch: RequestTouch) -> None:
    """Counts a call that gets a slot, once for all its commands. `key` is the one of its number."""
    use = turn.store.edit(key, NumberUse)
    if use is None:
        use = NumberUse()
        turn.store.put(key, use)
    use.under_way = [*use.under_way, touch.command_id]
    begun = [turn.now] if touch.emission == 1 or not use.calls else []
    use.calls = [*(at for at in use.calls if at + MEMORY_US > turn.now), *begun]
    use.forget_at = turn.now + max(MEMORY_US, call_of(touch).min_gap_us)


def end_call(turn: Turn, lease: Lease, *, was_made: bool) -> list[str]:
    """Ends a call to its number, and returns the command ids of the requests that wait for that. A
    call that the provider had no capacity for has not been made."""
    use = turn.store.edit(lease.number, NumberUse)
    if use is None:
        return []
    use.under_way = [each for each in use.under_way if each != lease.touch.command_id]
    if not was_made and lease.granted_at in use.calls:
        calls = [*use.calls]
        calls.remove(lease.granted_at)
        use.calls = calls
    waiting, use.waiting = use.waiting, []
    return waiting


def resume_call(turn: Turn, lease: Lease) -> None:
    """Notes that a call whose slot had expired still lives."""
    use = turn.store.edit(lease.number, NumberUse)
    if use is not None and lease.touch.command_id not in use.under_way:
        use.under_way = [*use.under_way, lease.touch.command_id]


def forget_calls(turn: Turn, key: bytes, use: NumberUse) -> None:
    """Deletes what is known of a number once no rule looks at it."""
    if use.under_way:
        use.forget_at = turn.now + DAY
    else:
        turn.store.delete(key)


def use_key(tenant: KnownTenant | None, touch: RequestTouch) -> bytes:
    """The key of a number in its pool: all spellings have one."""
    digest = address_key(tenant, touch.channel, touch.recipient)
    return number_key(touch.tenant_id, call_of(touch).pool_id, digest)


def _note_waiting(turn: Turn, key: bytes, command_id: str) -> None:
    use = turn.store.edit(key, NumberUse)
    assert use is not None
    if command_id not in use.waiting:
        use.waiting = [*use.waiting, command_id]
