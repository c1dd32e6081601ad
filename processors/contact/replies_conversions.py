"""What a person does on any channel, and what that means for every run of theirs: replies,
connections, conversions (F-14, S2-5, S2-26, S4-54).

An event older than a run is known, and says nothing about that run.
"""

from processors.contact.context import Context
from processors.contact.pause_stop import freeze, live, stop
from processors.contact.sender_answers import find
from processors.contact.sequence import command_is_out, look
from schemas.internal.facts import FactKind
from schemas.internal.messages import ConnectionAccepted, ContactReplied, ConversionRecorded
from schemas.internal.states import LIVE, Enrollment


def replied(context: Context, message: ContactReplied, *, past: bool = False) -> None:
    """A reply pauses the runs it came in, stops them, or is only known, as each campaign says; an
    automatic one is no answer."""
    found = find(context, message.command_id) if message.command_id else None
    before = context.contact.replied.get(message.channel)
    if before is not None and message.at <= before and not message.automatic:
        return  # told again, or late
    if not message.automatic:
        context.contact.replied[message.channel] = message.at
    context.emit_fact(
        FactKind.CONTACT_REPLIED,
        found.enrollment if found else None,
        found.touch if found else None,
        channel=message.channel,
        command_id=message.command_id,
        cause=message.cause,
        reason="automatic" if message.automatic else None,
        occurred_at=message.at,
    )
    if message.automatic or past:
        return
    for enrollment in live(context):
        if message.at >= enrollment.started_at:
            _answer(context, enrollment, message.cause)


def _answer(context: Context, enrollment: Enrollment, cause: str) -> None:
    """Who waits for a reply has it, and who is about to will find it; otherwise a person decides
    (F-14)."""
    if look(context, enrollment, cause):
        return
    if _about_to_wait(context, enrollment):
        enrollment.reply_cause = enrollment.reply_cause or cause
    else:
        _decide(context, enrollment, cause)


def _about_to_wait(context: Context, enrollment: Enrollment) -> bool:
    """The reply was told before its touch was said to be sent."""
    touch = enrollment.touches[-1]
    wait = context.step(enrollment, touch).wait_for
    return command_is_out(touch) and wait is not None and "reply" in wait.events


def settle(context: Context) -> None:
    """A step that was to wait for a reply was not sent after all, or waits for something else by
    now: the reply that came meanwhile counts as if it had come after that (design 2.9)."""
    for enrollment in context.contact.enrollments:
        cause = enrollment.reply_cause
        if cause is not None and not _about_to_wait(context, enrollment):
            enrollment.reply_cause = None
            _decide(context, enrollment, cause)


def _decide(context: Context, enrollment: Enrollment, cause: str) -> None:
    on_reply = context.definition(enrollment).settings.on_reply
    if on_reply == "pause":
        freeze(context, enrollment, "reply", cause)
    elif on_reply == "stop":
        stop(context, enrollment, "replied", cause)


def connected(context: Context, message: ConnectionAccepted, *, past: bool = False) -> None:
    """The person is a LinkedIn connection, since the earliest moment that was told."""
    before = context.contact.connected_at
    if before is not None and before <= message.at:
        return
    context.contact.connected_at = message.at
    context.emit_fact(
        FactKind.CONTACT_CONNECTED, channel="linkedin", cause=message.cause, occurred_at=message.at
    )
    if not past:
        _look_at_all(context, message.cause)


def converted(context: Context, message: ConversionRecorded, *, past: bool = False) -> bool:
    """A conversion is that of the run whose command it names, else of every run begun before it
    that lives, else of the last one; the earliest of a run holds. False where there is none."""
    found = find(context, message.command_id) if message.command_id else None
    runs = [found.enrollment] if found else _begun_before(context, message.at)
    touch = found.touch if found else None
    if touch is not None:
        touch.converted_at = min(touch.converted_at or message.at, message.at)
    told = (message.at, message.conversion_type)
    for run in runs:
        first = run.converted_at is None
        if run.converted_at is not None and (run.converted_at, run.conversion or "") <= told:
            continue
        run.converted_at, run.conversion = told
        context.emit_fact(
            FactKind.TOUCH_CONVERTED if first else FactKind.TOUCH_REDATED,
            run,
            touch,
            cause=message.cause,
            reason=message.conversion_type if first else "converted",
            occurred_at=message.at,
        )
    if not past:
        _look_at_all(context, message.cause)
    return bool(runs)


def _begun_before(context: Context, at: int) -> list[Enrollment]:
    begun = [run for run in context.contact.enrollments if run.started_at <= at]
    return [run for run in begun if run.status in LIVE] or begun[-1:]


def _look_at_all(context: Context, cause: str) -> None:
    for enrollment in live(context):
        look(context, enrollment, cause)
