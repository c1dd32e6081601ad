"""The steps of a definition: each one checked by itself, then the ways between them."""

from collections.abc import Iterator, Sequence
from typing import Any

from schemas.base.error_codes import CampaignCode, is_plain_code
from schemas.base.times import HOUR
from schemas.campaigns.campaign_kinds import (
    CONDITIONS,
    CampaignKind,
)
from schemas.campaigns.compiled_definition import Step, StepExit, StepWait, StepWindow
from schemas.campaigns.validation import Check
from schemas.channels import ANY_CHANNEL_SIGNALS, CHANNELS, SIGNALS, actions

LONGEST_HOURS = 43_800  # five years
WAIT_HOURS = 168
"""As long as 168 hourly checks took (S2-9)."""

OUTCOMES = ("advance", "skip", "complete", "stop", "fail")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_STEP = (
    "id",
    "channel",
    "action",
    "template_id",
    "delay_hours",
    "anchor",
    "wait_for",
    "skip_when",
    "then",
    "window",
    "retry_minutes",
    "expire_after_hours",
)
_WAIT = ("event", "max_wait_hours", "on_event", "on_timeout", "outcomes")
_EXAMINED = 20
"""Steps beyond the most there may be are looked at no further than this: the answer must stay
readable."""


def read_steps(
    check: Check, whole: dict[str, Any], kind: str, rules: CampaignKind
) -> tuple[Step, ...]:
    """All steps; what is wrong with them, and with the ways between them, is told to `check`."""
    rows = whole.get("steps")
    if rows is None or rows == []:
        check.report(CampaignCode.STEPS_REQUIRED, "steps", "a campaign has at least one step")
        return ()
    if not isinstance(rows, list):
        check.report(CampaignCode.STEP_INVALID, "steps", "must be a list")
        return ()
    if len(rows) > rules.max_steps:
        message = f"a {kind} campaign has at most {rules.max_steps} steps"
        check.report(CampaignCode.TOO_MANY_STEPS, "steps", message)
    rows = rows[: max(_EXAMINED, rules.max_steps)]
    steps = tuple(_step(check, row, index, kind, rules) for index, row in enumerate(rows))
    _tell_duplicates(check, steps)
    _check_ways(check, steps, kind, rules)
    return steps


def _step(check: Check, document: Any, index: int, kind: str, rules: CampaignKind) -> Step:
    place = f"steps[{index}]"
    row = check.mapping(document, place, _STEP, CampaignCode.STEP_INVALID)
    if row is None:
        return Step("", "", 0, "")
    channel = _channel(check, row, place, kind, rules)
    action = _action(check, row, place, channel)
    return Step(
        id=check.step_id(row, place),
        channel=channel,
        delay_us=check.hours(row, "delay_hours", place, LONGEST_HOURS, zero=not rules.first_delay),
        anchor=_anchor(check, row, place, index, rules),
        template_id=_template(check, row, place),
        action=action,
        wait_for=_wait(check, row, place, channel, action),
        skip_when=_conditions(check, row, place),
        then=_way(check, row.get("then"), f"{place}.then"),
        window=_window(check, row, place),
        retry_delays_us=check.retries(row, place),
        expire_after_us=check.duration(
            row, "expire_after_hours", HOUR, above=0, most=8_760, usual=None, place=place
        ),
    )


def _template(check: Check, row: dict[str, Any], place: str) -> str | None:
    """None or empty: not configured yet, so its touch is not sent (S0-17)."""
    found = check.text(row, "template_id", 200, CampaignCode.TEMPLATE_INVALID, place)
    if found and not found.strip():
        check.report(CampaignCode.TEMPLATE_INVALID, f"{place}.template_id", "blank: leave it out")
    return found or None


def _channel(check: Check, row: dict[str, Any], place: str, kind: str, rules: CampaignKind) -> str:
    channel = row.get("channel")
    if channel is None:
        check.report(CampaignCode.CHANNEL_REQUIRED, f"{place}.channel", "a step has a channel")
    elif channel not in tuple(CHANNELS):
        check.report(
            CampaignCode.CHANNEL_UNKNOWN, f"{place}.channel", "one of " + ", ".join(CHANNELS)
        )
    elif channel not in rules.channels:
        message = f"a {kind} campaign sends by {', '.join(rules.channels)}"
        check.report(CampaignCode.CHANNEL_NOT_SUPPORTED, f"{place}.channel", message)
    return str(channel)


