"""The states of call pools in the dispatch processor: slots as leases, and the turns of tenants.

Every state of a tenant has the tenant in its key (promise 7). A field is only ever appended, with a
default.
"""

from functools import lru_cache
from typing import ClassVar

import msgspec

from schemas.base.times import MomentUs
from schemas.internal.contact_messages import Window
from schemas.internal.dispatch_messages import RequestTouch
from schemas.internal.state_base import State

Place = tuple[bytes, tuple[int, int, int, str]]
"""A queue, and the rank in it: the lowest one is first."""

SUPPRESSIONS_PENDING = "suppressions_pending"
"""The wait of calls until the pool knows the suppressed numbers of their tenant."""

ACTIVE = frozenset(("placing", "ringing", "live", "overrun"))
"""The states of a lease in which it takes a slot (F-18)."""

LEASE_PREFIX = b"\x13"

_DIRECT = 1_000_000
"""More than any priority: direct calls go before those of campaigns (F-16)."""

_encode = msgspec.msgpack.Encoder().encode


class KnownPool(State):
    """A call pool (F-15, C-20). `seq` is its running number of grants; `defined` is False for the
    pool that is always there, and for one that was never announced, which has no slots. `passed` is
    the virtual time of the turn that was served last. `look_at` is when it is looked at again who
    is next."""

    pool_id: str
    slots: int = 10
    weights: dict[str, int] = {}
    reserved: dict[str, int] = {}
    seq: int = 0
    defined: bool = True
    passed: int = 0
    look_at: MomentUs | None = None

    def due(self) -> MomentUs | None:
        return self.look_at


class PoolTenant(State):
    """A tenant's turns in a pool: `passed` is its virtual time by stride, `served_seq` the running
    number of its last grant. `shared` is whether the tenant's suppressed numbers are known here;
    until then its requests wait.

    `ready` is whether one of its requests may go as soon as the pool has a slot; `held_at` is the
    number of calls of the whole pool from which on the tenant starts none, where that holds it.
    `look_at` is when its requests are looked at again, for example at the opening of their hours.
    """

    queued: ClassVar[bool] = True
    grouped: ClassVar[bool] = True

    tenant_id: str
    pool_id: str
    served_seq: int = 0
    passed: int = 0
    shared: bool = False
    ready: bool = False
    held_at: int | None = None
    look_at: MomentUs | None = None

    def due(self) -> MomentUs | None:
        return self.look_at

    def place(self) -> Place | None:
        """The queue of the tenants that may be served next, or of those that wait until fewer calls
        of the pool are under way."""
        if self.held_at is not None:
            ranked = (-self.held_at, self.passed, self.served_seq, self.tenant_id)
            return held_queue(self.pool_id), ranked
        if self.ready:
            return turn_queue(self.pool_id), (self.passed, self.served_seq, 0, self.tenant_id)
        return None

    def groups(self) -> tuple[bytes, ...]:
        return (pools_group(self.tenant_id),)


class Lease(State):
    """The slot of one call, from its command to its end (F-18).

    `state` is placing, ringing, live; overrun if the call was reported alive after its slot had
    expired; expired while a late report may still come. `until` is when the state ends by itself:
    it only ever shrinks while the call is under way. No call may be placed after `place_by`. The
    touch is there without the person's number and variables.
    """

    grouped: ClassVar[bool] = True

    touch: RequestTouch
    state: str
    granted_at: MomentUs
    until: MomentUs
    reported_at: MomentUs = 0
    place_by: MomentUs = 0
    send_before: MomentUs = 0
    number: bytes = b""
    """The key of the NumberUse that the call is counted in."""

    def due(self) -> MomentUs | None:
        return self.until

    def groups(self) -> tuple[bytes, ...]:
        return tuple(slot_groups(self.touch).values()) if self.state in ACTIVE else ()


class NumberUse(State):
    """The calls to one number of a tenant: `under_way` are the command ids of those that have a
    slot, `calls` the moments of those that were made, `waiting` the command ids of the requests
    that wait for the end of one under way."""

    under_way: list[str] = []
    calls: list[MomentUs] = []
    forget_at: MomentUs | None = None
    waiting: list[str] = []

    def due(self) -> MomentUs | None:
        return self.forget_at


class CallCampaign(State):
    """The latest ends of a campaign's calls, each with its moment and whether it failed: too many
    failures pause the campaign."""

    tenant_id: str
    campaign_id: str
    ends: list[tuple[MomentUs, bool]] = []
    tripped_at: MomentUs = 0
    forget_at: MomentUs | None = None

    def due(self) -> MomentUs | None:
        return self.forget_at


class SuppressionSharing(State):
    """The call pools that get the suppressed addresses of a tenant's channel from its account."""

    tenant_id: str
    channel: str
    pools: list[str] = []


# keys


