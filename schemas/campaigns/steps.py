"""Reads the steps of a campaign document: checks each step, then the graph of all steps."""

from typing import Any

from schemas.base.error_codes import CampaignCode, is_plain_code
from schemas.base.times import HOUR
from schemas.campaigns.call_settings import read_redial
from schemas.campaigns.campaign_kinds import CONDITIONS, CampaignKind
from schemas.campaigns.compiled_definition import Step, StepExit, StepWait, StepWindow
from schemas.campaigns.experiment_document import check_experiments, read_experiment
from schemas.campaigns.step_graph import check_graph
from schemas.campaigns.template_texts import check_text
from schemas.campaigns.validation import Check
from schemas.channels import ANY_CHANNEL_SIGNALS, CHANNELS, SIGNALS, actions

LONGEST_HOURS = 43_800
"""Five years: the longest delay, and the longest wait."""

WAIT_HOURS = 168
"""The default of `max_wait_hours`: seven days (S2-9)."""

OUTCOMES = ("advance", "skip", "complete", "stop", "fail")

_STEP = (
    "id",
    "channel",
    "action",
    "template_id",
    "text",
    "delay_hours",
    "anchor",
    "wait_for",
    "skip_when",
    "then",
    "window",
    "retry_minutes",
    "expire_after_hours",
    "redial",
    "experiment",
)
_WAIT = ("event", "max_wait_hours", "on_event", "on_timeout", "outcomes")
_STEPS_CHECKED_MIN = 20
"""Of too many steps only so many are checked, or as many as are allowed: the list of problems must
stay readable."""


def read_steps(
    check: Check, document: dict[str, Any], kind: str, rules: CampaignKind
) -> tuple[Step, ...]:
    """The steps of a document. All problems of the steps and of their graph go to `check`."""
    rows = document.get("steps")
    if rows is None or rows == []:
        check.report(CampaignCode.STEPS_REQUIRED, "steps", "a campaign has at least one step")
        return ()
    if not isinstance(rows, list):
        check.report(CampaignCode.STEP_INVALID, "steps", "must be a list")
        return ()
    if len(rows) > rules.max_steps:
        message = f"a {kind} campaign has at most {rules.max_steps} steps"
        check.report(CampaignCode.TOO_MANY_STEPS, "steps", message)
    rows = rows[: max(_STEPS_CHECKED_MIN, rules.max_steps)]
    steps = tuple(_step(check, row, index, kind, rules) for index, row in enumerate(rows))
    check_graph(check, steps, kind, rules)
    check_experiments(check, steps)
    return steps


def _step(check: Check, value: Any, index: int, kind: str, rules: CampaignKind) -> Step:
    place = f"steps[{index}]"
    row = check.mapping(value, place, _STEP, CampaignCode.STEP_INVALID)
    if row is None:
        return Step("", "", 0, "")
    channel = _channel(check, row, place, kind, rules)
    action = _action(check, row, place, channel)
    check_text(check, row, "text", place, channel, action)
    redial = read_redial(check, row, place, channel, rules.redial)
    return Step(
        id=check.step_id(row, place),
        channel=channel,
        delay_us=check.hours(
            row, "delay_hours", place, LONGEST_HOURS, zero=not rules.delay_required
        ),
        anchor=_anchor(check, row, place, index, rules),
        template_id=_template(check, row, place),
        action=action,
        wait_for=_wait(check, row, place, channel, action, redial is not None),
        skip_when=_conditions(check, row, place),
        then=_exit(check, row.get("then"), f"{place}.then"),
        window=_window(check, row, place),
        retry_delays_us=check.retries(row, place),
        expire_after_us=check.duration(
            row, "expire_after_hours", HOUR, above=0, maximum=8_760, default=None, place=place
        ),
        redial=redial,
        experiment=read_experiment(check, row, place, channel, action),
    )


def _template(check: Check, row: dict[str, Any], place: str) -> str | None:
    """The template id; None if it is not set yet, so that the step is not sent (S0-17)."""
    template_id = check.text(row, "template_id", 200, CampaignCode.TEMPLATE_INVALID, place)
    if template_id and not template_id.strip():
        check.report(CampaignCode.TEMPLATE_INVALID, f"{place}.template_id", "blank: leave it out")
    return template_id or None


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
    if channel not in CHANNELS:  # the channel is reported already
        return str(row.get("action"))
    allowed = tuple(CHANNELS[channel].actions)
    code = CampaignCode.ACTION_NOT_SUPPORTED
    return check.choice(row, "action", place, allowed, default=allowed[0], code=code)


