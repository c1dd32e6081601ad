"""Frequency caps of an address: what all contacts of a tenant with one address get counts together
(C-35).

The contact processor counts what one contact gets. Two contacts with one mailbox have folds of
their own, so dispatch adds what the others got. Nothing is kept of tenants without caps.
"""

from processors.fold.turn import Turn
from processors.shared.address_keys import address_key
from processors.shared.frequency_caps import CAP_MEMORY_US, CapHold, cap_holds
from schemas.internal import messages as m
from schemas.internal.states import AddressUse, KnownTenant


def address_hold(turn: Turn, tenant: KnownTenant | None, touch: m.RequestTouch) -> CapHold | None:
    """The cap that holds the touch because others with its address were reached; None if none
    does.

    A repeat of a command that is out is not held: it reaches nobody once more.
    """
    if tenant is None or not tenant.caps or touch.emission > 1 or not touch.rules:
        return None
    use = turn.store.read(_key(tenant, touch), AddressUse)
    others = [] if use is None else [at for at, who, _ in use.sends if who != touch.contact_id]
    if not others:
        return None
    reached = sorted((*touch.reached_at, *others), reverse=True)
    holds = cap_holds(reached, tenant.caps, turn.now)
    return max(holds, key=lambda hold: hold.until, default=None)


def count_use(turn: Turn, tenant: KnownTenant | None, touch: m.RequestTouch) -> None:
    """Counts the command of a touch for its address. A later attempt, or a repeat, is the same
    touch and counts once."""
    if tenant is None or not tenant.caps or not touch.rules:
        return
    key = _key(tenant, touch)
    use = turn.store.edit(key, AddressUse)
    if use is None:
        use = AddressUse([], 0)
        turn.store.put(key, use)
    ids = touch.contact_id, f"{touch.enrollment_id}/{touch.touch_number}"
    since = turn.now - CAP_MEMORY_US
    kept = [send for send in use.sends if send[0] > since and send[1:] != ids]
    use.sends = [*kept, (turn.now, *ids)]
    use.forget_at = turn.now + CAP_MEMORY_US


def _key(tenant: KnownTenant, touch: m.RequestTouch) -> bytes:
    digest = address_key(tenant, touch.channel, touch.recipient)
    return f"\x03{touch.tenant_id}/{touch.channel}/{digest}".encode()
