"""Stops and freezes of an enrollment, and the late policy when it goes on (F-4, F-14, C-31,
S1-34)."""

from collections.abc import Sequence
from typing import Any

from processors.contact.context import Context
from processors.contact.sequence import arm, become, executed_at, go_on, steps_ahead, stopped
from processors.contact.state_machine import Input
from processors.contact.touch_gates import overtaken, skip, withdraw
from schemas.base.times import DAY
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.messages import ContactPaused, ContactResumed
from schemas.internal.states import (
    LIVE,
    RESOLVED,
    EndedEnrollment,
    Enrollment,
    Phase,
    Status,
    Touch,
)

_ASKED = (Phase.REQUESTED, Phase.COMMANDED)

ENDED_MAX = 8
"""Ended enrollments that a contact's state keeps, so that late opens and reviews find their
touch."""


def stop(context: Context, enrollment: Enrollment, reason: str, cause: str | None) -> None:
    """No further touch: a waiting one is dropped, a requested one withdrawn, a command out
    revoked."""
    stopped(context, enrollment, reason, cause)
    touch = open_touch(enrollment)
    if touch is None:
        return
    if touch.phase is Phase.SCHEDULED:
        skip(context, enrollment, touch, Input.STOP, reason)
    elif touch.phase is Phase.WITHDRAWING:
        touch.reason = reason
    else:
        withdraw(context, enrollment, touch, Input.STOP, reason, revoke=True)


def freeze(context: Context, enrollment: Enrollment, hold: str, cause: str) -> None:
    """The campaign or the person is paused, or has replied: scheduled times stand still; a command
    that is out is not called back (F-4, F-14)."""
    if hold in enrollment.holds:
        return
    enrollment.holds = [*enrollment.holds, hold]
    context.emit_fact(FactKind.ENROLLMENT_FROZEN, enrollment, cause=cause, reason=hold)
    if enrollment.status is Status.FROZEN:
        return
    become(enrollment, Status.FROZEN)
    enrollment.frozen_at = context.now
    touch = open_touch(enrollment)
    if touch is not None and touch.phase is Phase.REQUESTED:
        withdraw(context, enrollment, touch, Input.FREEZE, f"{hold}_paused", revoke=False)


def runs(context: Context, enrollment: Enrollment) -> bool:
    """The first gate (X-3): its campaign runs. A sweep tells each enrollment when that changes;
    one that it could not reach finds out here."""
    campaign = context.campaign(enrollment.campaign_id)
    assert campaign is not None, "an enrollment's campaign is never forgotten"
    if campaign.status == "active":
        return True
    if campaign.status == "paused":
        freeze(context, enrollment, "campaign", campaign.sweep_cause)
    else:
        stop(context, enrollment, f"campaign_{campaign.status}", campaign.sweep_cause)
    return False


