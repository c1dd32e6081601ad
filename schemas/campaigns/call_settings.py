"""Reads what a campaign document has about calls: `settings.calls`, and `redial` of its steps."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from schemas.addresses import phone
from schemas.addresses.texts import AddressInvalid
from schemas.base.call_outcomes import CALL_OUTCOMES, REACHED
from schemas.base.error_codes import CampaignCode
from schemas.base.times import DAY, MINUTE, SECOND
from schemas.campaigns.campaign_kinds import ONE_CALL, USUAL_REDIAL
from schemas.campaigns.compiled_definition import (
    DEFAULT_POOL,
    CallSettings,
    CampaignSettings,
    Redial,
    RedialRule,
    Step,
    StepWindow,
)
from schemas.campaigns.open_hours import Quiet, ever_opens
from schemas.campaigns.validation import Check
from schemas.channels import CHANNELS

CONTACT_HOURS = (8 * 60, 21 * 60)
"""When a person may be called by his or her own clock, with `also_contact_hours`: minutes of the
day."""

GUARDS = ("strict", "prompt")
ON_EXHAUSTED = ("fail", "advance", "skip", "complete", "stop")
SLOTS_MAX = 1_000  # F-15
ATTEMPTS_MAX = 20
REDIALS_MAX = 10
"""The longest list of delays for one outcome."""

DELAY_MINUTES_MAX = 43_200
"""30 days."""

GAP_MINUTES_MAX = 10_080
"""Seven days: so long the calls to a number are remembered for all campaigns."""

PRESETS = {"usual": USUAL_REDIAL}
"""What `redial` may name instead of a mapping."""

_CALLS = (
    "pool",
    "agent",
    "from_number",
    "slots",
    "first_call_time",
    "last_call_time",
    "days",
    "also_contact_hours",
    "place_seconds",
    "ring_seconds",
    "max_seconds",
    "guard",
    "failure_rate",
)
_REDIAL = (
    "max_attempts",
    "max_per_number_per_day",
    "min_gap_minutes",
    "max_age_days",
    "outcomes",
    "on_exhausted",
)
_RULE = ("after", "counts", "suppress")
_INVALID = CampaignCode.CALLS_INVALID
_HOURS = CampaignCode.CALL_HOURS_INVALID
_BAD_REDIAL = CampaignCode.REDIAL_INVALID
_PLACE = "settings.calls"


def read_calls(
    check: Check, settings: dict[str, Any], channels: Sequence[str]
) -> CallSettings | None:
    """The settings of calls of a campaign that may use `channels`; None if the document has
    none."""
    value = settings.get("calls")
    if value is None:
        return None
    if not any(CHANNELS[name].by_pool for name in channels):
        check.report(_INVALID, _PLACE, "no step of this kind of campaign is a call")
        return None
    row = check.mapping(value, _PLACE, _CALLS, _INVALID)
    if row is None:
        return None
    usual = CallSettings()
    return CallSettings(
        pool_id=check.plain_id(row, "pool", _INVALID, _PLACE) or DEFAULT_POOL,
        agent_id=check.entity_id(row, "agent", _INVALID, _PLACE),
        from_number=_from_number(check, row),
        slots=check.number(row, "slots", _PLACE, 1, SLOTS_MAX, _INVALID, None),
        hours=_hours(check, row),
        also_contact_hours=check.flag(row, "also_contact_hours", _PLACE, _INVALID, False),
        place_us=_seconds(check, row, "place_seconds", 5, 14_400, usual.place_us),
        ring_us=_seconds(check, row, "ring_seconds", 5, 300, usual.ring_us),
        max_us=_seconds(check, row, "max_seconds", 10, 14_400, usual.max_us),
        guard=check.choice(row, "guard", _PLACE, GUARDS, default=usual.guard, code=_INVALID),
        failure_rate=check.flag(row, "failure_rate", _PLACE, _INVALID, usual.failure_rate),
    )


def _seconds(
    check: Check, row: dict[str, Any], field: str, least: int, most: int, usual_us: int
) -> int:
    found = check.number(row, field, _PLACE, least, most, _INVALID, None)
    return usual_us if found is None else found * SECOND


def _from_number(check: Check, row: dict[str, Any]) -> str | None:
    """The caller's number in E.164, as the numbers of a tenant are compared."""
    text = check.text(row, "from_number", 40, _INVALID, _PLACE)
    if text is None:
        return None
    try:
        form = phone.forms(phone.clean(text))[0]
    except AddressInvalid:
        form = ""
    if not form.startswith("+"):
        message = "a phone number with its country code, such as +12125550100"
        check.report(_INVALID, f"{_PLACE}.from_number", message)
        return None
    return form