def pool_state_key(pool_id: str) -> bytes:
    """The key of a KnownPool."""
    return b"\x10" + pool_id.encode()


def turn_key(tenant_id: str, pool_id: str) -> bytes:
    """The key of a PoolTenant."""
    return f"\x11{tenant_id}/{pool_id}".encode()


def lease_key(tenant_id: str, pool_id: str, command_id: str) -> bytes:
    """The key of a Lease."""
    return LEASE_PREFIX + f"{tenant_id}/{pool_id}/{command_id}".encode()


def number_key(tenant_id: str, pool_id: str, digest: str) -> bytes:
    """The key of a NumberUse, by a digest of the number."""
    return f"\x14{tenant_id}/{pool_id}/{digest}".encode()


def call_campaign_key(tenant_id: str, pool_id: str, campaign_id: str) -> bytes:
    """The key of a CallCampaign."""
    return f"\x15{tenant_id}/{pool_id}/{campaign_id}".encode()


def shared_suppression_key(tenant_id: str, channel: str, pool_id: str, digest: str) -> bytes:
    """The key of the copy of a suppression in a call pool."""
    return f"\x16{tenant_id}/{pool_id}/{channel}/{digest}".encode()


def sharing_key(tenant_id: str, channel: str) -> bytes:
    """The key of a SuppressionSharing."""
    return f"\x17{tenant_id}/{channel}".encode()


# queues and groups


def turn_queue(pool_id: str) -> bytes:
    """The queue of the tenants of a pool, by their turns."""
    return b"turns/" + pool_id.encode()


def held_queue(pool_id: str) -> bytes:
    """The queue of the tenants that wait until fewer calls of the pool are under way."""
    return b"held/" + pool_id.encode()


def pending_queue(tenant_id: str, pool_id: str) -> bytes:
    """The queue of the requests that wait for the suppressed numbers of their tenant."""
    return f"pending/{tenant_id}/{pool_id}".encode()


def waiting_queues(tenant_id: str, pool_id: str) -> bytes:
    """Above all queues of a tenant's requests in a pool."""
    return f"calls/{tenant_id}/{pool_id}".encode()


def pools_group(tenant_id: str) -> bytes:
    """The group of a tenant's PoolTenants."""
    return b"pools/" + tenant_id.encode()


def tenant_slots_group(tenant_id: str, pool_id: str) -> bytes:
    """The group of the leases of a tenant in a pool."""
    return f"slots/t/{tenant_id}/{pool_id}".encode()


def pool_slots_group(pool_id: str) -> bytes:
    """The group of all leases of a pool."""
    return f"slots/p/{pool_id}".encode()


def slot_groups(touch: RequestTouch) -> dict[str, bytes]:
    """The groups of leases that a call is counted in, by the name of their limit."""
    call = touch.call
    assert call is not None, "only a call has a slot"
    of_tenant = f"{touch.tenant_id}/{call.pool_id}"
    groups = {
        "call_slots_tenant": tenant_slots_group(touch.tenant_id, call.pool_id),
        "call_slots_pool": pool_slots_group(call.pool_id),
        "call_slots_campaign": f"slots/c/{of_tenant}/{touch.campaign_id}".encode(),
    }
    if call.agent_id is not None:
        groups["call_slots_agent"] = f"slots/a/{of_tenant}/{call.agent_id}".encode()
    if call.from_number is not None:
        groups["call_slots_number"] = f"slots/n/{of_tenant}/{call.from_number}".encode()
    return groups


def is_new_call(touch: RequestTouch) -> bool:
    """Whether it is the first call to a person in a run, and no redial."""
    return touch.first and touch.attempt == 1


def call_place(touch: RequestTouch, wait: str) -> Place:
    """The queue and the rank of a call that waits for a slot.

    All calls of a queue have the same campaign, agent, caller number and hours, and are first calls
    or redials, so that what stops one of them stops all of them, and no other ones. In a queue the
    order is by priority, position, age and command id (S3-12).
    """
    call = touch.call
    assert call is not None
    priority = touch.priority + _DIRECT if call.direct else touch.priority
    rank = (-priority, call.position, call.created_at, touch.command_id)
    if wait == SUPPRESSIONS_PENDING:
        return pending_queue(touch.tenant_id, call.pool_id), rank
    scarce = (touch.campaign_id, is_new_call(touch), call.agent_id, call.from_number, call.hours)
    return _waiting_queue(touch.tenant_id, call.pool_id, *scarce), rank


@lru_cache(maxsize=16_384)
def _waiting_queue(
    tenant_id: str,
    pool_id: str,
    campaign_id: str,
    is_new: bool,
    agent_id: str | None,
    from_number: str | None,
    hours: Window | None,
) -> bytes:
    names = _encode((campaign_id, is_new, agent_id, from_number, hours))
    return waiting_queues(tenant_id, pool_id) + b"\x00" + names
