"""How often a person is reached over all campaigns of their tenant: a gap between any two touches,
and caps a day and a week (X-3, C-35, C-38)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from processors.contact.context import Context
from processors.contact.run_queries import is_in_flight
from processors.contact.touch_times import executed_at
from processors.shared.frequency_caps import CAP_MEMORY_US, CapHold, cap_holds, used_in_window
from schemas.base.times import SECOND
from schemas.internal.enrollment import Enrollment, Phase, Touch
from schemas.internal.facts import fact_time


class CapCheck(NamedTuple):
    """The limits at one moment: the one that holds longest, if any does, and the counters of all.

    `counters` is None where nothing is limited. `reached` are the times that the caps of an address
    count too, the latest first; empty where the tenant has no caps.
    """

    hold: CapHold | None
    counters: dict[str, Any] | None
    reached: tuple[int, ...] = ()


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
    holds = cap_holds(reached, caps, context.now)
    counters: dict[str, Any] = {}
    if gap_us:
        last = fact_time(reached[0]) if reached else None
        counters = {"min_gap_seconds": gap_us // SECOND, "last_touch_at": last}
        if reached and reached[0] + gap_us > context.now:
            holds.insert(0, CapHold("min_gap", reached[0] + gap_us, counters.copy()))
    for name, limit in sorted(caps.items()):
        counters[name] = {"used": used_in_window(reached, name, context.now), "limit": limit}
    hold = max(holds, key=lambda hold: hold.until, default=None)
    return CapCheck(hold, counters, _counted(reached, max(caps.values(), default=0), context.now))


def _counted(reached: list[int], number: int, now: int) -> tuple[int, ...]:
    """The latest times, as many as a cap can count and as far back as it looks."""
    return tuple(at for at in reached[:number] if at + CAP_MEMORY_US > now)


def _reached_at(context: Context, touch: Touch) -> Iterator[int]:
    """When the person was reached by other touches. A touch in flight counts as of now."""
    yield from context.contact.reached_at
    for enrollment in context.contact.enrollments:
        for other in enrollment.touches:
            if other.phase is Phase.SENT:
                yield executed_at(other)
            elif other is not touch and is_in_flight(other):
                yield context.now
