"""How often a person is reached over all campaigns of their tenant: a gap between any two touches,
and so many a day and a week (X-3, C-35, C-38)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from processors.contact.course import executed_at, is_out
from processors.contact.scene import Scene
from schemas.facts import moment
from schemas.states import Enrollment, Phase, Touch
from schemas.times import DAY

WINDOWS = {"per_day": DAY, "per_week": 7 * DAY}
"""Sliding: a limit of a day holds over any 24 hours."""


class Held(NamedTuple):
    """A touch must wait: why, until when, and what that was decided on."""

    reason: str
    until: int
    values: dict[str, Any]


def held(scene: Scene, enrollment: Enrollment, touch: Touch) -> Held | None:
    """The limit that binds longest; None where the person may be reached now. A repeat of a command
    that is out already reaches nobody once more."""
    gap = scene.definition(enrollment).settings.min_gap
    assert scene.tenant is not None
    caps = scene.tenant.caps
    if touch.emission or not (gap or caps):
        return None
    reached = sorted(_reached(scene, touch), reverse=True)
    found = []
    if gap and reached and reached[0] + gap > scene.now:
        found.append(Held("min_gap", reached[0] + gap, {"last_touch_at": moment(reached[0])}))
    for name, most in sorted(caps.items()):
        if len(reached) >= most > 0 and reached[most - 1] + WINDOWS[name] > scene.now:
            until = reached[most - 1] + WINDOWS[name]
            values = {"limit": most, "window": name, "used": _inside(reached, scene.now, name)}
            found.append(Held("frequency_cap", until, values))
    return max(found, key=lambda limit: limit.until, default=None)


def _inside(reached: list[int], now: int, name: str) -> int:
    return sum(at + WINDOWS[name] > now for at in reached)


def _reached(scene: Scene, about: Touch) -> Iterator[int]:
    """When the person was reached, or is about to be: what is under way counts as of now."""
    for enrollment in scene.contact.enrollments:
        for touch in enrollment.touches:
            if touch.phase is Phase.SENT:
                yield executed_at(touch)
            elif touch is not about and is_out(touch):
                yield scene.now
