"""Moves an enrollment to another version of its campaign, by its owner's order or because the
campaign's `on_edit` is `follow` (C-36).

The enrollment stands at a step. That step's counterpart in the new version is the step of the same
id, or the one that the order maps it to. Without a counterpart the enrollment goes on with the next
step that has one; if the command of such a touch is out, it stays on its version.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from processors.contact.context import Context
from processors.contact.run_queries import is_in_flight
from processors.contact.sequence import advance_run, check_trigger, known_signals, schedule_step
from processors.contact.state_machine import Input
from processors.contact.touch_outcome import skip_touch
from processors.contact.touch_times import is_retry, look_for_opening, scheduled_time
from schemas.campaigns.compiled_definition import Definition
from schemas.internal.enrollment import RESOLVED, Enrollment, Phase, Touch, Waiting
from schemas.internal.facts import FactKind


def counterpart(step_id: str, new: Definition, steps: Mapping[str, str | None]) -> str | None:
    """The id of a step's counterpart in `new`, None where it has none. `steps` maps old ids to new
    ones."""
    name = steps.get(step_id, step_id)
    return name if any(step.id == name for step in new.steps) else None


def next_after(
    step_id: str, old: Definition, new: Definition, steps: Mapping[str, str | None]
) -> int:
    """The index in `new` where an enrollment goes on whose step is gone: at the counterpart of the
    next step that has one, else past the end."""
    following = old.steps[old.step_index(step_id) + 1 :]
    names = (counterpart(step.id, new, steps) for step in following)
    return next((new.step_index(name) for name in names if name is not None), len(new.steps))


def repeated_and_lost(
    visited: Sequence[str], at: int, new: Definition
) -> tuple[list[str], list[str]]:
    """The steps that an enrollment at step number `at` would visit again, and those before it that
    it has never visited."""
    ahead = [step.id for step in new.steps[at + 1 :]]
    behind = [step.id for step in new.steps[:at]]
    been = set(visited)
    return [name for name in ahead if name in been], [name for name in behind if name not in been]


def same_channel_and_action(
    old: Definition, step_id: str, new: Definition, becomes: str | None
) -> bool:
    """Whether a command of the old step may stand for its counterpart: both have the same channel
    and action."""
    if becomes is None:
        return False
    before, after = old.steps[old.step_index(step_id)], new.steps[new.step_index(becomes)]
    return (before.channel, before.action) == (after.channel, after.action)


def move_run(
    context: Context,
    enrollment: Enrollment,
    version: int,
    steps: Mapping[str, str | None],
    cause: str,
) -> None:
    """Moves one enrollment to `version`. Its past touches stay; what waits at dispatch is the
    caller's to amend."""
    campaign = context.campaign(enrollment.campaign_id)
    assert campaign is not None
    old, new = campaign.definitions[enrollment.version], campaign.definitions[version]
    touch = enrollment.touches[-1]
    before, becomes = enrollment.version, counterpart(touch.step_id, new, steps)
    values = {"from": before, "to": version, "step": touch.step_id, "becomes": becomes}
    if is_in_flight(touch) and not same_channel_and_action(old, touch.step_id, new, becomes):
        context.emit_fact(
            FactKind.ENROLLMENT_KEPT, enrollment, cause=cause, reason="STEP_GONE", values=values
        )
        return
    shift_us = _pause_shift_us(context, enrollment, touch)
    for each in enrollment.touches:
        name = counterpart(each.step_id, new, steps)
        if name is not None and name != each.step_id:
            each.command_step_id, each.step_id = each.command_step(), name
    enrollment.version = version
    context.emit_fact(FactKind.ENROLLMENT_MOVED, enrollment, cause=cause, values=values)
    if becomes is None:
        _leave_removed_step(context, enrollment, touch, values)
        schedule_step(context, enrollment, next_after(touch.step_id, old, new, steps))
    elif enrollment.waiting is not None:
        _renew_wait(context, enrollment, touch, enrollment.waiting, shift_us)
    elif touch.phase is Phase.SCHEDULED and not touch.emission:
        step = context.step(enrollment, touch)
        touch.channel = step.channel
        if not is_retry(touch):
            touch.scheduled_at = scheduled_time(context, enrollment, touch, step) + shift_us
        look_for_opening(context, enrollment, touch)


def renew_run(context: Context, enrollment: Enrollment, version: int, cause: str) -> None:
    """Has a run that waits for its campaign, and has no touch yet, begin with another version."""
    values = {"from": enrollment.version, "to": version}
    enrollment.version = version
    context.emit_fact(FactKind.ENROLLMENT_MOVED, enrollment, cause=cause, values=values)


def _leave_removed_step(
    context: Context, enrollment: Enrollment, touch: Touch, move: dict[str, Any]
) -> None:
    """Ends the wait, or skips the scheduled touch, of a step that the new version does not have."""
    enrollment.waiting = None
    if touch.phase not in RESOLVED:
        values = {name: move[name] for name in ("from", "to", "step")}
        skip_touch(context, enrollment, touch, Input.STOP, "step_removed", values, advance=False)


def _pause_shift_us(context: Context, enrollment: Enrollment, touch: Touch) -> int:
    """How far pauses have shifted the current wait or touch."""
    if enrollment.waiting is not None:
        wait = context.step(enrollment, touch).wait_for
        assert wait is not None, "only a step that waits has a wait"
        return enrollment.waiting.until - enrollment.waiting.since - wait.max_wait_us
    if touch.phase is Phase.SCHEDULED:
        step = context.step(enrollment, touch)
        return touch.scheduled_at - scheduled_time(context, enrollment, touch, step)
    return 0


def _renew_wait(
    context: Context, enrollment: Enrollment, touch: Touch, waiting: Waiting, shift_us: int
) -> None:
    """Replaces the wait by that of the new version's step; it began when the old one did."""
    wait = context.step(enrollment, touch).wait_for
    if wait is None:
        enrollment.waiting = None
        advance_run(context, enrollment)
        return
    waiting.until = waiting.since + wait.max_wait_us + shift_us
    check_trigger(context, enrollment, signals=known_signals(context, enrollment))
