"""The gates that dispatch checks before the limit: suppression, expiry and send window, in this
order."""

from hashlib import blake2b
from typing import Any, NamedTuple

from processors.fold.turn import Turn
from processors.shared.send_windows import opens_at
from schemas.internal import messages as m
from schemas.internal.facts import fact_time
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import Suppression


class ClosedGate(NamedTuple):
    """A gate that stops a touch: the reason, the values it was decided on, and the time at which
    the gate opens, None where it stays closed."""

    reason: str
    values: dict[str, Any]
    opens_at: int | None = None


def closed_gate(turn: Turn, touch: m.RequestTouch) -> ClosedGate | None:
    """The first gate that stops the touch now, or None."""
    suppression = turn.store.read(_suppression_key(touch), Suppression)
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
    return None


def suppress(turn: Turn, order: m.SuppressAddress) -> None:
    """Closes an address for good; the first reason is kept."""
    key = _suppression_key(order)
    if turn.store.read(key, Suppression) is None:
        turn.store.put(key, Suppression(order.reason, order.cause, turn.now))


def _suppression_key(message: m.RequestTouch | m.SuppressAddress) -> bytes:
    """The key has a hash of the address, so that the store holds no list of addresses."""
    address = blake2b(message.recipient.strip().lower().encode(), digest_size=16).hexdigest()
    return f"\x02{message.tenant_id}/{message.channel}/{address}".encode()
