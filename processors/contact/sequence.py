"""How an enrollment moves from step to step: branches, scheduling, and the waits between steps
(F-2, S2-17…S2-21)."""

from processors.contact.context import Context
from processors.contact.run_end import complete_run, fail_run, mark_stopped
from processors.contact.run_queries import last_reply_at, may_be_with_sender
from processors.contact.touch_times import (
    anchor_of,
    emit_schedule,
    executed_at,
    scheduled_time,
    set_due_at,
)
from schemas.base.call_outcomes import UNKNOWN, call_outcome
from schemas.campaigns.compiled_definition import StepExit, StepWait
from schemas.internal.enrollment import (
    LIVE,
    RESOLVED,
    Enrollment,
    PersonSignal,
    Phase,
    Touch,
    Waiting,
)
from schemas.internal.facts import FactKind, fact_time

TOUCHES_MAX = 200
"""Touches of one enrollment. A loop whose trigger is always met must end too."""

EARLY_MAX = 16
"""Events of one signal that an enrollment remembers for the wait of its last touch."""

TIMEOUT = "timeout"
_TO_NEXT_STEP = StepExit()
_NO_SIGNALS: dict[str, list[PersonSignal]] = {}


def advance_run(context: Context, enrollment: Enrollment) -> None:
    """Schedules the next step or begins a wait, if the enrollment is live and its last touch is
    resolved (S0-4)."""
    if enrollment.status not in LIVE or enrollment.waiting is not None:
        return
    if not enrollment.touches:
        schedule_step(context, enrollment, 0)
        return
    touch = enrollment.touches[-1]
    if touch.phase not in RESOLVED:
        return
    step = context.step(enrollment, touch)
    if touch.phase is Phase.SENT and step.wait_for is not None:
        _begin_wait(context, enrollment, touch, step.wait_for)
    else:
        leave_step(context, enrollment, touch, step.then)


def leave_step(context: Context, enrollment: Enrollment, touch: Touch, step_exit: StepExit) -> None:
    """Leaves the last step by one of its exits."""
    definition = context.definition(enrollment)
    touch.outcome = None if step_exit == _TO_NEXT_STEP else step_exit.outcome
    match step_exit.outcome:
        case "branch":
            assert step_exit.to is not None
            schedule_step(context, enrollment, definition.step_index(step_exit.to))
        case "complete":
            complete_run(context, enrollment)
        case "stop":
            mark_stopped(context, enrollment, _end_reason(touch), None, {"step": touch.step_id})
        case "fail":
            enrollment.last_error = _end_reason(touch)
            fail_run(context, enrollment)
        case _:
            schedule_step(context, enrollment, definition.step_index(touch.step_id) + 1)


def _end_reason(touch: Touch) -> str:
    return f"trigger_{touch.awaited}" if touch.awaited else f"step_{touch.step_id}"


def schedule_step(context: Context, enrollment: Enrollment, index: int) -> None:
    """Adds a touch for step number `index` and sets its time; past the last step the enrollment is
    completed."""
    definition = context.definition(enrollment)
    if index == len(definition.steps):
        complete_run(context, enrollment)
        return
    if len(enrollment.touches) == TOUCHES_MAX:
        values = {"touches": TOUCHES_MAX}
        mark_stopped(context, enrollment, "too_many_touches", None, values)
        return
    step = definition.steps[index]
    touch = Touch(step.id, len(enrollment.touches) + 1, step.channel, 0, 0)
    anchor = anchor_of(definition, enrollment, touch, step)
    touch.scheduled_at = at = scheduled_time(context, enrollment, touch, step, anchor)
    for earlier in enrollment.touches:
        if earlier.step_id == step.id and earlier.visit >= touch.visit:
            touch.visit = earlier.visit + 1
        if earlier.command_step() == step.id and earlier.attempt >= touch.attempt:
            touch.attempt = touch.first_attempt = earlier.attempt + 1
    enrollment.touches.append(touch)
    if enrollment.early_signals:
        enrollment.early_signals = {}
    window = set_due_at(context, definition, step, touch, at, "delay")
    emit_schedule(context, enrollment, touch, window, anchor=anchor)


# waits


def _begin_wait(context: Context, enrollment: Enrollment, touch: Touch, wait: StepWait) -> None:
    """Waits for the events of `wait`; if one of them has happened since the step was sent, the
    enrollment goes on at once."""
    since = executed_at(touch)
    waiting = enrollment.waiting = Waiting(since, since + wait.max_wait_us)
    signals = enrollment.early_signals
    if signals:
        enrollment.early_signals = {}
    elif enrollment.reply_cause is not None:  # older code has kept a reply
        signals = known_signals(context, enrollment)
    if not check_trigger(context, enrollment, signals=signals):
        context.emit_fact(
            FactKind.TRIGGER_AWAITED,
            enrollment,
            touch,
            until=fact_time(waiting.until),
            values={"events": list(wait.events)},
        )


