"""The graph of a definition's steps: their exits, the steps they lead to, and checks of the whole.

The processors use `exit_target` and `reachable_steps` to find the next steps of a run.
"""

from collections.abc import Iterator, Sequence

from schemas.base.error_codes import CampaignCode
from schemas.campaigns.campaign_kinds import CampaignKind
from schemas.campaigns.compiled_definition import Step, StepExit
from schemas.campaigns.validation import Check


def step_exits(step: Step) -> Iterator[tuple[str, StepExit]]:
    """The exits of a step, each with its place in the document.

    A run leaves by `then` if the step waits for nothing or was not sent.
    """
    yield "then", step.then
    if step.wait_for is not None:
        yield "wait_for.on_event", step.wait_for.on_event
        yield "wait_for.on_timeout", step.wait_for.on_timeout
    if step.redial is not None:
        yield "redial.on_exhausted", StepExit(step.redial.on_exhausted)


def exit_target(steps: Sequence[Step], index: int, step_exit: StepExit) -> int | None:
    """The index of the step that an exit of the step at `index` leads to; None if it ends the
    run."""
    if step_exit.outcome == "branch":
        return next((n for n, step in enumerate(steps) if step.id == step_exit.to), None)
    has_next = step_exit.outcome in ("advance", "skip") and index + 1 < len(steps)
    return index + 1 if has_next else None


def reachable_steps(steps: Sequence[Step], index: int) -> set[int]:
    """The indexes of the steps that a run can come to from the step at `index`.

    `index` itself is one of them only if an exit leads back.
    """
    reached: set[int] = set()
    remaining = [index]
    while remaining:
        current = remaining.pop()
        for _, step_exit in step_exits(steps[current]):
            target = exit_target(steps, current, step_exit)
            if target is not None and target not in reached:
                reached.add(target)
                remaining.append(target)
    return reached


def check_graph(check: Check, steps: Sequence[Step], kind: str, rules: CampaignKind) -> None:
    """Reports duplicate ids, branches to nowhere or backwards, unreachable steps, loops without a
    wait, and triggers without a wait before them."""
    _check_ids(check, steps)
    _check_branches(check, steps, kind, rules)
    _check_reachable(check, steps)
    _check_loops(check, steps)
    _check_triggers(check, steps)


def _check_ids(check: Check, steps: Sequence[Step]) -> None:
    seen: dict[str, int] = {}
    for index, step in enumerate(steps):
        first = seen.setdefault(step.id, index)
        if step.id and first != index:
            message = f"steps[{first}] has this id already"
            check.report(CampaignCode.STEP_ID_DUPLICATE, f"steps[{index}].id", message)


def _check_branches(check: Check, steps: Sequence[Step], kind: str, rules: CampaignKind) -> None:
    ids = {step.id for step in steps}
    for index, step in enumerate(steps):
        for name, step_exit in step_exits(step):
            place = f"steps[{index}].{name}"
            if step_exit.outcome != "branch":
                continue
            if step_exit.to not in ids:
                check.report(CampaignCode.BRANCH_UNKNOWN, place, "no step has this id")
            elif not rules.loops and (exit_target(steps, index, step_exit) or 0) <= index:
                message = f"a {kind} campaign only goes forward"
                check.report(CampaignCode.BRANCH_INVALID, place, message)


def _check_reachable(check: Check, steps: Sequence[Step]) -> None:
    reached = {0} | reachable_steps(steps, 0)
    for index in range(len(steps)):
        if index not in reached:
            message = "no way leads to this step"
            check.report(CampaignCode.STEP_UNREACHABLE, f"steps[{index}]", message)


def _check_loops(check: Check, steps: Sequence[Step]) -> None:
    """Reports loops of `then` exits: only a wait may lead back, so that a run without waits
    ends."""
    for index, step in enumerate(steps):
        seen = set()
        target = exit_target(steps, index, step.then)
        while target is not None and target not in seen:
            if target == index:
                message = "leads back to its own step without waiting for anything"
                check.report(CampaignCode.LOOP_WITHOUT_WAIT, f"steps[{index}].then", message)
            seen.add(target)
            target = exit_target(steps, target, steps[target].then)


def _check_triggers(check: Check, steps: Sequence[Step]) -> None:
    """Reports steps with the anchor `trigger` that follow a step without a wait."""
    for index, step in enumerate(steps):
        for _, step_exit in step_exits(step):
            target = exit_target(steps, index, step_exit)
            if target is None or step.wait_for is not None:
                continue
            if steps[target].anchor == "trigger":
                message = f"steps[{index}] leads here and waits for nothing"
                check.report(CampaignCode.ANCHOR_NOT_SUPPORTED, f"steps[{target}].anchor", message)
