"""Where a run goes: from step to step by their ways, the time of each, and the waits between them
(F-2, S2-17…S2-21, C-11)."""

from typing import Any

from processors.contact.context import Context
from processors.contact.state_machine import ENROLLMENT, Impossible
from processors.shared.send_windows import opens_at
from schemas.campaigns.compiled_definition import Step, StepExit, StepWait
from schemas.campaigns.steps import reachable_steps
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.messages import Window
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import LIVE, RESOLVED, Enrollment, Phase, Status, Touch, Waiting

TOUCHES_MAX = 200
"""Touches of one run: a loop that waits for what always happens must end too."""

TIMEOUT = "timeout"
_ON = StepExit()


def go_on(context: Context, enrollment: Enrollment) -> None:
    """To the next step, if the enrollment is live and nothing of it is open (S0-4)."""
    if enrollment.status not in LIVE or enrollment.waiting is not None:
        return
    if not enrollment.touches:
        schedule(context, enrollment, 0)
        return
    touch = enrollment.touches[-1]
    if touch.phase not in RESOLVED:
        return
    step = context.step(enrollment, touch)
    if touch.phase is Phase.SENT and step.wait_for is not None:
        _wait(context, enrollment, touch, step.wait_for)
    else:
        _take(context, enrollment, touch, step.then)


def _take(context: Context, enrollment: Enrollment, touch: Touch, way: StepExit) -> None:
    """The run leaves a step by one of its ways."""
    definition = context.definition(enrollment)
    touch.outcome = None if way == _ON else way.outcome
    match way.outcome:
        case "branch":
            assert way.to is not None
            schedule(context, enrollment, definition.step_index(way.to))
        case "complete":
            complete(context, enrollment)
        case "stop":
            stopped(context, enrollment, _ended_by(touch), None, {"step": touch.step_id})
        case "fail":
            enrollment.last_error = _ended_by(touch)
            failed(context, enrollment)
        case _:
            schedule(context, enrollment, definition.step_index(touch.step_id) + 1)


def _ended_by(touch: Touch) -> str:
    return f"trigger_{touch.awaited}" if touch.awaited else f"step_{touch.step_id}"


def steps_ahead(context: Context, enrollment: Enrollment) -> list[Step]:
    """The steps that a run may still come to, by any of its ways."""
    steps = context.definition(enrollment).steps
    if not enrollment.touches:
        return list(steps)
    at = context.definition(enrollment).step_index(enrollment.touches[-1].step_id)
    return [steps[index] for index in sorted(reachable_steps(steps, at))]


# the time of a step


def schedule(context: Context, enrollment: Enrollment, index: int) -> None:
    """The step gets its time; after the last one the run is completed."""
    definition = context.definition(enrollment)
    if index == len(definition.steps):
        complete(context, enrollment)
        return
    if len(enrollment.touches) == TOUCHES_MAX:
        enrollment.last_error = "too_many_touches"
        failed(context, enrollment)
        return
    step = definition.steps[index]
    touch = Touch(step.id, len(enrollment.touches) + 1, step.channel, 0, 0)
    touch.scheduled_at = at = time_of(context, enrollment, touch)
    visits = [earlier.visit for earlier in enrollment.touches if earlier.step_id == step.id]
    touch.visit = max(visits, default=0) + 1
    asked = [each.attempt for each in enrollment.touches if each.command_step() == step.id]
    touch.attempt = touch.first_attempt = max(asked, default=0) + 1
    enrollment.touches.append(touch)
    quiet = arm(context, enrollment, touch, at, "delay")
    values: dict[str, Any] = {"scheduled_at": fact_time(at), "anchor": step.anchor}
    if quiet is not None:
        values["window"] = quiet
    context.emit_fact(
        FactKind.TOUCH_SCHEDULED,
        enrollment,
        touch,
        reason=touch.wait,
        until=fact_time(touch.due_at),
        values=values,
    )


def time_of(context: Context, enrollment: Enrollment, touch: Touch) -> int:
    """When a touch is to go out: its step's delay after what that counts from (C-3)."""
    step = context.step(enrollment, touch)
    if touch.number == 1:
        return enrollment.anchor_at + first_delay(context, step, enrollment.service_type)
    return _anchor(enrollment, step, enrollment.touches[touch.number - 2]) + step.delay_us


def _anchor(enrollment: Enrollment, step: Step, previous: Touch) -> int:
    match step.anchor:
        case "previous_scheduled":
            return previous.scheduled_at
        case "enrollment":
            return enrollment.anchor_at
        case "trigger" if previous.awaited_at is not None:
            return previous.awaited_at
    return executed_at(previous)


def executed_at(touch: Touch) -> int:
    """When a touch was sent, by its sender's clock as far as that can be true; one that was not,
    when that was decided."""
    done = touch.resolved_at
    assert done is not None, "only a resolved touch is followed by another"
    if touch.phase is not Phase.SENT or touch.sent_at is None:
        return done
    return min(max(touch.sent_at, touch.requested_at or 0), done)


def is_out(touch: Touch) -> bool:
    """Its command is, or may be: it has been asked for, and nothing has come of it yet."""
    scheduled = touch.phase is Phase.SCHEDULED and not touch.emission
    return touch.phase not in RESOLVED and not scheduled


