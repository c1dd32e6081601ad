"""Which limits hold for a touch, and by what each counts: an account, its first touches, the
tenant's channel, a campaign, a mail domain (C-38).

A scope is the text that commands have in common that count together; a log is kept for each.
"""

from collections.abc import Iterable
from typing import NamedTuple

from processors.shared.sender_rules import (
    NO_RULES,
    RuleSet,
    campaign_rules,
    domain_rules,
    group_of,
    new_touch_rules,
    sender_rules,
    tenant_rules,
)
from schemas.internal.limit_terms import LimitTerms, SenderTerms
from schemas.internal.states import KnownCampaignLimits, KnownTenant

DEFAULT_PER_HOUR = 100
"""The limit of a tenant's channel without accounts, if the tenant sets none (F-11)."""

FOLLOW_UP, FIRST, REPEAT = range(3)
"""Kinds of touches by the limits that hold for them: a first touch of a run has more limits than a
follow-up, and the repeat of a command, which reaches nobody once more, has none that counts."""

KINDS = (FOLLOW_UP, FIRST, REPEAT)

_NO_LIMITS = LimitTerms()


class ScopedRules(NamedTuple):
    """Rules, and the scope that their commands have in common."""

    scope: str
    rules: RuleSet


def account_scope(terms: SenderTerms, action: str) -> ScopedRules:
    """The limits of an account for the group that an action is in."""
    group = group_of(terms, action)
    return ScopedRules(f"s\0{terms.sender_id}\0{group}", sender_rules(terms, group))


def new_scope(terms: SenderTerms) -> ScopedRules | None:
    """The limit of an account's first touches; None without one."""
    if terms.max_new_per_day is None:
        return None
    rules = new_touch_rules(terms.max_new_per_day, terms.lag_us, "sender_new_day")
    return ScopedRules(f"n\0{terms.sender_id}", rules)


def tenant_scope(tenant: KnownTenant | None, channel: str, has_accounts: bool) -> ScopedRules:
    """The limits of a tenant's channel. With accounts the default does not hold: they have their
    own."""
    per_hour = None if has_accounts else DEFAULT_PER_HOUR
    limits, zone = None, "UTC"
    if tenant is not None:
        per_hour = tenant.limits.get(channel, per_hour)
        limits, zone = tenant.more_limits.get(channel), tenant.timezone
    return ScopedRules("t", tenant_rules(limits, per_hour, zone))


def campaign_scopes(
    limits: KnownCampaignLimits | None, campaign_id: str, first: bool
) -> list[ScopedRules]:
    """The limits of a campaign for a touch, which may be the first one of a run."""
    found = []
    if limits is not None and limits.per_day is not None:
        found.append(ScopedRules(f"c\0{campaign_id}", campaign_rules(limits.per_day)))
    if limits is not None and limits.max_new_per_day is not None and first:
        rules = new_touch_rules(limits.max_new_per_day, 0, "campaign_new_day")
        found.append(ScopedRules(f"cn\0{campaign_id}", rules))
    return found


def domain_scopes(
    tenant: KnownTenant | None, channel: str, terms: SenderTerms, action: str, domain: str
) -> list[ScopedRules]:
    """The limits of a mail domain: of all accounts of the tenant, and of one account."""
    shared = ScopedRules(f"d\0{domain}", _tenant_domain_rules(tenant, channel))
    own = ScopedRules(f"sd\0{terms.sender_id}\0{domain}", _sender_domain_rules(terms, action))
    return [each for each in (shared, own) if each.rules is not NO_RULES]


def has_domain_limits(
    tenant: KnownTenant | None, channel: str, accounts: Iterable[SenderTerms], action: str
) -> bool:
    """Whether mail domains have limits on a channel."""
    return _tenant_domain_rules(tenant, channel) is not NO_RULES or any(
        _sender_domain_rules(terms, action) is not NO_RULES for terms in accounts
    )


def _tenant_domain_rules(tenant: KnownTenant | None, channel: str) -> RuleSet:
    if tenant is None:
        return NO_RULES
    return domain_rules(tenant.more_limits.get(channel, _NO_LIMITS), 0, "tenant")


def _sender_domain_rules(terms: SenderTerms, action: str) -> RuleSet:
    limits = terms.limits.get(group_of(terms, action), _NO_LIMITS)
    return domain_rules(limits, terms.lag_us, "sender")
