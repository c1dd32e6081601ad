"""What becomes of a touch that is not sent now: skipped, failed, retried, or taken back from
dispatch (F-7, F-8, S0-5, C-39)."""

from typing import Any

from processors.contact.call_terms import CALL_GATES
from processors.contact.context import Context
from processors.contact.experiment_templates import TAKES_NO_PART
from processors.contact.run_end import fail_run
from processors.contact.run_queries import finishes_commands
from processors.contact.sequence import advance_run
from processors.contact.skip_values import skip_values
from processors.contact.state_machine import Input, transition
from processors.contact.touch_times import RETRY, next_closing, set_due_at
from schemas.base.provider_codes import WINDOW_CLOSED
from schemas.base.times import MINUTE
from schemas.internal.enrollment import LIVE, Enrollment, Phase, Touch
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.messages import WithdrawTouch, dispatch_key
from schemas.internal.state_bytes import NEVER
from schemas.internal.topics import Topic

PAUSES = ("campaign_paused", "person_paused", "reply_paused")
"""Reasons of withdrawals because the enrollment was frozen."""

EXPIRED = "expired"
"""Why a touch is not sent whose command or request was too old."""

WINDOWS_MAX = 100
"""So many windows a touch waits for a sender that comes too late. A sender that always does must
end too."""

LATE_CALL_US = 1 * MINUTE
"""How long after its sender came too late a call waits for another slot."""

UNREVOKED = (
    *PAUSES,
    "no_address",
    "no_template",
    *TAKES_NO_PART.values(),
    *CALL_GATES,
    WINDOW_CLOSED,
)
"""Reasons of withdrawals that do not revoke a command that is out."""


def skip_touch(
    context: Context,
    enrollment: Enrollment,
    touch: Touch,
    received: Input,
    reason: str,
    values: dict[str, Any] | None = None,
    *,
    advance: bool = True,
) -> None:
    """Ends a touch without sending it, and goes on with the next step (F-8).

    The only place that emits `touch.skipped`. Its `values` are those given, else those that
    `skip_values` finds for the reason (X-3). With `advance` False the caller moves the enrollment.
    """
    _revoke_unanswered(context, enrollment, touch, received, reason)
    _resolve(context, touch, received, Phase.SKIPPED, reason)
    values = values or skip_values(context, enrollment, touch, reason)
    context.emit_fact(FactKind.TOUCH_SKIPPED, enrollment, touch, reason=reason, values=values)
    if advance:
        advance_run(context, enrollment)


def fail_touch(
    context: Context,
    enrollment: Enrollment,
    touch: Touch,
    received: Input,
    reason: str,
    code_class: str | None = None,
    *,
    advance: bool = True,
    cause: str | None = None,
) -> None:
    """Ends a touch after its last attempt and goes on with the next step (F-7), or fails the
    enrollment if it has had too many errors (C-39). `code_class` is the class of a sender's code.
    With `advance` False the caller moves the enrollment."""
    _revoke_unanswered(context, enrollment, touch, received, reason)
    _resolve(context, touch, received, Phase.FAILED, reason)
    values = None if code_class is None else {"class": code_class}
    context.emit_fact(
        FactKind.TOUCH_FAILED, enrollment, touch, cause=cause, reason=reason, values=values
    )
    if not advance:
        return
    if enrollment.status in LIVE and _has_too_many_errors(context, enrollment):
        fail_run(context, enrollment)
    else:
        advance_run(context, enrollment)


def _revoke_unanswered(
    context: Context, enrollment: Enrollment, touch: Touch, received: Input, reason: str
) -> None:
    """Revokes the command of a touch that ends, if a sender may have an emission of it and has not
    answered. After an answer of dispatch its handler decides that, and what came back was sent. A
    command that finishes is revoked only when the time for its answer is over."""
    if received in _WITHOUT_REVOCATION:
        return
    under_way = touch.phase is Phase.WITHDRAWING and touch.wait not in UNREVOKED
    is_out = touch.emission > (received in _ANSWERS) and not under_way
    if is_out and (received is Input.DUE or not finishes_commands(context, enrollment)):
        send_withdrawal(context, touch, reason, revoke=True)


_WITHOUT_REVOCATION = (Input.REFUSED, Input.WITHDRAWN, Input.REVOKED, Input.BOUNCED)
_ANSWERS = (Input.FAILED, Input.ENDED, Input.LOST)
"""After these nothing more is expected of the command that went out last."""


def _resolve(context: Context, touch: Touch, received: Input, phase: Phase, reason: str) -> None:
    touch.phase = transition(touch.phase, received, phase)
    touch.reason = reason
    touch.resolved_at = context.now
    touch.wait = None


def retry_or_fail(
    context: Context,
    enrollment: Enrollment,
    touch: Touch,
    code: str,
    permanent: bool,
    code_class: str | None = None,
    cause: str | None = None,
) -> None:
    """Schedules another attempt after a failed send, by default 1, 5 and 15 minutes later; after
    the last attempt, or on a `permanent` error, the touch fails (F-7)."""
    delay_us = next_retry_us(context, enrollment, touch)
    touch.error = code
    count_error(enrollment, code)
    if permanent or delay_us is None or _has_too_many_errors(context, enrollment):
        fail_touch(context, enrollment, touch, Input.FAILED, code, code_class, cause=cause)
        return
    touch.phase = transition(touch.phase, Input.FAILED, Phase.SCHEDULED)
    at = context.now + delay_us
    begin_attempt(context, enrollment, touch, code, at, code_class, cause=cause)


