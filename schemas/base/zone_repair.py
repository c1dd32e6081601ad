"""The time zone of a text that needs the rest of its object: `PST` beside a region or a phone
number.

A validator of a field does not see the other fields, and nearly every zone is an IANA name. So this
is asked only where a zone is refused, or where its name has another meaning in some countries.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from schemas.addresses.places import NOWHERE, place_of_number
from schemas.base.regions import regions_named
from schemas.base.zone_names import is_short_iana, zone_named, zones_called

_NAMES = ("timezone", "country", "region", "phone")


def zone_by_siblings(fields: Mapping[str, Any]) -> str | None:
    """The IANA name of the zone that `timezone` names together with `country`, `region` and `phone`
    of the same object, each of which may be absent; None if there is none."""
    timezone, country, region, phone = (
        value if isinstance(value := fields.get(name), str) else "" for name in _NAMES
    )
    return _zone(timezone, country, region, phone) if timezone else None


def zone_in_place(timezone: str | None, region: str | None, phone: str | None) -> str | None:
    """A zone of a valid event; EST, MST and the like become the zone of the country in which the
    person is, because people who write them mean the local time with its summer time."""
    if not timezone or not is_short_iana(timezone):
        return timezone
    return _zone(timezone, "", region or "", phone or "") or timezone


@lru_cache(maxsize=16_384)
def zones_meant(timezone: str, region: str, phone: str, country: str) -> tuple[str, ...]:
    """The zones that a stored zone means for a person of a tenant in a country: one, but of EST,
    MST and the like one of each possible clock if neither the person's own place nor that country
    decides. Empty texts are unknown."""
    if not is_short_iana(timezone):
        return (timezone,)
    name = zone_in_place(timezone, region, phone) or timezone
    if is_short_iana(name):
        name = _zone(timezone, country, region, phone) or name
    return zones_called(name) if is_short_iana(name) else (name,)


def _zone(timezone: str, country: str, region: str, phone: str) -> str | None:
    """The zone that a text names where a person may be, by the best evidence there is: a country,
    else that of the phone number; the regions of that country, or of the world, with such a name;
    else the zones of the prefix of a number in that country."""
    country = country.strip().upper()
    number = place_of_number(phone, country) if phone else NOWHERE
    country = country or number.country
    regions = sorted(regions_named(region, country)) if region else []
    if not country:
        return zone_named(timezone, *regions)
    is_there = not regions and number.country == country
    return zone_named(timezone, *regions, country, near=number.zones if is_there else ())
