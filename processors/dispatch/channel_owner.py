"""A tenant's channel with its sender accounts: which limits hold for a touch, and which account may
send it first (C-38)."""

from typing import Any, NamedTuple

from processors.dispatch.send_logs import Counting
from processors.dispatch.waits import PACE_US, stopped_by_gate
from processors.fold.turn import Turn
from processors.shared.forecast_plan import domain_of
from processors.shared.limit_rules import LimitOpening, LoggedRule, load_of, settle
from processors.shared.limit_scopes import (
    FIRST,
    FOLLOW_UP,
    REPEAT,
    ScopedRules,
    account_scope,
    campaign_scopes,
    domain_scopes,
    has_domain_limits,
    new_scope,
    tenant_scope,
)
from processors.shared.sender_rules import sender_states_of, warm_up_rule
from processors.shared.tenant_lookup import campaign_limits_key, tenant_key
from schemas.base.times import MomentUs
from schemas.internal import messages as m
from schemas.internal.facts import fact_time
from schemas.internal.limit_terms import SenderTerms
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import Account, KnownCampaignLimits, KnownTenant, Sender

NO_ACCOUNT = ""
"""The id of the account of a channel without sender accounts, which has no limits of its own."""

NO_SENDER = "no_sender"
"""The reason of a wait for an account that was removed, or for any account at all."""


def is_repeat(touch: m.RequestTouch) -> bool:
    """Whether the command of a touch is out already: its repeat reaches nobody once more, so that
    no limit counts it. Requests of older versions count again, as they did."""
    return touch.emission > 1 and touch.rules >= COUNTS_REPEATS_ONCE


def kind_of(touch: m.RequestTouch) -> int:
    """The kind of a touch by the limits that hold for it."""
    return REPEAT if is_repeat(touch) else FIRST if touch.first else FOLLOW_UP


COUNTS_REPEATS_ONCE = 2
"""The first DISPATCH_RULES by which a repeat does not count."""


class Choice(NamedTuple):
    """The account for a touch, when it may send, and the reason of the limit that decides this."""

    sender: Sender
    at: MomentUs
    reason: str
    rules: list[LoggedRule]


