"""How often a person is reached over all campaigns of their tenant: a gap between any two touches,
and caps a day and a week (X-3, C-35, C-38)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from processors.contact.context import Context
from processors.contact.run_queries import is_in_flight
from processors.contact.touch_times import executed_at
from schemas.base.times import DAY, SECOND
from schemas.internal.enrollment import Enrollment, Phase, Touch
from schemas.internal.facts import fact_time

CAP_WINDOWS_US = {"per_day": DAY, "per_week": 7 * DAY}
"""The sliding window of each cap: a cap of a day holds over any 24 hours."""


class CapHold(NamedTuple):
    """A limit that puts a touch off: its name, the end of the wait, and the values of its fact."""

    reason: str
    until: int
    values: dict[str, Any]


class CapCheck(NamedTuple):
    """The limits at one moment: the one that holds longest, if any does, and the counters of all.

    `counters` is None where nothing is limited.
    """

    hold: CapHold | None
    counters: dict[str, Any] | None


_UNLIMITED = CapCheck(None, None)


def check(context: Context, enrollment: Enrollment, touch: Touch) -> CapCheck:
    """Whether the person may be reached now.

    A repeat of a command that is out is not limited: it reaches nobody once more.
    """
    gap_us = context.definition(enrollment).settings.min_gap_us
    assert context.tenant is not None
    caps = context.tenant.caps
    if touch.emission or not (gap_us or caps):
        return _UNLIMITED
    reached = sorted(_reached_at(context, touch), reverse=True)
    holds = []
    counters: dict[str, Any] = {}
    if gap_us:
        last = fact_time(reached[0]) if reached else None
        counters = {"min_gap_seconds": gap_us // SECOND, "last_touch_at": last}
        if reached and reached[0] + gap_us > context.now:
            holds.append(CapHold("min_gap", reached[0] + gap_us, counters.copy()))
    for name, limit in sorted(caps.items()):
        used = _count_in_window(reached, context.now, name)
        counters[name] = {"used": used, "limit": limit}
        if len(reached) >= limit > 0 and reached[limit - 1] + CAP_WINDOWS_US[name] > context.now:
            until = reached[limit - 1] + CAP_WINDOWS_US[name]
            values = {"limit": limit, "window": name, "used": used}
            holds.append(CapHold("frequency_cap", until, values))
    return CapCheck(max(holds, key=lambda hold: hold.until, default=None), counters)


def _count_in_window(reached: list[int], now: int, name: str) -> int:
    return sum(at + CAP_WINDOWS_US[name] > now for at in reached)


def _reached_at(context: Context, touch: Touch) -> Iterator[int]:
    """When the person was reached by other touches. A touch in flight counts as of now."""
    yield from context.contact.reached_at
    for enrollment in context.contact.enrollments:
        for other in enrollment.touches:
            if other.phase is Phase.SENT:
                yield executed_at(other)
            elif other is not touch and is_in_flight(other):
                yield context.now
