"""Questions about a contact's enrollments (its runs) and their touches; none changes state."""

from processors.contact.context import Context
from schemas.campaigns.compiled_definition import Step
from schemas.campaigns.step_graph import reachable_steps
from schemas.internal.enrollment import LIVE, RESOLVED, Enrollment, Phase, Touch


def live_runs(context: Context, campaign_id: str | None = None) -> list[Enrollment]:
    """The contact's active and frozen enrollments; of one campaign there is at most one (S1-21)."""
    live = [run for run in context.contact.enrollments if run.status in LIVE]
    if campaign_id is None or not live:
        return live
    return [run for run in live if run.campaign_id == campaign_id]


def open_touch(enrollment: Enrollment) -> Touch | None:
    """The touch that is not resolved yet, if any; it can only be the last one (S0-4)."""
    if enrollment.touches and enrollment.touches[-1].phase not in RESOLVED:
        return enrollment.touches[-1]
    return None


def last_sent_touch(enrollment: Enrollment) -> Touch | None:
    """The last touch of the enrollment that was sent, if any."""
    sent = [touch for touch in enrollment.touches if touch.phase is Phase.SENT]
    return sent[-1] if sent else None


def is_in_flight(touch: Touch) -> bool:
    """Whether the touch was requested from dispatch and has no outcome yet."""
    scheduled = touch.phase is Phase.SCHEDULED and not touch.emission
    return touch.phase not in RESOLVED and not scheduled


def may_be_with_sender(touch: Touch) -> bool:
    """Whether a sender has the touch's command, or may have it (during a withdrawal)."""
    first_request = touch.phase is Phase.REQUESTED and touch.emission == 1
    return is_in_flight(touch) and not first_request


def finishes_commands(context: Context, enrollment: Enrollment) -> bool:
    """Whether commands that are out stay so although the enrollment was stopped: its campaign was
    completed, and does not revoke them (`in_flight`)."""
    if enrollment.reason != "campaign_completed":
        return False
    definition = context.definition(enrollment)
    return definition.outreach is not None and definition.settings.in_flight == "finish"


def steps_ahead(context: Context, enrollment: Enrollment) -> list[Step]:
    """The steps that the enrollment can still reach, over any branch, in the order of the
    definition."""
    steps = context.definition(enrollment).steps
    if not enrollment.touches:
        return list(steps)
    at = context.definition(enrollment).step_index(enrollment.touches[-1].step_id)
    return [steps[index] for index in sorted(reachable_steps(steps, at))]


def last_reply_at(context: Context, enrollment: Enrollment) -> int | None:
    """When the person last replied, on any channel, since this enrollment started; None if they did
    not."""
    since = enrollment.started_at
    times = [at for at in context.contact.replied.values() if at >= since]
    return max(times, default=None)


def began_before(enrollment: Enrollment, at: int) -> bool:
    """Whether an event at the moment `at` belongs to the time of this enrollment.

    An enrollment for a job counts from the job's completion, however late that was reported.
    """
    return min(enrollment.anchor_at, enrollment.started_at) <= at