def _hours(check: Check, row: dict[str, Any]) -> StepWindow | None:
    """The hours in which calls begin (F-16); None without any."""
    first, last = row.get("first_call_time"), row.get("last_call_time")
    days = check.weekdays(row, _PLACE, _HOURS)
    if first is None and last is None:
        return None if row.get("days") is None else StepWindow(0, 0, days)
    problems = len(check.problems)
    for field, value in (("first_call_time", first), ("last_call_time", last)):
        if value is None:
            check.report(_HOURS, f"{_PLACE}.{field}", "the other end of the call hours is there")
    start = check.clock(first or "00:00", f"{_PLACE}.first_call_time", _HOURS)
    end = check.clock(last or "00:00", f"{_PLACE}.last_call_time", _HOURS)
    if start == end and len(check.problems) == problems:
        message = "the call hours never open: leave both times out to call all day"
        check.report(_HOURS, f"{_PLACE}.last_call_time", message)
    return StepWindow(start, end, days)


# redial


def read_redial(
    check: Check, row: dict[str, Any], place: str, channel: str, default: Redial | None
) -> Redial | None:
    """How a step calls again; `default` if the document has no `redial`."""
    value, place = row.get("redial"), f"{place}.redial"
    by_pool = channel in CHANNELS and CHANNELS[channel].by_pool
    if value is None:
        return default if by_pool else None
    if channel in CHANNELS and not by_pool:
        check.report(_BAD_REDIAL, place, f"a step by {channel} is no call")
        return None
    if isinstance(value, str):
        if value not in PRESETS:
            check.report(_BAD_REDIAL, place, "a mapping, or one of " + ", ".join(PRESETS))
        return PRESETS.get(value)
    terms = check.mapping(value, place, _REDIAL, _BAD_REDIAL)
    return None if terms is None else _redial(check, terms, place)


def _redial(check: Check, row: dict[str, Any], place: str) -> Redial:
    age = check.number(
        row, "max_age_days", place, 1, 365, _BAD_REDIAL, (ONE_CALL.max_age_us or 0) // DAY, True
    )
    gap = check.number(row, "min_gap_minutes", place, 0, GAP_MINUTES_MAX, _BAD_REDIAL, 0)
    redial = Redial(
        max_attempts=check.number(row, "max_attempts", place, 1, ATTEMPTS_MAX, _BAD_REDIAL, 1) or 1,
        max_per_number_per_day=check.number(
            row, "max_per_number_per_day", place, 1, 100, _BAD_REDIAL, None
        ),
        min_gap_us=(gap or 0) * MINUTE,
        max_age_us=None if age is None else age * DAY,
        outcomes=_outcomes(check, row, place),
        on_exhausted=check.choice(
            row, "on_exhausted", place, ON_EXHAUSTED, default="fail", code=_BAD_REDIAL
        ),
    )
    _check_age(check, redial, row, place)
    return redial


def _outcomes(check: Check, row: dict[str, Any], place: str) -> dict[str, RedialRule]:
    """The rules by outcome: those of the preset, but for the outcomes that the document names."""
    rules, place = dict(ONE_CALL.outcomes), f"{place}.outcomes"
    value = row.get("outcomes")
    if value is None:
        return rules
    if not isinstance(value, dict):
        check.report(_BAD_REDIAL, place, "must be a mapping of outcomes to minutes or rules")
        return rules
    for name, rule in value.items():
        if name not in CALL_OUTCOMES:
            near = get_close_matches(str(name)[:50], CALL_OUTCOMES, n=1)
            hint = f": did you mean {near[0]}?" if near else ""
            message = "one of " + ", ".join(CALL_OUTCOMES) + hint
            check.report(CampaignCode.OUTCOME_UNKNOWN, f"{place}.{name}", message)
        elif name == "answered":
            message = "a person who has answered is not called again"
            check.report(_BAD_REDIAL, f"{place}.{name}", message)
        else:
            rules[name] = _rule(check, rule, f"{place}.{name}")
    return rules


