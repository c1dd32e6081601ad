"""Sender accounts as the engine has stored them, and their limits as rows of a table."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from processors.intake.sender_events import SENDER_EVENTS
from schemas.base.times import SECOND, MomentUs, format_clock
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal.limit_terms import LimitTerms, SenderTerms
from schemas.internal.messages import UpsertSender
from schemas.internal.states import CampaignState, Sender, SenderRecord
from schemas.internal.topics import Topic
from schemas.public.sender_events import SenderUpserted
from streams.base.settings import Settings
from streams.cli.account_limits import AccountLimits, is_of_accounts
from streams.cli.output import format_time
from streams.cli.stored_states import is_tagged, stored_states, stored_values

ACCOUNT_HEADS = (
    *("account", "channel", "action", "1 h#", "24 h#", "7 d#", "30 d#", "spacing s#"),
    *("hours", "days", "zone", "more", "state"),
)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EVERY_DAY = 127
_WINDOWS = {"per_hour": "hour", "per_day": "day", "per_week": "week", "per_month": "month"}
_decode_record = msgspec.msgpack.Decoder(CampaignState).decode


class StoredAccount(NamedTuple):
    """An account as it was last reported, and what its channel's owner knows of it; None until the
    owner knows it."""

    record: SenderRecord
    sender: Sender | None
    closed: tuple[str, ...] = ()
    """Its limits and hours that are closed now."""

    @property
    def channel(self) -> str:
        return self.record.channel

    @property
    def terms(self) -> SenderTerms:
        return self.record.terms

    def state(self, now: MomentUs) -> str:
        """What keeps the account from sending now: `active` if nothing does."""
        if self.record.removed_at:
            return f"removed {format_time(self.record.removed_at)}"
        if self.terms.paused:
            return "paused"
        if self.sender is None:
            return "active"
        if self.sender.paused_for:
            return f"paused itself: {self.sender.paused_for}"
        throttled = [
            f"throttled{f' for {action}' if action else ''} until {format_time(until)}"
            for action, until in sorted(self.sender.throttled.items())
            if until > now
        ]
        return ", ".join([*throttled, *self.closed]) or "active"


def read_accounts(settings: Settings, tenant_id: str, now: MomentUs) -> list[StoredAccount]:
    """The accounts of a tenant, in the order of channel and id, as they are now."""
    records = stored_states(
        settings, Topic.CAMPAIGN_CHANGELOG, lambda _, value: is_tagged(value, SenderRecord)
    )
    values = stored_values(
        settings, Topic.DISPATCH_CHANGELOG, lambda _, value: is_of_accounts(value)
    )
    limits = AccountLimits(values, now)
    known = {
        (sender.channel, sender.terms.sender_id): (sender, tuple(limits.closed(sender)))
        for sender in [*limits.senders(tenant_id)]
    }
    accounts = [
        StoredAccount(record, *known.get((record.channel, record.terms.sender_id), (None, ())))
        for record in map(_decode_record, records.values())
        if isinstance(record, SenderRecord) and record.tenant_id == tenant_id
    ]
    return sorted(accounts, key=lambda each: (each.channel, each.terms.sender_id))


def terms_of_event(event: SenderUpserted) -> SenderTerms:
    """What holds for an account after an event, with the defaults of its channel filled in."""
    message = SENDER_EVENTS["sender.upserted"](event, "", 0, "sender.upserted")
    assert isinstance(message, UpsertSender)
    return message.sender


def account_rows(channel: str, terms: SenderTerms, state: str) -> Iterator[tuple[object, ...]]:
    """A row for each action that is counted by itself; the further rows of an account have only
    the limits."""
    about = (_hours(terms.window), _days(terms.window), terms.zone or None)
    for number, (action, limits) in enumerate(sorted(terms.limits.items())):
        names = (terms.sender_id, channel) if number == 0 else ("", "")
        rest = (*about, _more(terms, limits), state or None)
        yield (
            *names,
            action or "any",
            *(_limit(limits, name) for name in _WINDOWS),
            _spacing(limits),
            *(rest if number == 0 else (None, None, None, _more(None, limits), None)),
        )


def _limit(limits: LimitTerms, name: str) -> str | None:
    value = getattr(limits, name)
    return None if value is None else f"{value}{'*' * (_WINDOWS[name] in limits.calendar)}"


def _spacing(limits: LimitTerms) -> str | None:
    if not limits.spacing_us:
        return None
    jitter = f"+{limits.jitter_us // SECOND}" if limits.jitter_us else ""
    return f"{limits.spacing_us // SECOND}{jitter}"


def _more(terms: SenderTerms | None, limits: LimitTerms) -> str | None:
    """The settings that few accounts have."""
    found = []
    for name in ("domain_per_hour", "domain_per_day"):
        if (value := getattr(limits, name)) is not None:
            found.append(f"{value} {name.replace('_', ' ')}")
    if terms is not None:
        if terms.warm_up is not None:
            found.append("warm-up " + ":".join(map(str, terms.warm_up)))
        if terms.max_new_per_day is not None:
            found.append(f"{terms.max_new_per_day} new a day")
        if terms.day_jitter_percent:
            found.append(f"day jitter {terms.day_jitter_percent} %")
        if terms.lag_us:
            found.append(f"lag {terms.lag_us // SECOND} s")
        found.append(f"on gone {terms.on_gone}")
    return ", ".join(found) or None


def _hours(window: StepWindow | None) -> str | None:
    if window is None or window.start == window.end:
        return None
    return f"{format_clock(window.start)}-{format_clock(window.end % (24 * 60))}"


def _days(window: StepWindow | None) -> str | None:
    if window is None or window.days == _EVERY_DAY:
        return None
    return " ".join(name for place, name in enumerate(_DAYS) if window.days >> place & 1)


def account_json(channel: str, terms: SenderTerms) -> dict[str, Any]:
    """An account with all its terms: durations in seconds, hours as text."""
    return {
        "sender_id": terms.sender_id,
        "channel": channel,
        "limits": {action or "any": _limits_json(each) for action, each in terms.limits.items()},
        "window": _hours(terms.window),
        "days": (_days(terms.window) or " ".join(_DAYS)).split(),
        "timezone": terms.zone or None,
        "warm_up": terms.warm_up,
        "day_jitter_percent": terms.day_jitter_percent,
        "paused": terms.paused,
        "lag_seconds": terms.lag_us // SECOND,
        "max_new_per_day": terms.max_new_per_day,
        "first_weekday": _DAYS[terms.first_weekday],
        "on_gone": terms.on_gone,
    }


def _limits_json(limits: LimitTerms) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(limits, name) for name in limits.__struct_fields__}
    for name in ("spacing", "jitter"):
        values[f"{name}_seconds"] = values.pop(f"{name}_us") // SECOND
    values["calendar"] = list(limits.calendar)
    return values
