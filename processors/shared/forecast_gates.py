"""When an account may send its next touch of an action and a kind: an answer that is kept until it
sends one (C-38)."""

from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from processors.shared.calendar_periods import day_of
from processors.shared.forecast_plan import MemoryLog, PlannedSender
from processors.shared.limit_rules import (
    HORIZON_US,
    LoggedRule,
    bucket_end,
    hash_of,
    load_of,
    settle,
)
from processors.shared.memory_rules import MemoryRules, Tally
from processors.shared.sender_rules import warm_up_rule
from schemas.base.times import DurationUs, MomentUs
from schemas.internal.state_bytes import NEVER

Closure = tuple[MomentUs, str]
"""Until when something was closed, and by which limit."""

NEVER_CLOSED: Closure = -1, ""


class ScopeLogs(NamedTuple):
    """The logs of one scope, the exact one first, each with the time to which its moments are
    rounded; and the rules with their logs."""

    rules: list[LoggedRule]
    logs: list[tuple[MemoryLog, DurationUs]]
    jitter_us: DurationUs


class CommandLogs:
    """The logs that a command is counted in."""

    __slots__ = ("_exact", "_hashed", "_stepped")

    def __init__(self, scopes: list[ScopeLogs]) -> None:
        logs = [each for scope in scopes for each in scope.logs]
        self._exact = [log for log, step_us in logs if not step_us]
        self._stepped = [(log.times, step_us) for log, step_us in logs if step_us]
        self._hashed = [scope.logs[0][0] for scope in scopes if scope.jitter_us]

    def add(self, command_id: str, sender_id: str, now: MomentUs) -> None:
        """Counts the command of a touch."""
        for log in self._exact:
            log.times.append(now)
            log.last_at = now
        for times, step_us in self._stepped:
            times.append(bucket_end(now, step_us))
        for log in self._hashed:
            log.last_hash = hash_of(sender_id, command_id)


class LaneLimits:
    """The limits of a campaign and a mail domain for the touches of one account."""

    __slots__ = ("logs", "ready", "rules")

    def __init__(self, scopes: list[ScopeLogs]) -> None:
        self.logs = CommandLogs(scopes)
        self.rules = [each for scope in scopes for each in scope.rules]
        self.ready = MemoryRules(self.rules, Tally(), far=NEVER)  # other lanes share its logs


class AccountGate:
    """The limits of an account, and of the tenant's channel, for an action and a kind of touch.
    First touches have the limits of a follow-up, whose gate is `wider`, and `more`; `basic` are
    those of both. The tally is that of the commands which the limits count; `served` numbers the
    commands of all accounts.

    `opening` is the last answer, and `closure` the last time for which the gate was found closed,
    each with the reason of the limit that decides.
    """

    __slots__ = (
        *("_counted", "_load", "_ready", "_rules", "_served", "_tally", "_warms_up", "_wider"),
        *("basic", "closure", "logs", "more", "opening", "sender", "sender_id"),
    )

    def __init__(
        self,
        sender: PlannedSender,
        rules: list[LoggedRule],
        logs: CommandLogs,
        tally: Tally,
        served: "count[int]",
        wider: "AccountGate | None" = None,
        more: Sequence[LoggedRule] = (),
    ) -> None:
        self.sender, self.sender_id = sender, sender.terms.sender_id
        self.logs = logs
        self.closure = self.opening = NEVER_CLOSED
        self._rules, self._tally, self._counted = rules, tally, tally.commands
        self._ready = MemoryRules(rules, tally)
        self._served, self._warms_up = served, sender.terms.warm_up is not None
        self._wider = wider
        self.basic: MemoryRules = self._ready if wider is None else wider.basic
        self.more = MemoryRules(more, tally) if more else None
        self._load: tuple[MomentUs, int, float] = -1, 0, 0.0

    @property
    def is_passed(self) -> bool:
        """Whether a command was counted since the last answer."""
        return self._counted != self._tally.commands

    def goes_with(self, other: "AccountGate") -> bool:
        """Whether one of two gates of an account has all limits of the other."""
        return other is self or other._wider is self or self._wider is other

    def opens(self, now: MomentUs) -> MomentUs:
        """When the account may send its next touch."""
        commands = self._tally.commands
        if self._counted != commands or self.opening[0] < now:
            self._counted = commands
            if self._wider is None:
                self.opening = self._ready.settle(now)
            else:
                self._wider.opens(now)
                self.opening = self.of_first(self._wider.opening)
        return self.opening[0]

    def of_first(self, opening: Closure) -> Closure:
        """The answer for a first touch, from that of the basic limits: the very same if no other
        limit holds it."""
        at = opening[0]
        if self.more is None or at == NEVER or self.more.settle(at)[0] == at:
            return opening
        return self._ready.settle(at)

    def count(self, command_id: str, now: MomentUs) -> None:
        """Counts the command of a touch."""
        self.logs.add(command_id, self.sender_id, now)
        self.sender.served_seq = next(self._served)
        if self._warms_up:
            count_day(self.sender, now)
        self._tally.commands += 1

    def opens_with(self, lane: LaneLimits, now: MomentUs) -> MomentUs:
        """When the account may send the next touch of a lane."""
        at = self.opens(now)
        while at < NEVER:
            allowed, _ = lane.ready.settle(at)
            if allowed == at:
                return at if at <= now + HORIZON_US else NEVER
            at = allowed if allowed == NEVER else self._ready.settle(allowed)[0]
        return NEVER

    def load(self, lane: LaneLimits | None, now: MomentUs) -> float:
        """The share of the fullest limit that is used."""
        if self._load[:2] != (now, self._tally.commands):
            self._load = now, self._tally.commands, load_of(self._rules, now)
        load = self._load[2]
        return load if lane is None else max(load, load_of(lane.rules, now))

    def settled(self, lane: LaneLimits | None, now: MomentUs) -> tuple[MomentUs, str]:
        """When the account may send the next touch, of a lane if one is given, and the reason."""
        if lane is None:
            self.opens(now)
            return self.opening
        at = self.opens_with(lane, now)
        return (at, "") if at <= now else settle(self._rules + lane.rules, now)


def count_day(sender: PlannedSender, now: MomentUs) -> None:
    """Counts a command for the warm-up of an account."""
    day = day_of(sender.terms.zone, now)
    if day == sender.last_day:
        sender.sent_today += 1
        return
    rule = warm_up_rule(sender.terms)
    assert rule is not None
    sender.sending_days = rule.earlier_days(sender, day) + 1
    sender.last_day, sender.sent_today = day, 1