def _action(check: Check, row: dict[str, Any], place: str, channel: str) -> str:
    if channel not in CHANNELS:  # the channel was told already
        return str(row.get("action"))
    allowed = tuple(CHANNELS[channel].actions)
    code = CampaignCode.ACTION_NOT_SUPPORTED
    return check.choice(row, "action", place, allowed, usual=allowed[0], code=code)


def _anchor(check: Check, row: dict[str, Any], place: str, index: int, rules: CampaignKind) -> str:
    if index == 0:
        anchor = row.get("anchor")
        if anchor in rules.anchors and anchor != "enrollment":
            message = "the first step counts from enrollment"
            check.report(CampaignCode.ANCHOR_NOT_SUPPORTED, f"{place}.anchor", message)
            return "enrollment"
    usual = rules.anchors[0] if index else "enrollment"
    return check.choice(
        row, "anchor", place, rules.anchors, usual=usual, code=CampaignCode.ANCHOR_UNKNOWN
    )


# waits and ways


def _wait(
    check: Check, row: dict[str, Any], place: str, channel: str, action: str
) -> StepWait | None:
    given, place = row.get("wait_for"), f"{place}.wait_for"
    if given is None:
        return None
    if isinstance(given, str):  # wait_for: reply
        given = {"event": given}
    wait = check.mapping(given, place, _WAIT, CampaignCode.WAIT_INVALID)
    if wait is None:
        return None
    events = _events(check, wait, place, channel, action)
    outcomes = check.texts(wait, "outcomes", 20, 200, CampaignCode.WAIT_INVALID, place)
    if not all(is_plain_code(outcome) for outcome in outcomes):
        message = "an outcome has 1 to 32 of A-Z a-z 0-9 _ . -"
        check.report(CampaignCode.WAIT_INVALID, f"{place}.outcomes", message)
    if outcomes and "call_outcome" not in events:
        check.report(CampaignCode.WAIT_INVALID, f"{place}.outcomes", "only a call has an outcome")
    longest = check.duration(
        wait, "max_wait_hours", HOUR, above=0, most=LONGEST_HOURS, usual=WAIT_HOURS, place=place
    )
    return StepWait(
        events,
        longest or 0,
        _way(check, wait.get("on_event"), f"{place}.on_event"),
        _way(check, wait.get("on_timeout"), f"{place}.on_timeout"),
        outcomes,
    )


def _events(
    check: Check, wait: dict[str, Any], place: str, channel: str, action: str
) -> tuple[str, ...]:
    place = f"{place}.event"
    given = wait.get("event")
    names = given if isinstance(given, list) else [given]
    if not names or len(names) > len(SIGNALS) or not all(name in SIGNALS for name in names):
        check.report(CampaignCode.WAIT_INVALID, place, "one or several of " + ", ".join(SIGNALS))
        return ()
    gives = actions().get((channel, action))
    for name in names:
        if gives is not None and name not in gives + ANY_CHANNEL_SIGNALS:
            message = f"{action} by {channel} tells of {', '.join(gives + ANY_CHANNEL_SIGNALS)}"
            check.report(CampaignCode.SIGNAL_NOT_SUPPORTED, place, message)
    return tuple(dict.fromkeys(names))


def _way(check: Check, given: Any, place: str) -> StepExit:
    if given is None:
        return StepExit()
    if isinstance(given, str) and given in OUTCOMES:
        return StepExit(given)
    if isinstance(given, dict) and list(given) == ["branch"] and isinstance(given["branch"], str):
        return StepExit("branch", given["branch"])
    message = "one of " + ", ".join(OUTCOMES) + ", or {branch: a step's id}"
    check.report(CampaignCode.BRANCH_INVALID, place, message)
    return StepExit()


def _conditions(check: Check, row: dict[str, Any], place: str) -> tuple[str, ...]:
    given = row.get("skip_when")
    names = [] if given is None else given if isinstance(given, list) else [given]
    known = [name for name in names[: len(CONDITIONS)] if name in CONDITIONS]
    if len(known) != len(names):
        message = "one or several of " + ", ".join(CONDITIONS)
        check.report(CampaignCode.CONDITION_UNKNOWN, f"{place}.skip_when", message)
    return tuple(dict.fromkeys(known))


