"""IANA time zones from the pinned tzdata package, so that all machines compute the same local time.

With the zone files of the host a replay would depend on the updates of the host (promise 1).
"""

from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo, available_timezones, reset_tzpath

reset_tzpath(to=())
ZoneInfo.clear_cache()  # zones that were loaded before may come from the files of the host

# Factory is tzdata's name for "not configured", not a time zone.
ZONE_NAMES: frozenset[str] = frozenset(available_timezones() - {"Factory"})

_NO_PLACE = frozenset({"CET", "EET", "EST", "HST", "MET", "MST", "WET"})
"""Names of a time of many countries, which tzdata links to the zone of one city."""

_LINKED_ABROAD = {
    "Africa/Asmera": "ER",
    "Africa/Timbuktu": "ML",
    "America/Coral_Harbour": "CA",
    "America/Virgin": "VI",
    "Antarctica/South_Pole": "AQ",
    "Atlantic/Jan_Mayen": "SJ",
    "Iceland": "IS",
    "Pacific/Johnston": "UM",
    "Pacific/Ponape": "FM",
    "Pacific/Truk": "FM",
    "Pacific/Yap": "FM",
}
"""The country of older names that tzdata links to a zone of another country with the same time."""


@cache
def zone(name: str) -> ZoneInfo:
    """The time zone with a name. Raises ValueError if there is none with exactly this name."""
    if name not in ZONE_NAMES:
        raise ValueError("not an IANA time zone")
    return ZoneInfo(name)


@lru_cache(maxsize=4096)
def zone_country(name: str) -> str:
    """The country of a time zone, as ISO 3166-1 alpha-2; empty for a zone of no country, such as
    UTC.

    A zone of several countries counts for the one of its city.
    """
    return _countries().get(name, "")


@cache
def _countries() -> dict[str, str]:
    """The country of each zone, by the tables of tzdata; all names of a zone have its country."""
    countries = dict(_LINKED_ABROAD)
    for table in ("zone.tab", "zone1970.tab"):
        for codes, _, name in _rows(table, "\t", 3):
            countries.setdefault(name, codes[:2])
    for mark, target, name in _rows("tzdata.zi", " ", 3):
        if mark == "L" and target in countries and name not in _NO_PLACE:
            countries.setdefault(name, countries[target])
    return countries


def _rows(file: str, separator: str, columns: int) -> Iterator[list[str]]:
    """The first columns of each row of a table of tzdata."""
    for line in files("tzdata.zoneinfo").joinpath(file).read_text("utf-8").splitlines():
        row = line.split(separator)
        if not line.startswith("#") and len(row) >= columns:
            yield row[:columns]
