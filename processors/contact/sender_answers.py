"""The answers of channel senders to a command: sent or failed (S0-5, F-7, F-8)."""

from processors.contact import call_progress, call_reports, calls
from processors.contact.closed_addresses import close_address, close_on_channel
from processors.contact.command_lookup import CommandMatch
from processors.contact.consent import opted_out_at_provider
from processors.contact.context import Context
from processors.contact.late_credit import was_sent_by
from processors.contact.result_counts import count_bounce
from processors.contact.sending import mark_sent
from processors.contact.sequence import advance_run
from processors.contact.state_machine import Input
from processors.contact.touch_outcome import (
    WINDOWS_MAX,
    await_next_window,
    fail_touch,
    retry_or_fail,
    send_withdrawal,
    skip_touch,
)
from processors.shared.tenant_lookup import ADDRESS_OF
from schemas.base.code_classes import CodeClass, Meaning
from schemas.base.provider_codes import WINDOW_CLOSED, meaning_of
from schemas.internal.enrollment import RESOLVED, Phase, Status
from schemas.internal.messages import TouchFailed, TouchSent


def touch_sent(context: Context, match: CommandMatch, message: TouchSent) -> None:
    """The sender has sent the command. Of a call whose step calls again this is progress only."""
    touch = match.touch
    if touch.pool_id:
        call_reports.pass_on_placed(context.turn, message, touch.pool_id)
    if touch.pool_id and context.step(match.enrollment, touch).redial is not None:
        call_progress.call_placed(context, match, message)
    elif touch.came_back is not None and match.attempt <= touch.came_back.attempt:
        was_sent_by(context, match, message, message.sent_at or message.at)
    elif touch.phase is not Phase.SENT:
        sent_at = message.sent_at or message.at
        values = {"provider_message_id": message.provider_message_id}
        mark_sent(context, match, Input.SENT, sent_at, message.cause, values, message.command_id)


def touch_failed(context: Context, match: CommandMatch, message: TouchFailed) -> None:
    """The sender could not send the command: it is retried, or the touch fails. An answer to an
    earlier attempt changes nothing about the touch.

    What the code means is decided here, because it depends on the channel. A code by which the
    person has opted out, or the address does not exist, closes the channel or the address too.
    """
    touch = match.touch
    meaning = meaning_of(message.code, ADDRESS_OF[touch.channel])
    if match.current:
        if touch.phase not in RESOLVED:
            _end_attempt(context, match, message, meaning)
        if meaning.code_class in _CLOSING and not message.retryable:
            _CLOSING[meaning.code_class](context, touch, message.at, message.cause)
            count_bounce(context, match.enrollment, message.at)
    if meaning.code_class is CodeClass.OPTED_OUT:
        opted_out_at_provider(context, match, message)
        advance_run(context, match.enrollment)


_CLOSING = {CodeClass.ADDRESS: close_address, CodeClass.UNREACHABLE: close_on_channel}
"""What closes the address of a touch, by the class of its code."""


def _end_attempt(
    context: Context, match: CommandMatch, message: TouchFailed, meaning: Meaning
) -> None:
    """Ends an attempt. What the sender states about another one counts; else the code decides."""
    enrollment, touch, cause = match.enrollment, match.touch, message.cause
    code, code_class = message.code, meaning.code_class.value
    permanent = message.permanent or (meaning.final and not message.retryable)
    if enrollment.status is Status.STOPPED:
        if touch.phase is Phase.REQUESTED:
            send_withdrawal(context, touch, "failed", revoke=False)
        touch.error = code
        skip_touch(context, enrollment, touch, Input.FAILED, enrollment.reason or "stopped")
        return
    is_opt_out = meaning.code_class is CodeClass.OPTED_OUT
    is_call = touch.pool_id and context.step(enrollment, touch).redial is not None
    comes_late = code == WINDOW_CLOSED and not message.permanent
    if comes_late and not (is_call and touch.uncounted >= WINDOWS_MAX):
        await_next_window(context, enrollment, touch)
        return
    if is_call and not is_opt_out:
        calls.call_not_placed(context, match, message, code_class, permanent)
        return
    if touch.phase is Phase.REQUESTED:
        send_withdrawal(context, touch, "failed", revoke=False)
    if is_opt_out:  # no error: the person may decide that
        touch.error = code
        fail_touch(
            context, enrollment, touch, Input.FAILED, code, code_class, advance=False, cause=cause
        )
    elif touch.phase is Phase.WITHDRAWING and permanent:
        fail_touch(context, enrollment, touch, Input.FAILED, code, code_class, cause=cause)
    else:
        retry_or_fail(context, enrollment, touch, code, permanent, code_class, cause)
