"""A message that came back is sent once more: its touch goes from sent back to scheduled (C-25).

What was planned after it is taken back, and planned anew when the message is sent. A run that the
touch had completed goes on.
"""

from processors.contact.command_lookup import CommandMatch
from processors.contact.context import Context
from processors.contact.entry_rules import exclusive_refusal
from processors.contact.pause_stop import freeze
from processors.contact.result_counts import recount
from processors.contact.run_end import set_status
from processors.contact.run_queries import live_runs
from processors.contact.sequence import TIMEOUT, advance_run
from processors.contact.soft_bounces import forget_soft
from processors.contact.state_machine import Input, transition
from processors.contact.touch_outcome import begin_attempt
from processors.contact.touch_times import SOFT_BOUNCE, is_resend
from schemas.internal.enrollment import LIVE, Enrollment, Phase, Status, Touch
from schemas.internal.facts import FactKind
from schemas.internal.messages import TouchBounced, TouchSeen

_ARRIVED = "arrived"
"""Why a message is not sent again: it arrived after all."""


def send_again(context: Context, match: CommandMatch, message: TouchBounced, after_us: int) -> None:
    """Schedules another attempt for `after_us` after the bounce. Nothing is sent again if something
    later is out already, if the bounce comes late, or if the run or its campaign is over."""
    run, touch = match.enrollment, match.touch
    if not match.current or not _may_be_sent_again(context, run, touch, message.at):
        return
    back = touch.came_back
    assert back is not None, "it came back now"
    back.soft += 1
    _take_back_later(context, run, touch)
    if run.status not in LIVE:
        _reopen(context, run, message.cause)
    touch.phase = transition(touch.phase, Input.BOUNCED, Phase.SCHEDULED)
    touch.resolved_at = touch.reason = None
    touch.awaited = touch.awaited_at = touch.outcome = None
    run.waiting = None
    at = max(context.now, min(message.at, context.now) + after_us)
    begin_attempt(
        context,
        run,
        touch,
        SOFT_BOUNCE,
        at,
        message.bounce_type,
        wait=SOFT_BOUNCE,
        cause=message.cause,
    )
    touch.uncounted += 1  # no failed attempt: those of errors are left


def _may_be_sent_again(context: Context, run: Enrollment, touch: Touch, at: int) -> bool:
    campaign = context.campaign(run.campaign_id)
    assert campaign is not None, "an enrollment's campaign is never forgotten"
    window_us = context.definition(run).settings.soft_bounces.window_us
    return (
        touch.phase is Phase.SENT
        and not touch.pool_id
        and at <= (touch.sent_at or at) + window_us
        and campaign.status in ("active", "paused")
        and _goes_on(context, run)
        and context.opt_out_scope(touch.channel) is None
        and touch.awaited in (None, TIMEOUT)
        and not _has_arrived(context, run, touch, at)
        and all(map(_is_only_planned, run.touches[touch.number :]))
    )


def _goes_on(context: Context, run: Enrollment) -> bool:
    """Whether a run is live, or completed and not followed by another one, also not by one of its
    exclusive group."""
    if run.status is Status.COMPLETED:
        followed = live_runs(context, run.campaign_id)
        return not followed and exclusive_refusal(context, context.definition(run)) is None
    return run.status in LIVE


def _has_arrived(context: Context, run: Enrollment, touch: Touch, at: int) -> bool:
    """Whether the person has seen the message since it came back, so that it did not stay away."""
    signals = (touch.delivered_at, touch.opened_at, touch.clicked_at, touch.read_at)
    if any(moment is not None and moment >= at for moment in signals):
        return True
    return any(
        (reply.enrollment_id, reply.number) == (run.enrollment_id, touch.number)
        for reply in context.contact.replies
    )


def _is_only_planned(touch: Touch) -> bool:
    """Whether nothing of a touch ever went out: it is scheduled, or was skipped."""
    if touch.commanded_at is not None or touch.emission:
        return False
    return touch.phase in (Phase.SCHEDULED, Phase.SKIPPED)


def _take_back_later(context: Context, run: Enrollment, touch: Touch) -> None:
    later = run.touches[touch.number :]
    if not later:
        return
    for each in later:
        if each.phase is Phase.SCHEDULED:
            context.emit_fact(FactKind.TOUCH_WITHDRAWN, run, each, reason=SOFT_BOUNCE)
    assert touch.came_back is not None
    touch.came_back.taken_back = max(touch.came_back.taken_back, later[-1].number)
    del run.touches[touch.number :]


def _reopen(context: Context, run: Enrollment, cause: str) -> None:
    """Lets a completed run go on; it is paused at once if its campaign is."""
    set_status(run, Status.ACTIVE)
    run.ended_at = None
    context.emit_fact(FactKind.ENROLLMENT_REOPENED, run, cause=cause, reason=SOFT_BOUNCE)
    recount(context, run)
    campaign = context.campaign(run.campaign_id)
    if campaign is not None and campaign.status == "paused":
        freeze(context, run, "campaign", campaign.sweep_cause or cause)


def message_arrived(context: Context, match: CommandMatch, message: TouchSeen) -> None:
    """A message was delivered, opened, clicked or read: earlier soft bounces of its address count
    no more, and it is not sent again if it was about to be."""
    touch, back = match.touch, match.touch.came_back
    if message.signal in ("delivered", "opened"):
        forget_soft(context, touch.recipient, message.at)
    if (
        back is not None
        and touch.phase is Phase.SCHEDULED
        and not touch.emission
        and is_resend(touch)
        and match.attempt == back.attempt
        and message.at >= back.at
    ):
        touch.phase = transition(touch.phase, Input.SENT, Phase.SENT)
        touch.attempt, touch.uncounted = back.attempt, touch.uncounted - 1
        touch.command_id, touch.resolved_at = message.command_id, context.now
        touch.wait = touch.retry_at = None
        context.emit_fact(
            FactKind.TOUCH_WITHDRAWN, match.enrollment, touch, cause=message.cause, reason=_ARRIVED
        )
        advance_run(context, match.enrollment)
