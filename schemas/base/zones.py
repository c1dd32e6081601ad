"""IANA time zones from the pinned tzdata package, so that all machines compute the same local time.

With the zone files of the host a replay would depend on the updates of the host (promise 1).
"""

from functools import cache
from zoneinfo import ZoneInfo, available_timezones, reset_tzpath

reset_tzpath(to=())
ZoneInfo.clear_cache()  # zones that were loaded before may come from the files of the host

# Factory is tzdata's name for "not configured", not a time zone.
ZONE_NAMES: frozenset[str] = frozenset(available_timezones() - {"Factory"})


@cache
def zone(name: str) -> ZoneInfo:
    """The time zone with a name. Raises ValueError if there is none with exactly this name."""
    if name not in ZONE_NAMES:
        raise ValueError("not an IANA time zone")
    return ZoneInfo(name)


def is_zone(name: str) -> bool:
    """Whether there is an IANA time zone with exactly this name."""
    return name in ZONE_NAMES
