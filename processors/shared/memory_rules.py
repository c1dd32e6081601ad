"""Rules of limits with their logs in memory, for the many questions of a forecast (C-38)."""

from collections.abc import Iterable
from typing import Any

from processors.shared.limit_rules import HORIZON_US, Rolling, Rule, SendHours, Spacing
from processors.shared.send_windows import closes_at, opens_at
from schemas.base.times import DurationUs, MomentUs
from schemas.internal.state_bytes import NEVER


class MemoryRules:
    """Rules with their logs in memory, made ready for many questions in turn: `settle` gives what
    the function of this name gives. Rolling windows and gaps, which are nearly all rules, are
    computed in place, because the call of a function costs more than they do."""

    __slots__ = ("_rows",)

    def __init__(self, rules: Iterable[tuple[Rule, Any]]) -> None:
        self._rows = [_row_of(rule, log) for rule, log in rules]

    def settle(self, at: MomentUs) -> tuple[MomentUs, str]:
        """The first moment from `at` on at which all rules allow one more command, and the reason
        of the last one to move it."""
        reason, last, before = "", at + HORIZON_US, at - 1
        while before < at:
            before = at
            for times, n, length_us, rule, log in self._rows:
                if n > 0:
                    opens = times[-n] + length_us if len(times) >= n else at
                elif n == 0:
                    gap_us = length_us + log.last_hash % (rule.jitter_us + 1)
                    opens = log.last_at + gap_us if log.last_at else at
                elif n == _CACHED:
                    opens = at if times[0] <= at < times[1] else _opens_and_keeps(rule, at, times)
                else:
                    opens = rule.opens(log, at)
                if opens > at:
                    at, reason = opens, rule.reason
                    if at > last:
                        return NEVER, reason
        return at, reason


_Row = tuple[list[MomentUs], int, DurationUs, Any, Any]
"""The times of a log, the number and the length of a rolling window, the rule and the log. The
number is 0 for a gap, and less for a rule that answers by itself; that of a window has the open
time around the last answer in place of the times."""

_CACHED = -2


def _row_of(rule: Rule, log: Any) -> _Row:
    if isinstance(rule, Rolling) and rule.n > 0 and not rule.jitter:
        return log.times, rule.n, rule.window_us, rule, log
    if isinstance(rule, Spacing):
        return [], 0, rule.gap_us, rule, log
    if isinstance(rule, SendHours):
        return [0, 0], _CACHED, 0, rule, log
    return [], -1, 0, rule, log


def _opens_and_keeps(rule: SendHours, at: MomentUs, span: list[MomentUs]) -> MomentUs:
    """When a window opens. `span` becomes the open time from then on."""
    opens = opens_at(rule.window, at)
    span[:] = [opens, closes_at(rule.window, opens) if opens < NEVER else NEVER]
    return opens