def _anchor(check: Check, row: dict[str, Any], place: str, index: int, rules: CampaignKind) -> str:
    if index == 0:
        anchor = row.get("anchor")
        if anchor in rules.anchors and anchor != "enrollment":
            message = "the first step counts from enrollment"
            check.report(CampaignCode.ANCHOR_NOT_SUPPORTED, f"{place}.anchor", message)
            return "enrollment"
    default = rules.anchors[0] if index else "enrollment"
    return check.choice(
        row, "anchor", place, rules.anchors, default=default, code=CampaignCode.ANCHOR_UNKNOWN
    )


# waits and exits


def _wait(
    check: Check, row: dict[str, Any], place: str, channel: str, action: str, redials: bool
) -> StepWait | None:
    value, place = row.get("wait_for"), f"{place}.wait_for"
    if value is None:
        return None
    if isinstance(value, str):  # wait_for: reply
        value = {"event": value}
    wait = check.mapping(value, place, _WAIT, CampaignCode.WAIT_INVALID)
    if wait is None:
        return None
    events = _events(check, wait, place, channel, action)
    if redials and "call_outcome" in events:
        message = "the outcome ends the step with redial: on_exhausted and then are its exits"
        check.report(CampaignCode.SIGNAL_NOT_SUPPORTED, f"{place}.event", message)
    outcomes = check.texts(wait, "outcomes", 20, 200, CampaignCode.WAIT_INVALID, place)
    if not all(is_plain_code(outcome) for outcome in outcomes):
        message = "an outcome has 1 to 32 of A-Z a-z 0-9 _ . -"
        check.report(CampaignCode.WAIT_INVALID, f"{place}.outcomes", message)
    if outcomes and "call_outcome" not in events:
        check.report(CampaignCode.WAIT_INVALID, f"{place}.outcomes", "only a call has an outcome")
    max_wait_us = check.duration(
        wait,
        "max_wait_hours",
        HOUR,
        above=0,
        maximum=LONGEST_HOURS,
        default=WAIT_HOURS,
        place=place,
    )
    return StepWait(
        events,
        max_wait_us or 0,
        _exit(check, wait.get("on_event"), f"{place}.on_event"),
        _exit(check, wait.get("on_timeout"), f"{place}.on_timeout"),
        outcomes,
    )


def _events(
    check: Check, wait: dict[str, Any], place: str, channel: str, action: str
) -> tuple[str, ...]:
    place = f"{place}.event"
    value = wait.get("event")
    names = value if isinstance(value, list) else [value]
    if not names or len(names) > len(SIGNALS) or not all(name in SIGNALS for name in names):
        check.report(CampaignCode.WAIT_INVALID, place, "one or several of " + ", ".join(SIGNALS))
        return ()
    signals = actions().get((channel, action))
    for name in names:
        if signals is not None and name not in signals + ANY_CHANNEL_SIGNALS:
            message = f"{action} by {channel} tells of {', '.join(signals + ANY_CHANNEL_SIGNALS)}"
            check.report(CampaignCode.SIGNAL_NOT_SUPPORTED, place, message)
    return tuple(dict.fromkeys(names))


def _exit(check: Check, value: Any, place: str) -> StepExit:
    if value is None:
        return StepExit()
    if isinstance(value, str) and value in OUTCOMES:
        return StepExit(value)
    if isinstance(value, dict) and list(value) == ["branch"] and isinstance(value["branch"], str):
        return StepExit("branch", value["branch"])
    message = "one of " + ", ".join(OUTCOMES) + ", or {branch: a step's id}"
    check.report(CampaignCode.BRANCH_INVALID, place, message)
    return StepExit()


def _conditions(check: Check, row: dict[str, Any], place: str) -> tuple[str, ...]:
    value = row.get("skip_when")
    names = [] if value is None else value if isinstance(value, list) else [value]
    conditions = [name for name in names[: len(CONDITIONS)] if name in CONDITIONS]
    if len(conditions) != len(names):
        message = "one or several of " + ", ".join(CONDITIONS)
        check.report(CampaignCode.CONDITION_UNKNOWN, f"{place}.skip_when", message)
    return tuple(dict.fromkeys(conditions))


def _window(check: Check, row: dict[str, Any], place: str) -> StepWindow | None:
    value, place = row.get("window"), f"{place}.window"
    if value is None:
        return None
    hours = check.mapping(value, place, ("start", "end", "days"), CampaignCode.WINDOW_INVALID)
    if hours is None:
        return None
    start = check.clock(hours.get("start", "00:00"), f"{place}.start", CampaignCode.WINDOW_INVALID)
    end = check.clock(hours.get("end", "00:00"), f"{place}.end", CampaignCode.WINDOW_INVALID)
    return StepWindow(start, end, check.weekdays(hours, place, CampaignCode.WINDOW_INVALID))