def thaw(context: Context, enrollment: Enrollment, holds: Sequence[str], cause: str) -> None:
    """What held it is over. Once nothing else does it goes on, and what fell due meanwhile is
    treated as its late policy says (C-31)."""
    if enrollment.status is not Status.FROZEN:
        return
    enrollment.holds = [hold for hold in enrollment.holds if hold not in holds]
    if enrollment.holds:
        return
    become(enrollment, Status.ACTIVE)
    assert enrollment.frozen_at is not None
    frozen_at, enrollment.frozen_at = enrollment.frozen_at, None
    paused = context.now - frozen_at
    late_policy = context.definition(enrollment).settings.late_policy
    context.emit_fact(
        FactKind.ENROLLMENT_RESUMED,
        enrollment,
        cause=cause,
        values={"late_policy": late_policy, "paused_seconds": paused // 1_000_000},
    )
    touch = open_touch(enrollment)
    if touch is None:
        if late_policy == "shift_by_pause":
            _wait_on(context, enrollment, frozen_at)
        go_on(context, enrollment)
    elif touch.phase in (Phase.SCHEDULED, Phase.WITHDRAWING):
        _take_up(context, enrollment, touch, _stood_still(context, enrollment, touch, frozen_at))
    elif touch.phase is Phase.COMMANDED:
        touch.due_at += paused  # its sender has as long to answer as before
        if late_policy == "shift_by_pause":
            touch.scheduled_at += paused  # from which the next one counts


def _wait_on(context: Context, enrollment: Enrollment, frozen_at: int) -> None:
    """A wait has stood still since the pause, or since it was begun meanwhile."""
    waiting = enrollment.waiting
    if waiting is not None:
        waiting.until += context.now - max(frozen_at, waiting.since)


def _stood_still(context: Context, enrollment: Enrollment, touch: Touch, frozen_at: int) -> int:
    """How long a touch's time stood still: one that was scheduled meanwhile, only since then."""
    step = context.step(enrollment, touch)
    begun = frozen_at
    if step.anchor in ("previous_executed", "trigger") and len(enrollment.touches) > 1:
        begun = max(begun, touch.scheduled_at - step.delay_us)
    return max(0, context.now - begun)


def _take_up(context: Context, enrollment: Enrollment, touch: Touch, paused: int) -> None:
    settings = context.definition(enrollment).settings
    if settings.late_policy == "shift_by_pause":
        touch.scheduled_at += paused
        touch.due_at += paused
    if touch.phase is Phase.WITHDRAWING:
        return  # dispatch's answer arms it
    late = overtaken(context, enrollment, touch)
    if late is not None:
        skip(context, enrollment, touch, Input.STOP, late)
        following = open_touch(enrollment)
        if following is not None:
            _take_up(context, enrollment, following, 0)
        return
    quiet = arm(context, enrollment, touch, max(context.now, touch.due_at), touch.wait or "delay")
    values: dict[str, Any] = {"scheduled_at": fact_time(touch.scheduled_at)}
    if quiet is not None:
        values["window"] = quiet
    context.emit_fact(
        FactKind.TOUCH_SCHEDULED,
        enrollment,
        touch,
        reason=touch.wait,
        until=fact_time(touch.due_at),
        values=values,
    )


def paused(context: Context, message: ContactPaused) -> None:
    """A person's run stands still by hand; without a campaign, all of them (S2-25)."""
    for enrollment in live(context, message.campaign_id):
        freeze(context, enrollment, "person", message.cause)


def resumed(context: Context, message: ContactResumed) -> None:
    """It goes on, whether it was paused by hand or by a reply (F-14)."""
    for enrollment in live(context, message.campaign_id):
        if context.definition(enrollment).settings.on_reply == "pause":
            enrollment.reply_cause = None  # whatever comes of the touch that is out: it was seen
        thaw(context, enrollment, ("person", "reply"), message.cause)


def stop_without_channels(context: Context, channel: str, cause: str) -> None:
    """An opt-out closes a channel; an enrollment with nothing left to send elsewhere is stopped
    (F-4, F-8)."""
    for enrollment in live(context):
        touch = open_touch(enrollment)
        ahead = {step.channel for step in steps_ahead(context, enrollment)}
        ahead |= {touch.channel} if touch else set()
        if ahead and all(context.opted_out(name) for name in ahead):
            stop(context, enrollment, f"opted_out_{channel}", cause)
        elif touch and context.opted_out(touch.channel):
            if touch.phase in _ASKED:
                withdraw(
                    context, enrollment, touch, Input.STOP, f"opted_out_{channel}", revoke=True
                )
            elif touch.phase is Phase.SCHEDULED and touch.emission:  # only its repeat was withdrawn
                skip(context, enrollment, touch, Input.STOP, f"opted_out_{channel}")


def live(context: Context, campaign_id: str | None = None) -> list[Enrollment]:
    """The contact's running enrollments: of one campaign at most one (S1-21)."""
    return [
        enrollment
        for enrollment in context.contact.enrollments
        if enrollment.status in LIVE and campaign_id in (None, enrollment.campaign_id)
    ]


def open_touch(enrollment: Enrollment) -> Touch | None:
    """The touch that is not resolved yet; only the last can be (S0-4)."""
    if enrollment.touches and enrollment.touches[-1].phase not in RESOLVED:
        return enrollment.touches[-1]
    return None


REMEMBERED = 7 * DAY
"""The longest window of a cap on how often a person is reached."""


def remember_reached(context: Context, enrollment: Enrollment) -> None:
    """When a run has reached its person counts on after the run is let go: all of the longest
    window, and the last time whenever that was, for the gap between any two touches."""
    contact = context.contact
    sent = [executed_at(touch) for touch in enrollment.touches if touch.phase is Phase.SENT]
    known = sorted([*contact.reached, *sent])
    contact.reached = [at for at in known[:-1] if at + REMEMBERED > context.now] + known[-1:]


def trim(context: Context) -> None:
    """The oldest ended enrollments past ENDED_MAX go under keys of their own: kept, and in nobody's
    way."""
    enrollments = context.contact.enrollments
    ended = [e for e in enrollments if e.status not in LIVE and open_touch(e) is None]
    for enrollment in ended[: max(0, len(ended) - ENDED_MAX)]:
        enrollments.remove(enrollment)
        remember_reached(context, enrollment)
        key = f"\x00e/{context.tenant_id}/{context.contact_id}/{enrollment.enrollment_id}".encode()
        kept = EndedEnrollment(context.tenant_id, context.contact_id, enrollment)
        context.turn.store.put(key, kept)
