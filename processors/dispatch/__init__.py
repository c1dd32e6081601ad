"""The dispatch processor: the last gates, and the only one that emits commands and revocations.

Keyed by what is scarce: a tenant's channel. A request passes suppression, expiry, quiet hours and
the limit, in that order and each time it is looked at; one that waited out a limit into quiet hours
waits on.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec

from processors.dispatch import limits
from processors.fold.task import Record
from processors.fold.turn import Turn
from processors.shared.send_windows import opens_at
from processors.shared.tenant_lookup import ADDRESS_OF, known_tenant, tenant_key
from schemas.internal import messages as m
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import Account, DispatchState, KnownTenant, Request, State, Suppression
from schemas.internal.topics import COMMAND_TOPICS, Topic

BURST = 500
"""Commands released in one firing of an account's timer; the rest in the next, at the same
moment."""


class DispatchProcessor:
    """A pure fold over dispatch-log (design 1, 2)."""

    decode_state: Callable[[bytes], State] = staticmethod(
        msgspec.msgpack.Decoder(DispatchState).decode
    )

    def apply(self, turn: Turn, record: Record) -> None:
        """One record of dispatch-log."""
        message = m.decode_dispatch(record.value)
        match message:
            case m.RequestTouch():
                _requested(turn, message)
            case m.WithdrawTouch():
                _withdrawn(turn, message)
            case m.AmendTouch():
                _amended(turn, message)
            case m.SuppressAddress():
                _suppressed(turn, message)
            case m.TenantAnnounced():
                _tenant_announced(turn, message)
            case m.Tick():
                pass

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        """A window opens for a request, or a slot for an account."""
        if isinstance(state, Request):
            _line_up(turn, state)
        else:
            _release(turn, state)


def _requested(turn: Turn, touch: m.RequestTouch) -> None:
    _try(turn, touch, None)


def _try(turn: Turn, touch: m.RequestTouch, waiting: Request | None) -> None:
    """Through the gates: out, refused, or waiting for a reason until a time."""
    account = _account(turn, touch)
    if _closed(turn, touch):
        return
    limit = _limit(turn, touch)
    used = limits.used(account, turn.now)
    queued = turn.store.first(m.account_key(touch.tenant_id, touch.channel)) is not None
    if limit is not None and (queued or used >= limit):
        if account.next_slot_at is None:
            account.next_slot_at = limits.next_slot(account, turn.now)
        values = {"used": used, "limit": limit, "window": "1h sliding"}
        # The account's own timer may be due in this very moment, and fire after this one.
        next_try = max(account.next_slot_at, turn.now)
        _wait(turn, touch, waiting, "throttled", None, next_try, values)
        return
    _emit(turn, touch, account, limit, used)


def _line_up(turn: Turn, waiting: Request) -> None:
    """A wait is over, perhaps for many at once: who goes first is the queue's to say (C-35)."""
    touch = waiting.touch
    limit = _limit(turn, touch)
    if limit is None:
        _try(turn, touch, waiting)
    elif not _closed(turn, touch):
        account = _account(turn, touch)
        values = {"used": limits.used(account, turn.now), "limit": limit}
        account.next_slot_at = turn.now
        _wait(turn, touch, waiting, "throttled", None, turn.now, values)


def _closed(turn: Turn, touch: m.RequestTouch) -> bool:
    """The gates before the limit; True where one of them holds the touch."""
    suppression = turn.store.look(_suppression_key(touch), Suppression)
    if suppression is not None:
        since = fact_time(suppression.at)
        _refuse(turn, touch, suppression.reason, {"since": since, "cause": suppression.cause})
        return True
    if turn.now >= touch.expires_at:
        _refuse(turn, touch, "expired", {"expires_at": fact_time(touch.expires_at)})
        return True
    opens = opens_at(touch.quiet, turn.now)
    if opens == NEVER:
        _refuse(turn, touch, "no_window", {"window": touch.quiet})
        return True
    if opens > turn.now:
        assert touch.quiet is not None
        values: dict[str, Any] = {"zone": touch.quiet.zone, "zone_from": touch.quiet.zone_from}
        values["window"] = touch.quiet
        waiting = turn.store.edit(_request_key(touch), Request)
        _wait(turn, touch, waiting, "quiet_hours", opens, opens, values)
        return True
    return False


def _release(turn: Turn, account: Account) -> None:
    """The account's slots go to those in front of its queue; then it sleeps until the next slot."""
    queue = m.account_key(account.tenant_id, account.channel)
    tenant = turn.store.look(tenant_key(account.tenant_id), KnownTenant)
    limit = limits.per_hour(tenant, account.channel)
    account.next_slot_at = None
    for _ in range(BURST):
        key = turn.store.first(queue)
        if key is None:
            return
        waiting = turn.store.edit(key, Request)
        assert waiting is not None
        if _closed(turn, waiting.touch):
            continue
        used = limits.used(account, turn.now)
        if limit is not None and used >= limit:
            account.next_slot_at = limits.next_slot(account, turn.now)
            return
        _emit(turn, waiting.touch, account, limit, used)
    account.next_slot_at = turn.now


def _emit(
    turn: Turn, touch: m.RequestTouch, account: Account, limit: int | None, used: int
) -> None:
    """The command, once; its contact hears of it in the same transaction."""
    limits.count(account, limit, turn.now)
    _forget(turn, touch)
    key = m.contact_key(touch.tenant_id, touch.contact_id)
    turn.send(COMMAND_TOPICS[touch.channel], key, m.CommandDue(touch))
    turn.send(
        Topic.CONTACT_LOG,
        key,
        m.TouchCommanded(touch.tenant_id, touch.contact_id, touch.command_id, touch.emission),
    )
    # Window and template as they are by now: an amendment may have changed them since the request.
    values = {
        "emission": touch.emission,
        "used": used,
        "limit": limit,
        "priority": touch.priority,
        "window": touch.quiet,
        "template_id": touch.template_id,
    }
    _emit_fact(turn, FactKind.TOUCH_COMMANDED, touch, values=values)


