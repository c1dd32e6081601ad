"""The answers of channel senders to a command: sent or failed (S0-5, F-7)."""

from processors.contact.command_lookup import CommandMatch
from processors.contact.context import Context
from processors.contact.sequence import advance_run
from processors.contact.state_machine import Input, transition
from processors.contact.touch_outcome import (
    fail_touch,
    retry_or_fail,
    send_withdrawal,
    skip_touch,
)
from schemas.internal.enrollment import RESOLVED, Phase, Status
from schemas.internal.facts import FactKind
from schemas.internal.messages import TouchFailed, TouchSent


def touch_sent(context: Context, match: CommandMatch, message: TouchSent) -> None:
    """The sender has sent the command. A touch that was stopped meanwhile counts as sent all the
    same, with reason `sent_after_…`."""
    enrollment, touch = match.enrollment, match.touch
    before = touch.phase
    if before is Phase.SENT:
        return
    touch.phase = transition(before, Input.SENT, Phase.SENT)
    if before is Phase.REQUESTED:
        # Dispatch still has a repeat, or a later attempt, whose command may go out any moment.
        send_withdrawal(context, touch, "sent", revoke=not match.current)
    elif before is Phase.COMMANDED and not match.current:
        send_withdrawal(
            context, touch, "sent", revoke=True
        )  # an earlier attempt was sent after all
    touch.sent_at = message.sent_at or message.at
    touch.resolved_at = context.now
    touch.wait = None
    raced = before in (Phase.WITHDRAWING, Phase.SKIPPED, Phase.FAILED)
    touch.reason = f"sent_after_{touch.reason or enrollment.reason}" if raced else None
    context.emit_fact(
        FactKind.TOUCH_SENT,
        enrollment,
        touch,
        command_id=message.command_id,
        attempt=match.attempt,
        cause=message.cause,
        reason=touch.reason,
        values={"provider_message_id": message.provider_message_id},
        occurred_at=touch.sent_at,
    )
    if before not in RESOLVED:
        advance_run(context, enrollment)


def touch_failed(context: Context, match: CommandMatch, message: TouchFailed) -> None:
    """The sender could not send the command: it is retried, or the touch fails. An answer to an
    earlier attempt changes nothing."""
    enrollment, touch = match.enrollment, match.touch
    if not match.current or touch.phase in RESOLVED:
        return
    permanent = message.permanent or (not message.retryable and _is_client_error(message.code))
    if touch.phase is Phase.REQUESTED:
        send_withdrawal(context, touch, "failed", revoke=False)
    if enrollment.status is Status.STOPPED:
        touch.error = message.code
        skip_touch(context, enrollment, touch, Input.FAILED, enrollment.reason or "stopped")
    elif touch.phase is Phase.WITHDRAWING and permanent:
        fail_touch(context, enrollment, touch, Input.FAILED, message.code)
    else:
        retry_or_fail(context, enrollment, touch, message.code, permanent)


def _is_client_error(code: str) -> bool:
    """Whether the code is an HTTP status 4xx other than 429; those are not retried (F-7)."""
    return len(code) == 3 and code.isdigit() and code[0] == "4" and code != "429"