def command_is_out(touch: Touch) -> bool:
    """Its sender has the command, or had; while it is being withdrawn nobody knows."""
    asked = touch.phase is Phase.REQUESTED and touch.emission == 1
    return is_out(touch) and not asked


def first_delay(context: Context, step: Step, service_type: str | None) -> int:
    """The first touch's delay; a business may set another for a service type (F-10)."""
    if context.tenant is None or service_type is None:
        return step.delay_us
    return context.tenant.delay_by_service.get(service_type, step.delay_us)


def arm(
    context: Context, enrollment: Enrollment, touch: Touch, at: int, wait: str
) -> Window | None:
    """The touch waits until `at`, or until its window opens then; its scheduled time stays (F-6).
    One whose window never opens is skipped when it is due. The window is told where it is what the
    touch waits for."""
    definition = context.definition(enrollment)
    window = context.window(definition, context.step(enrollment, touch))
    opens = opens_at(window, at)
    touch.due_at = at if opens == NEVER else opens
    if touch.due_at == at:
        touch.wait = wait
        return None
    touch.wait = "quiet_hours"
    return window


# waits


def _wait(context: Context, enrollment: Enrollment, touch: Touch, wait: StepWait) -> None:
    """The step is done: the run waits for what people do, and not at all for what they have done
    already."""
    since = executed_at(touch)
    enrollment.waiting = Waiting(since, since + wait.max_wait_us)
    if not look(context, enrollment):
        context.emit_fact(
            FactKind.TRIGGER_AWAITED,
            enrollment,
            touch,
            until=fact_time(enrollment.waiting.until),
            values={"events": list(wait.events)},
        )


def look(context: Context, enrollment: Enrollment, cause: str | None = None) -> bool:
    """Whether a wait has what it waits for; then the run goes on at once (S2-19)."""
    waiting = enrollment.waiting
    if waiting is None:
        return False
    touch = enrollment.touches[-1]
    wait = context.step(enrollment, touch).wait_for
    assert wait is not None, "only a step that waits has a wait"
    found = sorted(
        (at, event)
        for event in wait.events
        if (at := _met(context, enrollment, touch, event, wait))
    )
    if not found:
        return False
    at, event = found[0]
    enrollment.waiting = None
    if event == "reply":
        enrollment.reply_cause = None
    touch.awaited, touch.awaited_at = event, min(max(at, waiting.since), context.now)
    context.emit_fact(
        FactKind.TRIGGER_MET, enrollment, touch, cause=cause, reason=event, occurred_at=at
    )
    _take(context, enrollment, touch, wait.on_event)
    return True


def _met(
    context: Context, enrollment: Enrollment, touch: Touch, event: str, wait: StepWait
) -> int | None:
    """When it happened; None where it has not."""
    match event:
        case "connection_accepted":
            connected_at = context.contact.connected_at
            since = enrollment.started_at
            return connected_at if connected_at is not None and connected_at >= since else None
        case "reply":
            return replied_at(context, enrollment)
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


def replied_at(context: Context, enrollment: Enrollment) -> int | None:
    """When the person first wrote back in this run, on any channel; an older reply is no reply to
    it."""
    since = enrollment.started_at
    times = [at for at in context.contact.replied.values() if at >= since]
    return min(times, default=None)


def timed_out(context: Context, enrollment: Enrollment) -> None:
    """Nothing came in time: the other way out (S2-20)."""
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
    _take(context, enrollment, touch, wait.on_timeout)


# the end


def become(enrollment: Enrollment, status: Status) -> None:
    """The enrollment's status changes, if the table allows it."""
    if status not in ENROLLMENT[enrollment.status]:
        raise Impossible(f"{enrollment.status.name} cannot become {status.name}")
    enrollment.status = status


def complete(context: Context, enrollment: Enrollment) -> None:
    """The run has come to its end (S2-21)."""
    _end(context, enrollment, Status.COMPLETED)
    context.emit_fact(FactKind.ENROLLMENT_COMPLETED, enrollment)


def stopped(
    context: Context,
    enrollment: Enrollment,
    reason: str,
    cause: str | None,
    values: dict[str, Any] | None = None,
) -> None:
    """The run is over before its end; what is still open of it is the caller's to take back."""
    enrollment.reason = reason
    _end(context, enrollment, Status.STOPPED)
    context.emit_fact(
        FactKind.ENROLLMENT_STOPPED, enrollment, reason=reason, cause=cause, values=values
    )


def failed(context: Context, enrollment: Enrollment) -> None:
    """The run has failed, this person's alone (S2-29, C-39)."""
    values = {"errors": enrollment.errors, "last_error": enrollment.last_error}
    stopped(context, enrollment, "failed", None, values)


def _end(context: Context, enrollment: Enrollment, status: Status) -> None:
    """Nothing more goes out for it, so what its commands would say is let go."""
    become(enrollment, status)
    enrollment.ended_at = context.now
    enrollment.variables = None
    enrollment.waiting = None
    enrollment.reply_cause = None
    enrollment.holds = []
    if enrollment.reason not in ("repeat_job", "job_deleted"):
        context.contact.ended[enrollment.campaign_id] = context.now
