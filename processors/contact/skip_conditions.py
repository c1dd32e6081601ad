"""What a step may be skipped for: what the person has done in this run, on any channel, and how
they can be reached (S2-26, F-13)."""

from collections.abc import Callable

from processors.contact.context import Context
from processors.contact.sequence import replied_at
from schemas.internal.states import Enrollment, Touch

Holds = Callable[[Context, Enrollment, Touch], bool]


def holding(context: Context, enrollment: Enrollment, touch: Touch) -> str | None:
    """The first of the step's conditions that holds."""
    for name in context.step(enrollment, touch).skip_when:
        if _CONDITIONS[name](context, enrollment, touch):
            return name
    return None


def _any(field: str) -> Holds:
    """Some touch of the run has that moment."""
    return lambda _, run, __: any(getattr(touch, field) is not None for touch in run.touches)


def _none(field: str) -> Holds:
    some = _any(field)
    return lambda context, run, touch: not some(context, run, touch)


_CONDITIONS: dict[str, Holds] = {
    "already_replied": lambda context, run, _: replied_at(context, run) is not None,
    "linkedin_connected": lambda context, _, __: context.contact.connected_at is not None,
    "linkedin_not_connected": lambda context, _, __: context.contact.connected_at is None,
    "delivered": _any("delivered_at"),
    "opened": _any("opened_at"),
    "not_opened": _none("opened_at"),
    "clicked": _any("clicked_at"),
    "not_clicked": _none("clicked_at"),
    "read": _any("read_at"),
    "converted": lambda _, run, __: run.converted_at is not None,
    "no_address": lambda context, _, touch: not context.address(touch.channel),
}
