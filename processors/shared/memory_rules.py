"""Rules of limits with their logs in memory, for the many questions of a forecast (C-38)."""

from collections.abc import Sequence
from typing import Any

from processors.shared.calendar_periods import DAY, period_of
from processors.shared.limit_rules import (
    HORIZON_US,
    Calendar,
    ClosedUntil,
    LoggedRule,
    Rolling,
    SendHours,
    Spacing,
    WarmUpRule,
    settle,
)
from processors.shared.send_windows import closes_at
from schemas.base.times import DurationUs, MomentUs
from schemas.internal.state_bytes import NEVER

FAR = 64
"""A rolling window that allows so many more commands is not asked before each of them."""


class Tally:
    """How many commands have been counted by rules that look at the same logs."""

    __slots__ = ("commands",)

    def __init__(self) -> None:
        self.commands = 0


class MemoryRules:
    """Rules with their logs in memory: `settle` gives what the function of this name gives. The
    tally grows with each command that a log of the rules gets.

    A rule that is open stays so for a number of commands until a moment: nobody asks it before.
    Only gaps, and rolling windows that are nearly used up, are asked for each command: their logs
    give the one moment at which they open, and all of them together open at the latest of these.
    """

    __slots__ = ("_far", "_near", "_rules", "_since", "_tally", "_until", "_up_to")

    def __init__(self, rules: Sequence[LoggedRule], tally: Tally, far: int = FAR) -> None:
        self._rules, self._tally, self._far = rules, tally, far
        self._near: list[_NearRow] = []
        # all rules that are not near are open in this time, up to so many commands
        self._since = self._until = self._up_to = 0

    def settle(self, at: MomentUs) -> tuple[MomentUs, str]:
        """The first moment from `at` on at which all rules allow one more command, and the reason
        of the last one to move it."""
        if self._since <= at < self._until and self._tally.commands < self._up_to:
            opens, reason = at, ""
            for times, n, length_us, rule, log in self._near:
                if n:
                    moment = times[-n] + length_us if len(times) >= n else 0
                elif log.last_at:
                    moment = log.last_at + length_us + log.last_hash % (rule.jitter_us + 1)
                else:
                    continue
                if moment > opens:
                    opens, reason = moment, rule.reason
            if opens < self._until and opens <= at + HORIZON_US:
                return opens, reason
        opening = settle(self._rules, at)
        if opening.at < NEVER:
            self._look(opening.at)
        return opening

    def _look(self, at: MomentUs) -> None:
        """Looks for how long the rules, which are open at a moment, stay so."""
        self._near = []
        self._since, self._until, self._up_to = at, NEVER, NEVER
        for rule, log in self._rules:
            until, left = _stays_open(rule, log, at)
            row = _near_of(rule, log)
            if row is not None and left < self._far:
                self._near.append(row)
            else:
                self._until = min(self._until, until)
                self._up_to = min(self._up_to, self._tally.commands + left)


_NearRow = tuple[list[MomentUs], int, DurationUs, Any, Any]
"""The times of a log, the number and the length of a rolling window, the rule and the log. The
number of a gap is 0."""


def _near_of(rule: Any, log: Any) -> _NearRow | None:
    """A rule that opens at one moment, whatever moment it is asked at; None for any other."""
    match rule:
        case Rolling() if not rule.jitter:
            return log.times, rule.n, rule.window_us, rule, log
        case Spacing():
            return [], 0, rule.gap_us, rule, log
    return None


def _stays_open(rule: Any, log: Any, at: MomentUs) -> tuple[MomentUs, int]:
    """Until when a rule that is open at a moment stays so, and for how many commands."""
    match rule:
        case ClosedUntil():
            return NEVER, NEVER
        case SendHours():
            return closes_at(rule.window, at), NEVER
        case Rolling() if not rule.jitter:
            until = NEVER
        case Rolling() | WarmUpRule():
            until = period_of(DAY, rule.zone, 0, at)[1]
        case Calendar():
            until = period_of(rule.unit, rule.zone, rule.first_weekday, at)[1]
            if rule.jitter:
                until = min(until, period_of(DAY, rule.zone, 0, at)[1])
        case _:
            return at, 0
    return until, rule.limit(log, at) - rule.used(log, at)
