"""The late policy: which touches a pause has left behind (C-31)."""

from processors.contact.context import Context
from schemas.campaigns.step_graph import exit_target
from schemas.internal.enrollment import Enrollment, Touch


def late_skip_reason(context: Context, enrollment: Enrollment, touch: Touch) -> str | None:
    """Why the late policy skips a touch after a pause; None where the touch stays.

    `skip_older_than` skips a touch that is too old by now, `collapse` one whose successor is due as
    well. A touch that waits for its window is late from the opening of the window on.
    """
    settings = context.definition(enrollment).settings
    late_us = context.now - max(touch.scheduled_at, touch.due_at)
    if settings.late_policy == "skip_older_than" and late_us > (settings.late_skip_us or 0):
        return "late_after_pause"
    if settings.late_policy == "collapse" and _next_is_due(context, enrollment, touch):
        return "collapsed"
    return None


def _next_is_due(context: Context, enrollment: Enrollment, touch: Touch) -> bool:
    """Whether the next step is due too; False where its time depends on when this touch is sent."""
    definition = context.definition(enrollment)
    step = context.step(enrollment, touch)
    target = exit_target(definition.steps, definition.step_index(step.id), step.then)
    if target is None or step.wait_for is not None:
        return False
    if target == 0:
        return False  # a branch back to the first step counts from now on
    following = definition.steps[target]
    anchors = {"previous_scheduled": touch.scheduled_at, "enrollment": enrollment.anchor_at}
    anchor = anchors.get(following.anchor)
    return anchor is not None and anchor + following.delay_us <= context.now
