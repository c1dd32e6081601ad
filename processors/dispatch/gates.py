"""The gates that dispatch checks before the limit: suppression, expiry, the status of the campaign,
send window and the caps of the address, in this order."""

from typing import Any, NamedTuple

from processors.dispatch.address_caps import address_hold
from processors.dispatch.suppressions import suppression_of
from processors.fold.turn import Turn
from processors.shared.campaign_gate import campaign_hold
from processors.shared.send_windows import opens_at
from processors.shared.tenant_lookup import campaign_limits_key
from schemas.internal import messages as m
from schemas.internal.facts import fact_time
from schemas.internal.sender_states import KnownCampaignLimits, campaign_queue
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import KnownTenant


class ClosedGate(NamedTuple):
    """A gate that stops a touch: the reason, the values it was decided on, and the time at which
    the gate opens, None where it stays closed. A touch waits in the queue of the gate, if it has
    one, until an event opens the gate."""

    reason: str
    values: dict[str, Any]
    opens_at: int | None = None
    queue: str = ""


def closed_gate(turn: Turn, tenant: KnownTenant | None, touch: m.RequestTouch) -> ClosedGate | None:
    """The first gate that stops the touch now, or None."""
    suppression = suppression_of(turn, tenant, touch)
    if suppression is not None:
        since = fact_time(suppression.at)
        return ClosedGate(suppression.reason, {"since": since, "cause": suppression.cause})
    if turn.now >= touch.expires_at:
        return ClosedGate("expired", {"expires_at": fact_time(touch.expires_at)})
    stopped = hold_of_campaign(turn, touch)
    if stopped is not None:
        return ClosedGate(stopped, {}, queue=campaign_queue(touch.tenant_id, touch.campaign_id))
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


def hold_of_campaign(turn: Turn, touch: m.RequestTouch) -> str | None:
    """The reason why nothing of a touch's campaign is sent now; None where it may go."""
    key = campaign_limits_key(touch.tenant_id, touch.campaign_id)
    return campaign_hold(turn.store.read(key, KnownCampaignLimits))
