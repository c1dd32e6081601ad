"""The values of a fact in readable form: times as text, windows as objects with named fields."""

from typing import Any

import msgspec

from schemas.base.times import format_clock
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal.messages import Window

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ALL_DAYS = 127


def readable_values(values: dict[str, Any] | None) -> dict[str, Any]:
    """The values, in one form wherever the fact comes from: a processor, a topic or PostgreSQL."""
    readable: dict[str, Any] = msgspec.to_builtins(values or {})
    for name in ("window", "hours"):
        if isinstance(readable.get(name), list | tuple):
            readable[name] = _window(msgspec.convert(readable[name], Window))
    return readable


def _window(window: Window) -> dict[str, Any]:
    """A window with its time zone, its quiet hours and the window of the step."""
    quiet = (window.start, window.end)
    readable: dict[str, Any] = {
        "zone": window.zone,
        "zone_from": window.zone_from,
        "quiet": None if window.start == window.end else _span(*quiet),
        "only": None if window.only is None else _hours(window.only),
    }
    if window.more_zones:
        readable["more_zones"] = list(window.more_zones)
    if window.region:
        readable["strict_region"] = window.region
    if window.allowed:
        readable["allowed"] = [_hours(hours) for hours in window.allowed]
    return readable


def _hours(hours: StepWindow) -> str:
    return f"{_span(hours.start, hours.end)}{_days(hours.days)}"


def _span(start: int, end: int) -> str:
    return f"{format_clock(start)}-{format_clock(end % (24 * 60))}"


def _days(days: int) -> str:
    if days == _ALL_DAYS:
        return ""
    return "".join(f" {name}" for place, name in enumerate(_DAYS) if days >> place & 1)
