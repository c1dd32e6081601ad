"""When a touch is due: the delay of its step, its anchor, and its send windows (F-6, C-3, C-11)."""

from typing import Any

from processors.contact.context import Context
from processors.shared.calendar_periods import first_moment
from processors.shared.send_windows import (
    closes_at,
    common_closing,
    common_opening,
    opens_at,
)
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.compiled_definition import Definition, Step
from schemas.internal.enrollment import Enrollment, Phase, Touch
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.messages import Window
from schemas.internal.state_bytes import NEVER

QUIET_HOURS, CALL_HOURS = "quiet_hours", "call_hours"
"""The waits of a touch for the window of its person, and for the hours of its campaign's calls."""

WINDOW_WAITS = (QUIET_HOURS, CALL_HOURS)


RETRY, REDIAL, SOFT_BOUNCE = "retry", "redial", "soft_bounce"
"""The waits of a touch for the time of another attempt: after an error, another call, and after the
message came back from a mailbox that could not take it."""

_AGAIN = (RETRY, REDIAL, SOFT_BOUNCE)


Opening = tuple[int, str, Window | None]
"""When the windows of a touch are open for the first time, NEVER if they have no time in common;
the reason of the wait; and the window that opens last, or the person's if there is no wait."""


def first_opening(context: Context, definition: Definition, step: Step, at: int) -> Opening:
    """The first moment from `at` on at which a step may go out: the person's window and the hours
    of the campaign's calls are open."""
    window = context.window(definition, step)
    if definition.settings.calls is None:
        return opens_at(window, at), QUIET_HOURS, window
    hours = context.call_hours(definition, step)
    opens, mover = common_opening((window, hours), at)
    return (opens, CALL_HOURS, hours) if mover == 1 else (opens, QUIET_HOURS, window)


def next_closing(context: Context, definition: Definition, step: Step, at: int) -> int:
    """The first moment from `at` on at which a step may not go out any more; NEVER if there is
    none."""
    window, hours = context.window(definition, step), context.call_hours(definition, step)
    return closes_at(window, at) if hours is None else common_closing((window, hours), at)


def scheduled_time(
    context: Context, enrollment: Enrollment, touch: Touch, step: Step, anchor: str | None = None
) -> int:
    """The moment a touch of `step` is planned for: the step's anchor, which the caller may know
    already, plus its delay (C-3)."""
    if touch.number == 1:
        at = enrollment.anchor_at + first_delay(context, step, enrollment.service_type)
        return max(at, earliest_time(context, enrollment))
    previous = enrollment.touches[touch.number - 2]
    match anchor or anchor_of(context.definition(enrollment), enrollment, touch, step):
        case "previous_scheduled":
            anchor_at = previous.scheduled_at
        case "enrollment":
            anchor_at = enrollment.anchor_at
        case "trigger" if previous.awaited_at is not None:
            anchor_at = previous.awaited_at
        case _:
            anchor_at = executed_at(previous)
    return anchor_at + step.delay_us


def earliest_time(context: Context, enrollment: Enrollment) -> int:
    """The moment before which a run reaches nobody: the first day of the campaign by its own zone
    (C-34), or the moment for which a call was ordered (S3-18); 0 if there is none."""
    definition, at = context.definition(enrollment), 0
    if definition.settings.start_day is not None:
        at = first_moment(context.zones_of(definition)[0], definition.settings.start_day)
    if enrollment.call is not None and enrollment.call.scheduled_for is not None:
        at = max(at, enrollment.call.scheduled_for)
    return at


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
    """Makes the touch due at `at`, or at the next opening of its send windows; `scheduled_at` stays
    (F-6).

    Returns the window if the touch waits for one, else None. A touch whose windows never open is
    due at `at` and is skipped then.
    """
    opens, reason, window = first_opening(context, definition, step, at)
    touch.due_at = at if opens == NEVER else opens
    if touch.due_at == at:
        touch.wait, touch.retry_at = wait, None
        return None
    touch.wait, touch.retry_at = reason, at if wait in _AGAIN else None
    return window


def look_for_opening(context: Context, enrollment: Enrollment, touch: Touch) -> Window | None:
    """Makes a touch that waits due again: at the first opening of its present window from when it
    may go, and not before now. Caps and gaps are asked again when it is due. The first day of the
    campaign is by its zone of now.

    Returns the window if the touch waits for it, else None.
    """
    at, wait = touch.scheduled_at, "delay"
    if touch.number == 1:
        at = max(at, earliest_time(context, enrollment))
    if is_retry(touch):
        at = touch.due_at if touch.retry_at is None else touch.retry_at
        wait = REDIAL if is_redial(touch) else SOFT_BOUNCE if is_resend(touch) else RETRY
    definition, step = context.definition(enrollment), context.step(enrollment, touch)
    return set_due_at(context, definition, step, touch, max(context.now, at), wait)


def is_retry(touch: Touch) -> bool:
    """Whether the touch waits for the time of another attempt, or has waited for it."""
    return touch.wait in _AGAIN or touch.retry_at is not None


def is_redial(touch: Touch) -> bool:
    """Whether the attempt before the present one was a call that has ended."""
    return 0 < touch.call_attempt == touch.attempt - 1


def is_resend(touch: Touch) -> bool:
    """Whether the attempt before the present one was a message that came back."""
    return touch.came_back is not None and touch.came_back.attempt == touch.attempt - 1


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
