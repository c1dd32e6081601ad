"""IANA time zones from the pinned tzdata package alone: every machine computes the same local
hours.

The system's own zone files would make a replay depend on the host's update state (design 2.1).
"""

from functools import cache
from zoneinfo import ZoneInfo, available_timezones, reset_tzpath

reset_tzpath(to=())
ZoneInfo.clear_cache()  # whatever was loaded before may have come from the host

# Factory is tzdata's word for "not configured", not a place.
ZONE_NAMES: frozenset[str] = frozenset(available_timezones() - {"Factory"})


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of that exact name; an unknown one raises ValueError."""
    if name not in ZONE_NAMES:
        raise ValueError("not an IANA time zone")
    return ZoneInfo(name)


def is_zone(name: str) -> bool:
    """Whether `name` is an IANA zone, spelt exactly so."""
    return name in ZONE_NAMES
