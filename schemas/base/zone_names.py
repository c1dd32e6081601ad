"""Which IANA time zone a text names: its own name in any case, the name that Windows has for it (by
CLDR, in the pinned package `tzlocal`), or a short name such as `AEDT`.

A short name of several zones counts only with a country or a region: `PST` is Los Angeles in the
USA, Tijuana in Mexico and Manila in the Philippines. It counts alone if all its zones have one
clock, as those of `PDT` have. Offsets such as `UTC-5` are no zones, because they have no summer
time; nor is `EST` where one zone is needed, because people mean the local time by it.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache

from schemas.base.zones import ZONE_NAMES, zone

NO_SINGLE_ZONE = (
    "not one time zone: give an IANA name such as America/New_York, or the name that Windows has"
    " for it; a short name such as EST or PST counts only with a country that has it, and a clock"
    " without summer time is named UTC or Etc/GMT+5"
)
"""What to do about a text that `single_zone` refuses."""

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
_SEASONS = tuple(datetime(2026, month, 1, tzinfo=UTC) for month in (1, 7))
"""Moments at which zones with one short name differ, if one has summer time."""

_UNCLEAR_WITHOUT_SEASON = frozenset(
    f"{words} time"
    for words in (
        *("eastern", "central", "mountain", "pacific", "atlantic", "us eastern", "us mountain"),
        *("gmt", "greenwich", "russian", "samoa"),
    )
)
"""What names of Windows become without `Standard` that then have other meanings too."""

_OFFSET = re.compile(r"(?:utc|gmt) ?[+-] ?[0-9:]+").fullmatch
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
        if known is None and found[2]:
            known = _of_places(_OF_NORTH_AMERICA[found[1]], ("US",))
        return known or (None if places else _of_one_clock(_OF_NORTH_AMERICA[found[1]]))
    short = words.upper()
    known = _short_names().get(short, {}).get("")
    return known or (None if places else _of_one_clock(short))


def single_zone(text: str, country: str = "") -> str | None:
    """The IANA name of the one time zone that a text names in a country, as a tenant has one; None
    for names such as EST, which are IANA names but mean the local time, if the country has none."""
    name = zone_named(text, country) if country else zone_named(text)
    return None if name is None or is_short_iana(name) else name


@cache
def zones_called(short: str) -> tuple[str, ...]:
    """One zone of each clock that a short IANA name may mean, itself first: EST and New York."""
    clocks: dict[tuple[timedelta | None, ...], str] = {}
    for name in (short, *_short_names()[short].values()):
        clocks.setdefault(_seasons(name), name)
    return tuple(clocks.values())


@lru_cache(maxsize=4096)
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


@cache
def _of_one_clock(short: str) -> str | None:
    """The first zone of a short name that several zones have, if their clocks never differ."""
    zones = [name for name in _short_names().get(short, {}).values() if _has_name(name, short)]
    is_one = len(zones) > 1 and len({_seasons(name) for name in zones}) == 1
    return zones[0] if is_one else None


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
    browsers write in place of `Standard` while summer time lasts; others leave the word out."""
    from tzlocal.windows_tz import win_tz

    names = {}
    for name, target in win_tz.items():
        if target in ZONE_NAMES and not _OFFSET(name.casefold()):
            for season in ("standard ", "daylight ", "summer ", ""):
                names[name.casefold().replace("standard ", season)] = target
    for name in _UNCLEAR_WITHOUT_SEASON:
        names.pop(name, None)
    return names | {"british summer time": "Europe/London"}
