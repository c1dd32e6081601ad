"""What people do with a touch: deliveries, opens, clicks, calls, and opt-outs (F-8, C-26, C-40)."""

from processors.contact.command_lookup import CommandMatch
from processors.contact.context import Context
from processors.contact.pause_stop import stop_without_channels
from processors.contact.profile import suppress_address
from processors.contact.sequence import check_trigger
from processors.shared.tenant_lookup import ADDRESS_OF
from schemas.internal.facts import FactKind
from schemas.internal.messages import CallEnded, ContactUnsubscribed, TouchSeen

_SIGNALS = {
    "delivered": ("delivered_at", FactKind.TOUCH_DELIVERED),
    "opened": ("opened_at", FactKind.TOUCH_OPENED),
    "clicked": ("clicked_at", FactKind.TOUCH_CLICKED),
    "read": ("read_at", FactKind.TOUCH_READ),
}
"""Of each signal the field of the touch and the fact."""


def touch_signal(
    context: Context, match: CommandMatch, message: TouchSeen, *, backfill: bool = False
) -> None:
    """Records the first signal of its kind. A signal with an earlier time that arrives later
    redates the touch (C-40)."""
    touch = match.touch
    field, kind = _SIGNALS[message.signal]
    before = getattr(touch, field)
    if before is not None and before <= message.at:
        return
    setattr(touch, field, message.at)
    context.emit_fact(
        kind if before is None else FactKind.TOUCH_REDATED,
        match.enrollment,
        touch,
        command_id=message.command_id,
        attempt=match.attempt,
        cause=message.cause,
        reason=None if before is None else message.signal,
        values={"url": message.url} if message.url else None,
        occurred_at=message.at,
    )
    if not backfill:
        check_trigger(context, match.enrollment, message.cause)


def call_ended(
    context: Context, match: CommandMatch, message: CallEnded, *, backfill: bool = False
) -> None:
    """Records the outcome of a call: of several attempts the latest counts, of two reports about
    one attempt the earlier."""
    touch = match.touch
    if match.attempt < touch.call_attempt:
        return
    reported = (message.at, message.outcome)
    same_attempt = match.attempt == touch.call_attempt
    if same_attempt and (touch.called_at, touch.call_outcome) <= reported:
        return
    touch.call_attempt = match.attempt
    touch.called_at, touch.call_outcome = reported
    context.emit_fact(
        FactKind.TOUCH_CALL_ENDED,
        match.enrollment,
        touch,
        command_id=message.command_id,
        attempt=match.attempt,
        cause=message.cause,
        reason=message.outcome,
        values={"seconds": message.seconds},
        occurred_at=message.at,
    )
    if not backfill:
        check_trigger(context, match.enrollment, message.cause)


def unsubscribed(context: Context, message: ContactUnsubscribed) -> None:
    """Closes a channel, or all of them, for every campaign of this tenant and for no other tenant
    (C-26)."""
    channel, contact = message.channel, context.contact
    before = contact.opted_out.get(channel)
    contact.opted_out[channel] = message.at if before is None else min(before, message.at)
    if before is not None:
        return
    reason = "complained" if message.complained else f"opted_out_{channel}"
    context.emit_fact(
        FactKind.CONTACT_OPTED_OUT, channel=channel, cause=message.cause, reason=reason
    )
    for name in ADDRESS_OF if channel == "all" else (channel,):
        suppress_address(context, name, reason, message.cause)
    stop_without_channels(context, channel, message.cause)
