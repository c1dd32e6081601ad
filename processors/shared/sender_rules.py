"""The rules that the terms of sender accounts, tenants and campaigns stand for, and the logs that
they count in (C-38)."""

from functools import lru_cache
from typing import NamedTuple

from processors.shared.limit_rules import (
    Calendar,
    ClosedUntil,
    Rolling,
    Rule,
    SendHours,
    Spacing,
    WarmUpRule,
)
from schemas.base.times import DAY, HOUR, DurationUs, MomentUs
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal.limit_terms import LimitTerms, SenderTerms
from schemas.internal.messages import Window
from schemas.internal.state_bytes import NEVER

WINDOWS_US = {"hour": HOUR, "day": DAY, "week": 7 * DAY, "month": 30 * DAY}
"""The rolling window of each limit (S4-91)."""

EXACT = ""
"""The name of the log that has the exact moment of each command. A limit above EXACT_UP_TO has a
log of its own, with the name of its rule."""

_CALENDAR_US = {"day": 2 * DAY, "week": 8 * DAY, "month": 32 * DAY}


class LogShape(NamedTuple):
    """How a log keeps its commands: for how long, and to which steps their moments are rounded."""

    name: str
    window_us: DurationUs
    step_us: DurationUs


class RuleSet(NamedTuple):
    """Rules that count the same commands. `calendars` are the calendar periods that they count by:
    unit, zone and first weekday. `jitter_us` is that of their spacing."""

    rules: tuple[tuple[Rule, str], ...] = ()
    """Each with the name of its log."""

    logs: tuple[LogShape, ...] = ()
    calendars: tuple[tuple[str, str, int], ...] = ()
    jitter_us: DurationUs = 0


NO_RULES = RuleSet()


def group_of(terms: SenderTerms, action: str) -> str:
    """The name under which an account counts an action: its own, or the empty one that all actions
    share without limits of their own."""
    return action if action in terms.limits else ""


def sender_rules(terms: SenderTerms, group: str) -> RuleSet:
    """The limits of an account for a group of actions."""
    limits = terms.limits.get(group)
    if limits is None:
        return NO_RULES
    return _sender_rules(
        limits,
        terms.sender_id,
        terms.zone,
        terms.first_weekday,
        terms.day_jitter_percent,
        terms.lag_us,
    )


@lru_cache(maxsize=4096)
def _sender_rules(
    limits: LimitTerms, sender_id: str, zone: str, weekday: int, jitter: int, lag_us: DurationUs
) -> RuleSet:
    rules: list[Rule] = []
    for unit, n in _windows(limits):
        name = f"sender_{unit}"
        of_day = jitter if unit == "day" else 0
        if unit in limits.calendar:
            length_us = WINDOWS_US[unit]
            rules.append(Calendar(name, name, n, length_us, unit, zone, weekday, of_day, sender_id))
        else:
            window_us = WINDOWS_US[unit] + lag_us
            rules.append(Rolling(name, name, n, window_us, of_day, sender_id, zone))
    if limits.spacing_us or limits.jitter_us:
        name = "sender_spacing"
        rules.append(Spacing(name, name, limits.spacing_us + lag_us, limits.jitter_us))
    return _rule_set(rules)


def sender_states_of(
    terms: SenderTerms, action: str, closed: bool, throttled: dict[str, MomentUs], now: MomentUs
) -> list[Rule]:
    """The rules of an account that count nothing: whether it is paused, throttled by its provider,
    or outside of its hours."""
    rules: list[Rule] = []
    if terms.paused or closed:
        rules.append(ClosedUntil("sender_paused", "sender_paused", NEVER))
    if throttled:
        until = max(throttled.get("", 0), throttled.get(action, 0))
        if until > now:
            rules.append(ClosedUntil("sender_throttled", "sender_throttled", until))
    if terms.window is not None:
        window = window_of(terms.zone, terms.window)
        rules.append(SendHours("sender_window", "sender_window", window))
    return rules