def _window(check: Check, row: dict[str, Any], place: str) -> StepWindow | None:
    given, place = row.get("window"), f"{place}.window"
    if given is None:
        return None
    hours = check.mapping(given, place, ("start", "end", "days"), CampaignCode.WINDOW_INVALID)
    if hours is None:
        return None
    start = check.clock(hours.get("start", "00:00"), f"{place}.start", CampaignCode.WINDOW_INVALID)
    end = check.clock(hours.get("end", "00:00"), f"{place}.end", CampaignCode.WINDOW_INVALID)
    names = hours.get("days")
    names = list(DAYS) if names is None else names
    if not isinstance(names, list) or not names or not all(name in DAYS for name in names):
        check.report(CampaignCode.WINDOW_INVALID, f"{place}.days", "a list of " + ", ".join(DAYS))
        names = list(DAYS)
    return StepWindow(start, end, sum(1 << DAYS.index(name) for name in set(names)))


# between the steps


def _tell_duplicates(check: Check, steps: Sequence[Step]) -> None:
    seen: dict[str, int] = {}
    for index, step in enumerate(steps):
        first = seen.setdefault(step.id, index)
        if step.id and first != index:
            message = f"steps[{first}] has this id already"
            check.report(CampaignCode.STEP_ID_DUPLICATE, f"steps[{index}].id", message)


def step_exits(step: Step) -> Iterator[tuple[str, StepExit]]:
    """The ways out of a step, each with its place: by `then` where it waits for nothing or was not
    done."""
    yield "then", step.then
    if step.wait_for is not None:
        yield "wait_for.on_event", step.wait_for.on_event
        yield "wait_for.on_timeout", step.wait_for.on_timeout


def exit_target(steps: Sequence[Step], index: int, way: StepExit) -> int | None:
    """The step that a way from `index` leads to; None where it ends the run."""
    if way.outcome == "branch":
        return next((n for n, step in enumerate(steps) if step.id == way.to), None)
    onward = way.outcome in ("advance", "skip") and index + 1 < len(steps)
    return index + 1 if onward else None


def reachable_steps(steps: Sequence[Step], index: int) -> set[int]:
    """The steps that a run at `index` may still come to, by any way; itself only by a way back."""
    reached: set[int] = set()
    left = [index]
    while left:
        here = left.pop()
        for _, way in step_exits(steps[here]):
            onward = exit_target(steps, here, way)
            if onward is not None and onward not in reached:
                reached.add(onward)
                left.append(onward)
    return reached


def _check_ways(check: Check, steps: Sequence[Step], kind: str, rules: CampaignKind) -> None:
    ids = {step.id for step in steps}
    for index, step in enumerate(steps):
        for name, way in step_exits(step):
            place = f"steps[{index}].{name}"
            if way.outcome != "branch":
                continue
            if way.to not in ids:
                check.report(CampaignCode.BRANCH_UNKNOWN, place, "no step has this id")
            elif not rules.loops and (exit_target(steps, index, way) or 0) <= index:
                check.report(
                    CampaignCode.BRANCH_INVALID, place, f"a {kind} campaign only goes forward"
                )
    _tell_unreachable(check, steps)
    _tell_loops(check, steps)
    _check_triggers(check, steps)


def _tell_unreachable(check: Check, steps: Sequence[Step]) -> None:
    reached = {0} | reachable_steps(steps, 0)
    for index in range(len(steps)):
        if index not in reached:
            check.report(
                CampaignCode.STEP_UNREACHABLE, f"steps[{index}]", "no way leads to this step"
            )


def _tell_loops(check: Check, steps: Sequence[Step]) -> None:
    """A way back is only ever taken by waiting: a run that waits for nothing must come to an
    end."""
    for index, step in enumerate(steps):
        seen = set()
        onward = exit_target(steps, index, step.then)
        while onward is not None and onward not in seen:
            if onward == index:
                message = "leads back to its own step without waiting for anything"
                check.report(CampaignCode.LOOP_WITHOUT_WAIT, f"steps[{index}].then", message)
            seen.add(onward)
            onward = exit_target(steps, onward, steps[onward].then)


def _check_triggers(check: Check, steps: Sequence[Step]) -> None:
    """Who counts from a trigger is only ever reached from a step that waits for one."""
    for index, step in enumerate(steps):
        for _, way in step_exits(step):
            onward = exit_target(steps, index, way)
            if onward is None or step.wait_for is not None:
                continue
            if steps[onward].anchor == "trigger":
                message = f"steps[{index}] leads here and waits for nothing"
                check.report(CampaignCode.ANCHOR_NOT_SUPPORTED, f"steps[{onward}].anchor", message)
