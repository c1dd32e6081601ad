"""The gates that dispatch checks before the limit: suppression, expiry, send window and the caps of
the address, in this order."""

from typing import Any, NamedTuple

from processors.dispatch.address_caps import address_hold
from processors.dispatch.suppressions import suppression_of
from processors.fold.turn import Turn
from processors.shared.send_windows import opens_at
from schemas.internal import messages as m
from schemas.internal.facts import fact_time
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import KnownTenant


class ClosedGate(NamedTuple):
    """A gate that stops a touch: the reason, the values it was decided on, and the time at which
    the gate opens, None where it stays closed."""

    reason: str
    values: dict[str, Any]
    opens_at: int | None = None


def closed_gate(turn: Turn, tenant: KnownTenant | None, touch: m.RequestTouch) -> ClosedGate | None:
    """The first gate that stops the touch now, or None."""
    suppression = suppression_of(turn, tenant, touch)
    if suppression is not None:
        since = fact_time(suppression.at)
        return ClosedGate(suppression.reason, {"since": since, "cause": suppression.cause})
    if turn.now >= touch.expires_at:
        return ClosedGate("expired", {"expires_at": fact_time(touch.expires_at)})
    opens = opens_at(touch.quiet, turn.now)
    if opens == NEVER:
        return ClosedGate("no_window", {"window": touch.quiet})
    if opens > turn.now:
        assert touch.quiet is not None
        values: dict[str, Any] = {"zone": touch.quiet.zone, "zone_from": touch.quiet.zone_from}
        return ClosedGate("quiet_hours", values | {"window": touch.quiet}, opens)
    hold = address_hold(turn, tenant, touch)
    if hold is not None:
        return ClosedGate(hold.reason, {**hold.values, "address": True}, hold.until)
    return None
