"""What the region of a person means for the hours of a touch: the strict regions of the tenant
(F-6), and the calling hours of the law.

A text that names no region falls to the strict side.
"""

from functools import lru_cache

from schemas.addresses.places import NOWHERE, Place, nowhere
from schemas.base.calling_hours import Hours, common_hours, hours_of_region, strictest_hours
from schemas.base.regions import fold, regions_meant, regions_named
from schemas.campaigns.compiled_definition import StepWindow
from schemas.channels import ADDRESSES

UNKNOWN_REGION = "unknown"
"""The label of a text that names no region."""

_WITH_PLACE = frozenset(name for name, row in ADDRESSES.items() if row.place is not nowhere)


def place_of_address(name: str, text: str, country: str) -> Place:
    """The place of the address `name` with a text, of a person of a tenant in a country."""
    return _place(name, text, country) if text and name in _WITH_PLACE else NOWHERE


@lru_cache(maxsize=16_384)
def _place(name: str, text: str, country: str) -> Place:
    row = ADDRESSES[name]
    return row.place(row.recipient(text, country), country)


@lru_cache(maxsize=16_384)
def strict_label(region: str, strict: tuple[str, ...], countries: tuple[str, ...]) -> str:
    """Which of a tenant's strict regions a person's region is, or UNKNOWN_REGION; empty if it is
    none of them.

    `countries` are those where the person may be, the tenant's first. An entry of `strict` is a
    region of ISO 3166-2, however it is written, or a name of the tenant's own. Where a text may
    mean several regions, one strict one is enough.
    """
    if not strict or not region or region.isspace():
        return ""
    named = regions_named(region, *countries)
    meant = frozenset().union(*(_meant(entry, countries[0]) for entry in strict))
    found = named & meant
    if found:
        return "/".join(sorted(found))
    if region in strict or fold(region) in {fold(entry) for entry in strict}:
        return "/".join(sorted(named)) or "own"
    return "" if named else UNKNOWN_REGION


@lru_cache(maxsize=4_096)
def _meant(entry: str, country: str) -> frozenset[str]:
    return regions_meant(entry, country)


def is_unknown(region: str, strict: tuple[str, ...], countries: tuple[str, ...]) -> bool:
    """Whether a text names neither a region nor a strict region of the tenant's own."""
    if not region or region.isspace() or regions_named(region, *countries):
        return False
    return strict_label(region, strict, countries) in ("", UNKNOWN_REGION)


@lru_cache(maxsize=16_384)
def calling_hours(region: str, countries: tuple[str, ...]) -> tuple[StepWindow, ...]:
    """The hours in which the law allows calls to a person; empty if there is no law.

    `countries` are those where the person may be, the likeliest last. Without a region the hours of
    that country hold; if the region is unknown, those that all its regions allow.
    """
    known = [country for country in countries if country]
    country = known[-1] if known else ""
    hours: tuple[Hours, ...]
    if not region or region.isspace():
        hours = hours_of_region(country)
    elif named := regions_named(region, *countries):
        hours = common_hours(hours_of_region(code) for code in sorted(named))
    else:
        hours = strictest_hours(country)
    return tuple(StepWindow(*part) for part in hours)
