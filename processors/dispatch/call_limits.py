"""The limits of calls: how many of them may be under way at a time (C-20, C-38).

Each limit counts the leases of a group: of the tenant, of the whole pool, of a campaign, an agent
or a caller number. Every state of a tenant, and every group but that of the pool, has the tenant in
its key.
"""

from typing import Any, NamedTuple

from processors.fold.turn import Turn
from processors.shared.limit_rules import Concurrent
from processors.shared.tenant_lookup import campaign_limits_key, country_of, tenant_key
from schemas.base.times import MomentUs
from schemas.campaigns.compiled_definition import DEFAULT_POOL
from schemas.channels import PHONE
from schemas.internal.call_states import (
    KnownPool,
    Lease,
    pool_state_key,
    slot_groups,
    tenant_slots_group,
)
from schemas.internal.limit_terms import TenantCallTerms
from schemas.internal.messages import CallTerms, RequestTouch
from schemas.internal.sender_states import KnownCampaignLimits
from schemas.internal.states import KnownTenant

POOL_UNKNOWN = "pool_unknown"

_DEFAULT_TERMS = TenantCallTerms()
_LOOKED_AT_MAX = 20
"""Of so many leases at most it is looked up which one ends first."""


class SlotUse(NamedTuple):
    """A limit of calls: its name, how many of them are under way, and the greatest number of them,
    None without one."""

    name: str
    used: int
    limit: int | None
    group: bytes

    @property
    def is_full(self) -> bool:
        if self.limit is None:
            return False
        return Concurrent(self.name, self.name, self.limit).opens(self.used, 0) > 0


def call_terms(tenant: KnownTenant | None) -> TenantCallTerms:
    """The limits of a tenant's calls; the defaults where it has set none."""
    return tenant.calls if tenant is not None and tenant.calls is not None else _DEFAULT_TERMS


def known_tenant_of(turn: Turn, tenant_id: str) -> KnownTenant | None:
    """The tenant of a call, None if it was never announced."""
    return turn.store.read(tenant_key(tenant_id), KnownTenant)


def call_of(touch: RequestTouch) -> CallTerms:
    """The terms of a touch that is a call."""
    assert touch.call is not None, "the touch of a pool is a call"
    return touch.call


def pool_of(turn: Turn, pool_id: str) -> KnownPool:
    """A pool, for reading. The default pool is always there; a pool that was never announced has no
    slots."""
    pool = turn.store.read(pool_state_key(pool_id), KnownPool)
    if pool is None:
        slots = KnownPool(pool_id).slots if pool_id == DEFAULT_POOL else 0
        pool = KnownPool(pool_id, slots, defined=False)
        turn.store.put(pool_state_key(pool_id), pool)
    return pool


def slot_uses(
    turn: Turn, pool: KnownPool, tenant: KnownTenant | None, touch: RequestTouch
) -> list[SlotUse]:
    """All limits of a call in their fixed order: tenant, pool, campaign, agent, caller number."""
    call, terms, store = call_of(touch), call_terms(tenant), turn.store
    groups = slot_groups(touch)
    limits = {
        "call_slots_tenant": terms.slots,
        "call_slots_pool": pool_limit(turn, pool, terms, touch.tenant_id),
        "call_slots_campaign": campaign_limit(turn, touch),
        "call_slots_agent": terms.agents.get(call.agent_id or ""),
        "call_slots_number": _number_limit(tenant, call.from_number),
    }
    return [
        SlotUse(name, store.count(group), limits[name], group) for name, group in groups.items()
    ]


def _number_limit(tenant: KnownTenant | None, number: str | None) -> int | None:
    """How many calls from a caller number may be under way. The tenant's list has canonical
    forms."""
    numbers = call_terms(tenant).numbers
    if not numbers or number is None:
        return None
    if number in numbers:
        return numbers[number]
    return numbers.get(PHONE.canonical(number, country_of(tenant)))


def pool_limit(turn: Turn, pool: KnownPool, terms: TenantCallTerms, tenant_id: str) -> int:
    """How many calls of the whole pool may be under way when one of the tenant starts: without the
    slots that are kept free for others, and not more than the tenant's own limit (C-20)."""
    limit = pool.slots
    if pool.reserved and not unfilled_floor(turn, pool, tenant_id):
        limit -= unfilled_floors(turn, pool)
    return limit if terms.pool_slots is None else min(limit, terms.pool_slots)


def unfilled_floors(turn: Turn, pool: KnownPool) -> int:
    """How many slots of the pool are kept free for tenants that have fewer calls than they have
    reserved."""
    return sum(unfilled_floor(turn, pool, tenant_id) for tenant_id in pool.reserved)


def unfilled_floor(turn: Turn, pool: KnownPool, tenant_id: str) -> int:
    """How many slots are kept free for a tenant: not more than it can use by its own limit, and
    none for a tenant that was deleted."""
    tenant = known_tenant_of(turn, tenant_id)
    if tenant is not None and tenant.status != "active":
        return 0
    floor = min(pool.reserved.get(tenant_id, 0), call_terms(tenant).slots)
    return max(0, floor - turn.store.count(tenant_slots_group(tenant_id, pool.pool_id)))


def campaign_limit(turn: Turn, touch: RequestTouch) -> int | None:
    """How many calls of its campaign may be under way; None without a limit."""
    key = campaign_limits_key(touch.tenant_id, touch.campaign_id)
    limits = turn.store.read(key, KnownCampaignLimits)
    return None if limits is None else limits.calls_at_once


def values_of(pool: KnownPool, uses: list[SlotUse]) -> dict[str, Any]:
    """The values of a decision about a call: every limit with its use."""
    limits = {use.name: {"used": use.used, "limit": use.limit} for use in uses}
    return {"pool_id": pool.pool_id, "limits": limits}


def first_end(turn: Turn, group: bytes) -> MomentUs | None:
    """When a slot of a group is free at the latest; None where too many calls are under way to look
    at all of them."""
    if turn.store.count(group) > _LOOKED_AT_MAX:
        return None
    leases = (turn.store.read(key, Lease) for key in turn.store.members(group))
    return min((lease.until for lease in leases if lease is not None), default=None)
