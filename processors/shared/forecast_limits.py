"""The limits of a plan in memory: which account may send a touch first, and what a command counts
for (C-38)."""

from operator import itemgetter
from typing import Any, NamedTuple

from processors.shared.calendar_periods import day_of
from processors.shared.forecast_plan import MemoryLog, Plan, PlannedSender, WaitingTouch
from processors.shared.limit_rules import (
    LoggedRule,
    bucket_end,
    hash_of,
    load_of,
    settle,
)
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
from processors.shared.memory_rules import MemoryRules
from processors.shared.sender_rules import EXACT, LogShape, sender_states_of, warm_up_rule
from schemas.base.times import MomentUs
from schemas.internal.limit_terms import SenderTerms
from schemas.internal.state_bytes import NEVER


class PlannedChoice(NamedTuple):
    """The account that may send a touch first, when, and the reason of the limit that decides."""

    at: MomentUs
    reason: str
    sender: PlannedSender


class _ScopeLogs(NamedTuple):
    """The logs of one scope, the exact one first, each with the time to which its moments are
    rounded; and the rules with their logs."""

    rules: list[LoggedRule]
    logs: list[tuple[MemoryLog, int]]
    jitter_us: int


class ForecastLimits:
    """The accounts and limits of a plan. Counting a command changes the logs of the plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.senders = {each.terms.sender_id: each for each in plan.senders}
        if not self.senders:
            self.senders = {"": PlannedSender(SenderTerms("", {}, "UTC"))}
        self.present = [each for each in self.senders.values() if not each.removed_at]
        self.has_accounts = any(self.senders)
        self._served_seq = max(each.served_seq for each in self.senders.values())
        self._scopes: dict[str, _ScopeLogs] = {}
        self._rules: dict[tuple[str, str, int], list[LoggedRule]] = {}
        self._counted: dict[tuple[str, str, int], list[_ScopeLogs]] = {}
        self._ready: dict[tuple[str, str, int], MemoryRules] = {}
        self._openings: dict[tuple[str, str, int], tuple[MomentUs, str]] = {}
        self._kinds: dict[str, list[tuple[str, str, int]]] = {}
        self._loads: dict[tuple[str, str, int], tuple[MomentUs, float]] = {}
        self._lanes: dict[tuple[str, str, str, bool, str], list[_ScopeLogs]] = {}
        self._domains: dict[str, bool] = {}
        shared = tenant_scope(plan.tenant, plan.channel, self.has_accounts)
        self._shares_limits = bool(shared.rules.rules)

    # which account

    def bound(self, touch: WaitingTouch, now: MomentUs) -> PlannedSender | None:
        """The account that must send a touch, also one that was removed; None if any may."""
        if not touch.bound or not self.has_accounts:
            return None
        sender, must = self.senders.get(touch.bound), touch.must or touch.repeated
        if sender is None:
            if not must:
                return None
            return PlannedSender(SenderTerms(touch.bound, {}, "UTC"), removed_at=now)
        kept = not sender.removed_at or must or sender.terms.on_gone != "rotate"
        return sender if kept else None

    def candidates(self, touch: WaitingTouch, now: MomentUs) -> list[PlannedSender]:
        """The accounts that may send a touch; empty if the one that must is gone, or all are."""
        bound = self.bound(touch, now)
        if bound is None:
            return self.present
        return [] if bound.removed_at else [bound]

    def choose(
        self, touch: WaitingTouch, senders: list[PlannedSender], now: MomentUs
    ) -> PlannedChoice:
        """The account that may send a touch first; of those that may at one moment, the one that
        has used the least part of its limits, then the one that was served longest ago."""
        if len(senders) == 1:
            (sender,) = senders
            if self.lane_of(touch) != ("", ""):
                return PlannedChoice(*settle(self._rules_for(touch, sender), now), sender)
            return PlannedChoice(*self.opens(sender, touch.action, kind_of(touch), now), sender)
        choices = [self._order_of(touch, sender, now) for sender in senders]
        _, _, _, (at, reason), sender = min(choices, key=itemgetter(0, 1, 2))
        return PlannedChoice(at, reason, sender)

    def _order_of(self, touch: WaitingTouch, sender: PlannedSender, now: MomentUs) -> Any:
        """When an account may send a touch, and its place among others that may then."""
        kind = (sender.terms.sender_id, touch.action, kind_of(touch))
        opening = self.opens(sender, *kind[1:], now)
        known = self._loads.get(kind)
        if known is None or known[0] != now:
            known = self._loads[kind] = now, load_of(self.rules_of(sender, *kind[1:]), now)
        load, of_lane = known[1], self._lane_rules(touch, sender)
        if of_lane:
            opening = settle(self.rules_of(sender, *kind[1:]) + of_lane, now)
            load = max(load, load_of(of_lane, now))
        return opening[0], load, (sender.served_seq, sender.terms.sender_id), opening, sender

    def opens(
        self, sender: PlannedSender, action: str, kind: int, now: MomentUs
    ) -> tuple[MomentUs, str]:
        """When an account may send its next touch of an action, and the reason of the limit that
        decides."""
        key = (sender.terms.sender_id, action, kind)
        known = self._openings.get(key)
        if known is not None and known[0] >= now:
            return known
        ready = self._ready.get(key)
        if ready is None:
            ready = self._ready[key] = MemoryRules(self.rules_of(sender, action, kind))
            self._kinds.setdefault(key[0], []).append(key)
        opening = self._openings[key] = (
            self._opens_for_first(sender, action, ready, now)
            if kind == FIRST
            else ready.settle(now)
        )
        return opening

    def _opens_for_first(
        self, sender: PlannedSender, action: str, ready: MemoryRules, now: MomentUs
    ) -> tuple[MomentUs, str]:
        """The same for first touches, which have the limits of a follow-up and one more."""
        opening = self.opens(sender, action, FOLLOW_UP, now)
        if sender.terms.max_new_per_day is None or opening[0] == NEVER:
            return opening
        at, reason = ready.settle(opening[0])
        return (at, reason) if reason else opening

    def lane_of(self, touch: WaitingTouch) -> tuple[str, str]:
        """The campaign and the mail domain by whose limits a touch waits; both may be empty."""
        if touch.repeated or not (self.plan.campaigns or touch.domain):
            return "", ""
        campaign = touch.campaign_id if self._campaign_scopes(touch) else ""
        return campaign, touch.domain if self._has_domains(touch.action) else ""

    # what is counted

    def count(self, touch: WaitingTouch, sender: PlannedSender, now: MomentUs) -> None:
        """Counts the command of a touch."""
        if touch.repeated:
            return
        key = (sender.terms.sender_id, touch.action, touch.first)
        counted = self._counted.get(key)
        if counted is None:
            counted = self._counted[key] = self._account_scopes(sender, touch.action, touch.first)
        for scope in counted:
            _count(scope, touch, sender, now)
        for scope in self._lane_logs(touch, sender):
            _count(scope, touch, sender, now)
        self._served_seq += 1
        sender.served_seq = self._served_seq
        if sender.terms.warm_up is not None:
            _count_day(sender, now)
        if self._shares_limits:
            self._openings.clear()
            self._loads.clear()
        else:
            for kind in self._kinds.get(sender.terms.sender_id, ()):
                self._openings.pop(kind, None)
                self._loads.pop(kind, None)

    # limits

    def rules_of(self, sender: PlannedSender, action: str, kind: int) -> list[LoggedRule]:
        """The limits of an account, and of the tenant's channel, for an action."""
        key = (sender.terms.sender_id, action, kind)
        rules = self._rules.get(key)
        if rules is None:
            rules = self._rules[key] = self._closures(sender, action)
            if kind == REPEAT:
                return rules
            for scope in self._account_scopes(sender, action, kind == FIRST):
                rules += scope.rules
            warm_up = warm_up_rule(sender.terms)
            if warm_up is not None:
                rules.append((warm_up, sender))
        return rules

    def _rules_for(self, touch: WaitingTouch, sender: PlannedSender) -> list[LoggedRule]:
        rules = self.rules_of(sender, touch.action, kind_of(touch))
        return rules + self._lane_rules(touch, sender)

    def _lane_rules(self, touch: WaitingTouch, sender: PlannedSender) -> list[LoggedRule]:
        return [each for logs in self._lane_logs(touch, sender) for each in logs.rules]

    def _lane_logs(self, touch: WaitingTouch, sender: PlannedSender) -> list[_ScopeLogs]:
        """The logs of the campaign and the mail domain of a touch."""
        if touch.repeated or not (self.plan.campaigns or touch.domain):
            return []
        key = (
            sender.terms.sender_id,
            *(touch.action, touch.campaign_id, touch.first, touch.domain),
        )
        known = self._lanes.get(key)
        if known is None:
            scopes = self._lane_scopes(touch, sender)
            known = self._lanes[key] = [self._logs_of(scoped) for scoped in scopes]
        return known

    def _closures(self, sender: PlannedSender, action: str) -> list[LoggedRule]:
        closed = bool(sender.paused_for)
        rules = sender_states_of(sender.terms, action, closed, sender.throttled, 0)
        return [(rule, None) for rule in rules]

    def _account_scopes(self, sender: PlannedSender, action: str, first: bool) -> list[_ScopeLogs]:
        scopes = [account_scope(sender.terms, action)]
        of_first = new_scope(sender.terms) if first else None
        if of_first is not None:
            scopes.append(of_first)
        scopes.append(tenant_scope(self.plan.tenant, self.plan.channel, self.has_accounts))
        return [self._logs_of(scoped) for scoped in scopes]

    def _lane_scopes(self, touch: WaitingTouch, sender: PlannedSender) -> list[ScopedRules]:
        plan, scopes = self.plan, self._campaign_scopes(touch)
        if touch.domain and self._has_domains(touch.action):
            terms, action = sender.terms, touch.action
            scopes += domain_scopes(plan.tenant, plan.channel, terms, action, touch.domain)
        return scopes

    def _campaign_scopes(self, touch: WaitingTouch) -> list[ScopedRules]:
        limits = self.plan.campaigns.get(touch.campaign_id)
        if limits is None:
            return []
        return campaign_scopes(limits, touch.campaign_id, touch.first)

    def _has_domains(self, action: str) -> bool:
        known = self._domains.get(action)
        if known is None:
            plan, accounts = self.plan, [each.terms for each in self.present]
            known = has_domain_limits(plan.tenant, plan.channel, accounts, action)
            self._domains[action] = known
        return known

    def _logs_of(self, scoped: ScopedRules) -> _ScopeLogs:
        known = self._scopes.get(scoped.scope)
        if known is None:
            rules = scoped.rules
            logs = {shape.name: self._log(scoped.scope, shape) for shape in rules.logs}
            known = _ScopeLogs(
                [(rule, logs[name]) for rule, name in rules.rules],
                [(logs[shape.name], shape.step_us) for shape in rules.logs],
                rules.jitter_us,
            )
            self._scopes[scoped.scope] = known
        return known

    def _log(self, scope: str, shape: LogShape) -> MemoryLog:
        log = self.plan.logs.get((scope, shape.name))
        if log is None:
            log = self.plan.logs[scope, shape.name] = MemoryLog()
            exact = self.plan.logs.get((scope, EXACT))
            if shape.step_us and exact is not None:
                log.times = [bucket_end(at, shape.step_us) for at in exact.times]
                log.last_at = exact.last_at
        return log


def kind_of(touch: WaitingTouch) -> int:
    """The kind of a touch by the limits that hold for it."""
    return REPEAT if touch.repeated else FIRST if touch.first else FOLLOW_UP


def _count(scope: _ScopeLogs, touch: WaitingTouch, sender: PlannedSender, now: MomentUs) -> None:
    for log, step_us in scope.logs:
        log.times.append(bucket_end(now, step_us) if step_us else now)
        log.last_at = now
    if scope.jitter_us:
        scope.logs[0][0].last_hash = hash_of(sender.terms.sender_id, touch.command_id)


def _count_day(sender: PlannedSender, now: MomentUs) -> None:
    day = day_of(sender.terms.zone, now)
    if day == sender.last_day:
        sender.sent_today += 1
        return
    rule = warm_up_rule(sender.terms)
    assert rule is not None
    sender.sending_days = rule.earlier_days(sender, day) + 1
    sender.last_day, sender.sent_today = day, 1
