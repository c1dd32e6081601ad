"""What people do with what was sent: opens, clicks, opt-outs, reviews, calls (F-8, F-12, C-40)."""

from processors.contact.context import Context
from processors.contact.pause_stop import live, stop, stop_without_channels
from processors.contact.profile import suppress
from processors.contact.sender_answers import Found, find
from processors.contact.sequence import look
from processors.shared.tenant_lookup import ADDRESS_OF
from schemas.internal.facts import FactKind
from schemas.internal.messages import CallEnded, ContactUnsubscribed, ReviewReceived, TouchSeen
from schemas.internal.states import LIVE, Enrollment, Phase, Touch

_SEEN = {
    "delivered": ("delivered_at", FactKind.TOUCH_DELIVERED),
    "opened": ("opened_at", FactKind.TOUCH_OPENED),
    "clicked": ("clicked_at", FactKind.TOUCH_CLICKED),
    "read": ("read_at", FactKind.TOUCH_READ),
}


def seen(context: Context, found: Found, message: TouchSeen, *, past: bool = False) -> None:
    """The first signal of its kind is a fact; the earliest moment is kept, whatever came first,
    and one that is told late redates the touch (C-40)."""
    touch = found.touch
    field, kind = _SEEN[message.signal]
    before = getattr(touch, field)
    if before is not None and before <= message.at:
        return
    setattr(touch, field, message.at)
    context.emit_fact(
        kind if before is None else FactKind.TOUCH_REDATED,
        found.enrollment,
        touch,
        command_id=message.command_id,
        attempt=found.attempt,
        cause=message.cause,
        reason=None if before is None else message.signal,
        values={"url": message.url} if message.url else None,
        occurred_at=message.at,
    )
    if not past:
        look(context, found.enrollment, message.cause)


def call_ended(context: Context, found: Found, message: CallEnded, *, past: bool = False) -> None:
    """How a call went: the latest attempt's outcome, and of two accounts of it the earlier."""
    touch = found.touch
    if found.attempt < touch.call_attempt:
        return
    told = (message.at, message.outcome)
    if found.attempt == touch.call_attempt and (touch.called_at, touch.call_outcome) <= told:
        return
    touch.call_attempt = found.attempt
    touch.called_at, touch.call_outcome = told
    context.emit_fact(
        FactKind.TOUCH_CALL_ENDED,
        found.enrollment,
        touch,
        command_id=message.command_id,
        attempt=found.attempt,
        cause=message.cause,
        reason=message.outcome,
        values={"seconds": message.seconds},
        occurred_at=message.at,
    )
    if not past:
        look(context, found.enrollment, message.cause)


def unsubscribed(context: Context, message: ContactUnsubscribed) -> None:
    """Closes the channel, or all of them, for every campaign of the tenant and never across
    tenants (C-26)."""
    channel, contact = message.channel, context.contact
    before = contact.opted_out.get(channel)
    contact.opted_out[channel] = message.at if before is None else min(before, message.at)
    if before is not None:
        return
    reason = "complained" if message.complained else f"opted_out_{channel}"
    context.emit_fact(
        FactKind.CONTACT_OPTED_OUT, channel=channel, cause=message.cause, reason=reason
    )
    for name in ADDRESS_OF if channel == "all" else (channel,):
        suppress(context, name, reason, message.cause)
    stop_without_channels(context, channel, message.cause)


def review_received(context: Context, message: ReviewReceived, *, past: bool = False) -> bool:
    """A review click or feedback is the conversion of one enrollment, once (F-12); False where
    there is no enrollment.

    It stops what still runs of the campaign it names, itself or by the command it answers. One that
    names neither stops all: who has reviewed the business is asked no more.
    """
    enrollment, found = _reviewed(context, message)
    if enrollment is None:
        return False
    if enrollment.converted_at is None:
        enrollment.converted_at = message.at
        enrollment.conversion = message.kind
        touch = found.touch if found is not None else _last_sent(enrollment)
        if touch is not None:
            touch.converted_at = message.at
        context.emit_fact(
            FactKind.TOUCH_CONVERTED,
            enrollment,
            touch,
            command_id=message.command_id,
            attempt=found.attempt if found is not None else None,
            cause=message.cause,
            reason=message.kind,
            occurred_at=message.at,
        )
    elif (message.at, message.kind) < (enrollment.converted_at, enrollment.conversion or ""):
        _converted_earlier(context, enrollment, message)
    about = enrollment.campaign_id if message.command_id is not None else message.campaign_id
    for running in () if past else live(context, about):
        if _began_before(running, message.at):
            stop(context, running, message.kind, message.cause)
    return True


def _converted_earlier(context: Context, enrollment: Enrollment, message: ReviewReceived) -> None:
    """Told late: the earliest moment is the conversion's, whatever came first (design 2.9)."""
    enrollment.converted_at, enrollment.conversion = message.at, message.kind
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


def _reviewed(context: Context, message: ReviewReceived) -> tuple[Enrollment | None, Found | None]:
    """The enrollment of the command answered, else of those begun by then the running one that was
    written to last, else the last that ended."""
    if message.command_id is not None:
        found = find(context, message.command_id)
        return (found.enrollment, found) if found is not None else (None, None)
    begun = [
        enrollment
        for enrollment in context.contact.enrollments
        if message.campaign_id in (None, enrollment.campaign_id)
        and _began_before(enrollment, message.at)
    ]
    running = [enrollment for enrollment in begun if enrollment.status in LIVE]
    if running:
        return max(running, key=_written_at), None
    return (begun[-1] if begun else None), None


def _began_before(enrollment: Enrollment, at: int) -> bool:
    """What a person did before a run began says nothing about that run; one for a job began with
    the job, however late that was told."""
    return min(enrollment.anchor_at, enrollment.started_at) <= at


def _last_sent(enrollment: Enrollment) -> Touch | None:
    sent = [touch for touch in enrollment.touches if touch.phase is Phase.SENT]
    return sent[-1] if sent else None


def _written_at(enrollment: Enrollment) -> int:
    touch = _last_sent(enrollment)
    return 0 if touch is None else touch.sent_at or 0
