"""Dispatch's answers to requests and withdrawals: commanded, deferred, refused, withdrawn, revoked
(C-9, S0-5)."""

from processors.contact.calls import call_lost
from processors.contact.context import Context
from processors.contact.late_policy import late_skip_reason
from processors.contact.run_queries import finishes_commands
from processors.contact.senders import sender_chosen
from processors.contact.state_machine import Input, transition
from processors.contact.touch_outcome import (
    PAUSES,
    UNREVOKED,
    begin_uncounted_attempt,
    send_withdrawal,
    skip_touch,
    withdraw_touch,
)
from processors.contact.touch_times import set_due_at
from schemas.base.provider_codes import WINDOW_CLOSED
from schemas.base.times import MINUTE
from schemas.internal.enrollment import LAST_ANSWER, Enrollment, Phase, Status, Touch
from schemas.internal.facts import FactKind
from schemas.internal.messages import (
    CallLost,
    DispatchAnswer,
    TouchCommanded,
    TouchDeferred,
    TouchRefused,
    TouchRevoked,
    TouchWithdrawn,
)


def dispatch_answered(
    context: Context, enrollment: Enrollment, touch: Touch, message: DispatchAnswer
) -> None:
    """Applies an answer of dispatch to the attempt under way; one that comes after the touch was
    resolved changes nothing."""
    match message:
        case TouchCommanded():
            _commanded(context, enrollment, touch, message)
        case CallLost():
            call_lost(context, enrollment, touch)
        case TouchDeferred():
            touch.phase = transition(touch.phase, Input.DEFERRED, touch.phase)
            if touch.phase is Phase.REQUESTED:
                touch.wait, touch.due_at = message.reason, message.until
        case TouchRefused() if touch.phase in (Phase.REQUESTED, Phase.WITHDRAWING):
            _refused(context, enrollment, touch, message)
        case TouchWithdrawn() if touch.phase is Phase.WITHDRAWING:
            _withdrawn(context, enrollment, touch)
        case TouchRevoked() if touch.phase is Phase.WITHDRAWING:
            _revoked(context, enrollment, touch, message)
        case _:
            pass


def _commanded(
    context: Context, enrollment: Enrollment, touch: Touch, message: TouchCommanded
) -> None:
    touch.send_before = message.send_before or None
    if message.sender_id:
        sender_chosen(context, touch, message.sender_id)
    if touch.phase is not Phase.REQUESTED:
        transition(touch.phase, Input.COMMANDED, touch.phase)
        return
    touch.phase = transition(touch.phase, Input.COMMANDED, Phase.COMMANDED)
    _await_sender(context, enrollment, touch)
    if message.slot_until:
        touch.call_id = None  # this is another call than the one before
    if message.slot_until and context.step(enrollment, touch).redial is not None:
        touch.due_at = message.slot_until + SLOT_MARGIN_US  # the slot's owner comes first


SLOT_MARGIN_US = 5 * MINUTE
"""How long after the end of its slot a call is given up, if nobody reports the end of the slot."""


def _await_sender(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    touch.commanded_at = touch.commanded_at or context.now
    touch.wait = "answer"
    touch.due_at = context.now + context.definition(enrollment).settings.answer_timeout_us


def _refused(context: Context, enrollment: Enrollment, touch: Touch, message: TouchRefused) -> None:
    """Skips the touch. If a repeat was refused, the first emission is revoked too, unless the
    pending withdrawal will do that."""
    will_be_revoked = touch.phase is Phase.WITHDRAWING and touch.wait not in UNREVOKED
    if touch.emission > 1 and not will_be_revoked:
        send_withdrawal(context, touch, message.reason, revoke=True)
    skip_touch(context, enrollment, touch, Input.REFUSED, message.reason, message.values)


def _withdrawn(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    """The request was taken back before its command went out: the touch is skipped if the
    enrollment has stopped, else it is scheduled again."""
    context.emit_fact(FactKind.TOUCH_WITHDRAWN, enrollment, touch, reason=touch.reason)
    if enrollment.status is Status.STOPPED:
        reason = enrollment.reason or "stopped"
        # A pause withdrew it, which revokes nothing. The first one is out, and was not answered.
        if touch.emission > 1:
            send_withdrawal(context, touch, reason, revoke=True)
        skip_touch(context, enrollment, touch, Input.WITHDRAWN, reason)
        return
    touch.phase = transition(touch.phase, Input.WITHDRAWN, Phase.SCHEDULED)
    was_paused, touch.reason = touch.reason in PAUSES, None
    window_closed = touch.wait == WINDOW_CLOSED  # the sender's answer to the one that is out
    touch.emission -= 1  # this one never went out
    if window_closed:
        begin_uncounted_attempt(context, enrollment, touch)
    scope = context.opt_out_scope(touch.channel)
    # Opted out meanwhile, and an earlier one went out.
    if (touch.emission or window_closed) and scope is not None:
        skip_touch(context, enrollment, touch, Input.STOP, f"opted_out_{scope}")
        return
    if was_paused and enrollment.status is Status.ACTIVE:
        reason_late = late_skip_reason(context, enrollment, touch)
        if reason_late is not None:
            skip_touch(context, enrollment, touch, Input.STOP, reason_late)
            return
    if window_closed:
        return
    definition, step = context.definition(enrollment), context.step(enrollment, touch)
    set_due_at(context, definition, step, touch, max(context.now, touch.scheduled_at), "delay")


def _revoked(context: Context, enrollment: Enrollment, touch: Touch, message: TouchRevoked) -> None:
    """The command was out. It was revoked, or it stays out and its sender's answer is awaited."""
    if message.revoked:
        skip_touch(context, enrollment, touch, Input.REVOKED, touch.reason or "stopped")
        return
    touch.phase = transition(touch.phase, Input.REVOKED, Phase.COMMANDED)
    scope = context.opt_out_scope(touch.channel)
    if enrollment.status is Status.STOPPED and finishes_commands(context, enrollment):
        _await_sender(context, enrollment, touch)
        touch.wait = LAST_ANSWER
    elif enrollment.status is Status.STOPPED:
        # It was stopped while the withdrawal of a pause was under way, which revokes nothing.
        reason = enrollment.reason or "stopped"
        withdraw_touch(context, enrollment, touch, Input.STOP, reason, revoke=True)
    elif scope is not None:
        withdraw_touch(context, enrollment, touch, Input.STOP, f"opted_out_{scope}", revoke=True)
    else:
        touch.reason = None
        _await_sender(context, enrollment, touch)
