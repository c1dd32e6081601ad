"""The states of call pools in the dispatch processor: slots as leases, and the turns of tenants.

Every state of a tenant has the tenant in its key (promise 7). A field is only ever appended, with a
default.
"""

from schemas.base.times import MomentUs
from schemas.internal.dispatch_messages import RequestTouch
from schemas.internal.state_base import State


class KnownPool(State):
    """A call pool (F-15, C-20). `seq` is its running number of grants; `defined` is False for the
    pool that is always there and was never announced."""

    pool_id: str
    slots: int = 10
    weights: dict[str, int] = {}
    reserved: dict[str, int] = {}
    seq: int = 0
    defined: bool = True


class PoolTenant(State):
    """A tenant's turns in a pool: `passed` is its virtual time by stride, `served_seq` the running
    number of its last grant. `shared` is whether the tenant's suppressed numbers are known here;
    until then its requests wait."""

    tenant_id: str
    pool_id: str
    served_seq: int = 0
    passed: int = 0
    shared: bool = False


class Lease(State):
    """The slot of one call, from its command to its end (F-18).

    `state` is placing, ringing, live; overrun if the call was reported alive after its slot had
    expired; expired while a late report may still come. `until` is when the state ends by itself:
    it only ever shrinks while the call is under way.
    """

    touch: RequestTouch
    state: str
    granted_at: MomentUs
    until: MomentUs
    reported_at: MomentUs = 0

    def due(self) -> MomentUs | None:
        return self.until


class NumberUse(State):
    """The calls to one number of a tenant: `under_way` are the command ids of those that have a
    slot, `calls` the moments of those that a redial setting counts."""

    under_way: list[str] = []
    calls: list[MomentUs] = []
    forget_at: MomentUs | None = None

    def due(self) -> MomentUs | None:
        return self.forget_at


class CallCampaign(State):
    """The latest ends of a campaign's calls, each with its moment and whether it failed: too many
    failures pause the campaign."""

    tenant_id: str
    campaign_id: str
    ends: list[tuple[MomentUs, bool]] = []
    tripped_at: MomentUs = 0
