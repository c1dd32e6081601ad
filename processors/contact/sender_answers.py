"""What dispatch and the senders say about a requested touch (S0-5, C-9, F-7)."""

from typing import NamedTuple

from processors.contact.context import Context
from processors.contact.sequence import arm, go_on
from processors.contact.state_machine import Input, check
from processors.contact.touch_gates import (
    PAUSES,
    UNREVOKED,
    fail,
    overtaken,
    retry_or_fail,
    skip,
    take_back,
    withdraw,
)
from schemas.base.ids import command_id
from schemas.internal.facts import FactKind
from schemas.internal.messages import (
    DispatchAnswer,
    TouchCommanded,
    TouchDeferred,
    TouchFailed,
    TouchRefused,
    TouchRevoked,
    TouchSent,
    TouchWithdrawn,
)
from schemas.internal.states import RESOLVED, Enrollment, Phase, Status, Touch


class Found(NamedTuple):
    """The touch that a command id belongs to, and which attempt at it; `current` is the one now
    under way."""

    enrollment: Enrollment
    touch: Touch
    attempt: int
    current: bool


def find(context: Context, sought: str) -> Found | None:
    """What a command id belongs to; None where it is none of this contact's.

    Ids derive from their cause, so those of earlier attempts need not be kept.
    """
    for enrollment in reversed(context.contact.enrollments):
        for touch in enrollment.touches:
            if touch.command_id == sought:
                return Found(enrollment, touch, touch.attempt, True)
    for enrollment in reversed(context.contact.enrollments):
        for touch in enrollment.touches:
            for number in range(touch.first_attempt, touch.attempt):
                if sought == _id_of(context, enrollment, touch, number):
                    return Found(enrollment, touch, number, False)
    return None


def went_out(found: Found) -> bool:
    """Dispatch tells of a command in the transaction that emits it, so before anybody can answer:
    to one that still waits there is no answer, whoever gives it."""
    touch = found.touch
    if not found.current or touch.phase not in (Phase.SCHEDULED, Phase.REQUESTED):
        return True
    return touch.emission > (touch.phase is Phase.REQUESTED)


def _id_of(context: Context, enrollment: Enrollment, touch: Touch, attempt: int) -> str:
    return command_id(
        context.tenant_id,
        enrollment.campaign_id,
        context.contact_id,
        enrollment.cycle,
        touch.command_step(),
        attempt,
    )


def answered(
    context: Context, enrollment: Enrollment, touch: Touch, message: DispatchAnswer
) -> None:
    """Dispatch has decided about the attempt under way."""
    match message:
        case TouchCommanded():
            _commanded(context, enrollment, touch)
        case TouchDeferred():
            touch.phase = check(touch.phase, Input.DEFERRED, touch.phase)
            if touch.phase is Phase.REQUESTED:
                touch.wait, touch.due_at = message.reason, message.until
        case TouchRefused() if touch.phase in (Phase.REQUESTED, Phase.WITHDRAWING):
            _refused(context, enrollment, touch, message)
        case TouchWithdrawn() if touch.phase is Phase.WITHDRAWING:
            _withdrawn(context, enrollment, touch)
        case TouchRevoked() if touch.phase is Phase.WITHDRAWING:
            _revoked(context, enrollment, touch, message)
        case _:
            pass  # the touch was resolved meanwhile: nothing to say


