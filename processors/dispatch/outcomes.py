"""What ends a request: its command, a refusal or a withdrawal. The contact is informed in the same
transaction."""

from datetime import datetime
from typing import Any

from processors.dispatch.address_caps import count_use
from processors.fold.turn import Turn
from schemas.base.times import MomentUs
from schemas.internal import messages as m
from schemas.internal.facts import Fact, FactKind, fact_time
from schemas.internal.sender_states import is_lane, lane_key
from schemas.internal.states import KnownTenant, Request
from schemas.internal.topics import COMMAND_TOPICS, Topic

_CONTACT_LOG, _FACTS = Topic.CONTACT_LOG, Topic.FACTS  # looked up once: members of enums are slow
_COMMANDED = FactKind.TOUCH_COMMANDED


def command(
    turn: Turn,
    tenant: KnownTenant | None,
    touch: m.RequestTouch,
    send_before: MomentUs,
    values: dict[str, Any],
) -> None:
    """Writes the command of a touch and deletes its request. `values` are those of the limits."""
    count_use(turn, tenant, touch)
    _delete_request(turn, touch)
    key = m.contact_key(touch.tenant_id, touch.contact_id)
    commanded = m.TouchCommanded(
        touch.tenant_id,
        touch.contact_id,
        touch.command_id,
        touch.emission,
        send_before,
        touch.sender_id or "",
    )
    turn.send(COMMAND_TOPICS[touch.channel], key, m.CommandDue(touch, send_before))
    turn.send(_CONTACT_LOG, key, commanded)
    # The current window and template: an amendment may have changed them since the request.
    fields = {
        "emission": touch.emission,
        **values,
        "priority": touch.priority,
        "window": touch.quiet,
        "template_id": touch.template_id,
    }
    emit_touch_fact(turn, _COMMANDED, touch, fields)


def refuse(turn: Turn, touch: m.RequestTouch, reason: str, values: dict[str, Any]) -> None:
    """Refuses a touch for good and deletes its request."""
    _delete_request(turn, touch)
    turn.send(
        Topic.CONTACT_LOG,
        m.contact_key(touch.tenant_id, touch.contact_id),
        m.TouchRefused(touch.tenant_id, touch.contact_id, touch.command_id, reason, values),
    )


def withdraw(turn: Turn, order: m.WithdrawTouch) -> None:
    """Deletes a waiting request. A command that is out already is revoked if the order asks for it;
    whether the revocation is in time is up to the sender.

    A waiting request may repeat a command that is out. That command is revoked too.
    """
    request = turn.store.edit(request_key(order), Request)
    key = m.contact_key(order.tenant_id, order.contact_id)
    repeated = request is not None and request.touch.emission > 1
    if request is not None:
        _delete(turn, request_key(order), request)
    revoked = order.revoke and (request is None or repeated)
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
            values={"pool_id": order.pool_id} if order.pool_id else None,
        )
    ids = (order.tenant_id, order.contact_id, order.command_id)
    withdrawn = request is not None and not revoked
    answer = m.TouchWithdrawn(*ids) if withdrawn else m.TouchRevoked(*ids, revoked)
    turn.send(Topic.CONTACT_LOG, key, answer)


def request_key(message: m.RequestTouch | m.WithdrawTouch | m.AmendTouch) -> bytes:
    """The key of the waiting request that a message is about."""
    return f"\x01{message.tenant_id}/{message.channel}/{message.command_id}".encode()


def emit_touch_fact(
    turn: Turn,
    kind: FactKind,
    touch: m.RequestTouch,
    values: dict[str, Any] | None = None,
    *,
    cause: str | None = None,
    reason: str | None = None,
    until: datetime | None = None,
    occurred_at: datetime | None = None,
) -> None:
    """Emits a fact about a requested touch."""
    fact = Fact(  # by position, in the order of its fields: names would take six times as long
        kind,
        fact_time(turn.now),
        touch.tenant_id,
        touch.contact_id,
        touch.campaign_id,
        touch.campaign_version,
        touch.enrollment_id,
        None,
        touch.step_id,
        touch.touch_number,
        touch.channel,
        touch.command_id,
        touch.attempt,
        cause,
        reason,
        until,
        values,
        occurred_at,
    )
    turn.send(_FACTS, m.contact_key(touch.tenant_id, touch.contact_id), fact)


def _delete_request(turn: Turn, touch: m.RequestTouch) -> None:
    key = request_key(touch)
    request = turn.store.edit(key, Request)
    if request is not None:
        _delete(turn, key, request)


def _delete(turn: Turn, key: bytes, request: Request) -> None:
    """Deletes a request, and its lane if this is empty then."""
    turn.store.delete(key)
    if is_lane(request.lane) and turn.store.first(request.lane.encode()) is None:
        turn.store.delete(lane_key(request.lane))
