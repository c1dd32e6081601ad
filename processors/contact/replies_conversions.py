"""Replies, connections and conversions: what a person does on any channel, for each of their
enrollments (F-14, S2-5, S2-26, S4-54).

An event from before an enrollment started is recorded and has no effect on that enrollment.
"""

from processors.contact.command_lookup import CommandMatch, find_command
from processors.contact.consent import decided_by_word, person_left
from processors.contact.context import Context
from processors.contact.pause_stop import freeze, stop
from processors.contact.run_queries import live_runs, may_be_with_sender
from processors.contact.senders import connected_to
from processors.contact.sequence import apply_signal
from processors.shared.deduplication import add_if_new, is_known
from schemas.channels import channel_of_signal
from schemas.internal.enrollment import LIVE, Enrollment
from schemas.internal.facts import FactKind
from schemas.internal.messages import ConnectionAccepted, ContactReplied, ConversionRecorded

_CONNECTING = channel_of_signal("connection_accepted")
"""The channel on which people connect."""


def replied(context: Context, message: ContactReplied, *, backfill: bool = False) -> None:
    """Records a reply, and applies it to every live enrollment that began before it. An automatic
    reply has no effect."""
    match = find_command(context, message.command_id) if message.command_id else None
    if message.gone:
        if not add_if_new(context.contact.seen, message.cause):
            return
    elif message.keyword is not None and decided_by_word(context, message):
        return  # an opt-out, or an agreement to what was closed
    elif not message.automatic and not _is_new_reply(context, message):
        return
    context.emit_fact(
        FactKind.CONTACT_REPLIED,
        match.enrollment if match else None,
        match.touch if match else None,
        channel=message.channel,
        command_id=message.command_id,
        cause=message.cause,
        reason="gone" if message.gone else "automatic" if message.automatic else None,
        occurred_at=message.at,
    )
    if message.gone and not backfill:
        person_left(context, message)
    if message.gone or message.automatic or backfill:
        return
    for enrollment in live_runs(context):
        if message.at >= enrollment.started_at or (match and match.enrollment is enrollment):
            _apply_reply(context, enrollment, message, _names_last_touch(match, enrollment))


def _is_new_reply(context: Context, message: ContactReplied) -> bool:
    """Remembers a reply. False where it is a duplicate, or older than the last reply of its
    channel.

    A last reply whose time is still to come does not show the order: then the events themselves are
    remembered.
    """
    contact, at = context.contact, message.at
    last = contact.replied.get(message.channel)
    ahead = max(at, last or 0) > context.now
    if last is not None and (at == last or (at < last and not ahead)):
        return False
    if ahead and not add_if_new(contact.seen, message.cause):
        return False
    contact.replied[message.channel] = at if last is None else max(at, last)
    return True


def _has_arrived_before(context: Context, message: ConnectionAccepted | ConversionRecorded) -> bool:
    """Whether an event has arrived before, with a time that was still to come. What was sent since
    is earlier than that time, so only the id of the event shows that it is no answer."""
    seen = context.contact.seen
    if message.at > context.now:
        return not add_if_new(seen, message.cause)
    return is_known(seen, message.cause)


def _names_last_touch(match: CommandMatch | None, enrollment: Enrollment) -> bool:
    return match is not None and match.touch is enrollment.touches[-1]


def _apply_reply(
    context: Context, enrollment: Enrollment, message: ContactReplied, names_touch: bool
) -> None:
    """Ends a wait for a reply; keeps the reply for a wait that is about to begin; else applies the
    campaign's `on_reply` setting (F-14)."""
    cause = message.cause
    if apply_signal(context, enrollment, "reply", message.at, cause, names_touch=names_touch):
        return
    if _will_wait_for_reply(context, enrollment):
        enrollment.reply_cause = enrollment.reply_cause or cause
    else:
        _apply_on_reply(context, enrollment, cause)


def _will_wait_for_reply(context: Context, enrollment: Enrollment) -> bool:
    """Whether the command of a step that waits for a reply is out, and not yet reported as sent."""
    touch = enrollment.touches[-1]
    wait = context.step(enrollment, touch).wait_for
    return may_be_with_sender(touch) and wait is not None and "reply" in wait.events


def settle_reply(context: Context, enrollment: Enrollment) -> None:
    """Applies a reply that was kept for a wait which did not begin, or which it did not meet: the
    step was not sent, or later than the reply, or its enrollment waits for something else by now
    (promise 9)."""
    cause = enrollment.reply_cause
    if enrollment.early_signals and not may_be_with_sender(enrollment.touches[-1]):
        enrollment.early_signals = {}
    if cause is not None and not _will_wait_for_reply(context, enrollment):
        enrollment.reply_cause = None
        _apply_on_reply(context, enrollment, cause)


def _apply_on_reply(context: Context, enrollment: Enrollment, cause: str) -> None:
    on_reply = context.definition(enrollment).settings.on_reply
    if on_reply == "pause":
        freeze(context, enrollment, "reply", cause)
    elif on_reply == "stop":
        stop(context, enrollment, "replied", cause)


def connected(context: Context, message: ConnectionAccepted, *, backfill: bool = False) -> None:
    """Records that the person is a LinkedIn connection: of several reports the earliest time
    counts. Each of them may end a wait."""
    contact = context.contact
    before = contact.connected_at
    is_first = before is None or message.at < before
    connected_to(context, _CONNECTING, message, is_first)
    if is_first:
        contact.connected_at = message.at
        context.emit_fact(
            FactKind.CONTACT_CONNECTED,
            channel=_CONNECTING,
            cause=message.cause,
            occurred_at=message.at,
        )
    if not backfill and not _has_arrived_before(context, message):
        for enrollment in live_runs(context):
            apply_signal(
                context,
                enrollment,
                "connection_accepted",
                message.at,
                message.cause,
                names_touch=False,
            )


def converted(context: Context, message: ConversionRecorded, *, backfill: bool = False) -> bool:
    """Records a conversion of the enrollment whose command it names, else of every live enrollment
    that began before it, else of the last one; of several conversions the earliest counts, and each
    may end a wait.

    Returns False where there is no such enrollment.
    """
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
        context.emit_fact(
            FactKind.TOUCH_CONVERTED if at is None else FactKind.TOUCH_REDATED,
            enrollment,
            touch,
            cause=message.cause,
            reason=message.conversion_type if at is None else "converted",
            occurred_at=message.at,
        )
    if enrollments and not backfill and not _has_arrived_before(context, message):
        for enrollment in enrollments:
            if enrollment.status in LIVE:
                apply_signal(
                    context,
                    enrollment,
                    "conversion",
                    message.at,
                    message.cause,
                    names_touch=_names_last_touch(match, enrollment),
                )
    return bool(enrollments)


def _begun_by(context: Context, at: int) -> list[Enrollment]:
    begun = [run for run in context.contact.enrollments if run.started_at <= at]
    return [run for run in begun if run.status in LIVE] or begun[-1:]
