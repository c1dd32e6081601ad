"""A call whose step has rules for further calls: from its command to its outcome (S3-22, F-17).

The statement that the call was placed is progress and no end: the end of the call decides. A call
that reaches the person completes the touch. After another outcome there is a further call by the
rules of the step, or the touch fails. If the slot of the call expires without an end, the outcome
is unknown. An end that arrives later corrects the touch (promise 9).
"""

from typing import Any

from processors.contact.call_progress import id_for_facts
from processors.contact.closed_addresses import close_address, close_on_channel
from processors.contact.command_lookup import CommandMatch
from processors.contact.context import Context
from processors.contact.reported_facts import emit_reported
from processors.contact.run_end import fail_run
from processors.contact.sending import mark_sent
from processors.contact.sequence import leave_step
from processors.contact.state_machine import Input, transition
from processors.contact.touch_outcome import (
    begin_attempt,
    fail_touch,
    next_retry_us,
    retry_or_fail,
    send_withdrawal,
    skip_touch,
)
from processors.contact.touch_times import REDIAL
from schemas.base.call_outcomes import REACHED, UNKNOWN, call_outcome
from schemas.base.error_codes import is_plain_code
from schemas.base.times import MINUTE, SECOND
from schemas.campaigns.compiled_definition import Redial, RedialRule, StepExit
from schemas.internal.enrollment import RESOLVED, Enrollment, Phase, Status, Touch
from schemas.internal.facts import FactKind
from schemas.internal.messages import CallEnded, TouchFailed

NO_OUTCOME = "no_outcome"
"""Why a touch fails whose call has an unknown outcome: the call may have reached the person."""

PLACE_UNKNOWN = "PLACE_UNKNOWN"
"""The code with which a sender gives a call up that it may have placed before it crashed."""

HAS_ENDED = "call_ended"
"""The wait of a touch whose call has ended without reaching the person."""

ENDED_GRACE_US = 1 * MINUTE
"""How long its sender may ask for another attempt then."""

FAILED = "failed"
UNCOUNTED_MAX = 1_000
"""So many calls of a visit may be no attempt, because the provider had no capacity. A provider that
never has any must end too."""

_NO_RULE = RedialRule()
_INVALID_NUMBER = "invalid_number"


# the end


def call_ended(context: Context, match: CommandMatch, message: CallEnded, redial: Redial) -> None:
    """Applies the end of a call."""
    outcome = call_outcome(message.outcome)
    if not _record_end(match, outcome, redial):
        return
    touch = match.touch
    if match.attempt >= touch.call_attempt:
        record_call(match, message, outcome)
    emit_call_ended(context, match, message, outcome)
    if touch.phase in RESOLVED:
        _correct(context, match, outcome, message, redial)
    elif not match.current:
        if outcome in REACHED and not redial.outcomes.get(outcome, _NO_RULE).after_us:
            record_call(match, message, outcome)
            _reached(context, match, Input.ENDED, message)
    else:
        _decide(context, match, outcome, Input.ENDED, redial, message)


def record_call(match: CommandMatch, message: CallEnded, outcome: str) -> None:
    """Keeps what is known of the call that counts for a touch: the last one, or the one that has
    reached the person after all."""
    touch = match.touch
    touch.call_attempt, touch.called_at, touch.call_outcome = match.attempt, message.at, outcome
    touch.call_id, touch.call_seconds = message.call_id or touch.call_id, message.seconds
    touch.log_call().status = message.raw_status


def emit_call_ended(
    context: Context, match: CommandMatch, message: CallEnded, outcome: str
) -> None:
    """Emits the fact of a call's end. The words of a provider are in it where they are codes."""
    values: dict[str, Any] = {"outcome": outcome, "seconds": message.seconds}
    if (call_id := id_for_facts(message.call_id)) is not None:
        values["call_id"] = call_id
    words = {"raw_status": message.raw_status, "answered_by": message.answered_by}
    values |= {name: text for name, text in words.items() if text and is_plain_code(text)}
    resolved_at = match.touch.resolved_at
    if match.touch.phase in RESOLVED and resolved_at is not None:
        values["late_seconds"] = (context.now - resolved_at) // SECOND
    emit_reported(context, match, message, FactKind.TOUCH_CALL_ENDED, outcome, values)


