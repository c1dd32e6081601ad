"""Replies and connections: what a person does on any channel, for each of their enrollments (F-14,
S2-5, S2-26, S4-54).

An event from before an enrollment started is recorded and has no effect on that enrollment.
"""

from processors.contact.command_lookup import CommandMatch, find_command
from processors.contact.consent import decided_by_word, person_left
from processors.contact.context import Context
from processors.contact.conversion_credit import credit_conversions_again
from processors.contact.conversions import has_arrived_before, names_last_touch
from processors.contact.pause_stop import freeze, stop
from processors.contact.response_credit import Answered, credit_response, emit_response_moved
from processors.contact.run_queries import live_runs, may_be_with_sender
from processors.contact.senders import connected_to
from processors.contact.sequence import apply_signal
from processors.shared.deduplication import add_if_new
from schemas.channels import channel_of_signal
from schemas.internal.enrollment import Enrollment, Touch
from schemas.internal.facts import FactKind
from schemas.internal.messages import ConnectionAccepted, ContactReplied

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
        _credit_late_reply(context, message)
        return
    is_response = not (message.gone or message.automatic)
    answered = credit_response(context, message) if is_response else None
    run, touch = _of_the_fact(match, answered, message.channel)
    context.emit_fact(
        FactKind.CONTACT_REPLIED,
        run,
        touch,
        channel=message.channel,
        command_id=message.command_id,
        cause=message.cause,
        reason="gone" if message.gone else "automatic" if message.automatic else None,
        occurred_at=message.at,
    )
    if message.gone and not backfill:
        person_left(context, message)
    if not is_response:
        return
    credit_conversions_again(context, message.at, message.cause)
    if backfill:
        return
    for enrollment in live_runs(context):
        if message.at >= enrollment.started_at or (match and match.enrollment is enrollment):
            names_touch = names_last_touch(match, enrollment)
            _apply_reply(context, enrollment, message, names_touch)


def _of_the_fact(
    match: CommandMatch | None, answered: Answered | None, channel: str
) -> tuple[Enrollment | None, Touch | None]:
    """The run and the touch that the fact of a reply names: those of its command, else those that
    it is credited to, where responses are counted."""
    if match is not None:
        return match.enrollment, match.touch
    if answered is None or answered[0].results is None:
        return None, None
    run, touch = answered
    return run, touch if touch.channel == channel else None


def _credit_late_reply(context: Context, message: ContactReplied) -> None:
    """Credits a reply from before the last one of its channel. It acts on nothing any more, and may
    be the first response of its run all the same."""
    before = _responses(context)
    answered = credit_response(context, message)
    if answered is not None and _responses(context) != before:
        emit_response_moved(context, answered, message.at, message.cause)
    credit_conversions_again(context, message.at, message.cause)


def _responses(context: Context) -> list[int | None]:
    runs = context.contact.enrollments
    return [None if run.results is None else run.results.responded_at for run in runs]


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
    if not enrollment.touches:
        return False  # it waits for its campaign
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
    if not backfill and not has_arrived_before(context, message):
        for enrollment in live_runs(context):
            apply_signal(
                context,
                enrollment,
                "connection_accepted",
                message.at,
                message.cause,
                names_touch=False,
            )
