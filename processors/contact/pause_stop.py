"""Stops and pauses of an enrollment, and the late policy when it goes on (F-4, F-14, C-31,
S1-34)."""

from collections.abc import Sequence

from processors.contact import call_progress
from processors.contact.context import Context
from processors.contact.late_policy import late_skip_reason
from processors.contact.run_end import mark_stopped, set_status
from processors.contact.run_queries import finishes_commands, live_runs, open_touch, steps_ahead
from processors.contact.sequence import advance_run
from processors.contact.state_machine import Input, transition
from processors.contact.touch_outcome import skip_touch, withdraw_touch
from processors.contact.touch_times import (
    WINDOW_WAITS,
    anchor_of,
    earliest_time,
    emit_schedule,
    first_delay,
    is_redial,
    is_resend,
    is_retry,
    look_for_opening,
)
from schemas.base.times import SECOND
from schemas.campaigns.compiled_definition import Definition, Step
from schemas.internal.enrollment import LAST_ANSWER, Enrollment, Phase, Status, Touch
from schemas.internal.facts import FactKind
from schemas.internal.messages import ContactPaused, ContactResumed


def stop(context: Context, enrollment: Enrollment, reason: str, cause: str | None) -> None:
    """Stops an enrollment: a scheduled touch is skipped, a requested one withdrawn, a command that
    is out revoked. A call that was placed goes on to its end. Where the campaign lets commands
    finish, a command that is out has the time to be answered that it had before."""
    mark_stopped(context, enrollment, reason, cause)
    touch = open_touch(enrollment)
    if touch is None:
        return
    if touch.phase is Phase.SCHEDULED:
        skip_touch(context, enrollment, touch, Input.STOP, reason)
    elif touch.phase is Phase.WITHDRAWING:
        touch.reason = reason
    elif call_progress.is_under_way(touch) and reason not in _ENDS_CALLS:
        touch.phase = transition(touch.phase, Input.STOP, touch.phase)
    elif not finishes_commands(context, enrollment):
        withdraw_touch(context, enrollment, touch, Input.STOP, reason, revoke=True)
    elif touch.phase is Phase.COMMANDED:
        touch.phase = transition(touch.phase, Input.STOP, touch.phase)
        _await_last_answer(context, enrollment, touch)
    else:
        withdraw_touch(context, enrollment, touch, Input.STOP, reason, revoke=False)


