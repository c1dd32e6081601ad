"""The suppressed addresses of an account: closed by an opt-out or a bounce, and opened again by the
order that answers it (S4-85).

An address can be closed for several reasons. A new agreement lifts the opt-outs before it, a
reopened address its bounces; each leaves the other's reasons as they are.
"""

from collections.abc import Callable

from processors.dispatch.shared_suppressions import list_of, share_change, share_next
from processors.fold.turn import Turn
from processors.shared.address_keys import address_keys
from processors.shared.tenant_lookup import tenant_key
from schemas.base.times import MomentUs
from schemas.internal import messages as m
from schemas.internal.call_states import shared_suppression_key
from schemas.internal.facts import FactKind
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import KnownTenant, Suppression

_OPT_OUTS = ("opted_out_", "complained")
"""How the reasons begin that are the will of a person; all others are about the address."""

AGREEMENT = ""
"""The name, among the reasons, of the latest agreement of an owner of the address: an opt-out from
before it closes nothing, however late it is reported."""

_SuppressionOrder = m.SuppressAddress | m.LiftSuppression | m.AddressReopened


def suppression_of(
    turn: Turn, tenant: KnownTenant | None, touch: m.RequestTouch
) -> Suppression | None:
    """The suppression of a touch's address; None if the address is open."""
    for digest in address_keys(tenant, touch.channel, touch.recipient, touch.spelling):
        suppression = turn.store.read(_key_of_touch(touch, digest), Suppression)
        if suppression is not None and suppression.reason != AGREEMENT:
            return suppression
    return None


def suppress(turn: Turn, order: m.SuppressAddress) -> None:
    """Closes an address. Refusals name the first reason. Later reasons are kept too, each with its
    latest time.

    An order of before orders had a time is carried out as it was: it closes one spelling of the
    address, and adds no reason.
    """
    key = _keys(turn, order, order.recipient)[0 if order.at else -1]
    suppression = turn.store.read(key, Suppression)
    if suppression is None:
        _store(turn, order, key, Suppression(order.reason, order.cause, order.at or turn.now))
        return
    reasons = _latest(suppression)
    _, agreed_at = reasons.get(AGREEMENT, ("", 0))
    if order.reason.startswith(_OPT_OUTS) and order.at < agreed_at:
        return
    if order.at > reasons.get(order.reason, ("", 0))[1]:
        _put(turn, order, key, reasons | {order.reason: (order.cause, order.at)})


def share(turn: Turn, question: m.ShareSuppressions) -> None:
    """Answers a call pool with suppressions of the account."""
    share_next(turn, question, suppression_key(question.tenant_id, question.channel, ""))


def lift(turn: Turn, order: m.LiftSuppression) -> None:
    """Lifts the opt-outs of an address that are older than the new agreement of its owner."""
    before = order.at or NEVER
    keys = _keys(turn, order, order.recipient, order.spelling)
    for key in keys:
        _remove(turn, order, key, lambda reason, at: reason.startswith(_OPT_OUTS) and at < before)
    suppression = turn.store.read(keys[0], Suppression)
    reasons = {} if suppression is None else _latest(suppression)
    if order.at > reasons.get(AGREEMENT, ("", 0))[1]:
        _put(turn, order, keys[0], reasons | {AGREEMENT: (order.cause, order.at)})


def reopen(turn: Turn, order: m.AddressReopened) -> None:
    """Opens an address that bounces have closed. The order comes to every partition; it has an
    effect, and a fact, where the account of the channel is. `reason` is what closes it still."""
    keys = _keys(turn, order, order.address)
    removed = [
        _remove(turn, order, key, lambda reason, _: _is_about_the_address(reason)) for key in keys
    ]
    if any(removed):
        left = (turn.store.read(key, Suppression) for key in keys)
        turn.emit_fact(
            FactKind.ADDRESS_REOPENED,
            order.tenant_id,
            channel=order.channel,
            cause=order.cause,
            reason=next((each.reason for each in left if each and each.reason), None),
        )


def _remove(
    turn: Turn,
    order: _SuppressionOrder,
    key: bytes,
    is_lifted: Callable[[str, MomentUs], bool],
) -> bool:
    """Removes reasons from a suppression, and the suppression if none is left; refusals name the
    first one that is left. Returns whether any was removed."""
    suppression = turn.store.read(key, Suppression)
    if suppression is None:
        return False
    reasons = _latest(suppression)
    left = {name: value for name, value in reasons.items() if not is_lifted(name, value[1])}
    if len(left) == len(reasons):
        return False
    if not left:
        _store(turn, order, key, None)
    elif suppression.reason in left:
        kept = {name: value for name, value in suppression.further.items() if name in left}
        names = suppression.reason, suppression.cause, suppression.at
        _store(turn, order, key, Suppression(*names, kept))
    else:
        _put(turn, order, key, left)
    return True


def _put(
    turn: Turn, order: _SuppressionOrder, key: bytes, reasons: dict[str, tuple[str, MomentUs]]
) -> None:
    """Stores the reasons of a suppression. The first one is named by refusals; an agreement is the
    first one only where nothing closes the address."""
    first = next((name for name in reasons if name != AGREEMENT), AGREEMENT)
    cause, at = reasons[first]
    further = {name: value for name, value in reasons.items() if name != first}
    _store(turn, order, key, Suppression(first, cause, at, further))


def _store(
    turn: Turn, order: _SuppressionOrder, key: bytes, suppression: Suppression | None
) -> None:
    """Stores a suppression, or deletes it; the call pools of the tenant get the change."""
    if suppression is None:
        turn.store.delete(key)
    else:
        turn.store.put(key, suppression)
        turn.store.enter(list_of(key), key)
    digest = key.decode().rpartition("/")[2]
    share_change(turn, order.tenant_id, order.channel, digest, suppression)


def is_closed_by_bounce(suppression: Suppression) -> bool:
    """Whether a reopened address would lift a reason of the suppression."""
    return any(map(_is_about_the_address, _latest(suppression)))


def _is_about_the_address(reason: str) -> bool:
    return reason != AGREEMENT and not reason.startswith(_OPT_OUTS)


def _latest(suppression: Suppression) -> dict[str, tuple[str, MomentUs]]:
    """The reasons of a suppression, each with the cause and the time of its latest order."""
    first = suppression.cause, suppression.at
    return {suppression.reason: first} | suppression.further


def _keys(turn: Turn, order: _SuppressionOrder, address: str, spelling: str = "") -> list[bytes]:
    """The keys under which an address may be suppressed, the one of today first."""
    tenant = turn.store.read(tenant_key(order.tenant_id), KnownTenant)
    return [_key(order, d) for d in address_keys(tenant, order.channel, address, spelling)]


def _key_of_touch(touch: m.RequestTouch, digest: str) -> bytes:
    """The key of a suppression where the request is: a call pool has copies of its own."""
    if touch.call is not None:
        pool_id = touch.call.pool_id
        return shared_suppression_key(touch.tenant_id, touch.channel, pool_id, digest)
    return suppression_key(touch.tenant_id, touch.channel, digest)


def _key(order: _SuppressionOrder, digest: str) -> bytes:
    return suppression_key(order.tenant_id, order.channel, digest)


def suppression_key(tenant_id: str, channel: str, digest: str) -> bytes:
    """The key has a digest of the address, so that the store holds no list of addresses."""
    return f"\x02{tenant_id}/{channel}/{digest}".encode()
