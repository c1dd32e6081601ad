"""Messages that come back to their sender: what each class of bounce does (S4-81, S4-82, C-25).

A bounce concerns an address, not a person: a new address opens the channel again. A mailbox that
cannot take a message is tried again; several such bounces close the address.
"""

from typing import Any

from processors.contact.closed_addresses import close_address, close_on_channel
from processors.contact.command_lookup import CommandMatch
from processors.contact.consent import opted_out_at_provider
from processors.contact.context import Context
from processors.contact.late_credit import was_sent_by
from processors.contact.reported_facts import emit_reported
from processors.contact.resending import send_again
from processors.contact.result_counts import count_bounce
from processors.contact.senders import BLOCKED, report_outcome
from processors.contact.sending import mark_sent
from processors.contact.soft_bounces import SOFT_BOUNCES, SoftCount, count_soft
from processors.contact.state_machine import Input
from processors.contact.touch_outcome import count_error, fail_touch
from schemas.base.code_classes import CodeClass
from schemas.base.provider_codes import HARD
from schemas.internal.enrollment import LIVE, RESOLVED, CameBack, Phase
from schemas.internal.facts import FactKind
from schemas.internal.messages import TouchBounced


def touch_bounced(context: Context, match: CommandMatch, message: TouchBounced) -> None:
    """Records a bounce, and does what follows from its class."""
    touch = match.touch
    if message.rules < 1:
        _bounced_before_rules(context, match, message)
        return
    if match.current and touch.phase not in RESOLVED and not touch.pool_id:
        # A message that comes back was sent: its report is late.
        unknown = {"provider_message_id": None}
        mark_sent(context, match, Input.BOUNCED, message.at, message.cause, unknown)
    touch.bounced_at = min(message.at, touch.bounced_at or message.at)
    before = touch.came_back
    is_new = before is None or match.attempt > before.attempt
    if is_new:
        soft, taken_back = (0, 0) if before is None else (before.soft, before.taken_back)
        touch.came_back = CameBack(match.attempt, message.at, soft, taken_back)
    was_sent_by(context, match, message, message.at)
    if message.bounce_type in _CLOSING:
        _closing(context, match, message, is_new=is_new)
    elif is_new:
        _coming_back(context, match, message)


_CLOSING = (HARD, CodeClass.UNREACHABLE.value, CodeClass.OPTED_OUT.value)
"""The classes after which nothing more goes to the address: also if another class was reported of
the same message before."""

_FAILING = (CodeClass.CONTENT.value, CodeClass.OURS.value)
"""The classes of messages that would come back again: their touch has failed."""


def _closing(context: Context, match: CommandMatch, message: TouchBounced, *, is_new: bool) -> None:
    run, touch = match.enrollment, match.touch
    digest = touch.recipient.hex() if touch.recipient is not None else ""
    if is_new or (message.bounce_type == HARD and digest not in context.contact.bounced):
        _emit(context, match, message, {})
    if message.bounce_type == HARD:
        close_address(context, touch, message.at, message.cause)
    elif message.bounce_type == CodeClass.UNREACHABLE:
        close_on_channel(context, touch, message.at, message.cause)
    else:
        opted_out_at_provider(context, match, message)
        return
    count_bounce(context, run, message.at)


def _coming_back(context: Context, match: CommandMatch, message: TouchBounced) -> None:
    touch, kind = match.touch, message.bounce_type
    if kind == CodeClass.BLOCK:
        _emit(context, match, message, {})
        report_outcome(context, touch.channel, touch.sender_id, BLOCKED, message.command_id)
    elif kind in _FAILING:
        _emit(context, match, message, {"alarm": True} if kind == CodeClass.OURS else {})
        _fail(context, match, message, kind)
    else:
        count = count_soft(context, match, message.at)
        _emit(context, match, message, count.values())
        _soft(context, match, message, count)


def _soft(context: Context, match: CommandMatch, message: TouchBounced, count: SoftCount) -> None:
    """Closes the address after the last of several soft bounces; else sends the message again."""
    if count.closes:
        close_address(context, match.touch, message.at, message.cause, SOFT_BOUNCES)
        count_bounce(context, match.enrollment, message.at)
    if count.closes or count.retry_us is None:
        _fail(context, match, message, SOFT_BOUNCES)
    else:
        send_again(context, match, message, count.retry_us)


def _fail(context: Context, match: CommandMatch, message: TouchBounced, reason: str) -> None:
    """Fails the touch, unless another attempt is under way or has arrived."""
    run, touch = match.enrollment, match.touch
    if not match.current or touch.phase is not Phase.SENT:
        return
    is_last = touch is run.touches[-1]
    if is_last and run.status in LIVE:
        run.waiting = None  # nobody can answer it
    if reason != SOFT_BOUNCES:
        touch.error = reason
        count_error(run, reason)
    fail_touch(
        context,
        run,
        touch,
        Input.BOUNCED,
        reason,
        message.bounce_type,
        advance=is_last,
        cause=message.cause,
    )


def _emit(
    context: Context, match: CommandMatch, message: TouchBounced, values: dict[str, Any]
) -> None:
    # The text of the report is in no fact: it may quote the address.
    kind, reason = FactKind.TOUCH_BOUNCED, message.bounce_type
    emit_reported(context, match, message, kind, reason, values or None)


def _bounced_before_rules(context: Context, match: CommandMatch, message: TouchBounced) -> None:
    """What a bounce of before BOUNCE_RULES does: only a class that closes has an effect."""
    touch = match.touch
    first = touch.bounced_at is None
    touch.bounced_at = message.at if first else min(message.at, touch.bounced_at or message.at)
    if first:
        _emit(context, match, message, {})
    if message.bounce_type == HARD:
        close_address(context, touch, message.at, message.cause)
        count_bounce(context, match.enrollment, message.at)
    elif message.bounce_type == CodeClass.UNREACHABLE:
        close_on_channel(context, touch, message.at, message.cause)
        count_bounce(context, match.enrollment, message.at)
    elif message.bounce_type == CodeClass.OPTED_OUT:
        opted_out_at_provider(context, match, message)
