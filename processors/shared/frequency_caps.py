"""The arithmetic of frequency caps: how often a person, or an address, was reached within a day and
a week (C-35)."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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


def used_in_window(reached: Sequence[int], name: str, now: int) -> int:
    """How many of the times are in the window of a cap. Times from after `now` count too."""
    return sum(at + CAP_WINDOWS_US[name] > now for at in reached)


def cap_holds(reached: Sequence[int], caps: Mapping[str, int], now: int) -> list[CapHold]:
    """The caps that are used up, each until fewer times than it allows are in its window. `reached`
    has the latest time first."""
    holds = []
    for name, limit in sorted(caps.items()):
        if len(reached) >= limit > 0 and reached[limit - 1] + CAP_WINDOWS_US[name] > now:
            until = reached[limit - 1] + CAP_WINDOWS_US[name]
            used = used_in_window(reached, name, now)
            values = {"limit": limit, "window": name, "used": used}
            holds.append(CapHold(FREQUENCY_CAP, until, values))
    return holds
