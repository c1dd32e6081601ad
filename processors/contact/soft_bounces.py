"""How often messages to an address came back because its mailbox could not take them: the limit,
and what resets it (C-25, S4-82).

The bounces are counted by the digest of the address, over all campaigns of the person, by their own
times. A message that arrived at the address makes all before it count no more.
"""

from typing import Any, NamedTuple

from processors.contact.command_lookup import CommandMatch
from processors.contact.context import Context
from schemas.base.times import DurationUs, MomentUs
from schemas.campaigns.compiled_definition import SoftBounces
from schemas.internal.enrollment import Touch
from schemas.internal.state_bytes import NEVER

SOFT_BOUNCES = "soft_bounces"
"""Why an address is closed that several messages came back from, and why their touch fails."""

_KEPT = 16
"""So many bounces of an address are kept; a campaign may count at most that many."""


class SoftCount(NamedTuple):
    """What a soft bounce leads to: it is the `number`th one of `most`. It closes the address, or
    the message is sent again after `retry_us`; None if it was sent as often as it may be."""

    number: int
    most: int
    closes: bool
    retry_us: DurationUs | None

    def values(self) -> dict[str, Any]:
        """The values for the fact of the bounce."""
        return {"soft": self.number, "most": self.most}


def count_soft(context: Context, match: CommandMatch, at: MomentUs) -> SoftCount:
    """Counts a soft bounce of the address of a touch, by the settings of the touch's campaign."""
    touch, settings = match.touch, context.definition(match.enrollment).settings.soft_bounces
    assert touch.came_back is not None, "it came back now"
    counted = _counted(context, touch, at)
    number = sum(at - settings.window_us <= each <= at for each in counted)
    closes = _is_too_many(counted, settings)
    tries = max(number - 1, touch.came_back.soft)
    delays = settings.retry_us
    retry_us = delays[tries] if not closes and tries < len(delays) else None
    return SoftCount(max(number, 1), settings.most, closes, retry_us)


def _counted(context: Context, touch: Touch, at: MomentUs) -> list[MomentUs]:
    """The soft bounces of the touch's address since something last arrived there, with the one at
    `at`."""
    if touch.recipient is None:
        return [at]
    digest, soft_bounces = touch.recipient.hex(), context.contact.soft_bounces
    times = soft_bounces.get(digest, [])
    if at > _arrived_at(context, touch.recipient):
        times = sorted([*times, at])[-_KEPT:]
        soft_bounces[digest] = times
    return times


def _is_too_many(times: list[MomentUs], settings: SoftBounces) -> bool:
    """Whether so many bounces are within the window."""
    span = settings.most - 1
    return any(
        last - first <= settings.window_us for first, last in zip(times, times[span:], strict=False)
    )


def _arrived_at(context: Context, recipient: bytes) -> MomentUs:
    """When something last arrived at an address, as far as it is known; 0 if nothing did."""
    moments = [
        moment
        for run in context.contact.enrollments
        for touch in run.touches
        if touch.recipient == recipient
        for moment in (touch.delivered_at, touch.opened_at)
        if moment is not None
    ]
    return max(moments, default=0)


def forget_soft(context: Context, recipient: bytes | None, before: MomentUs = NEVER) -> None:
    """Forgets the soft bounces of an address from before something arrived there."""
    digest = "" if recipient is None else recipient.hex()
    times = context.contact.soft_bounces.get(digest)
    if times is None:
        return
    left = [each for each in times if each >= before]
    if left:
        context.contact.soft_bounces[digest] = left
    else:
        del context.contact.soft_bounces[digest]
