"""Frequency caps: how often a person, or an address, may be reached within a day and a week (C-35).
Each is a rolling limit like any other (processors/shared/limit_rules.py)."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from processors.shared.limit_rules import Rolling
from schemas.base.times import DAY

CAP_WINDOWS_US = {"per_day": DAY, "per_week": 7 * DAY}
"""The sliding window of each cap: a cap of a day holds over any 24 hours."""

FREQUENCY_CAP = "frequency_cap"
"""The reason of a wait for a cap."""

CAP_MEMORY_US = max(CAP_WINDOWS_US.values())
"""How far back the longest window looks."""


class CapHold(NamedTuple):
    """A limit that puts a touch off: its name, the end of the wait, and the values of its fact."""

    reason: str
    until: int
    values: dict[str, Any]


class ReachedLog:
    """The times at which a person was reached, the latest first, as a rule looks at them."""

    __slots__ = ("_reached",)

    def __init__(self, reached: Sequence[int]) -> None:
        self._reached = reached

    def nth_last(self, n: int) -> int:
        """The n-th time from the latest on; 0 if there are fewer."""
        return self._reached[n - 1] if len(self._reached) >= n else 0

    def count_since(self, after: int) -> int:
        """How many times are later than a moment."""
        return sum(at > after for at in self._reached)


@lru_cache(maxsize=256)
def _rule(name: str, limit: int) -> Rolling:
    return Rolling(name, FREQUENCY_CAP, limit, CAP_WINDOWS_US[name])


def used_in_window(reached: Sequence[int], name: str, now: int) -> int:
    """How many of the times are in the window of a cap. Times from after `now` count too."""
    return ReachedLog(reached).count_since(now - CAP_WINDOWS_US[name])


def cap_holds(reached: Sequence[int], caps: Mapping[str, int], now: int) -> list[CapHold]:
    """The caps that are used up, each until fewer times than it allows are in its window. `reached`
    has the latest time first. A cap of 0 is none."""
    holds = []
    log = ReachedLog(reached)
    for name, limit in sorted(caps.items()):
        rule = _rule(name, limit)
        until = rule.opens(log, now) if limit > 0 else now
        if until > now:
            values = {"limit": limit, "window": name, "used": rule.used(log, now)}
            holds.append(CapHold(rule.reason, until, values))
    return holds
