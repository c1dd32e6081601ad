"""What a report of a send changes that came after the events that followed the send: whom replies,
conversions and opt-outs are credited to (promise 9)."""

from processors.contact.command_lookup import CommandMatch
from processors.contact.context import Context
from processors.contact.conversion_credit import credit_conversions_again
from processors.contact.reported_facts import emit_reported
from processors.contact.response_credit import credit_responses_again
from processors.contact.result_counts import count_opt_out
from schemas.channels import ALL_CHANNELS
from schemas.internal.enrollment import Enrollment, Phase, Touch
from schemas.internal.facts import FactKind
from schemas.internal.messages import TouchBounced, TouchSent

OPT_OUTS_MAX = 16
"""Opt-outs that a contact's state remembers; beyond that the oldest is forgotten."""


def credit_after_send(context: Context, run: Enrollment, touch: Touch, cause: str | None) -> None:
    """Credits what has happened since the send of a touch."""
    contact, sent_at = context.contact, touch.sent_at
    assert sent_at is not None, "the touch was sent"
    if contact.replies:
        credit_responses_again(context, sent_at, cause)
    if contact.conversions:
        credit_conversions_again(context, sent_at, cause)
    if contact.opt_outs and run.results is not None:
        _credit_opt_out(context, run, touch, sent_at)


def was_sent_by(
    context: Context, match: CommandMatch, message: TouchSent | TouchBounced, at: int
) -> None:
    """A message that came back had been sent by the moment `at`: earlier than was known, if its
    bounce came before the report of the send."""
    touch, back = match.touch, match.touch.came_back
    is_latest = back is not None and match.attempt == back.attempt
    was_sent_again = touch.phase is Phase.SENT and not match.current
    if not is_latest or was_sent_again or touch.sent_at is None or touch.sent_at <= at:
        return
    touch.sent_at = at
    emit_reported(context, match, message, FactKind.TOUCH_REDATED, "sent")
    credit_after_send(context, match.enrollment, touch, message.cause)


def _credit_opt_out(context: Context, run: Enrollment, touch: Touch, sent_at: int) -> None:
    scopes = (touch.channel, ALL_CHANNELS)
    after = (at for scope, at in context.contact.opt_outs if scope in scopes and at >= sent_at)
    first = min(after, default=None)
    if first is not None:
        count_opt_out(context, run, first)


def credit_opt_out(context: Context, scope: str, at: int) -> None:
    """Credits an opt-out to every run that was sent something on one of its channels before, and
    keeps it for the sends that are reported later."""
    counted = [run for run in context.contact.enrollments if run.results is not None]
    if not counted:
        return
    kept = context.contact.opt_outs
    if (scope, at) not in kept:
        kept.append((scope, at))
        del kept[:-OPT_OUTS_MAX]
    for run in counted:
        if any(
            scope in (touch.channel, ALL_CHANNELS)
            and touch.sent_at is not None
            and touch.sent_at <= at
            for touch in run.touches
        ):
            count_opt_out(context, run, at)