def known_signals(context: Context, enrollment: Enrollment) -> dict[str, list[PersonSignal]]:
    """The person's last reply, connection and conversion, for a wait that begins late: as far as
    they have ended no wait of the enrollment."""
    known = {
        "reply": (last_reply_at(context, enrollment), enrollment.reply_cause),
        "connection_accepted": (context.contact.connected_at, None),
        "conversion": (enrollment.converted_at, None),
    }
    return {
        signal: [PersonSignal(at, cause)]
        for signal, (at, cause) in known.items()
        if at is not None and not _has_ended_a_wait(enrollment, signal, at)
    }


def _has_ended_a_wait(enrollment: Enrollment, signal: str, at: int) -> bool:
    return any(touch.awaited == signal and touch.awaited_at == at for touch in enrollment.touches)


def apply_signal(
    context: Context, enrollment: Enrollment, signal: str, at: int, cause: str, *, names_touch: bool
) -> bool:
    """Applies a reply, connection or conversion of the person to an enrollment: it ends the wait
    for that, or is kept if the command of a step that will wait for that is out.

    With `names_touch` the event names the command of the last touch. Returns whether the event
    has ended a wait of the enrollment, now or before.
    """
    if _has_ended_a_wait(enrollment, signal, at):
        return True
    if not enrollment.touches:
        return False  # it waits for its campaign
    touch = enrollment.touches[-1]
    wait = context.step(enrollment, touch).wait_for
    if wait is None or signal not in wait.events:
        return False
    given = PersonSignal(at, cause, names_touch)
    if enrollment.waiting is not None:
        return check_trigger(context, enrollment, signals={signal: [given]})
    if may_be_with_sender(touch):
        kept = enrollment.early_signals.setdefault(signal, [])
        kept.append(given)
        del kept[:-EARLY_MAX]
    return False


def check_trigger(
    context: Context,
    enrollment: Enrollment,
    cause: str | None = None,
    *,
    signals: dict[str, list[PersonSignal]] = _NO_SIGNALS,
) -> bool:
    """Ends the enrollment's wait if one of the events that it waits for has happened since its step
    was sent (S2-19).

    `signals` are the signals of the person that may end it; those of the touch are in its state. An
    event ends at most one wait, so no earlier signal is looked for. Returns whether the wait is
    over; False where there is none. `cause` is the public event that led to this check.
    """
    waiting = enrollment.waiting
    if waiting is None:
        return False
    touch = enrollment.touches[-1]
    wait = context.step(enrollment, touch).wait_for
    assert wait is not None, "only a step that waits has a wait"
    happened = [
        (at, event, signal)
        for event in wait.events
        for at, signal in _happened(touch, event, wait, waiting.since, signals)
    ]
    if not happened:
        return False
    at, event, signal = min(happened, key=lambda each: each[:2])
    enrollment.waiting = None
    if event == "reply" and enrollment.reply_cause is not None:
        # Another reply that was kept for the wait is like any other reply.
        others = [each.cause for each in signals["reply"] if each is not signal]
        enrollment.reply_cause = others[0] if others else None
    touch.awaited, touch.awaited_at = event, min(max(at, waiting.since), context.now)
    cause = cause if signal is None else signal.cause
    context.emit_fact(
        FactKind.TRIGGER_MET, enrollment, touch, cause=cause, reason=event, occurred_at=at
    )
    leave_step(context, enrollment, touch, wait.on_event)
    return True


_TOUCH_SIGNALS = {
    "open": "opened_at",
    "click": "clicked_at",
    "delivered": "delivered_at",
    "read": "read_at",
    "call_outcome": "called_at",
}
"""The field of a touch with the moment of each signal that names the touch by its command. Such a
signal is about its own touch, also if its time is before that of the send."""


def _happened(
    touch: Touch, event: str, wait: StepWait, since: int, signals: dict[str, list[PersonSignal]]
) -> list[tuple[int, PersonSignal | None]]:
    """The times at which `event` happened since the touch was sent, at `since`, each with the
    signal of the person, if it is one."""
    field = _TOUCH_SIGNALS.get(event)
    if field is None:
        given = signals.get(event, ())
        return [(each.at, each) for each in given if each.names_touch or each.at >= since]
    at = getattr(touch, field)
    if at is None or (event == "call_outcome" and not _is_awaited(touch, wait.outcomes)):
        return []
    return [(at, None)]


def _is_awaited(touch: Touch, words: tuple[str, ...]) -> bool:
    """Whether the outcome of a call is one of these, by our name or by a provider's word."""
    outcome = touch.call_outcome
    return not words or any(
        word in (outcome, touch.call_status) or call_outcome(word) == outcome != UNKNOWN
        for word in words
    )


def time_out_wait(context: Context, enrollment: Enrollment) -> None:
    """Ends a wait whose time is over, by its `on_timeout` exit (S2-20)."""
    touch, waiting = enrollment.touches[-1], enrollment.waiting
    wait = context.step(enrollment, touch).wait_for
    assert wait is not None and waiting is not None, "only a wait times out"
    enrollment.waiting = None
    touch.awaited, touch.awaited_at = TIMEOUT, waiting.until
    context.emit_fact(
        FactKind.TRIGGER_TIMED_OUT,
        enrollment,
        touch,
        reason=TIMEOUT,
        values={"events": wait.events},
    )
    leave_step(context, enrollment, touch, wait.on_timeout)
