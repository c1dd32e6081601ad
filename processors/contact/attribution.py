"""Which touches a conversion is credited to: the models of attribution, as functions of what was
sent and when (S4-77).

Weights are whole parts of a million, so that every replay and every sum is exact.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from schemas.base.times import DurationUs, MomentUs

WHOLE = 1_000_000
"""The weights of a conversion that is credited in parts add up to this."""


class SentTouch(NamedTuple):
    """A touch that was sent before a conversion. `engaged_at` has the times of its first click and
    of the replies to it; one of them counts for `window_us`."""

    sent_at: MomentUs
    enrollment_id: str
    number: int
    engaged_at: tuple[MomentUs, ...] = ()
    window_us: DurationUs = 0


Weights = dict[str, int]
"""Parts of a million by enrollment id."""


def in_order(touches: Sequence[SentTouch]) -> list[SentTouch]:
    """Touches in the order in which they were sent; those of one moment by their ids."""
    return sorted(touches, key=lambda touch: touch[:3])


def last_touched(touches: Sequence[SentTouch], at: MomentUs) -> SentTouch:
    """The touch that was clicked or replied to last within its window before `at`; without such a
    touch the one that was sent last. `touches` has at least one."""
    engaged = [
        (moment, *touch[:3], touch)
        for touch in touches
        for moment in touch.engaged_at
        if at - touch.window_us <= moment <= at
    ]
    return max(engaged)[-1] if engaged else max(touches, key=lambda touch: touch[:3])


def _last_touch(touches: Sequence[SentTouch], at: MomentUs) -> Weights:
    return {last_touched(touches, at).enrollment_id: WHOLE}


def _first_touch(touches: Sequence[SentTouch], _: MomentUs) -> Weights:
    return {in_order(touches)[0].enrollment_id: WHOLE}


def _linear(touches: Sequence[SentTouch], _: MomentUs) -> Weights:
    """Every touch has the same part; what is left over goes to the earliest ones."""
    part, rest = divmod(WHOLE, len(touches))
    weights: Weights = {}
    for index, touch in enumerate(in_order(touches)):
        weight = part + (index < rest)
        weights[touch.enrollment_id] = weights.get(touch.enrollment_id, 0) + weight
    return {run: weight for run, weight in weights.items() if weight}


def _all(touches: Sequence[SentTouch], _: MomentUs) -> Weights:
    return {touch.enrollment_id: WHOLE for touch in in_order(touches)}


MODELS: dict[str, Callable[[Sequence[SentTouch], MomentUs], Weights]] = {
    "last_touch": _last_touch,
    "first_touch": _first_touch,
    "linear": _linear,
    "all": _all,
}
"""The models by name: what each touch of a conversion at a moment is credited with."""


def weights(model: str, touches: Sequence[SentTouch], at: MomentUs) -> Weights:
    """The parts of a conversion at a moment, by enrollment id; empty if nothing was sent before."""
    return MODELS[model](touches, at) if touches else {}
