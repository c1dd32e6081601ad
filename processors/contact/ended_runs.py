"""What a contact's state keeps of ended enrollments, so that it stays of bounded size."""

from processors.contact.archived_runs import ENDED_MAX, archive
from processors.contact.context import Context
from processors.contact.person_fields import erase_fields
from processors.contact.run_queries import open_touch
from processors.contact.settling import count
from processors.contact.touch_times import executed_at
from processors.shared.frequency_caps import CAP_MEMORY_US
from schemas.internal.enrollment import LIVE, Enrollment, Phase


def archive_ended_runs(context: Context) -> None:
    """Moves the oldest ended enrollments, beyond ENDED_MAX, to state keys of their own."""
    enrollments = context.contact.enrollments
    if len(enrollments) <= ENDED_MAX:
        return
    ended = [e for e in enrollments if e.status not in LIVE and open_touch(e) is None]
    for enrollment in ended[: max(0, len(ended) - ENDED_MAX)]:
        enrollments.remove(enrollment)
        count(context, enrollment)
        erase_fields(enrollment)  # an erasure does not reach it any more
        enrollment.variables = None
        _keep_sent_times(context, enrollment)
        archive(context, enrollment)


def _keep_sent_times(context: Context, enrollment: Enrollment) -> None:
    """Keeps when the enrollment's touches were sent, for the frequency caps.

    The times of the longest cap's window stay, and the latest one however old it is, for the gap
    between any two touches.
    """
    contact = context.contact
    sent = [executed_at(touch) for touch in enrollment.touches if touch.phase is Phase.SENT]
    known = sorted([*contact.reached_at, *sent])
    contact.reached_at = [at for at in known[:-1] if at + CAP_MEMORY_US > context.now] + known[-1:]