def call_lost(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    """The slot of the call has expired without an end: nobody knows what became of the call."""
    redial = _redial(context, enrollment, touch)
    is_out = touch.emission > (touch.phase is Phase.REQUESTED)
    if redial is None or touch.phase in (*RESOLVED, Phase.SCHEDULED) or not is_out:
        return
    match = CommandMatch(enrollment, touch, touch.attempt, True)
    _record_end(match, UNKNOWN, redial)
    touch.call_attempt, touch.called_at = touch.attempt, context.now
    touch.call_outcome, touch.call_seconds = UNKNOWN, 0
    _decide(context, match, UNKNOWN, Input.LOST, redial, None)


def call_not_placed(
    context: Context,
    match: CommandMatch,
    message: TouchFailed,
    code_class: str,
    permanent: bool,
) -> None:
    """The sender could not place the call. A failed send is tried again like others (F-7), after
    that the call has failed; a code that is the outcome of a call counts as that."""
    enrollment, touch = match.enrollment, match.touch
    redial = _redial(context, enrollment, touch)
    assert redial is not None
    outcome, code, cause = outcome_of_code(message.code), message.code, message.cause
    may_retry = not permanent and next_retry_us(context, enrollment, touch) is not None
    if outcome == FAILED and may_retry:
        _take_back_repeat(context, touch)
        retry_or_fail(context, enrollment, touch, code, permanent, code_class, cause)
        return
    _record_end(match, outcome, redial)
    touch.call_attempt, touch.called_at = touch.attempt, message.at
    touch.call_outcome, touch.call_seconds = outcome, 0
    if outcome == FAILED and permanent:
        _take_back_repeat(context, touch)
        _give_up(context, enrollment, touch, Input.FAILED, code, redial, cause, code_class)
    else:
        _decide(context, match, outcome, Input.FAILED, redial, message, code=code)


def outcome_of_code(code: str) -> str:
    """The outcome of a call that a sender's code means; `failed` if it means none."""
    if code.upper() == PLACE_UNKNOWN:
        return UNKNOWN
    outcome = call_outcome(code)
    return FAILED if outcome == UNKNOWN or outcome in REACHED else outcome


def _record_end(match: CommandMatch, outcome: str, redial: Redial) -> bool:
    """Keeps the outcome of a call by its attempt. False if the report adds nothing: it comes twice,
    or another one about the same call counts more."""
    touch, attempt = match.touch, match.attempt
    known = touch.ends.get(attempt)
    counts = redial.outcomes.get(outcome, _NO_RULE).counts
    if known is not None:
        if _weight(known) >= _weight(outcome):
            return False
    elif not match.current and outcome not in REACHED:
        return False  # that attempt has ended by another answer
    elif touch.phase in RESOLVED and not counts:
        return False  # so has this one
    if counts or known is not None:
        touch.log_call().ends = dict(sorted({**touch.ends, attempt: outcome}.items()))
    return True


def _weight(outcome: str) -> int:
    """Of two reports about one call the heavier one counts, else the first. What is not known
    counts least; then what did not reach the person."""
    if outcome == UNKNOWN:
        return 0
    return 1 if outcome not in REACHED else 2 + (outcome == "answered")


def _decide(
    context: Context,
    match: CommandMatch,
    outcome: str,
    received: Input,
    redial: Redial,
    message: CallEnded | TouchFailed | None,
    *,
    code: str | None = None,
) -> None:
    """Decides what follows the end of the present call: another call, or the end of the touch."""
    enrollment, touch = match.enrollment, match.touch
    rule = redial.outcomes.get(outcome, _NO_RULE)
    cause = None if message is None else message.cause
    reason = NO_OUTCOME if outcome == UNKNOWN else code or outcome
    if rule.suppress and message is not None:
        _close_number(context, touch, outcome, message.at, message.cause)
    if outcome in REACHED and enrollment.status is Status.STOPPED:
        _reached(context, match, received, message)
        return
    _take_back_repeat(context, touch)
    if enrollment.status is Status.STOPPED:
        touch.error = reason
        skip_touch(context, enrollment, touch, received, enrollment.reason or "stopped")
        return
    at = _next_call_at(context, touch, outcome, rule, redial)
    if at is not None:
        touch.phase = transition(touch.phase, received, Phase.SCHEDULED)
        touch.error = reason
        begin_attempt(context, enrollment, touch, reason, at, wait=REDIAL, cause=cause)
        touch.uncounted += not rule.counts
    elif any(each in REACHED for each in (outcome, *touch.ends.values())):
        _reached(context, match, received, message)
    else:
        _give_up(context, enrollment, touch, received, reason, redial, cause)


def _next_call_at(
    context: Context, touch: Touch, outcome: str, rule: RedialRule, redial: Redial
) -> int | None:
    """When the person is called again after an outcome; None if that was the last call."""
    if not rule.after_us:
        return None
    if rule.counts:
        if len(touch.ends) >= redial.max_attempts:
            return None
        number = sum(each == outcome for each in touch.ends.values())
    else:
        if touch.uncounted >= UNCOUNTED_MAX:
            return None
        number = touch.uncounted + 1
    at = context.now + rule.after_us[min(number, len(rule.after_us)) - 1]
    first_at = touch.commanded_at or context.now
    return None if redial.max_age_us is not None and at > first_at + redial.max_age_us else at


def _give_up(
    context: Context,
    enrollment: Enrollment,
    touch: Touch,
    received: Input,
    reason: str,
    redial: Redial,
    cause: str | None,
    code_class: str | None = None,
) -> None:
    """Fails the touch after its last call, and leaves the step by its exit for that."""
    touch.error = reason
    fail_touch(context, enrollment, touch, received, reason, code_class, advance=False, cause=cause)
    if redial.on_exhausted == "fail":
        touch.outcome, enrollment.last_error = redial.on_exhausted, reason
        fail_run(context, enrollment)
    else:
        leave_step(context, enrollment, touch, StepExit(redial.on_exhausted))


def _correct(
    context: Context, match: CommandMatch, outcome: str, message: CallEnded, redial: Redial
) -> None:
    """Applies an end that arrives after the touch was resolved: a call that reached the person was
    made after all; another outcome takes the place of an unknown one. The run has gone on."""
    touch = match.touch
    if redial.outcomes.get(outcome, _NO_RULE).suppress:
        _close_number(context, touch, outcome, message.at, message.cause)
    if touch.phase is Phase.SENT:
        return
    if outcome in REACHED:
        record_call(match, message, outcome)
        _reached(context, match, Input.ENDED, message)
    elif touch.phase is Phase.FAILED and touch.reason == NO_OUTCOME:
        touch.reason = touch.error = outcome
        if match.enrollment.last_error == NO_OUTCOME:
            match.enrollment.last_error = outcome


def _reached(
    context: Context,
    match: CommandMatch,
    received: Input,
    message: CallEnded | TouchFailed | None,
) -> None:
    """Completes the touch: a call has reached the person. If that was an earlier one, no message
    may be about it."""
    call_id = id_for_facts(match.touch.call_id)
    values = {"call_id": call_id, "outcome": match.touch.call_outcome}
    if message is None:
        mark_sent(context, match, received, context.now, None, values)
    else:
        at = _began_at(match.touch, message)
        mark_sent(context, match, received, at, message.cause, values, message.command_id)


def _began_at(touch: Touch, message: CallEnded | TouchFailed) -> int:
    """When the call began: it cannot have been before its command, whatever its seconds are."""
    earliest = touch.commanded_at or touch.requested_at or message.at
    seconds = message.seconds if isinstance(message, CallEnded) else 0
    return max(message.at - seconds * SECOND, min(earliest, message.at))


def _take_back_repeat(context: Context, touch: Touch) -> None:
    """Takes back a request for a command that was answered meanwhile."""
    if touch.phase is Phase.REQUESTED:
        send_withdrawal(context, touch, "call_ended", revoke=False)


def _close_number(context: Context, touch: Touch, outcome: str, at: int, cause: str) -> None:
    """Closes the number that was called: a number that does not exist on every channel, others on
    the channel of calls."""
    close = close_address if outcome == _INVALID_NUMBER else close_on_channel
    close(context, touch, at, cause)


def _redial(context: Context, enrollment: Enrollment, touch: Touch) -> Redial | None:
    return context.step(enrollment, touch).redial


# a step that does not call again


def call_was_placed(context: Context, match: CommandMatch, message: CallEnded) -> None:
    """A call that has ended was placed, also if its sender does not state that. If it has not
    reached the person, its sender has a moment to ask for another attempt."""
    touch = match.touch
    if touch.phase is Phase.COMMANDED and call_outcome(message.outcome) not in REACHED:
        touch.wait, touch.due_at = HAS_ENDED, context.now + ENDED_GRACE_US
    else:
        _reached(context, match, Input.ENDED, message)


def ended_call_counts(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    """Nobody has asked for another attempt after the end of a call."""
    at = context.now if touch.called_at is None else touch.called_at
    values = {"call_id": id_for_facts(touch.call_id), "outcome": touch.call_outcome}
    match = CommandMatch(enrollment, touch, touch.attempt, True)
    mark_sent(context, match, Input.DUE, at, None, values)
