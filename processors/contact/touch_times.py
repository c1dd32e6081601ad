"""When a touch is due: the delay of its step, its anchor, and its send window (F-6, C-3, C-11)."""

from processors.contact.context import Context
from processors.shared.send_windows import opens_at
from schemas.campaigns.compiled_definition import Definition, Step
from schemas.internal.enrollment import Enrollment, Phase, Touch
from schemas.internal.messages import Window
from schemas.internal.state_bytes import NEVER


def scheduled_time(context: Context, enrollment: Enrollment, touch: Touch, step: Step) -> int:
    """The moment a touch of `step` is planned for: the step's anchor plus its delay (C-3)."""
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


def first_delay(context: Context, step: Step, service_type: str | None) -> int:
    """The delay of the first step in microseconds; a tenant may set another one for a service type
    (F-10)."""
    if context.tenant is None or service_type is None:
        return step.delay_us
    return context.tenant.delay_by_service.get(service_type, step.delay_us)


def executed_at(touch: Touch) -> int:
    """When a resolved touch was sent, or, if it was not sent, when that was decided.

    The sender's own time is used, limited to the span between request and answer.
    """
    resolved_at = touch.resolved_at
    assert resolved_at is not None, "only a resolved touch is followed by another"
    if touch.phase is not Phase.SENT or touch.sent_at is None:
        return resolved_at
    return min(max(touch.sent_at, touch.requested_at or 0), resolved_at)


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
        touch.wait = wait
        return None
    touch.wait = "quiet_hours"
    return window
