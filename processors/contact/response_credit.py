"""Which touch a reply answers: the response counts for the run of that touch only (S4-54, C-37).

It is the touch whose command the reply names, else the one that was sent last on the channel of the
reply, else the one that was sent last. The replies are kept, so that a send which is reported late
leads to the same credit as one in time.
"""

from processors.contact.command_lookup import CommandMatch, find_command
from processors.contact.context import Context
from processors.contact.result_counts import recount
from schemas.internal.enrollment import Enrollment, Touch
from schemas.internal.facts import FactKind
from schemas.internal.messages import ContactReplied
from schemas.internal.states import Reply

REPLIES_MAX = 16
"""Replies that a contact's state remembers; beyond that the oldest is forgotten."""

Answered = tuple[Enrollment, Touch]
"""A touch that a reply answers, and its run."""


def credit_response(context: Context, message: ContactReplied) -> Answered | None:
    """Credits a reply of a person; one that has arrived before changes nothing. Returns what it
    answers, None if nothing was sent before it."""
    replies = context.contact.replies
    if message.rules < 1 and all(run.results is None for run in context.contact.enrollments):
        return None
    known = next((r for r in replies if (r.at, r.channel) == (message.at, message.channel)), None)
    if known is None:
        known = Reply(message.at, message.channel, message.command_id)
        replies.append(known)
        del replies[:-REPLIES_MAX]
    elif known.command_id is None:
        known.command_id = message.command_id
    if not _is_of_archived_run(context, known):
        _credit(context, known)
    return _answered(context, known)


def credit_responses_again(context: Context, sent_at: int, cause: str | None) -> None:
    """Credits the replies since a send anew that was reported late."""
    for reply in context.contact.replies:
        if reply.at < sent_at or _is_of_archived_run(context, reply):
            continue
        before = reply.enrollment_id
        _credit(context, reply)
        answered = _answered(context, reply)
        if answered is not None and reply.enrollment_id != before:
            emit_response_moved(context, answered, reply.at, cause)


def emit_response_moved(context: Context, answered: Answered, at: int, cause: str | None) -> None:
    """Emits the fact of a first response that is another one than was known."""
    run, touch = answered
    if run.results is not None and run.results.responded_at == at:
        context.emit_fact(
            FactKind.TOUCH_REDATED, run, touch, cause=cause, reason="replied", occurred_at=at
        )


def replies_of(context: Context) -> dict[tuple[str, int], list[int]]:
    """The times of the replies to each touch, by its run and number."""
    found: dict[tuple[str, int], list[int]] = {}
    for reply in context.contact.replies:
        found.setdefault((reply.enrollment_id, reply.number), []).append(reply.at)
    return found


def _credit(context: Context, reply: Reply) -> None:
    found = _touch_of(context, reply)
    run_id, number = ("", 0) if found is None else (found[0].enrollment_id, found[1].number)
    before, reply.enrollment_id, reply.number = reply.enrollment_id, run_id, number
    if before != run_id:
        for run in context.contact.enrollments:
            if run.enrollment_id == before:
                _lose(context, run, reply)
    if found is not None:
        _gain(context, found[0], reply)


def _gain(context: Context, run: Enrollment, reply: Reply) -> None:
    results = run.results
    if results is None:
        return
    known = (results.responded_at, results.response_channel)
    if results.responded_at is None or (reply.at, reply.channel) < known:
        results.responded_at, results.response_channel = reply.at, reply.channel
        recount(context, run)


def _lose(context: Context, run: Enrollment, reply: Reply) -> None:
    results = run.results
    if results is None or results.responded_at != reply.at:
        return
    others = [each for each in context.contact.replies if each.enrollment_id == run.enrollment_id]
    first = min(others, key=lambda each: (each.at, each.channel), default=None)
    results.responded_at = None if first is None else first.at
    results.response_channel = "" if first is None else first.channel
    recount(context, run)


def _touch_of(context: Context, reply: Reply) -> Answered | None:
    match: CommandMatch | None = None
    if reply.command_id is not None:
        match = find_command(context, reply.command_id)
    if match is not None:
        return match.enrollment, match.touch
    sent = [
        (touch.channel == reply.channel, touch.sent_at, run.enrollment_id, touch.number, run, touch)
        for run in context.contact.enrollments
        for touch in run.touches
        if touch.sent_at is not None and touch.sent_at <= reply.at
    ]
    if not sent:
        return None
    *_, run, touch = max(sent, key=lambda each: each[:4])
    return run, touch


def _is_of_archived_run(context: Context, reply: Reply) -> bool:
    runs = context.contact.enrollments
    return bool(reply.enrollment_id) and all(r.enrollment_id != reply.enrollment_id for r in runs)


def _answered(context: Context, reply: Reply) -> Answered | None:
    for run in context.contact.enrollments:
        if run.enrollment_id == reply.enrollment_id:
            return run, run.touches[reply.number - 1]
    return None
