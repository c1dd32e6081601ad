"""When a touch is due: the delay of its step, its anchor, and its send window (F-6, C-3, C-11)."""

from typing import Any

from processors.contact.context import Context
from processors.shared.send_windows import opens_at
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.compiled_definition import Definition, Step
from schemas.internal.enrollment import Enrollment, Phase, Touch
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.messages import Window
from schemas.internal.state_bytes import NEVER


def scheduled_time(context: Context, enrollment: Enrollment, touch: Touch, step: Step) -> int:
    """The moment a touch of `step` is planned for: the step's anchor plus its delay (C-3)."""
    if touch.number == 1:
        return enrollment.anchor_at + first_delay(context, step, enrollment.service_type)
    previous = enrollment.touches[touch.number - 2]
    match anchor_of(context.definition(enrollment), enrollment, touch, step):
        case "previous_scheduled":
            anchor_at = previous.scheduled_at
        case "enrollment":
            anchor_at = enrollment.anchor_at
        case "trigger" if previous.awaited_at is not None:
            anchor_at = previous.awaited_at
        case _:
            anchor_at = executed_at(previous)
    return anchor_at + step.delay_us


def anchor_of(definition: Definition, enrollment: Enrollment, touch: Touch, step: Step) -> str:
    """The name of the anchor from which the delay of a touch counts.

    The first step counts from the enrollment when the enrollment begins. On a later visit it counts
    from the end of the wait that has led back to it, or, without a wait, from the default anchor of
    the other steps.
    """
    if touch.number == 1 or step.anchor != "enrollment" or definition.steps[0].id != step.id:
        return step.anchor
    came_by_wait = enrollment.touches[touch.number - 2].awaited_at is not None
    return "trigger" if came_by_wait else KINDS[definition.kind].anchors[0]


def first_delay(context: Context, step: Step, service_type: str | None) -> int:
    """The delay of the first step in microseconds; a tenant may set another one for a service type
    (F-10)."""
    if context.tenant is None or service_type is None:
        return step.delay_us
    return context.tenant.delay_by_service.get(service_type, step.delay_us)


def executed_at(touch: Touch) -> int:
    """When a resolved touch was sent, or, if it was not sent, when that was decided.

    The sender's own time is used, limited to the span between request and answer. A command that
    was repeated, or an earlier attempt, may have been sent before the last request: then the span
    begins with the first command.
    """
    resolved_at = touch.resolved_at
    assert resolved_at is not None, "only a resolved touch is followed by another"
    if touch.phase is not Phase.SENT or touch.sent_at is None:
        return resolved_at
    requested_at = touch.requested_at or 0
    earliest = min(requested_at, touch.commanded_at or requested_at)
    return min(max(touch.sent_at, earliest), resolved_at)


def set_due_at(
    context: Context, definition: Definition, step: Step, touch: Touch, at: int, wait: str
) -> Window | None:
    """Makes the touch due at `at`, or at the next opening of its send window; `scheduled_at` stays
    (F-6).

    Returns the window if the touch waits for it, else None. A touch whose window never opens is
    due at `at` and is skipped then.
    """
    window = context.window(definition, step)
    opens = opens_at(window, at)
    touch.due_at = at if opens == NEVER else opens
    if touch.due_at == at:
        touch.wait, touch.retry_at = wait, None
        return None
    touch.wait, touch.retry_at = "quiet_hours", at if wait == "retry" else None
    return window


def look_for_opening(context: Context, enrollment: Enrollment, touch: Touch) -> Window | None:
    """Makes a touch that waits due again: at the first opening of its present window from when it
    may go, and not before now. Caps and gaps are asked again when it is due.

    Returns the window if the touch waits for it, else None.
    """
    at, wait = touch.scheduled_at, "delay"
    if is_retry(touch):
        at, wait = touch.due_at if touch.retry_at is None else touch.retry_at, "retry"
    definition, step = context.definition(enrollment), context.step(enrollment, touch)
    return set_due_at(context, definition, step, touch, max(context.now, at), wait)


def is_retry(touch: Touch) -> bool:
    """Whether the touch waits for the time of another attempt, or has waited for it."""
    return touch.wait == "retry" or touch.retry_at is not None


def emit_schedule(
    context: Context,
    enrollment: Enrollment,
    touch: Touch,
    window: Window | None,
    *,
    anchor: str | None = None,
    cause: str | None = None,
) -> None:
    """Emits the fact with the time for which a touch is scheduled and the time at which it is due;
    also with the window that it waits for, if it waits for one."""
    values: dict[str, Any] = {"scheduled_at": fact_time(touch.scheduled_at)}
    if anchor is not None:
        values["anchor"] = anchor
    if window is not None:
        values["window"] = window
    context.emit_fact(
        FactKind.TOUCH_SCHEDULED,
        enrollment,
        touch,
        cause=cause,
        reason=touch.wait,
        until=fact_time(touch.due_at),
        values=values,
    )