def _wait(
    turn: Turn,
    touch: m.RequestTouch,
    waiting: Request | None,
    reason: str,
    until: int | None,
    next_try: int,
    values: dict[str, Any],
) -> None:
    told = waiting.wait if waiting is not None else None
    if waiting is None:
        waiting = Request(touch, reason, until, turn.now)
        turn.store.put(_request_key(touch), waiting)
    waiting.wait, waiting.until = reason, until
    if told == reason and until is None:
        return
    turn.send(
        Topic.CONTACT_LOG,
        m.contact_key(touch.tenant_id, touch.contact_id),
        m.TouchDeferred(touch.tenant_id, touch.contact_id, touch.command_id, reason, next_try),
    )
    _emit_fact(
        turn,
        FactKind.TOUCH_DEFERRED,
        touch,
        reason=reason,
        until=fact_time(next_try),
        values=values,
    )


def _refuse(turn: Turn, touch: m.RequestTouch, reason: str, values: dict[str, Any]) -> None:
    _forget(turn, touch)
    turn.send(
        Topic.CONTACT_LOG,
        m.contact_key(touch.tenant_id, touch.contact_id),
        m.TouchRefused(touch.tenant_id, touch.contact_id, touch.command_id, reason, values),
    )


def _forget(turn: Turn, touch: m.RequestTouch) -> None:
    key = _request_key(touch)
    if turn.store.edit(key, Request) is not None:
        turn.store.delete(key)


def _withdrawn(turn: Turn, order: m.WithdrawTouch) -> None:
    """Taken back if it waits still; else the command is out: revoked, and the sender decides the
    race."""
    waiting = turn.store.edit(_request_key(order), Request)
    key = m.contact_key(order.tenant_id, order.contact_id)
    repeated = waiting is not None and waiting.touch.emission > 1
    if waiting is not None:
        turn.store.delete(_request_key(order))
    revoked = order.revoke and (waiting is None or repeated)
    if revoked:
        revocation = m.CommandRevoked(
            order.command_id, order.tenant_id, order.contact_id, order.channel, order.reason
        )
        turn.send(COMMAND_TOPICS[order.channel], key, revocation)
        turn.emit_fact(
            FactKind.TOUCH_REVOKED,
            order.tenant_id,
            contact_id=order.contact_id,
            channel=order.channel,
            command_id=order.command_id,
            reason=order.reason,
        )
    ids = (order.tenant_id, order.contact_id, order.command_id)
    taken = waiting is not None and not revoked
    answer = m.TouchWithdrawn(*ids) if taken else m.TouchRevoked(*ids, revoked)
    turn.send(Topic.CONTACT_LOG, key, answer)


def _amended(turn: Turn, order: m.AmendTouch) -> None:
    waiting = turn.store.edit(_request_key(order), Request)
    if waiting is None:
        return  # the command is out, to the address that held when it went
    waiting.touch = msgspec.structs.replace(
        waiting.touch,
        recipient=order.recipient,
        quiet=order.quiet,
        template_id=order.template_id,
        variables=order.variables,
    )
    if waiting.until is not None:
        waiting.until = turn.now


def _suppressed(turn: Turn, order: m.SuppressAddress) -> None:
    key = _suppression_key(order)
    if turn.store.look(key, Suppression) is None:
        turn.store.put(key, Suppression(order.reason, order.cause, turn.now))


def _tenant_announced(turn: Turn, message: m.TenantAnnounced) -> None:
    turn.store.put(tenant_key(message.tenant_id), known_tenant(message, None))
    for channel in ADDRESS_OF:
        key = m.account_key(message.tenant_id, channel)
        if turn.store.first(key) is not None:
            account = turn.store.edit(key, Account)
            assert account is not None
            account.next_slot_at = turn.now  # a new limit may let more go at once


def _account(turn: Turn, touch: m.RequestTouch) -> Account:
    key = m.account_key(touch.tenant_id, touch.channel)
    account = turn.store.edit(key, Account)
    if account is None:
        account = Account(touch.tenant_id, touch.channel)
        turn.store.put(key, account)
    return account


def _limit(turn: Turn, touch: m.RequestTouch) -> int | None:
    tenant = turn.store.look(tenant_key(touch.tenant_id), KnownTenant)
    return limits.per_hour(tenant, touch.channel)


def _request_key(about: m.RequestTouch | m.WithdrawTouch | m.AmendTouch) -> bytes:
    return f"\x01{about.tenant_id}/{about.channel}/{about.command_id}".encode()


def _suppression_key(about: m.RequestTouch | m.SuppressAddress) -> bytes:
    """By the address's hash: the list of who must not be written to is no list of addresses."""
    address = blake2b(about.recipient.strip().lower().encode(), digest_size=16).hexdigest()
    return f"\x02{about.tenant_id}/{about.channel}/{address}".encode()


def _emit_fact(turn: Turn, kind: FactKind, touch: m.RequestTouch, **fields: Any) -> None:
    turn.emit_fact(
        kind,
        touch.tenant_id,
        contact_id=touch.contact_id,
        campaign_id=touch.campaign_id,
        version=touch.campaign_version,
        enrollment_id=touch.enrollment_id,
        step_id=touch.step_id,
        touch_number=touch.touch_number,
        channel=touch.channel,
        command_id=touch.command_id,
        attempt=touch.attempt,
        **fields,
    )
