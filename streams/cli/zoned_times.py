"""Moments and spans of time for people who read them in the zone of a campaign."""

from schemas.base.times import DAY, HOUR, MINUTE, DurationUs, MomentUs, parse_rfc3339, to_datetime
from schemas.base.zones import zone

_UNITS = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"))


def local_time(text: str | None, zone_name: str) -> str | None:
    """An RFC 3339 moment as `2026-03-29 00:00 EDT`; None stays None."""
    if text is None:
        return None
    return f"{to_datetime(parse_rfc3339(text)).astimezone(zone(zone_name)):%Y-%m-%d %H:%M %Z}"


def distance(at: MomentUs, now: MomentUs) -> str:
    """How far a moment is away: `in 3 days`, `2 hours ago`, `now`."""
    text = span(abs(at - now))
    if not text:
        return "now"
    return f"in {text}" if at > now else f"{text} ago"


def span(duration: DurationUs) -> str:
    """A duration in whole days, hours or minutes; empty for less than a minute."""
    for unit, name in _UNITS:
        count = duration // unit
        if count:
            return f"{count} {name}{'s' * (count > 1)}"
    return ""