def next_retry_us(context: Context, enrollment: Enrollment, touch: Touch) -> int | None:
    """How long after a failed send the next attempt is made; None after the last one (F-7). Calls
    that were made are no failed sends."""
    delays_us = context.step(enrollment, touch).retry_delays_us
    if delays_us is None:
        delays_us = context.definition(enrollment).settings.retry_delays_us
    retries = max(0, touch.attempt - touch.first_attempt - touch.uncounted - len(touch.ends))
    return delays_us[retries] if retries < len(delays_us) else None


def await_next_window(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    """Schedules another attempt for the next send window: the sender came to the command after the
    end of the window in which it went out. This is neither an error nor a failed attempt.

    A repeat at dispatch is taken back first; if it is out, its answer is awaited. Without a window
    that closes, and after WINDOWS_MAX of them, the answer is a failure like others. A command that
    has expired ends its touch.
    """
    if touch.phase is Phase.COMMANDED and _has_expired(context, enrollment, touch):
        fail_touch(context, enrollment, touch, Input.FAILED, EXPIRED)
    elif touch.uncounted >= WINDOWS_MAX or _void_at(context, enrollment, touch) == NEVER:
        if touch.phase is Phase.REQUESTED:
            send_withdrawal(context, touch, WINDOW_CLOSED, revoke=False)
        retry_or_fail(context, enrollment, touch, WINDOW_CLOSED, permanent=False)
    elif touch.phase is Phase.REQUESTED:
        withdraw_touch(context, enrollment, touch, Input.STOP, WINDOW_CLOSED, revoke=False)
    elif touch.phase is Phase.WITHDRAWING:
        if touch.wait in UNREVOKED:  # the answer of dispatch leads on; else it ends the touch
            touch.wait = WINDOW_CLOSED
    else:
        touch.phase = transition(touch.phase, Input.FAILED, Phase.SCHEDULED)
        begin_uncounted_attempt(context, enrollment, touch)


def _has_expired(context: Context, enrollment: Enrollment, touch: Touch) -> bool:
    """Whether the time of the touch's command is over, and not only its send window."""
    send_before = touch.send_before
    if send_before is None or send_before > context.now:
        return False
    definition, step = context.definition(enrollment), context.step(enrollment, touch)
    expire_after_us = step.expire_after_us or definition.settings.expire_after_us
    expires_at = (touch.requested_at or context.now) + expire_after_us
    closes = next_closing(context, definition, step, send_before)
    return context.now >= expires_at and closes > send_before


def begin_uncounted_attempt(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    """Gives a scheduled touch another attempt in the first window in which its command is void, so
    that two commands are never valid at once. The next one has a new id: a sender drops an id that
    it has answered."""
    at = max(context.now, _void_at(context, enrollment, touch))
    begin_attempt(context, enrollment, touch, WINDOW_CLOSED, at)
    touch.uncounted += 1


def _void_at(context: Context, enrollment: Enrollment, touch: Touch) -> int:
    """From when on the touch's command must not be sent; NEVER if its send window does not end. A
    call is to be placed much earlier than that: if it is not, its command is void already."""
    if touch.pool_id:
        return context.now + LATE_CALL_US
    step = context.step(enrollment, touch)
    since = touch.commanded_at or context.now
    closes = next_closing(context, context.definition(enrollment), step, since)
    return closes if closes == NEVER or touch.send_before is None else touch.send_before


def begin_attempt(
    context: Context,
    enrollment: Enrollment,
    touch: Touch,
    code: str,
    at: int,
    code_class: str | None = None,
    *,
    wait: str = RETRY,
    cause: str | None = None,
) -> None:
    """Makes a scheduled touch due for its next attempt from `at` on."""
    definition, step = context.definition(enrollment), context.step(enrollment, touch)
    window = set_due_at(context, definition, step, touch, at, wait)
    values: dict[str, Any] = {} if window is None else {"window": window}
    if code_class is not None:
        values["class"] = code_class
    context.emit_fact(
        FactKind.TOUCH_RETRIED,
        enrollment,
        touch,
        cause=cause,
        reason=code,
        until=fact_time(touch.due_at),
        values=values or None,
    )
    touch.attempt += 1
    touch.emission = touch.lapsed = 0
    if touch.call_log is not None:
        touch.call_log.progress = 0
    touch.command_id = None


def count_error(enrollment: Enrollment, code: str) -> None:
    """Adds one error to the enrollment (S2-11)."""
    enrollment.errors += 1
    enrollment.last_error = code


def _has_too_many_errors(context: Context, enrollment: Enrollment) -> bool:
    limit = context.definition(enrollment).settings.max_errors
    return limit is not None and enrollment.errors >= limit


def withdraw_touch(
    context: Context,
    enrollment: Enrollment,
    touch: Touch,
    received: Input,
    reason: str,
    *,
    revoke: bool,
) -> None:
    """Asks dispatch to withdraw a touch's request; dispatch answers whether its command was out.

    With `revoke` a command that is out is revoked too.
    """
    touch.phase = transition(touch.phase, received, Phase.WITHDRAWING)
    touch.wait = touch.reason = reason
    send_withdrawal(context, touch, reason, revoke=revoke)
    context.emit_fact(FactKind.TOUCH_WITHDRAWING, enrollment, touch, reason=reason)


def send_withdrawal(context: Context, touch: Touch, reason: str, *, revoke: bool) -> None:
    """Sends the withdrawal to dispatch and leaves the touch's own state alone."""
    assert touch.command_id is not None
    context.turn.send(
        Topic.DISPATCH_LOG,
        dispatch_key(context.tenant_id, touch.channel, touch.pool_id),
        WithdrawTouch(
            touch.command_id,
            context.tenant_id,
            context.contact_id,
            touch.channel,
            reason,
            revoke,
            touch.pool_id,
        ),
    )
