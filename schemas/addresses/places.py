"""Where an address is: a phone number has a country and the time zones of its prefix, by the tables
of the pinned package `phonenumbers`. Other addresses are nowhere.
"""

from functools import lru_cache
from typing import NamedTuple

from schemas.addresses.phone import forms

_UNKNOWN_ZONE = "Etc/Unknown"  # of the package: a number that is nowhere


class Place(NamedTuple):
    """The place of an address: an ISO 3166-1 alpha-2 code, empty where it has none, and IANA time
    zones in their order by name."""

    country: str
    zones: tuple[str, ...]


NOWHERE = Place("", ())


def nowhere(_text: str, _country: str) -> Place:
    """The place of an address that shows none."""
    return NOWHERE


@lru_cache(maxsize=16_384)
def place_of_number(text: str, country: str) -> Place:
    """The place of a phone number; NOWHERE if the number is not valid. `country` is the one whose
    numbers may lack a country code.

    The prefix of a city has one zone or two. A mobile number of a large country, or a number that
    is free of charge, has all zones of its country. Answers are kept: reading a number takes some
    ten microseconds.
    """
    import phonenumbers  # as in phone.py: slow to load, and often not needed
    from phonenumbers import timezone

    try:
        number = phonenumbers.parse(forms(text, country)[1], country or None)
    except phonenumbers.NumberParseException:
        return NOWHERE
    code = phonenumbers.region_code_for_number(number)
    if code is None:
        return NOWHERE
    zones = timezone.time_zones_for_number(number)
    is_country = len(code) == 2 and code.isalpha()  # 001 is a number of no country
    kept = sorted(zone for zone in zones if zone != _UNKNOWN_ZONE)
    return Place(code if is_country else "", tuple(kept))
