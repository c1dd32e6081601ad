"""The values of a fact in the form that people and programs read: moments as text, windows by the
names of their parts."""

from typing import Any

import msgspec

from schemas.base.times import format_clock
from schemas.internal.messages import Window

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ALL_DAYS = 127


def plain(values: dict[str, Any] | None) -> dict[str, Any]:
    """The same whether the fact comes from a processor, from its log or from PostgreSQL."""
    found: dict[str, Any] = msgspec.to_builtins(values or {})
    if isinstance(found.get("window"), list | tuple):
        found["window"] = _window(msgspec.convert(found["window"], Window))
    return found


def _window(window: Window) -> dict[str, Any]:
    """Where the zone came from, the quiet hours, and the step's own hours."""
    only = window.only
    quiet = (window.start, window.end)
    return {
        "zone": window.zone,
        "zone_from": window.zone_from,
        "quiet": None if window.start == window.end else _span(*quiet),
        "only": None if only is None else f"{_span(only.start, only.end)}{_days(only.days)}",
    }


def _span(start: int, end: int) -> str:
    return f"{format_clock(start)}-{format_clock(end % (24 * 60))}"


def _days(days: int) -> str:
    if days == _ALL_DAYS:
        return ""
    return "".join(f" {name}" for place, name in enumerate(_DAYS) if days >> place & 1)
