"""What follows every change of a contact: replies that were kept for a wait, and the counts of
campaigns."""

from processors.contact import result_counts, run_counts
from processors.contact.context import Context
from processors.contact.replies_conversions import settle_reply
from processors.contact.result_counts import STAND, STANDS
from schemas.internal.enrollment import Enrollment


def settle(context: Context) -> None:
    """Ends the handling of a record or timer of a contact."""
    for run in context.contact.enrollments:
        if run.reply_cause is not None or run.early_signals:
            settle_reply(context, run)
        results = run.results
        if run.call is not None or (
            results is not None and results.counted & STANDS != STAND[run.status]
        ):
            count(context, run)


def count(context: Context, run: Enrollment) -> None:
    """Counts a run anew if it stands otherwise than before."""
    if run.call is not None:
        run_counts.count_run(context, run, run.call)
    if run.results is not None:
        result_counts.count_stand(context, run, run.results)
