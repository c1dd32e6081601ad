"""How an enrollment moves from step to step: branches, scheduling, and the waits between steps
(F-2, S2-17…S2-21)."""

from typing import Any

from processors.contact.context import Context
from processors.contact.run_end import complete_run, fail_run, mark_stopped
from processors.contact.run_queries import first_reply_at
from processors.contact.touch_times import executed_at, scheduled_time, set_due_at
from schemas.campaigns.compiled_definition import StepExit, StepWait
from schemas.internal.enrollment import LIVE, RESOLVED, Enrollment, Phase, Touch, Waiting
from schemas.internal.facts import FactKind, fact_time

TOUCHES_MAX = 200
"""Touches of one enrollment. A loop whose trigger is always met must end too."""

TIMEOUT = "timeout"
_TO_NEXT_STEP = StepExit()


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
        _leave_step(context, enrollment, touch, step.then)


def _leave_step(
    context: Context, enrollment: Enrollment, touch: Touch, step_exit: StepExit
) -> None:
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
        enrollment.last_error = "too_many_touches"
        fail_run(context, enrollment)
        return
    step = definition.steps[index]
    touch = Touch(step.id, len(enrollment.touches) + 1, step.channel, 0, 0)
    touch.scheduled_at = at = scheduled_time(context, enrollment, touch, step)
    visits = [earlier.visit for earlier in enrollment.touches if earlier.step_id == step.id]
    touch.visit = max(visits, default=0) + 1
    attempts = [each.attempt for each in enrollment.touches if each.command_step() == step.id]
    touch.attempt = touch.first_attempt = max(attempts, default=0) + 1
    enrollment.touches.append(touch)
    window = set_due_at(context, definition, step, touch, at, "delay")
    values: dict[str, Any] = {"scheduled_at": fact_time(at), "anchor": step.anchor}
    if window is not None:
        values["window"] = window
    context.emit_fact(
        FactKind.TOUCH_SCHEDULED,
        enrollment,
        touch,
        reason=touch.wait,
        until=fact_time(touch.due_at),
        values=values,
    )


# waits


def _begin_wait(context: Context, enrollment: Enrollment, touch: Touch, wait: StepWait) -> None:
    """Waits for the events of `wait`; if one of them has happened already, the enrollment goes on
    at once."""
    since = executed_at(touch)
    enrollment.waiting = Waiting(since, since + wait.max_wait_us)
    if not check_trigger(context, enrollment):
        context.emit_fact(
            FactKind.TRIGGER_AWAITED,
            enrollment,
            touch,
            until=fact_time(enrollment.waiting.until),
            values={"events": list(wait.events)},
        )


def check_trigger(context: Context, enrollment: Enrollment, cause: str | None = None) -> bool:
    """Ends the enrollment's wait if one of the events that it waits for has happened (S2-19).

    Returns whether it did; False where the enrollment does not wait. `cause` is the public event
    that led to this check.
    """
    waiting = enrollment.waiting
    if waiting is None:
        return False
    touch = enrollment.touches[-1]
    wait = context.step(enrollment, touch).wait_for
    assert wait is not None, "only a step that waits has a wait"
    happened = sorted(
        (at, event)
        for event in wait.events
        if (at := _happened_at(context, enrollment, touch, event, wait))
    )
    if not happened:
        return False
    at, event = happened[0]
    enrollment.waiting = None
    if event == "reply":
        enrollment.reply_cause = None
    touch.awaited, touch.awaited_at = event, min(max(at, waiting.since), context.now)
    context.emit_fact(
        FactKind.TRIGGER_MET, enrollment, touch, cause=cause, reason=event, occurred_at=at
    )
    _leave_step(context, enrollment, touch, wait.on_event)
    return True


def _happened_at(
    context: Context, enrollment: Enrollment, touch: Touch, event: str, wait: StepWait
) -> int | None:
    """When `event` happened as far as this enrollment is concerned; None if it did not."""
    match event:
        case "connection_accepted":
            connected_at = context.contact.connected_at
            since = enrollment.started_at
            return connected_at if connected_at is not None and connected_at >= since else None
        case "reply":
            return first_reply_at(context, enrollment)
        case "open":
            return touch.opened_at
        case "click":
            return touch.clicked_at
        case "delivered":
            return touch.delivered_at
        case "read":
            return touch.read_at
        case "conversion":
            return enrollment.converted_at
        case "call_outcome" if not wait.outcomes or touch.call_outcome in wait.outcomes:
            return touch.called_at
    return None


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
    _leave_step(context, enrollment, touch, wait.on_timeout)
