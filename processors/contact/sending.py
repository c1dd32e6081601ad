"""A touch that was sent, or a call that has reached the person: the one place that ends it so."""

from typing import Any

from processors.contact.command_lookup import CommandMatch
from processors.contact.context import Context
from processors.contact.late_credit import credit_after_send
from processors.contact.result_counts import count_sent
from processors.contact.sequence import advance_run
from processors.contact.state_machine import Input, transition
from processors.contact.touch_outcome import send_withdrawal
from schemas.internal.enrollment import RESOLVED, Phase, Status
from schemas.internal.facts import FactKind

_TAKEN_BACK = (Phase.WITHDRAWING, Phase.SKIPPED, Phase.FAILED)


def mark_sent(
    context: Context,
    match: CommandMatch,
    received: Input,
    sent_at: int,
    cause: str | None,
    values: dict[str, Any],
    command_id: str | None = None,
) -> None:
    """Ends a touch as sent at `sent_at`, and goes on with its run if that waits for it. A touch
    that was stopped meanwhile counts as sent all the same, with reason `sent_after_…`.
    `command_id` is that of an earlier attempt, if that was sent after all."""
    enrollment, touch = match.enrollment, match.touch
    before = touch.phase
    touch.phase = transition(before, received, Phase.SENT)
    if before is Phase.REQUESTED:
        # Dispatch still has a repeat, or a later attempt, whose command may go out any moment.
        send_withdrawal(context, touch, "sent", revoke=not match.current)
    elif before is Phase.COMMANDED and not match.current:
        send_withdrawal(
            context, touch, "sent", revoke=True
        )  # an earlier attempt was sent after all
    touch.sent_at = sent_at
    touch.resolved_at = context.now
    touch.wait = None
    raced = before in _TAKEN_BACK or enrollment.status is Status.STOPPED
    touch.reason = f"sent_after_{touch.reason or enrollment.reason}" if raced else None
    context.emit_fact(
        FactKind.TOUCH_SENT,
        enrollment,
        touch,
        command_id=command_id,
        attempt=match.attempt,
        cause=cause,
        reason=touch.reason,
        values=values,
        occurred_at=touch.sent_at,
    )
    if enrollment.results is not None:
        count_sent(context, enrollment, enrollment.results, touch)
    credit_after_send(context, enrollment, touch, cause)
    if before not in RESOLVED:
        advance_run(context, enrollment)
