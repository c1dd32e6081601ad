"""Rows of sender accounts (C-38): what their owners have set, and how they stand."""

from schemas.base.times import SECOND
from schemas.internal.limit_terms import LimitTerms
from schemas.internal.sender_states import Sender
from schemas.internal.states import SenderRecord
from sinks.copy_values import Row, date_of_day, jsonb, named, timestamptz


def sender_row(state: SenderRecord) -> Row:
    """The row of a sender account, with its limits by action; those that all other actions share
    are under the empty name."""
    terms = state.terms
    status = "removed" if state.removed_at else "paused" if terms.paused else "active"
    return (
        state.tenant_id,
        terms.sender_id,
        state.channel,
        status,
        jsonb({action: limits_of(each) for action, each in terms.limits.items()}),
        None if terms.window is None else jsonb(named(terms.window)),
        terms.zone or None,
        None if terms.warm_up is None else jsonb(terms.warm_up),
        terms.day_jitter_percent,
        terms.lag_us / SECOND,
        terms.max_new_per_day,
        terms.first_weekday,
        terms.on_gone,
        timestamptz(state.created_at),
        timestamptz(state.updated_at),
        timestamptz(state.removed_at),
    )


def limits_of(limits: LimitTerms) -> dict[str, object]:
    """The limits that are set, by the names of their events; durations in seconds."""
    set_ones: dict[str, object] = {
        "per_hour": limits.per_hour,
        "per_day": limits.per_day,
        "per_week": limits.per_week,
        "per_month": limits.per_month,
        "spacing_seconds": limits.spacing_us // SECOND or None,
        "jitter_seconds": limits.jitter_us // SECOND or None,
        "calendar": limits.calendar or None,
        "domain_per_hour": limits.domain_per_hour,
        "domain_per_day": limits.domain_per_day,
    }
    return {name: value for name, value in set_ones.items() if value is not None}


def sender_state_row(state: Sender) -> Row:
    """The row of how an account stands in the owner of its channel: why it has paused itself, until
    when its provider wants no more of an action, on how many days it has sent, and the bounces and
    complaints that count for its health."""
    return (
        state.tenant_id,
        state.channel,
        state.terms.sender_id,
        state.paused_for or None,
        jsonb(state.throttled),
        state.served_seq,
        state.sending_days,
        None if state.last_day < 0 else date_of_day(state.last_day),
        state.sent_today,
        len(state.bounced_at),
        len(state.complained_at),
    )