class ChannelOwner:
    """The tenant's channel at one moment. It is made for one step, and kept no longer."""

    __slots__ = (
        *("_domain_limits", "_lane", "_openings", "_senders", "_tenant_counting"),
        *("account", "channel", "pace_us", "tenant", "tenant_id", "turn"),
    )

    def __init__(self, turn: Turn, account: Account) -> None:
        self.turn = turn
        self.account = account
        self.tenant_id = account.tenant_id
        self.channel = account.channel
        self.tenant = turn.store.read(tenant_key(account.tenant_id), KnownTenant)
        self.pace_us = 0
        """The time until the next burst, if requests of a paused campaign were among those of this
        step."""

        self._tenant_counting: Counting | None = None
        self._senders: list[Sender] | None = None  # until one is edited
        self._domain_limits: dict[str, bool] = {}
        self._openings: dict[
            tuple[str, str, int], tuple[list[LoggedRule], LimitOpening]
        ] = {}  # until a command is counted, which edits its account
        self._lane: tuple[m.RequestTouch, tuple[list[ScopedRules], str]] | None = None

    def is_stopped(self, touch: m.RequestTouch) -> bool:
        """Whether a gate stops a touch, which is then refused or deferred."""
        gate = stopped_by_gate(self.turn, self.tenant, touch)
        if gate is not None and gate.queue:
            self.pace_us = PACE_US
        return gate is not None

    # the accounts

    def sender(self, sender_id: str) -> Sender | None:
        """An account, for reading."""
        key = sender_key(self.tenant_id, self.channel, sender_id)
        return self.turn.store.read(key, Sender)

    def edit_sender(self, sender_id: str) -> Sender:
        """An account, open for change."""
        self._senders = None
        self._openings.clear()
        key = sender_key(self.tenant_id, self.channel, sender_id)
        sender = self.turn.store.edit(key, Sender)
        assert sender is not None, "an account of the channel has a state"
        return sender

    def senders(self) -> list[Sender]:
        """The accounts that are there, by id."""
        if self._senders is None:
            found = (self.sender(each) for each in self.account.senders or [NO_ACCOUNT])
            self._senders = [each for each in found if each is not None and not each.removed_at]
        return self._senders

    def bound(self, touch: m.RequestTouch) -> Sender | None:
        """The account that must send a touch, also one that was removed; None if any may. A repeat
        is of the account that has the command: from another one the person might get it twice."""
        if not touch.bound_sender or not self.account.senders:
            return None
        sender, must = self.sender(touch.bound_sender), touch.must_use_bound or is_repeat(touch)
        if sender is None:
            return self._unknown(touch.bound_sender) if must else None
        if not sender.removed_at or must or sender.terms.on_gone != "rotate":
            return sender
        return None

    def candidates(self, touch: m.RequestTouch) -> list[Sender]:
        """The accounts that may send a touch; empty if the one that must is not there, or none
        is."""
        bound = self.bound(touch)
        if bound is None:
            return self.senders()
        return [] if bound.removed_at else [bound]

    def _unknown(self, sender_id: str) -> Sender:
        """An account that was never announced is one that was removed now."""
        terms = SenderTerms(sender_id, {}, "UTC", on_gone="hold")
        sender = Sender(self.tenant_id, self.channel, terms, removed_at=self.turn.now)
        self.turn.store.put(sender_key(self.tenant_id, self.channel, sender_id), sender)
        self.account.senders = sorted({*self.account.senders, sender_id})
        return sender

    # the limits

    def choose(self, touch: m.RequestTouch, senders: list[Sender]) -> Choice:
        """The account that may send a touch first; of those that may at one moment, the one that
        has used the least part of its limits, then the one that was served longest ago."""
        choices = [self.open_for(touch, sender) for sender in senders]
        if len(choices) == 1:
            return choices[0]
        soonest = min(choice.at for choice in choices)
        return min(
            (choice for choice in choices if choice.at == soonest),
            key=lambda choice: (
                load_of(choice.rules, self.turn.now),
                choice.sender.served_seq,
                choice.sender.terms.sender_id,
            ),
        )

    def open_for(self, touch: m.RequestTouch, sender: Sender) -> Choice:
        """When one account may send a touch. The repeat of a command is held by a closed account
        only."""
        rules, opening = self._evaluated(sender, touch.action, kind_of(touch))
        of_lane = [] if is_repeat(touch) else self.lane_rules(sender, touch)
        if of_lane:
            rules = rules + of_lane
            opening = settle(rules, self.turn.now)
        return Choice(sender, *opening, rules)

    def closures(self, sender: Sender, action: str) -> list[LoggedRule]:
        """What closes an account for an action without counting: a pause, its provider, its
        hours."""
        closed = bool(sender.paused_for)
        rules = sender_states_of(sender.terms, action, closed, sender.throttled, self.turn.now)
        return [(rule, None) for rule in rules]

    def opens(self, sender: Sender, action: str, kind: int) -> LimitOpening:
        """When an account may send its next touch of an action, as far as its own limits and those
        of the tenant are concerned."""
        return self._evaluated(sender, action, kind)[1]

    def _evaluated(
        self, sender: Sender, action: str, kind: int
    ) -> tuple[list[LoggedRule], LimitOpening]:
        """The limits of an account with what they lead to; until a command is counted."""
        key = (sender.terms.sender_id, action, kind)
        known = self._openings.get(key)
        if known is None:
            rules = self.rules_of(sender, action, kind)
            known = self._openings[key] = rules, settle(rules, self.turn.now)
        return known

    def rules_of(self, sender: Sender, action: str, kind: int) -> list[LoggedRule]:
        """The limits of an account, and of the tenant's channel, for an action."""
        rules = self.closures(sender, action)
        if kind == REPEAT:
            return rules
        terms = sender.terms
        rules += self.counting_of(sender, action).logged()
        warm_up = warm_up_rule(terms)
        if warm_up is not None:
            rules.append((warm_up, sender))
        counting = self.new_counting_of(sender) if kind == FIRST else None
        if counting is not None:
            rules += counting.logged()
        return rules + self.tenant_counting().logged()

    def lane_rules(self, sender: Sender, touch: m.RequestTouch) -> list[LoggedRule]:
        """The limits besides those of an account: of the campaign and of the mail domain."""
        return [
            logged
            for counting in self.lane_countings(sender, touch)
            for logged in counting.logged()
        ]

    def counting_of(self, sender: Sender, action: str) -> Counting:
        """What counts the commands of an account, for the group that the action is in."""
        return self._counting(account_scope(sender.terms, action))

    def new_counting_of(self, sender: Sender) -> Counting | None:
        """What counts the first touches of an account; None without a limit of them."""
        scoped = new_scope(sender.terms)
        return None if scoped is None else self._counting(scoped)

    def tenant_counting(self) -> Counting:
        """What counts the commands of the tenant's channel."""
        if self._tenant_counting is None:
            scoped = tenant_scope(self.tenant, self.channel, bool(self.account.senders))
            self._tenant_counting = self._counting(scoped)
        return self._tenant_counting

    def lane_countings(self, sender: Sender, touch: m.RequestTouch) -> list[Counting]:
        """What counts the commands of a touch's campaign and mail domain, if they have limits."""
        of_campaign, domain = self._lane_scopes(touch)
        scopes = [*of_campaign]
        if domain:
            terms = sender.terms
            scopes += domain_scopes(self.tenant, self.channel, terms, touch.action, domain)
        return [self._counting(scoped) for scoped in scopes]

    def lane_of(self, touch: m.RequestTouch) -> tuple[str, str]:
        """The campaign and the mail domain by whose limits a touch waits in a lane; both are empty
        for a touch that only has the limits of its account."""
        if is_repeat(touch):
            return "", ""
        of_campaign, domain = self._lane_scopes(touch)
        return touch.campaign_id if of_campaign else "", domain

    def _lane_scopes(self, touch: m.RequestTouch) -> tuple[list[ScopedRules], str]:
        """The rules of a touch's campaign, and its mail domain if domains have limits."""
        known = self._lane
        if known is None or known[0] is not touch:
            known = touch, (self._campaign_scopes(touch), self._limited_domain(touch))
            self._lane = known
        return known[1]

    def _campaign_scopes(self, touch: m.RequestTouch) -> list[ScopedRules]:
        key = campaign_limits_key(self.tenant_id, touch.campaign_id)
        limits = self.turn.store.read(key, KnownCampaignLimits)
        return campaign_scopes(limits, touch.campaign_id, touch.first)

    def _limited_domain(self, touch: m.RequestTouch) -> str:
        """The digest of the mail domain of a touch, if domains have limits; else empty."""
        action = touch.action
        known = self._domain_limits.get(action)
        if known is None:
            accounts = [sender.terms for sender in self.senders()]
            known = has_domain_limits(self.tenant, self.channel, accounts, action)
            self._domain_limits[action] = known
        return domain_of(touch.recipient) if known else ""

    def _counting(self, scoped: ScopedRules) -> Counting:
        return Counting(self.turn.store, self.tenant_id, self.channel, *scoped)


def values_of(rules: list[LoggedRule], now: MomentUs) -> dict[str, Any]:
    """All limits of a decision, for its fact: what is used of each, and when it opens."""
    values: dict[str, Any] = {}
    for rule, log in rules:
        opens = rule.opens(log, now)
        row: dict[str, Any] = {"used": rule.used(log, now), "limit": rule.limit(log, now)}
        row["opens_at"] = None if opens >= NEVER else fact_time(opens)
        values[rule.name] = row
    return values


def sender_key(tenant_id: str, channel: str, sender_id: str) -> bytes:
    """The key of a Sender."""
    return f"\x04s/{tenant_id}/{channel}/{sender_id}".encode()
