"""A log of dispatch with call pools, folded without the other processors.

The account of each tenant's voice channel is in the same partition as the pools, so what dispatch
sends to itself comes back at once.
"""

from typing import Any

import msgspec

from processors.dispatch.call_leases import LeaseState
from schemas.base.times import SECOND
from schemas.internal import messages as m
from schemas.internal.call_states import ACTIVE, Lease
from schemas.internal.limit_terms import TenantCallTerms
from schemas.internal.states import Request
from tests.processors.dispatch.dispatch_log import DispatchLog, request
from tests.testing.builders import TENANT
from tests.testing.world import START

POOL = "calls"
PLACE, RING, MAX, MARGIN = 60 * SECOND, 45 * SECOND, 900 * SECOND, 60 * SECOND
LONGEST = PLACE + RING + MAX + MARGIN


def terms(**changes: Any) -> m.CallTerms:
    """The terms of a call of the default pool."""
    fields: dict[str, Any] = {
        "pool_id": POOL,
        "agent_id": None,
        "from_number": None,
        "place_us": PLACE,
        "ring_us": RING,
        "max_us": MAX,
    }
    return m.CallTerms(**(fields | changes))


_TERMS = {field.name for field in msgspec.structs.fields(m.CallTerms)}


def call(number: int, **changes: Any) -> m.RequestTouch:
    """A request to call the person of a number; `changes` are of the request or its terms."""
    of_terms = {name: value for name, value in changes.items() if name in _TERMS}
    others = {name: value for name, value in changes.items() if name not in _TERMS}
    fields = {
        "channel": "voice",
        "action": "place_call",
        "recipient": f"+1212555{number:04}",
        "campaign_id": "offers",
        "call": terms(**({"position": number} | of_terms)),
    }
    return request(number, **(fields | others))


def pool(slots: int, pool_id: str = POOL, **changes: Any) -> m.PoolAnnounced:
    """A call pool."""
    fields: dict[str, Any] = {"weights": {}, "reserved": {}}
    return m.PoolAnnounced(pool_id, slots, **(fields | changes))


def tenant_calls(tenant_id: str = TENANT, **changes: Any) -> m.TenantAnnounced:
    """A tenant with limits of its calls."""
    tenant = m.TenantAnnounced(tenant_id, "active", "UTC", None, 0, (), {}, {})
    return msgspec.structs.replace(tenant, calls=TenantCallTerms(**changes))


def reported(
    touch: m.RequestTouch, state: str = "ended", at: int = START, **changes: Any
) -> m.CallReported:
    """What the sender of a call reports."""
    assert touch.call is not None
    fields: dict[str, Any] = {
        "tenant_id": touch.tenant_id,
        "contact_id": touch.contact_id,
        "command_id": touch.command_id,
        "pool_id": touch.call.pool_id,
        "state": state,
        "at": at,
        "cause": f"dialler#{touch.command_id}-{state}",
        "outcome": "answered" if state == "ended" else "",
    }
    return m.CallReported(**(fields | changes))


class CallsLog(DispatchLog):
    """One partition of dispatch-log that has everything of calls."""

    def append(self, *messages: m.Message, at: int = START) -> "CallsLog":
        """Appends messages, and afterwards what dispatch has sent to its own log."""
        at = max(at, self.task.stream_time)
        seen = len(self.outputs)
        super().append(*messages, at=at)
        own = [
            message
            for message in self.outputs[seen:]
            if isinstance(message, m.ShareSuppressions | m.SuppressionsShared)
        ]
        return self.append(*own, at=at) if own else self

    def leases(self, *states: str) -> list[Lease]:
        """The leases in these states; without any, those that take a slot."""
        wanted = states or ACTIVE
        return [lease for lease in self.states(Lease) if lease.state in wanted]

    def under_way(self) -> list[str]:
        """The ids of the calls that have a slot, sorted."""
        return sorted(lease.touch.command_id for lease in self.leases())

    def waits(self) -> dict[str, str]:
        """What each waiting call waits for."""
        return {each.touch.command_id: each.wait for each in self.states(Request)}

    def until(self, command_id: str) -> tuple[str, float]:
        """The state of a lease, and its end in seconds after START."""
        (lease,) = [each for each in self.states(Lease) if each.touch.command_id == command_id]
        return LeaseState(lease.state), (lease.until - START) / SECOND
