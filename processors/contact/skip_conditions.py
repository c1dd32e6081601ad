"""The conditions of a step's `skip_when`: what the person has done in this enrollment on any
channel, and how they can be reached (S2-26, F-13); and the preferred channel of a campaign
(S4-7)."""

from collections.abc import Callable

from processors.contact.context import Context
from processors.contact.conversion_credit import has_converted
from processors.contact.run_queries import last_reply_at
from schemas.campaigns.compiled_definition import Definition, Step
from schemas.internal.enrollment import Enrollment, Touch

CHANNEL_NOT_PREFERRED = "channel_not_preferred"
"""Why a step is skipped of a person who is written to on another channel of the campaign."""

Condition = Callable[[Context, Enrollment, Touch], bool]


def first_condition(
    context: Context, enrollment: Enrollment, touch: Touch, definition: Definition, step: Step
) -> str | None:
    """The name of the first condition that holds now, if any: of the campaign's preference, and of
    the touch's step."""
    outreach = definition.outreach
    if outreach is not None and outreach.channel_preference:
        preferred = preferred_channel(context, outreach.channel_preference)
        if preferred != touch.channel and is_open(context, touch.channel):
            return CHANNEL_NOT_PREFERRED
    for name in step.skip_when:
        if _CONDITIONS[name](context, enrollment, touch):
            return name
    return None


def preferred_channel(context: Context, preference: tuple[str, ...]) -> str | None:
    """The first channel of a preference on which the person can be written to; None if there is
    none (S4-7)."""
    return next((channel for channel in preference if is_open(context, channel)), None)


def is_open(context: Context, channel: str) -> bool:
    """Whether the person has an address on a channel, has not opted out of it, and no bounce has
    closed it."""
    if context.opt_out_scope(channel) is not None or context.bounced_at(channel) is not None:
        return False
    return bool(context.address(channel))


def _any_touch_has(field: str) -> Condition:
    """Holds once some touch of the enrollment has a moment in `field`."""
    return lambda _, run, __: any(getattr(touch, field) is not None for touch in run.touches)


def _no_touch_has(field: str) -> Condition:
    any_has = _any_touch_has(field)
    return lambda context, run, touch: not any_has(context, run, touch)


_CONDITIONS: dict[str, Condition] = {
    "already_replied": lambda context, run, _: last_reply_at(context, run) is not None,
    "linkedin_connected": lambda context, _, __: context.contact.connected_at is not None,
    "linkedin_not_connected": lambda context, _, __: context.contact.connected_at is None,
    "delivered": _any_touch_has("delivered_at"),
    "opened": _any_touch_has("opened_at"),
    "not_opened": _no_touch_has("opened_at"),
    "clicked": _any_touch_has("clicked_at"),
    "not_clicked": _no_touch_has("clicked_at"),
    "read": _any_touch_has("read_at"),
    "converted": lambda context, run, _: has_converted(context, run),
    "no_address": lambda context, _, touch: not context.address(touch.channel),
}
