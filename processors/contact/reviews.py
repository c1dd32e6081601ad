"""Review clicks and feedback: the conversion of one enrollment, and the end of running ones
(F-12). They do not concern outreach, which asks nobody for a review (C-23)."""

from processors.contact.command_lookup import CommandMatch, find_command
from processors.contact.context import Context
from processors.contact.pause_stop import stop
from processors.contact.result_counts import recount
from processors.contact.run_queries import began_before, last_sent_touch, live_runs
from schemas.internal.enrollment import LIVE, Enrollment
from schemas.internal.facts import FactKind
from schemas.internal.messages import ReviewReceived


def review_received(context: Context, message: ReviewReceived, *, backfill: bool = False) -> bool:
    """Converts one enrollment, once, and stops the enrollments that ask for a review.

    A review that names a campaign, itself or by the command that it answers, stops that campaign's
    enrollment. Any other review stops all of them: a person who has reviewed the business needs no
    further request. Returns False where there is no enrollment to convert.
    """
    enrollment, match = _reviewed_enrollment(context, message)
    if enrollment is None:
        return False
    if enrollment.converted_at is None:
        enrollment.converted_at = message.at
        enrollment.conversion = message.kind
        touch = match.touch if match is not None else last_sent_touch(enrollment)
        if touch is not None:
            touch.converted_at = message.at
        recount(context, enrollment)
        context.emit_fact(
            FactKind.TOUCH_CONVERTED,
            enrollment,
            touch,
            command_id=message.command_id,
            attempt=match.attempt if match is not None else None,
            cause=message.cause,
            reason=message.kind,
            occurred_at=message.at,
        )
    elif (message.at, message.kind) < (enrollment.converted_at, enrollment.conversion or ""):
        _redate_conversion(context, enrollment, message)
    named = enrollment.campaign_id if message.command_id is not None else message.campaign_id
    for running in () if backfill else live_runs(context, named):
        if began_before(running, message.at) and _asks_for_review(context, running):
            stop(context, running, message.kind, message.cause)
    return True


def _redate_conversion(context: Context, enrollment: Enrollment, message: ReviewReceived) -> None:
    """A review that arrives later with an earlier time: the earliest one counts (promise 9)."""
    enrollment.converted_at, enrollment.conversion = message.at, message.kind
    recount(context, enrollment)
    for touch in enrollment.touches:
        if touch.converted_at is not None:
            touch.converted_at = message.at
            context.emit_fact(
                FactKind.TOUCH_REDATED,
                enrollment,
                touch,
                cause=message.cause,
                reason="converted",
                occurred_at=message.at,
            )


def _reviewed_enrollment(
    context: Context, message: ReviewReceived
) -> tuple[Enrollment | None, CommandMatch | None]:
    """The enrollment that a review converts, with the command that it answers, if it names one.

    Without a command it is, of the enrollments that began before the review, the live one whose
    touch was sent last, else the one that ended last.
    """
    if message.command_id is not None:
        match = find_command(context, message.command_id)
        if match is None or not _asks_for_review(context, match.enrollment):
            return None, None
        return match.enrollment, match
    candidates = [
        enrollment
        for enrollment in context.contact.enrollments
        if message.campaign_id in (None, enrollment.campaign_id)
        and began_before(enrollment, message.at)
        and _asks_for_review(context, enrollment)
    ]
    live = [enrollment for enrollment in candidates if enrollment.status in LIVE]
    if live:
        return max(live, key=_last_sent_at), None
    return (candidates[-1] if candidates else None), None


def _asks_for_review(context: Context, enrollment: Enrollment) -> bool:
    return context.definition(enrollment).outreach is None


def _last_sent_at(enrollment: Enrollment) -> int:
    touch = last_sent_touch(enrollment)
    return 0 if touch is None else touch.sent_at or 0
