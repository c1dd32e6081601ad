"""How often a person is reached over all campaigns of their tenant: a gap between any two touches,
and so many a day and a week (X-3, C-35, C-38)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from processors.contact.context import Context
from processors.contact.sequence import executed_at, is_out
from schemas.base.times import DAY, SECOND
from schemas.internal.facts import fact_time
from schemas.internal.states import Enrollment, Phase, Touch

WINDOWS = {"per_day": DAY, "per_week": 7 * DAY}
"""Sliding: a limit of a day holds over any 24 hours."""


class Held(NamedTuple):
    """A touch must wait: why, until when, and what that was decided on."""

    reason: str
    until: int
    values: dict[str, Any]


class Reach(NamedTuple):
    """What the limits say at one moment: the one that binds longest, if any does, and the counters
    that all were asked with; None where nothing is limited."""

    held: Held | None
    counters: dict[str, Any] | None


_UNLIMITED = Reach(None, None)


def look(context: Context, enrollment: Enrollment, touch: Touch) -> Reach:
    """Whether the person may be reached now. A repeat of a command that is out already reaches
    nobody once more."""
    gap = context.definition(enrollment).settings.min_gap_us
    assert context.tenant is not None
    caps = context.tenant.caps
    if touch.emission or not (gap or caps):
        return _UNLIMITED
    reached = sorted(_reached(context, touch), reverse=True)
    found = []
    counters: dict[str, Any] = {}
    if gap:
        last = fact_time(reached[0]) if reached else None
        counters = {"min_gap_seconds": gap // SECOND, "last_touch_at": last}
        if reached and reached[0] + gap > context.now:
            found.append(Held("min_gap", reached[0] + gap, counters.copy()))
    for name, most in sorted(caps.items()):
        used = _inside(reached, context.now, name)
        counters[name] = {"used": used, "limit": most}
        if len(reached) >= most > 0 and reached[most - 1] + WINDOWS[name] > context.now:
            until = reached[most - 1] + WINDOWS[name]
            found.append(
                Held("frequency_cap", until, {"limit": most, "window": name, "used": used})
            )
    return Reach(max(found, key=lambda limit: limit.until, default=None), counters)


def _inside(reached: list[int], now: int, name: str) -> int:
    return sum(at + WINDOWS[name] > now for at in reached)


def _reached(context: Context, about: Touch) -> Iterator[int]:
    """When the person was reached, or is about to be: what is under way counts as of now."""
    yield from context.contact.reached
    for enrollment in context.contact.enrollments:
        for touch in enrollment.touches:
            if touch.phase is Phase.SENT:
                yield executed_at(touch)
            elif touch is not about and is_out(touch):
                yield context.now
