"""Conversions: the person did what a campaign is for (S4-43, S4-73…S4-77).

A conversion stops everywhere and is credited once. It ends the waits and the runs that it concerns,
and counts for the runs that it is credited to (conversion_credit.py).
"""

from processors.contact.command_lookup import CommandMatch, find_command
from processors.contact.context import Context
from processors.contact.conversion_credit import fits, record_conversion
from processors.contact.on_conversion import conversion_happened
from processors.contact.result_counts import recount
from processors.contact.run_queries import live_runs
from processors.contact.sequence import apply_signal
from processors.shared.deduplication import add_if_new, is_known
from schemas.internal.enrollment import LIVE, Enrollment
from schemas.internal.facts import FactKind
from schemas.internal.messages import ConnectionAccepted, ConversionRecorded


def converted(context: Context, message: ConversionRecorded, *, backfill: bool = False) -> bool:
    """Records a conversion. Returns False where the person has no enrollment that it can be of."""
    if message.rules < 1:
        return _credited_to_all(context, message, backfill=backfill)
    if not context.contact.enrollments:
        return False
    is_new = record_conversion(context, message)
    if is_new and not backfill and not has_arrived_before(context, message):
        _stop_everywhere(context, message)
    return True


def _stop_everywhere(context: Context, message: ConversionRecorded) -> None:
    """Ends the wait of the run that a conversion names, or of every run if it names none. Every
    other run that began before it ends if its campaign has `on_conversion: stop`."""
    match = find_command(context, message.command_id) if message.command_id else None
    for run in live_runs(context):
        is_named = _is_named(match, message, run)
        if run.started_at > message.at and not (match and is_named):
            continue
        if not fits(context, run, message.conversion_type):
            continue
        if is_named or context.definition(run).settings.on_conversion == "stop":
            names_touch = names_last_touch(match, run)
            conversion_happened(context, run, message.at, message.cause, names_touch=names_touch)


def _is_named(match: CommandMatch | None, message: ConversionRecorded, run: Enrollment) -> bool:
    if match is not None:
        return match.enrollment is run
    return message.campaign_id in (None, run.campaign_id)


def names_last_touch(match: CommandMatch | None, enrollment: Enrollment) -> bool:
    """Whether a command is that of the last touch of a run."""
    touches = enrollment.touches
    return match is not None and bool(touches) and match.touch is touches[-1]


def has_arrived_before(context: Context, message: ConnectionAccepted | ConversionRecorded) -> bool:
    """Whether an event has arrived before, with a time that was still to come. What was sent since
    is earlier than that time, so only the id of the event shows that it is no answer."""
    seen = context.contact.seen
    if message.at > context.now:
        return not add_if_new(seen, message.cause)
    return is_known(seen, message.cause)


def _credited_to_all(context: Context, message: ConversionRecorded, *, backfill: bool) -> bool:
    """Credits a conversion of before CONVERSION_RULES: to the enrollment whose command it names,
    else to every live enrollment that began before it, else to the last one; of several conversions
    the earliest counts, and each may end a wait."""
    match = find_command(context, message.command_id) if message.command_id else None
    enrollments = [match.enrollment] if match else _begun_by(context, message.at)
    touch = match.touch if match else None
    if touch is not None:
        touch.converted_at = min(touch.converted_at or message.at, message.at)
    reported = (message.at, message.conversion_type)
    for enrollment in enrollments:
        at, conversion = enrollment.converted_at, enrollment.conversion or ""
        if at is not None and (at, conversion) <= reported:
            continue
        enrollment.converted_at, enrollment.conversion = reported
        recount(context, enrollment)
        context.emit_fact(
            FactKind.TOUCH_CONVERTED if at is None else FactKind.TOUCH_REDATED,
            enrollment,
            touch,
            cause=message.cause,
            reason=message.conversion_type if at is None else "converted",
            occurred_at=message.at,
        )
    if enrollments and not backfill and not has_arrived_before(context, message):
        for enrollment in enrollments:
            if enrollment.status in LIVE:
                apply_signal(
                    context,
                    enrollment,
                    "conversion",
                    message.at,
                    message.cause,
                    names_touch=names_last_touch(match, enrollment),
                )
    return bool(enrollments)


def _begun_by(context: Context, at: int) -> list[Enrollment]:
    begun = [run for run in context.contact.enrollments if run.started_at <= at]
    return [run for run in begun if run.status in LIVE] or begun[-1:]