def _commanded(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    if touch.phase is not Phase.REQUESTED:
        check(touch.phase, Input.COMMANDED, touch.phase)
        return
    touch.phase = check(touch.phase, Input.COMMANDED, Phase.COMMANDED)
    _await_answer(context, enrollment, touch)


def _await_answer(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    touch.commanded_at = touch.commanded_at or context.now
    touch.wait = "answer"
    touch.due_at = context.now + context.definition(enrollment).settings.answer_timeout_us


def _refused(context: Context, enrollment: Enrollment, touch: Touch, message: TouchRefused) -> None:
    """A repeat that goes out no more takes along the command that it repeats, unless its withdrawal
    asks for that already."""
    asked = touch.phase is Phase.WITHDRAWING and touch.wait not in UNREVOKED
    if touch.emission > 1 and not asked:
        take_back(context, touch, message.reason, revoke=True)
    skip(context, enrollment, touch, Input.REFUSED, message.reason, message.values)


def _withdrawn(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    context.emit_fact(FactKind.TOUCH_WITHDRAWN, enrollment, touch, reason=touch.reason)
    if enrollment.status is Status.STOPPED:
        reason = enrollment.reason or "stopped"
        if touch.emission > 1:  # a freeze asked, which revokes nothing, and the first one is out
            take_back(context, touch, reason, revoke=True)
        skip(context, enrollment, touch, Input.WITHDRAWN, reason)
        return
    touch.phase = check(touch.phase, Input.WITHDRAWN, Phase.SCHEDULED)
    paused, touch.reason = touch.reason in PAUSES, None
    touch.emission -= 1  # this one never went out
    out = context.opted_out(touch.channel)
    if touch.emission and out is not None:  # closed meanwhile, and the one before it is out
        skip(context, enrollment, touch, Input.STOP, f"opted_out_{out}")
        return
    if paused and enrollment.status is Status.ACTIVE:
        late = overtaken(context, enrollment, touch)
        if late is not None:
            skip(context, enrollment, touch, Input.STOP, late)
            return
    arm(context, enrollment, touch, max(context.now, touch.scheduled_at), "delay")


def _revoked(context: Context, enrollment: Enrollment, touch: Touch, message: TouchRevoked) -> None:
    if message.revoked:
        skip(context, enrollment, touch, Input.REVOKED, touch.reason or "stopped")
        return
    touch.phase = check(touch.phase, Input.REVOKED, Phase.COMMANDED)
    out = context.opted_out(touch.channel)
    if enrollment.status is Status.STOPPED:
        # Stopped while a freeze had asked, and that revokes nothing.
        withdraw(
            context, enrollment, touch, Input.STOP, enrollment.reason or "stopped", revoke=True
        )
    elif out is not None:
        withdraw(context, enrollment, touch, Input.STOP, f"opted_out_{out}", revoke=True)
    else:
        touch.reason = None
        _await_answer(context, enrollment, touch)


def sent(context: Context, found: Found, message: TouchSent) -> None:
    """The sender has sent it. A touch that was stopped meanwhile is sent all the same: the race
    is recorded."""
    enrollment, touch = found.enrollment, found.touch
    before = touch.phase
    if before is Phase.SENT:
        return
    touch.phase = check(before, Input.SENT, Phase.SENT)
    if before is Phase.REQUESTED:
        # What waits in dispatch: a repeat, or a later attempt, which may be on its way out.
        take_back(context, touch, "sent", revoke=not found.current)
    elif before is Phase.COMMANDED and not found.current:
        take_back(context, touch, "sent", revoke=True)  # an earlier attempt went out after all
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
        attempt=found.attempt,
        cause=message.cause,
        reason=touch.reason,
        values={"provider_message_id": message.provider_message_id},
        occurred_at=touch.sent_at,
    )
    if before not in RESOLVED:
        go_on(context, enrollment)


def failed(context: Context, found: Found, message: TouchFailed) -> None:
    """The sender could not send it; an answer to an attempt given up earlier changes nothing."""
    enrollment, touch = found.enrollment, found.touch
    if not found.current or touch.phase in RESOLVED:
        return
    permanent = message.permanent or (not message.retryable and _is_client_error(message.code))
    if touch.phase is Phase.REQUESTED:
        take_back(context, touch, "failed", revoke=False)
    if enrollment.status is Status.STOPPED:
        touch.error = message.code
        skip(context, enrollment, touch, Input.FAILED, enrollment.reason or "stopped")
    elif touch.phase is Phase.WITHDRAWING and permanent:
        fail(context, enrollment, touch, Input.FAILED, message.code)
    else:
        retry_or_fail(context, enrollment, touch, message.code, permanent)


def _is_client_error(code: str) -> bool:
    """4xx other than 429 is not retried (F-7)."""
    return len(code) == 3 and code.isdigit() and code[0] == "4" and code != "429"
