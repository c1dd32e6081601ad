"""Which IANA time zone a text names: its own name in any case, the name that Windows has for it (by
CLDR, in the pinned package `tzlocal`), or a short name such as `AEDT`.

A short name of several zones counts only with a country or a region: `PST` is Los Angeles in the
USA, Tijuana in Mexico and Manila in the Philippines. Offsets such as `UTC-5` are no zones, because
they have no summer time.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache

from schemas.base.zones import ZONE_NAMES, zone

SHORT_NAMES: dict[str, dict[str, str]] = {
    "ET EST EDT": {
        "US": "America/New_York",
        "CA": "America/Toronto",
        "BS": "America/Nassau",
        "HT": "America/Port-au-Prince",
        "JM": "America/Jamaica",
        "PA": "America/Panama",
        "MX": "America/Cancun",
        "KY": "America/Cayman",
    },
    "CT CST CDT": {
        "US": "America/Chicago",
        "CA": "America/Winnipeg",
        "CA-SK": "America/Regina",
        "MX": "America/Mexico_City",
        "CU": "America/Havana",
        "BZ": "America/Belize",
        "CR": "America/Costa_Rica",
        "GT": "America/Guatemala",
        "HN": "America/Tegucigalpa",
        "NI": "America/Managua",
        "SV": "America/El_Salvador",
    },
    "CST": {"CN": "Asia/Shanghai", "TW": "Asia/Taipei", "HK": "Asia/Hong_Kong"},
    "MT MST MDT": {
        "US": "America/Denver",
        "US-AZ": "America/Phoenix",
        "CA": "America/Edmonton",
        "CA-YT": "America/Whitehorse",
        "MX": "America/Mazatlan",
        "MX-SON": "America/Hermosillo",
    },
    "PT PST PDT": {"US": "America/Los_Angeles", "CA": "America/Vancouver", "MX": "America/Tijuana"},
    "PST": {"PH": "Asia/Manila"},
    "AKT AKST AKDT": {"": "America/Anchorage"},
    "HT HST HAST": {"US": "Pacific/Honolulu", "US-AK": "America/Adak"},
    "AT AST ADT": {
        "CA": "America/Halifax",
        "BM": "Atlantic/Bermuda",
        "US": "America/Puerto_Rico",
        "PR": "America/Puerto_Rico",
        "VI": "America/St_Thomas",
        "DO": "America/Santo_Domingo",
        "TT": "America/Port_of_Spain",
        "BB": "America/Barbados",
    },
    "AST": {"SA": "Asia/Riyadh", "QA": "Asia/Qatar", "KW": "Asia/Kuwait", "BH": "Asia/Bahrain"},
    "NT NST NDT": {"CA": "America/St_Johns"},
    "GMT": {"GB": "Europe/London", "IE": "Europe/Dublin", "PT": "Europe/Lisbon"},
    "BST": {"GB": "Europe/London", "BD": "Asia/Dhaka", "PG": "Pacific/Bougainville"},
    "IST": {"IN": "Asia/Kolkata", "IE": "Europe/Dublin", "IL": "Asia/Jerusalem"},
    "IDT": {"": "Asia/Jerusalem"},
    "WEST": {"": "WET"},
    "CEST": {"": "CET"},
    "MEZ MESZ": {"": "CET", "DE": "Europe/Berlin", "AT": "Europe/Vienna", "CH": "Europe/Zurich"},
    "EEST": {"": "EET"},
    "MSK": {"": "Europe/Moscow"},
    "TRT": {"": "Europe/Istanbul"},
    "SAST": {"": "Africa/Johannesburg"},
    "EAT": {"": "Africa/Nairobi"},
    "CAT": {"": "Africa/Maputo"},
    "WAT": {"": "Africa/Lagos"},
    "GST": {"AE": "Asia/Dubai", "OM": "Asia/Muscat", "GU": "Pacific/Guam"},
    "CHST": {"": "Pacific/Guam"},
    "PKT": {"": "Asia/Karachi"},
    "NPT": {"": "Asia/Kathmandu"},
    "ICT": {"": "Asia/Bangkok"},
    "WIB": {"": "Asia/Jakarta"},
    "WITA": {"": "Asia/Makassar"},
    "WIT": {"": "Asia/Jayapura"},
    "SGT": {"": "Asia/Singapore"},
    "MYT": {"": "Asia/Kuala_Lumpur"},
    "HKT": {"": "Asia/Hong_Kong"},
    "PHT": {"": "Asia/Manila"},
    "JST": {"": "Asia/Tokyo"},
    "KST": {"": "Asia/Seoul"},
    "AWST": {"": "Australia/Perth"},
    "ACST": {"AU": "Australia/Adelaide", "AU-NT": "Australia/Darwin"},
    "ACDT": {"": "Australia/Adelaide"},
    "AEST AET": {
        "AU": "Australia/Sydney",
        "AU-QLD": "Australia/Brisbane",
        "AU-TAS": "Australia/Hobart",
        "AU-VIC": "Australia/Melbourne",
    },
    "AEDT": {"": "Australia/Sydney"},
    "NZST NZDT NZT": {"": "Pacific/Auckland"},
    "BRT": {"": "America/Sao_Paulo"},
    "ART": {"": "America/Argentina/Buenos_Aires"},
    "CLT CLST": {"": "America/Santiago"},
    "COT": {"": "America/Bogota"},
    "PET": {"": "America/Lima"},
}
"""The zone of short names, several with the same zones in one row, by country or region of ISO
3166; that of an empty code counts everywhere, because the name has one meaning."""

_OF_NORTH_AMERICA = {"eastern": "ET", "central": "CT", "mountain": "MT", "pacific": "PT"}
_LONG = re.compile(
    r"(?:us[ /])?(eastern|central|mountain|pacific)(?: (?:standard|daylight))?(?: time)?"
    r"( \(us ?(?:&|and) ?canada\))?"
).fullmatch
_SUMMER_TIME = {"EST": "America/New_York", "MST": "America/Denver", "GMT": "Europe/London"}
"""What people mean as well by IANA names of a time without summer time."""

_SEASONS = tuple(datetime(2026, month, 1, tzinfo=UTC) for month in (1, 7))
"""Moments at which summer time tells zones with one short name apart."""

_OFFSET_FIRST = re.compile(r"\((?:utc|gmt)[^)]*\) *")
_NAME_LAST = re.compile(r".*\(([a-z_]+/[a-z0-9_/+-]+)\)").fullmatch


@lru_cache(maxsize=4_096)
def zone_named(text: str, *places: str, near: tuple[str, ...] = ()) -> str | None:
    """The IANA name of the time zone that a text names, None if it names none, or more than one.

    `places` are codes of ISO 3166 where the person may be: US, US-AZ. A region counts before its
    country. `near` are the zones in one of which the person probably is, by a better evidence than
    the country. They decide about short names, also about those that are IANA names of their own,
    which have no summer time (EST, MST).
    """
    words = " ".join(text.split()).casefold()
    if (own := _of_places(words.upper(), places, near)) is not None:
        return own
    if text in ZONE_NAMES:
        return text
    words = _OFFSET_FIRST.sub("", words, count=1)
    if found := _NAME_LAST(words):
        return _iana_names().get(found[1])
    if (known := _iana_names().get(words.replace(" ", "_"))) is not None:
        return known
    if (known := _windows_names().get(words)) is not None:
        return known
    if found := _LONG(words):
        known = _of_places(_OF_NORTH_AMERICA[found[1]], places, near)
        return known or (_of_places(_OF_NORTH_AMERICA[found[1]], ("US",)) if found[2] else None)
    return _short_names().get(words.upper(), {}).get("")


def other_zones(name: str) -> tuple[str, ...]:
    """The zones that an IANA name may mean as well, if it is not known where the person is: EST is
    New York too."""
    also = _SUMMER_TIME.get(name)
    return (also,) if also else ()


def is_short_iana(name: str) -> bool:
    """Whether an IANA name is a short name too, and so means another zone in some countries."""
    return name in _short_iana()


def _of_places(short: str, places: tuple[str, ...], near: tuple[str, ...] = ()) -> str | None:
    """The zone of a short name in one of the places, None if they disagree."""
    zones = _short_names().get(short)
    if zones is None or not places:
        return None
    for group in ([p for p in places if "-" in p], [p[:2] for p in places]):
        found = {zones[place] for place in group if place in zones}
        if found:
            return _nearest(short, found.pop(), near) if len(found) == 1 else None
    return _nearest(short, None, near)


def _nearest(short: str, usual: str | None, near: tuple[str, ...]) -> str | None:
    """The zone of a short name in a country: the usual one, but if no zone nearby has its time, one
    of those that have this short name too: MST is Phoenix beside a number of Phoenix."""
    times = {_seasons(name): name for name in reversed(near) if _has_name(name, short)}
    if usual is not None and (not times or _seasons(usual) in times):
        return usual
    return times.popitem()[1] if len(times) == 1 else usual


def _has_name(name: str, short: str) -> bool:
    """Whether clocks of a zone show a short name; `MT` and `AET` are there in both seasons."""
    shown = {moment.astimezone(zone(name)).tzname() for moment in _SEASONS}
    return short in shown or f"{short[:-1]}ST" in shown


@cache
def _seasons(name: str) -> tuple[timedelta | None, ...]:
    """The offset of a zone in each season."""
    return tuple(moment.astimezone(zone(name)).utcoffset() for moment in _SEASONS)


@cache
def _short_names() -> dict[str, dict[str, str]]:
    names: dict[str, dict[str, str]] = {}
    for row, zones in SHORT_NAMES.items():
        for name in row.split():
            names.setdefault(name, {}).update(zones)
    return names


@cache
def _short_iana() -> frozenset[str]:
    return ZONE_NAMES & _short_names().keys()


@cache
def _iana_names() -> dict[str, str]:
    return {name.casefold(): name for name in ZONE_NAMES}


@cache
def _windows_names() -> dict[str, str]:
    """The zones by the names of Windows, in lower case. `Daylight` or `Summer` is what Windows and
    browsers write in place of `Standard` while summer time lasts."""
    from tzlocal.windows_tz import win_tz

    names = {}
    for name, target in win_tz.items():
        if target in ZONE_NAMES:
            for season in ("standard", "daylight", "summer"):
                names[name.casefold().replace("standard", season)] = target
    return names | {"british summer time": "Europe/London"}
