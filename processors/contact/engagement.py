"""What comes back of a touch: deliveries, opens, clicks and calls (C-40)."""

from processors.contact import calls
from processors.contact.command_lookup import CommandMatch
from processors.contact.context import Context
from processors.contact.conversion_credit import credit_conversions_again
from processors.contact.reported_facts import emit_reported
from processors.contact.resending import message_arrived
from processors.contact.sequence import check_trigger
from schemas.internal.enrollment import RESOLVED
from schemas.internal.facts import AUTOMATIC, FactKind
from schemas.internal.messages import CallEnded, TouchSeen

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
    redates the touch (C-40). A signal of a machine is a fact, and has no effect."""
    touch = match.touch
    field, kind = _SIGNALS[message.signal]
    values = {"url": message.url} if message.url else None
    if message.automatic:
        emit_reported(context, match, message, kind, AUTOMATIC, values)
        return
    if touch.came_back is not None or context.contact.soft_bounces:
        message_arrived(context, match, message)
    before = getattr(touch, field)
    if before is not None and before <= message.at:
        return
    setattr(touch, field, message.at)
    if before is None:
        emit_reported(context, match, message, kind, None, values)
    else:
        emit_reported(context, match, message, FactKind.TOUCH_REDATED, message.signal, values)
    if message.signal == "clicked" and context.contact.conversions:
        credit_conversions_again(context, message.at, message.cause)
    if not backfill and match.enrollment.waiting is not None:
        check_trigger(context, match.enrollment, message.cause)


def call_ended(
    context: Context, match: CommandMatch, message: CallEnded, *, backfill: bool = False
) -> None:
    """Applies the end of a call. If its step does not call again, the outcome is a signal: of
    several attempts the latest counts, of two reports about one attempt the earlier."""
    touch = match.touch
    redial = context.step(match.enrollment, touch).redial
    if redial is not None:
        calls.call_ended(context, match, message, redial)
        return
    if match.attempt < touch.call_attempt:
        return
    reported = (message.at, message.outcome)
    same_attempt = match.attempt == touch.call_attempt
    if same_attempt and (touch.called_at, touch.call_outcome) <= reported:
        return
    calls.record_call(match, message, message.outcome)
    calls.emit_call_ended(context, match, message, message.outcome)
    if backfill:
        return
    if touch.pool_id and match.current and touch.phase not in RESOLVED:
        calls.call_was_placed(context, match, message)
    check_trigger(context, match.enrollment, message.cause)