def _await_last_answer(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    """Awaits the answer to a command for the rest of its time, as after a pause. If that is over,
    and a repeat has waited for its window or a cap, the command is given up now."""
    if touch.wait != "answer":
        touch.due_at = context.now
    elif enrollment.frozen_at is not None:
        touch.due_at += context.now - enrollment.frozen_at
    touch.wait = LAST_ANSWER


def revoke_finishing(context: Context, reason: str, *, every: bool = False) -> None:
    """Revokes commands that the completion of their campaigns has left out: those on channels that
    are closed now, or every one."""
    for enrollment in context.contact.enrollments:
        touch = open_touch(enrollment)
        if touch is None or enrollment.results is None or touch.phase is not Phase.COMMANDED:
            continue
        if finishes_commands(context, enrollment) and (
            every or context.opt_out_scope(touch.channel) is not None
        ):
            withdraw_touch(context, enrollment, touch, Input.STOP, reason, revoke=True)


_ENDS_CALLS = ("contact_erased", "campaign_deleted")
"""The reasons for which a call that was placed is revoked too: its end would be refused."""


def freeze(context: Context, enrollment: Enrollment, hold: str, cause: str) -> None:
    """Pauses an enrollment: its times stand still, and a command that is out is not revoked (F-4,
    F-14).

    `hold` is what pauses it: `campaign`, `person` or `reply`.
    """
    if hold in enrollment.holds:
        return
    enrollment.holds = [*enrollment.holds, hold]
    context.emit_fact(FactKind.ENROLLMENT_FROZEN, enrollment, cause=cause, reason=hold)
    if enrollment.status is Status.FROZEN:
        return
    set_status(enrollment, Status.FROZEN)
    enrollment.frozen_at = context.now
    touch = open_touch(enrollment)
    if touch is not None and touch.phase is Phase.REQUESTED:
        withdraw_touch(context, enrollment, touch, Input.FREEZE, f"{hold}_paused", revoke=False)


def apply_campaign_status(context: Context, enrollment: Enrollment) -> bool:
    """The first gate (X-3): pauses or stops the enrollment if its campaign is not active.

    Returns whether the campaign is active. A sweep applies each change of status to every
    enrollment; this finds those that the sweep could not reach.
    """
    campaign = context.campaign(enrollment.campaign_id)
    assert campaign is not None, "an enrollment's campaign is never forgotten"
    if campaign.status == "active":
        return True
    if campaign.status in ("paused", "draft"):
        freeze(context, enrollment, "campaign", campaign.sweep_cause)
    else:
        stop(context, enrollment, f"campaign_{campaign.status}", campaign.sweep_cause)
    return False


def thaw(context: Context, enrollment: Enrollment, holds: Sequence[str], cause: str) -> None:
    """Lifts `holds` from an enrollment. When none is left it goes on, and the late policy decides
    about what fell due meanwhile (C-31)."""
    if enrollment.status is not Status.FROZEN:
        return
    enrollment.holds = [hold for hold in enrollment.holds if hold not in holds]
    if enrollment.holds:
        return
    set_status(enrollment, Status.ACTIVE)
    assert enrollment.frozen_at is not None
    frozen_at, enrollment.frozen_at = enrollment.frozen_at, None
    paused_us = context.now - frozen_at
    late_policy = context.definition(enrollment).settings.late_policy
    context.emit_fact(
        FactKind.ENROLLMENT_RESUMED,
        enrollment,
        cause=cause,
        values={"late_policy": late_policy, "paused_seconds": paused_us // SECOND},
    )
    touch = open_touch(enrollment)
    if not enrollment.touches:
        _begin(context, enrollment)
    elif touch is None:
        if late_policy == "shift_by_pause":
            _extend_wait(context, enrollment, frozen_at)
        advance_run(context, enrollment)
    elif touch.phase in (Phase.SCHEDULED, Phase.WITHDRAWING):
        if late_policy == "shift_by_pause":
            _shift_plan(context, enrollment, touch, frozen_at)
        _resume_touch(context, enrollment, touch)
    elif touch.phase is Phase.COMMANDED:
        if late_policy == "shift_by_pause":
            touch.scheduled_at += paused_us  # the next touch may count from it
        if touch.wait in WINDOW_WAITS:  # its repeat waits for the window, and no longer for time
            look_for_opening(context, enrollment, touch)
        else:
            touch.due_at += paused_us  # its sender has as long to answer as before


def _begin(context: Context, enrollment: Enrollment) -> None:
    """Begins the plan of a run that has waited for its campaign since it was enrolled (S4-21)."""
    enrollment.anchor_at = context.now
    advance_run(context, enrollment)


def _extend_wait(context: Context, enrollment: Enrollment, frozen_at: int) -> None:
    """Extends a wait by the pause, or by the part of it since the wait began."""
    waiting = enrollment.waiting
    if waiting is not None:
        waiting.until += context.now - max(frozen_at, waiting.since)


def _shift_plan(context: Context, enrollment: Enrollment, touch: Touch, frozen_at: int) -> None:
    """Moves what is planned by the time that it stood still: by the pause, or by the part of it
    since the touch, or its next attempt, was planned."""
    definition, step = context.definition(enrollment), context.step(enrollment, touch)
    if is_retry(touch):
        planned_at = touch.due_at if touch.retry_at is None else touch.retry_at
        since = planned_at - _retry_delay_us(definition, step, touch)
        if is_redial(touch) and touch.called_at is not None:
            since = touch.called_at
        elif touch.came_back is not None and is_resend(touch):
            since = touch.came_back.at
        shift_us = max(0, context.now - max(frozen_at, since))
        touch.due_at += shift_us
        if touch.retry_at is not None:
            touch.retry_at += shift_us
    since = frozen_at
    anchor = anchor_of(definition, enrollment, touch, step)
    if anchor in ("previous_executed", "trigger") and len(enrollment.touches) > 1:
        since = max(since, touch.scheduled_at - step.delay_us)
    shift_us = max(0, context.now - since)
    at = touch.scheduled_at + shift_us
    if touch.number == 1 and touch.scheduled_at == (earliest := earliest_time(context, enrollment)):
        # A first day or an appointment stays; only what is planned by a delay stands still.
        delay_us = first_delay(context, step, enrollment.service_type)
        at = max(earliest, enrollment.anchor_at + delay_us + shift_us)
    touch.scheduled_at = at


def _retry_delay_us(definition: Definition, step: Step, touch: Touch) -> int:
    """How long the attempt that waits was put off; 0 if not by a failed attempt."""
    delays_us = step.retry_delays_us
    if delays_us is None:
        delays_us = definition.settings.retry_delays_us
    failed = touch.attempt - touch.first_attempt - touch.uncounted - len(touch.ends)
    return delays_us[failed - 1] if 0 < failed <= len(delays_us) else 0


def _resume_touch(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    """Skips or reschedules the open touch after a pause, by the late policy; then the touches that
    follow a skipped one. The send window is that of now."""
    if touch.phase is Phase.WITHDRAWING:
        return  # dispatch's answer will set its time
    reason = late_skip_reason(context, enrollment, touch)
    if reason is not None:
        skip_touch(context, enrollment, touch, Input.STOP, reason)
        following = open_touch(enrollment)
        if following is not None:
            _resume_touch(context, enrollment, following)
        return
    window = look_for_opening(context, enrollment, touch)
    emit_schedule(context, enrollment, touch, window)


def contact_paused(context: Context, message: ContactPaused) -> None:
    """Pauses the person's enrollment in one campaign, or all of them (S2-25)."""
    for enrollment in live_runs(context, message.campaign_id):
        freeze(context, enrollment, "person", message.cause)


def contact_resumed(context: Context, message: ContactResumed) -> None:
    """Resumes enrollments that were paused by hand or by a reply (F-14)."""
    for enrollment in live_runs(context, message.campaign_id):
        if context.definition(enrollment).settings.on_reply == "pause":
            enrollment.reply_cause = None  # who resumes has seen the reply
        thaw(context, enrollment, ("person", "reply"), message.cause)


def stop_without_channels(context: Context, channel: str, cause: str) -> None:
    """Applies an opt-out of `channel` (or `all`) to every live enrollment (F-4, F-8).

    One with no open channel left is stopped; otherwise its touch on a closed channel is taken back.
    """
    reason = f"opted_out_{channel}"
    revoke_finishing(context, reason)
    for enrollment in live_runs(context):
        touch = open_touch(enrollment)
        channels = {step.channel for step in steps_ahead(context, enrollment)}
        channels |= {touch.channel} if touch else set()
        if channels and all(context.opt_out_scope(name) for name in channels):
            stop(context, enrollment, reason, cause)
        elif touch and context.opt_out_scope(touch.channel):
            if touch.phase in (Phase.REQUESTED, Phase.COMMANDED):
                withdraw_touch(context, enrollment, touch, Input.STOP, reason, revoke=True)
            elif touch.phase is Phase.SCHEDULED and touch.emission:  # only its repeat was withdrawn
                skip_touch(context, enrollment, touch, Input.STOP, reason)
