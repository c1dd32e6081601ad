"""The limits of a plan in memory: which account may send a touch first, and what a command counts
for (C-38)."""

from functools import partial
from itertools import count
from typing import NamedTuple

from processors.shared.forecast_gates import AccountGate, CommandLogs, LaneLimits, ScopeLogs
from processors.shared.forecast_plan import MemoryLog, Plan, PlannedSender, WaitingTouch
from processors.shared.limit_rules import LoggedRule, bucket_end
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
from processors.shared.memory_rules import Tally
from processors.shared.sender_rules import EXACT, LogShape, sender_states_of, warm_up_rule
from schemas.base.times import MomentUs
from schemas.internal.limit_terms import SenderTerms

NO_LANE = "", ""
"""The lane of a touch that waits for the limits of an account only."""


class PlannedChoice(NamedTuple):
    """The account that may send a touch first, when, and the reason of the limit that decides."""

    at: MomentUs
    reason: str
    gate: AccountGate


class ForecastLimits:
    """The accounts and limits of a plan. Counting a command changes the logs of the plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.senders = {each.terms.sender_id: each for each in plan.senders}
        if not self.senders:
            self.senders = {"": PlannedSender(SenderTerms("", {}, "UTC"))}
        self.present = [each for each in self.senders.values() if not each.removed_at]
        self.has_accounts = any(self.senders)
        self._served = count(1 + max(each.served_seq for each in self.senders.values()))
        self._scopes: dict[str, ScopeLogs] = {}
        self._gates: dict[tuple[str, str, int], AccountGate] = {}
        self._lanes: dict[tuple[str, str, str, bool, str], LaneLimits | None] = {}
        accounts = [each.terms for each in self.present]
        actions = {touch.action for touch in plan.waiting}
        self._by_domain = {
            action
            for action in actions
            if has_domain_limits(plan.tenant, plan.channel, accounts, action)
        }
        self.has_lanes = bool(plan.campaigns or self._by_domain)
        shared = tenant_scope(plan.tenant, plan.channel, self.has_accounts)
        of_all = Tally()  # of accounts that share the limits of the tenant's channel
        self._tallies = {name: of_all if shared.rules.rules else Tally() for name in self.senders}

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
        kind = kind_of(touch)
        pairs = [
            (self.gate(sender, touch.action, kind), self._lane_limits(touch, sender))
            for sender in senders
        ]
        if len(pairs) > 1:
            pairs = _soonest(pairs, now)
        gate, lane = pairs[0] if len(pairs) == 1 else min(pairs, key=partial(_order, now))
        return PlannedChoice(*gate.settled(lane, now), gate)

    def gate(self, sender: PlannedSender, action: str, kind: int) -> AccountGate:
        """The limits of an account for an action and a kind of touch."""
        key = (sender.terms.sender_id, action, kind)
        gate = self._gates.get(key)
        if gate is None:
            gate = self._gates[key] = self._new_gate(sender, action, kind)
        return gate

    def _new_gate(self, sender: PlannedSender, action: str, kind: int) -> AccountGate:
        rules = self._closures(sender, action)
        counts = self._tallies[sender.terms.sender_id], self._served
        if kind == REPEAT:
            return AccountGate(sender, rules, CommandLogs([]), *counts)
        scopes = self._account_scopes(sender, action, kind == FIRST)
        for scope in scopes:
            rules += scope.rules
        warm_up = warm_up_rule(sender.terms)
        if warm_up is not None:
            rules.append((warm_up, sender))
        logs = CommandLogs(scopes)
        if kind == FOLLOW_UP:
            return AccountGate(sender, rules, logs, *counts)
        wider, of_first = self.gate(sender, action, FOLLOW_UP), new_scope(sender.terms)
        more = [] if of_first is None else self._logs_of(of_first).rules
        return AccountGate(sender, rules, logs, *counts, wider, more)

    def lane_of(self, touch: WaitingTouch) -> tuple[str, str]:
        """The campaign and the mail domain by whose limits a touch waits; both may be empty."""
        if touch.repeated or not self.has_lanes:
            return NO_LANE
        campaign = touch.campaign_id if self._campaign_scopes(touch) else ""
        return campaign, touch.domain if touch.action in self._by_domain else ""

    def count_in_lane(self, touch: WaitingTouch, gate: AccountGate, now: MomentUs) -> None:
        """Counts the command of a touch for its campaign and its mail domain."""
        lane = self._lane_limits(touch, gate.sender)
        if lane is not None:
            lane.logs.add(touch.command_id, gate.sender_id, now)

    # limits

    def _lane_limits(self, touch: WaitingTouch, sender: PlannedSender) -> LaneLimits | None:
        """The limits of the campaign and the mail domain of a touch; None without any."""
        if touch.repeated or not self.has_lanes:
            return None
        key = (
            sender.terms.sender_id,
            *(touch.action, touch.campaign_id, touch.first, touch.domain),
        )
        if key not in self._lanes:
            scopes = [self._logs_of(scoped) for scoped in self._lane_scopes(touch, sender)]
            self._lanes[key] = LaneLimits(scopes) if scopes else None
        return self._lanes[key]

    def _closures(self, sender: PlannedSender, action: str) -> list[LoggedRule]:
        closed = bool(sender.paused_for)
        rules = sender_states_of(sender.terms, action, closed, sender.throttled, 0)
        return [(rule, None) for rule in rules]

    def _account_scopes(self, sender: PlannedSender, action: str, first: bool) -> list[ScopeLogs]:
        scopes = [account_scope(sender.terms, action)]
        of_first = new_scope(sender.terms) if first else None
        if of_first is not None:
            scopes.append(of_first)
        scopes.append(tenant_scope(self.plan.tenant, self.plan.channel, self.has_accounts))
        return [self._logs_of(scoped) for scoped in scopes]

    def _lane_scopes(self, touch: WaitingTouch, sender: PlannedSender) -> list[ScopedRules]:
        plan, scopes = self.plan, self._campaign_scopes(touch)
        if touch.domain and touch.action in self._by_domain:
            terms, action = sender.terms, touch.action
            scopes += domain_scopes(plan.tenant, plan.channel, terms, action, touch.domain)
        return scopes

    def _campaign_scopes(self, touch: WaitingTouch) -> list[ScopedRules]:
        limits = self.plan.campaigns.get(touch.campaign_id)
        if limits is None:
            return []
        return campaign_scopes(limits, touch.campaign_id, touch.first)

    def _logs_of(self, scoped: ScopedRules) -> ScopeLogs:
        known = self._scopes.get(scoped.scope)
        if known is None:
            rules = scoped.rules
            logs = {shape.name: self._log(scoped.scope, shape) for shape in rules.logs}
            known = ScopeLogs(
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


_Pair = tuple[AccountGate, LaneLimits | None]
"""An account, and the limits of a lane for its touches."""


def _soonest(pairs: list[_Pair], now: MomentUs) -> list[_Pair]:
    """Those that may send first."""
    moments = [
        gate.opens(now) if lane is None else gate.opens_with(lane, now) for gate, lane in pairs
    ]
    first = min(moments)
    return [pair for pair, at in zip(pairs, moments, strict=True) if at == first]


def _order(now: MomentUs, pair: _Pair) -> tuple[float, int, str]:
    """The place of an account among others that may send at the same moment."""
    gate, lane = pair
    return gate.load(lane, now), gate.sender.served_seq, gate.sender_id