@lru_cache(maxsize=4096)
def window_of(zone: str, hours: StepWindow) -> Window:
    """The send window of an account by the clock of its zone."""
    return Window(zone, 0, 0, "sender", hours)


def warm_up_rule(terms: SenderTerms) -> WarmUpRule | None:
    """The growing daily limit of a new account, over all its actions."""
    if terms.warm_up is None:
        return None
    name, jitter = "warm_up", terms.day_jitter_percent
    return WarmUpRule(name, name, *terms.warm_up, terms.zone, jitter, terms.sender_id)


@lru_cache(maxsize=4096)
def new_touch_rules(n: int, lag_us: DurationUs, name: str) -> RuleSet:
    """The limit of first touches of runs."""
    return _rule_set([Rolling(name, name, n, DAY + lag_us)])


@lru_cache(maxsize=4096)
def campaign_rules(n: int) -> RuleSet:
    """The daily limit of a campaign."""
    return _rule_set([Rolling("campaign_day", "campaign_day", n, DAY)])


@lru_cache(maxsize=4096)
def tenant_rules(limits: LimitTerms | None, per_hour: int | None, zone: str) -> RuleSet:
    """The limits of a tenant's channel."""
    terms = LimitTerms() if limits is None else limits
    rules: list[Rule] = []
    reason = "tenant_channel"
    for unit, n in _windows(terms, per_hour):
        name = f"{reason}_{unit}"
        if unit in terms.calendar:
            rules.append(Calendar(name, reason, n, WINDOWS_US[unit], unit, zone))
        else:
            rules.append(Rolling(name, reason, n, WINDOWS_US[unit]))
    if terms.spacing_us or terms.jitter_us:
        rules.append(Spacing(f"{reason}_spacing", reason, terms.spacing_us, terms.jitter_us))
    return _rule_set(rules)


@lru_cache(maxsize=4096)
def domain_rules(limits: LimitTerms, lag_us: DurationUs, scope: str) -> RuleSet:
    """The limits for the addresses of one mail domain. `scope` is tenant or sender."""
    reason = "recipient_domain"
    found = (("hour", limits.domain_per_hour), ("day", limits.domain_per_day))
    return _rule_set(
        [
            Rolling(f"{reason}_{unit}_{scope}", reason, n, WINDOWS_US[unit] + lag_us)
            for unit, n in found
            if n is not None
        ]
    )


def _windows(limits: LimitTerms, per_hour: int | None = None) -> list[tuple[str, int]]:
    """The limits that are set, by unit."""
    hour = limits.per_hour if limits.per_hour is not None else per_hour
    found = (hour, limits.per_day, limits.per_week, limits.per_month)
    return [(unit, n) for unit, n in zip(WINDOWS_US, found, strict=True) if n is not None]


def _rule_set(rules: list[Rule]) -> RuleSet:
    """The rules with the logs that they need. The exact log is there always, so that a limit that
    is lowered below EXACT_UP_TO counts what went out before."""
    if not rules:
        return NO_RULES
    placed: list[tuple[Rule, str]] = []
    shapes: list[LogShape] = []
    calendars: list[tuple[str, str, int]] = []
    exact_us, jitter_us = DAY, 0
    for rule in rules:
        name = EXACT
        match rule:
            case Rolling() if rule.step_us:
                name = rule.name
                shapes.append(LogShape(name, rule.window_us, rule.step_us))
            case Rolling():
                exact_us = max(exact_us, rule.window_us)
            case Calendar():
                calendars.append((rule.unit, rule.zone, rule.first_weekday))
                kept_us = _CALENDAR_US[rule.unit]
                if rule.step_us:
                    name = rule.name
                    shapes.append(LogShape(name, kept_us, rule.step_us))
                exact_us = max(exact_us, kept_us)
            case Spacing():
                jitter_us = rule.jitter_us
                exact_us = max(exact_us, rule.gap_us + jitter_us)
        placed.append((rule, name))
    exact = LogShape(EXACT, exact_us, 0)
    return RuleSet(tuple(placed), (exact, *shapes), tuple(calendars), jitter_us)
