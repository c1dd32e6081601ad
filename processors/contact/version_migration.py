"""A run moves to another version of its campaign, as its owner ordered or because it follows each
new one (C-36).

Where it stands is a step; its counterpart is the step of the same id, or the one that the order
names. A run whose step has none goes on with the next that has; one whose command is out by then
stays on its version.
"""

from collections.abc import Mapping, Sequence

from processors.contact.context import Context
from processors.contact.sequence import arm, go_on, is_out, look, schedule, time_of
from processors.contact.state_machine import Input
from processors.contact.touch_gates import resolve
from schemas.campaigns.compiled_definition import Definition
from schemas.internal.facts import FactKind
from schemas.internal.states import RESOLVED, Enrollment, Phase, Touch, Waiting


def counterpart(step_id: str, new: Definition, steps: Mapping[str, str | None]) -> str | None:
    """What a step has become; None where it is gone."""
    name = steps.get(step_id, step_id)
    return name if any(step.id == name for step in new.steps) else None


def next_after(
    step_id: str, old: Definition, new: Definition, steps: Mapping[str, str | None]
) -> int:
    """Where a run goes on whose step is gone: at the next that is not, else at the end."""
    following = old.steps[old.step_index(step_id) + 1 :]
    found = (counterpart(step.id, new, steps) for step in following)
    return next((new.step_index(name) for name in found if name is not None), len(new.steps))


def repeated_and_lost(
    visited: Sequence[str], at: int, new: Definition
) -> tuple[list[str], list[str]]:
    """Steps that a run at `at` would come to again, and those it has never been to and would pass
    by."""
    ahead = [step.id for step in new.steps[at + 1 :]]
    behind = [step.id for step in new.steps[:at]]
    been = set(visited)
    return [name for name in ahead if name in been], [name for name in behind if name not in been]


def move(
    context: Context,
    enrollment: Enrollment,
    version: int,
    steps: Mapping[str, str | None],
    cause: str,
) -> None:
    """One run to another version; its history stays as it was, and what waits at dispatch is the
    caller's to amend."""
    campaign = context.campaign(enrollment.campaign_id)
    assert campaign is not None
    old, new = campaign.definitions[enrollment.version], campaign.definitions[version]
    touch = enrollment.touches[-1]
    before, becomes = enrollment.version, counterpart(touch.step_id, new, steps)
    values = {"from": before, "to": version, "step": touch.step_id, "becomes": becomes}
    if is_out(touch) and not same_means(old, touch.step_id, new, becomes):
        context.emit_fact(
            FactKind.ENROLLMENT_KEPT, enrollment, cause=cause, reason="STEP_GONE", values=values
        )
        return
    late = _put_off(context, enrollment, touch)
    for each in enrollment.touches:
        name = counterpart(each.step_id, new, steps)
        if name is not None and name != each.step_id:
            each.command_step_id, each.step_id = each.command_step(), name
    enrollment.version = version
    context.emit_fact(FactKind.ENROLLMENT_MOVED, enrollment, cause=cause, values=values)
    if becomes is None:
        _leave(context, enrollment, touch)
        schedule(context, enrollment, next_after(touch.step_id, old, new, steps))
    elif enrollment.waiting is not None:
        _wait_anew(context, enrollment, touch, enrollment.waiting, late)
    elif touch.phase is Phase.SCHEDULED and not touch.emission:
        touch.channel = context.step(enrollment, touch).channel
        if touch.wait != "retry":
            touch.scheduled_at = time_of(context, enrollment, touch) + late
            arm(context, enrollment, touch, touch.scheduled_at, "delay")


def _leave(context: Context, enrollment: Enrollment, touch: Touch) -> None:
    enrollment.waiting = None
    if touch.phase in RESOLVED:
        return
    resolve(context, touch, Input.STOP, Phase.SKIPPED, "step_removed")
    context.emit_fact(FactKind.TOUCH_SKIPPED, enrollment, touch, reason=touch.reason)


def same_means(old: Definition, step_id: str, new: Definition, becomes: str | None) -> bool:
    """Whether a command that is out may be that of the step's counterpart."""
    if becomes is None:
        return False
    before, after = old.steps[old.step_index(step_id)], new.steps[new.step_index(becomes)]
    return (before.channel, before.action) == (after.channel, after.action)


def _put_off(context: Context, enrollment: Enrollment, touch: Touch) -> int:
    """How much later pauses have made what the run stands at."""
    if enrollment.waiting is not None:
        wait = context.step(enrollment, touch).wait_for
        assert wait is not None, "only a step that waits has a wait"
        return enrollment.waiting.until - enrollment.waiting.since - wait.max_wait_us
    if touch.phase is Phase.SCHEDULED:
        return touch.scheduled_at - time_of(context, enrollment, touch)
    return 0


def _wait_anew(
    context: Context, enrollment: Enrollment, touch: Touch, waiting: Waiting, late: int
) -> None:
    """It waits for what the step waits for now, since when it has."""
    wait = context.step(enrollment, touch).wait_for
    if wait is None:
        enrollment.waiting = None
        go_on(context, enrollment)
        return
    waiting.until = waiting.since + wait.max_wait_us + late
    look(context, enrollment)
