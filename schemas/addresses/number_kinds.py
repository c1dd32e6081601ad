"""The kind of a phone number, by the tables of the pinned package `phonenumbers`: numbers that are
not called, and numbers whose calls cost more than others.
"""

from functools import lru_cache

from schemas.addresses.phone import forms
from schemas.addresses.texts import CACHED

ALLOWABLE = ("premium_rate", "shared_cost", "uan", "pager")
"""Kinds of numbers that are called only if the tenant allows them. The others, emergency and short,
no tenant can allow."""

_EMERGENCY, _SHORT = "emergency", "short"

_SHORT_DIGITS_MAX = 6


@lru_cache(maxsize=CACHED)
def number_kind(text: str, country: str = "") -> str:
    """The kind of a number, as a command or a profile has it: one of ALLOWABLE, `emergency` or
    `short`, or empty for an ordinary number. `country` is the one in which a number without a
    country code is dialled (ISO 3166-1 alpha-2, or empty).

    A number that the tables do not know is ordinary: they are older than the newest numbers. A text
    that is no number is ordinary too; it has no form that a command can carry. Answers are kept:
    reading a number takes some ten microseconds.
    """
    import phonenumbers  # as in phone.py: slow to load, and often not needed

    canonical = forms(text, country)[0]
    if not canonical.removeprefix("+").isdecimal():
        return ""
    try:
        number = phonenumbers.parse(canonical, country or None)
    except phonenumbers.NumberParseException:
        return _SHORT if len(canonical) <= _SHORT_DIGITS_MAX else ""
    code = phonenumbers.region_code_for_number(number)
    region = code or phonenumbers.region_code_for_country_code(number.country_code or 0)
    national = phonenumbers.national_significant_number(number)
    if not phonenumbers.is_valid_number(number):
        # Only a number that is none otherwise: in Paris, 1 12 34 56 78 is an ordinary one.
        if phonenumbers.connects_to_emergency_number(national, region):
            return _EMERGENCY
        if len(national) <= _SHORT_DIGITS_MAX:
            return _SHORT
    kind = phonenumbers.PhoneNumberType.to_string(phonenumbers.number_type(number)).lower()
    return kind if kind in ALLOWABLE else ""