def _rule(check: Check, value: Any, place: str) -> RedialRule:
    """One rule: a list of minutes, or a mapping."""
    row: dict[str, Any] | None = {"after": value}
    if isinstance(value, dict):
        row = check.mapping(value, place, _RULE, _BAD_REDIAL)
    else:
        place = place.removesuffix(".after")
    if row is None:
        return RedialRule()
    after = check.minutes(
        row, "after", place, REDIALS_MAX, DELAY_MINUTES_MAX, _BAD_REDIAL, isinstance(value, dict)
    )
    suppress = check.flag(row, "suppress", place, _BAD_REDIAL, False)
    if suppress and after:
        message = "a number that is closed is not called again: leave out one of the two"
        check.report(_BAD_REDIAL, f"{place}.suppress", message)
    if suppress and place.rpartition(".")[2] in REACHED:
        message = "the person can be reached at this number"
        check.report(_BAD_REDIAL, f"{place}.suppress", message)
    return RedialRule(after, check.flag(row, "counts", place, _BAD_REDIAL, True), suppress)


def _check_age(check: Check, redial: Redial, row: dict[str, Any], place: str) -> None:
    """Reports delays after which no call is made any more, because the first one is too old."""
    if redial.max_age_us is None:
        for name, rule in redial.outcomes.items():
            if not rule.counts and rule.after_us:
                message = f"none, while {name} does not count: there would be no last call"
                check.report(_BAD_REDIAL, f"{place}.max_age_days", message)
        return
    if redial.max_attempts > 1 and redial.min_gap_us > redial.max_age_us:
        message = "longer than max_age_days: there would be no second call"
        check.report(_BAD_REDIAL, f"{place}.min_gap_minutes", message)
    named = row.get("outcomes")
    for name, rule in redial.outcomes.items():
        used = rule.after_us[: redial.max_attempts - 1] if rule.counts else rule.after_us
        if sum(used) > redial.max_age_us and isinstance(named, dict) and name in named:
            message = "these delays are together longer than max_age_days"
            check.report(_BAD_REDIAL, f"{place}.outcomes.{name}", message)


# hours that never open


def check_call_hours(
    check: Check, settings: CampaignSettings, steps: Sequence[Step], by_default: str
) -> None:
    """Reports calls that would wait for ever: their call hours, the hours of the contact and the
    window of the step have no minute in common on a clock that all three share. The hours of
    tenants and of the law are not known here."""
    calls = settings.calls
    if calls is not None and calls.also_contact_hours and settings.quiet != "none":
        message = "only with quiet_hours: none"
        if by_default != "none":
            message += ", because quiet hours are by the clock of the contact too"
        check.report(_HOURS, f"{_PLACE}.also_contact_hours", message)
        return
    quiet = _quiet(settings)
    for index, step in enumerate(steps):
        if step.channel not in CHANNELS or not CHANNELS[step.channel].by_pool:
            continue
        if calls is None:
            return
        hours = [each for each in (calls.hours, step.window) if each is not None]
        if not ever_opens(hours, quiet):
            place = _PLACE if step.window is None else f"steps[{index}].window"
            message = "never open: the call hours, quiet hours and this window leave no time"
            check.report(_HOURS, place, message)
            return


def _quiet(settings: CampaignSettings) -> Quiet:
    """The start and end of the quiet hours that a document has; equal if it has none."""
    if settings.calls is not None and settings.calls.also_contact_hours:
        return CONTACT_HOURS[1], CONTACT_HOURS[0]
    return settings.quiet_start or 0, settings.quiet_end or 0
