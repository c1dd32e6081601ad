"""Converts the data of events about sender accounts and call pools into messages of campaign-log
(C-38).

A converter takes the validated data of an event, the cause (`source#id`), the moment at which the
event happened, and the event's type. The defaults of a channel (schemas/channels.py) are filled in
here, so that an account has all its limits from its event on.
"""

from typing import get_args

from processors.intake.contact_events import Convert
from schemas.base.field_types import WeekdayName
from schemas.base.times import SECOND, parse_clock
from schemas.campaigns.compiled_definition import StepWindow
from schemas.channels import CHANNELS, SenderDefaults
from schemas.internal import messages as m
from schemas.internal.limit_terms import LimitTerms, SenderTerms
from schemas.public import sender_events

WEEKDAYS: tuple[str, ...] = get_args(WeekdayName)
EVERY_DAY = 127
NO_DEFAULTS = SenderDefaults()
_NAMES = ("per_hour", "per_day", "per_week", "per_month", "spacing_seconds")


def _sender_upserted(data: sender_events.SenderUpserted, cause: str, at: int, _: str) -> m.Message:
    row = CHANNELS[data.channel]
    warm_up = data.warm_up
    terms = SenderTerms(
        data.sender_id,
        _limits(data),
        data.timezone or "",
        _window(data),
        (warm_up.start, warm_up.step, warm_up.target) if warm_up else None,
        data.day_jitter_percent,
        data.paused,
        (data.lag_seconds or 0) * SECOND,
        data.max_new_per_day,
        WEEKDAYS.index(data.first_weekday),
        data.on_gone or row.on_sender_gone,
    )
    limits = [data.limits, *data.actions.values()]
    ignored = ("concurrent",) if any(each and each.concurrent for each in limits) else ()
    return m.UpsertSender(data.tenant_id, data.channel, cause, at, terms, ignored)


def _limits(data: sender_events.SenderUpserted) -> dict[str, LimitTerms]:
    """The limits of an account by action, in the order of their names.

    An action of `actions` has its own limits, and the defaults of the channel where it states none.
    An action that the channel counts by itself has its defaults, and may not exceed what `limits`
    states for the whole account. All others share `limits`.
    """
    defaults = CHANNELS[data.channel].sender_defaults
    shared = defaults.get("", NO_DEFAULTS)
    found = {"": _terms(data.limits, shared, data.premium)}
    for action, row in defaults.items():
        if action and action not in data.actions:
            found[action] = _within(_terms(None, row, data.premium), data.limits)
    for action, limits in data.actions.items():
        found[action] = _terms(limits, defaults.get(action, shared), data.premium)
    return dict(sorted(found.items()))


def _terms(
    stated: sender_events.SenderLimits | None, default: SenderDefaults, premium: bool
) -> LimitTerms:
    """The limits that are stated, and the defaults of the others."""
    if premium and default.premium_per_month:
        default = default._replace(per_month=None)
    values = {name: getattr(default, name) for name in _NAMES}
    if stated is None:
        return _limit_terms(values)
    own = {name: getattr(stated, name) for name in _NAMES}
    values |= {name: value for name, value in own.items() if value is not None}
    return _limit_terms(values, stated)


def _limit_terms(
    values: dict[str, int | None], stated: sender_events.SenderLimits | None = None
) -> LimitTerms:
    return LimitTerms(
        values["per_hour"],
        values["per_day"],
        values["per_week"],
        values["per_month"],
        (values["spacing_seconds"] or 0) * SECOND,
        (stated.jitter_seconds or 0) * SECOND if stated else 0,
        tuple(sorted({*stated.calendar})) if stated else (),
        stated.domain_per_hour if stated else None,
        stated.domain_per_day if stated else None,
    )


def _within(terms: LimitTerms, whole: sender_events.SenderLimits | None) -> LimitTerms:
    """Limits that are not above those of the whole account."""
    if whole is None:
        return terms
    stated = _limit_terms({name: getattr(whole, name) for name in _NAMES}, whole)
    return LimitTerms(
        _less(terms.per_hour, stated.per_hour),
        _less(terms.per_day, stated.per_day),
        _less(terms.per_week, stated.per_week),
        _less(terms.per_month, stated.per_month),
        max(terms.spacing_us, stated.spacing_us),
        stated.jitter_us,
        stated.calendar,
        stated.domain_per_hour,
        stated.domain_per_day,
    )


def _less(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _window(data: sender_events.SenderUpserted) -> StepWindow | None:
    """The hours of an account; None if it always sends. Days without hours are whole days."""
    if data.window is None and data.days is None:
        return None
    start, end = (data.window.start, data.window.end) if data.window else ("00:00", "00:00")
    days = EVERY_DAY if data.days is None else sum(1 << WEEKDAYS.index(d) for d in {*data.days})
    return StepWindow(parse_clock(start), parse_clock(end), days)


def _sender_removed(data: sender_events.SenderRemoved, cause: str, at: int, _: str) -> m.Message:
    return m.RemoveSender(data.tenant_id, data.sender_id, cause, at)


def _sender_throttled(
    data: sender_events.SenderThrottled, cause: str, at: int, _: str
) -> m.Message:
    return m.ThrottleSender(
        data.tenant_id, data.sender_id, cause, at, data.action or "", data.until
    )


def _usage_reported(
    data: sender_events.SenderUsageReported, cause: str, at: int, _: str
) -> m.Message:
    used_at = at if data.at is None else data.at
    return m.ReportUsage(
        data.tenant_id, data.sender_id, cause, at, data.action or "", used_at, data.count
    )


def _complaints_reported(
    data: sender_events.SenderComplaintsReported, cause: str, at: int, _: str
) -> m.Message:
    reported_at = at if data.at is None else data.at
    counts = (data.delivered, data.complaints)
    return m.ReportComplaints(data.tenant_id, data.sender_id, cause, reported_at, *counts)


def _pool_upserted(data: sender_events.PoolUpserted, cause: str, at: int, _: str) -> m.Message:
    return m.UpsertPool(data.pool_id, cause, at, data.slots, data.weights, data.reserved)


SENDER_EVENTS: dict[str, Convert] = {
    "sender.upserted": _sender_upserted,
    "sender.removed": _sender_removed,
    "sender.throttled": _sender_throttled,
    "sender.usage_reported": _usage_reported,
    "sender.complaints_reported": _complaints_reported,
    "pool.upserted": _pool_upserted,
}
"""The converter of each event type."""
