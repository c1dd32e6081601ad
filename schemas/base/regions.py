"""Which regions of ISO 3166-2 a text may name: `FL`, ` fl.`, `Florida`, `US-FL`, `us_fl`, `Fla.`
and `State of Florida` are all US-FL.

Codes and names come from the pinned package `pycountry`.
"""

import re
import unicodedata
from functools import cache, lru_cache
from typing import NamedTuple

from schemas.base.region_names import (
    DIRECTIONS,
    FURTHER_COUNTRIES,
    FURTHER_NAMES,
    TITLES,
    TITLES_AFTER,
)

_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th"})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_PARTS = re.compile(r"[,/()\[\]|;]|\s[-\u2013\u2014]\s").split
_SPACES = re.compile(r"[\W_]+").sub
_CODE = re.compile(r"[A-Z]{2,3}").fullmatch
_STUCK = re.compile(r"([A-Z]{2})([A-Z]{2,3})").fullmatch
_LAST_NUMBERS = re.compile(r"[\s\d-]+$").sub
_POSTCODE = re.compile(r" \d{4,}( \d+)*$").sub


class _Regions(NamedTuple):
    """The regions of the world. Names and codes are in the folded form, codes without country."""

    by_country: dict[str, dict[str, frozenset[str]]]
    """The regions with a name, and the one with a short code, by country."""

    by_name: dict[str, frozenset[str]]
    """All regions with a name, and all with a short code."""

    countries: dict[str, str]
    """The alpha-2 code of each country, by its names and codes."""


@lru_cache(maxsize=16_384)
def regions_named(text: str, *countries: str) -> frozenset[str]:
    """The codes of the regions that a text may name; none if it names no region.

    It is looked up in the given countries (ISO 3166-1 alpha-2): each of them may know the text, as
    `CA` is California and Cagliari. The text may also name its country. Empty codes stand for no
    country; if there are no others, all countries of the world are looked at.
    """
    folded = fold(text)
    if not folded:
        return frozenset()
    given = tuple(country for country in countries if country)
    return (
        _in_countries(folded, given)
        or _with_own_country(folded) | _of_parts(text, given)
        or (frozenset() if given else _anywhere(folded))
        or _with_code(text, given)
    )


def is_country(code: str) -> bool:
    """Whether there is a country with an ISO 3166-1 alpha-2 code, or with one of phone numbers."""
    import phonenumbers  # slow to load, and few events name a country
    import pycountry

    known = pycountry.countries.get(alpha_2=code) is not None
    return known or code in phonenumbers.SUPPORTED_REGIONS


def regions_meant(text: str, country: str) -> frozenset[str]:
    """All regions that a business may mean by a text: those of its country, or else all of the
    world with this name or short code."""
    return regions_named(text, country) or _anywhere(fold(text))


@lru_cache(maxsize=16_384)
def fold(text: str) -> str:
    """A text without case, accents, punctuation and invisible characters; one space between
    words."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c for c in plain if unicodedata.category(c) not in ("Mn", "Cf"))
    return _SPACES(" ", kept.casefold().translate(_LETTERS)).strip()


def _with_code(text: str, countries: tuple[str, ...]) -> frozenset[str]:
    """The regions of a text with a code in capitals: behind a place (`Miami FL`, `Tampa FL 33601`),
    beside the name of the same region (`FL Florida`), or directly behind its country (`USFL`).

    Behind or before anything else a name is not enough: Kansas City is in Missouri, and Port
    Washington in New York.
    """
    words = _LAST_NUMBERS("", text.strip()).replace("-", " ").split()
    if len(words) == 1:
        found = _STUCK(words[0])
        usable = found and (not countries or found[1] in countries)
        return _in_countries(found[2].casefold(), (found[1],)) if found and usable else frozenset()
    if not words:
        return frozenset()
    if _CODE(words[-1]):
        return _in_countries(words[-1].casefold(), countries)
    if _CODE(words[0]):
        rest = fold(" ".join(words[1:]))
        return _in_countries(words[0].casefold(), countries) & _in_countries(rest, countries)
    return frozenset()


def _in_countries(folded: str, countries: tuple[str, ...]) -> frozenset[str]:
    """The regions of each country that knows the name or the short code."""
    return frozenset().union(*(_in_country(folded, country) for country in countries))


def _in_country(folded: str, country: str) -> frozenset[str]:
    known = _regions().by_country.get(country, {})
    return next((known[form] for form in _forms(folded) if form in known), frozenset())


def _anywhere(folded: str) -> frozenset[str]:
    by_name = _regions().by_name
    found = (by_name[form] for form in _forms(folded) if form in by_name)
    return next(found, frozenset())


def _with_own_country(folded: str) -> frozenset[str]:
    """The region of a text that also names its country, at its beginning (`us fl`) or at its end
    (`fl usa`)."""
    words = folded.split(" ")
    names = _regions().countries
    for cut in range(1, len(words)):
        before, after = " ".join(words[:cut]), " ".join(words[cut:])
        for country, rest in ((before, after), (after, before)):
            if country in names and (found := _in_country(rest, names[country])):
                return found
    return frozenset()


def _forms(folded: str) -> list[str]:
    """The forms in which a name may be known, the given one first."""
    forms = [folded, folded.replace(" ", ""), _POSTCODE("", folded)]
    first, _, rest = folded.partition(" ")
    if rest and first in DIRECTIONS:
        forms.append(f"{DIRECTIONS[first]} {rest}")
    for title in TITLES:
        if folded.startswith(title):
            forms += _forms(folded[len(title) :])
    for title in TITLES_AFTER:
        if folded.endswith(title):
            forms.append(folded[: -len(title)])
    return forms


def _of_parts(text: str, countries: tuple[str, ...]) -> frozenset[str]:
    """The regions that parts of a text name, such as `Florida (FL)`, `Tampa, FL` and `Tampa, FL,
    USA`."""
    parts = [fold(part) for part in _PARTS(text)]
    if len(parts) < 2:
        return frozenset()
    names = _regions().countries
    named = tuple(names[part] for part in parts[1:] if part in names)
    for places in (countries, named):
        found = frozenset().union(*(_in_countries(part, places) for part in parts if part))
        if found:
            return found
    return frozenset()


@cache
def _regions() -> _Regions:
    import pycountry

    by_country: dict[str, dict[str, set[str]]] = {}
    by_name: dict[str, set[str]] = {}
    rows = sorted((row.code, row.name) for row in pycountry.subdivisions)
    for code, name in rows:
        known = by_country.setdefault(code[:2], {})
        further = FURTHER_NAMES.get(code, "").split(", ")
        for form in filter(None, (*_names(name), *further)):
            known.setdefault(form, set()).add(code)
            by_name.setdefault(form, set()).add(code)
    for code, _ in rows:
        country, _, short = code.casefold().partition("-")
        by_country[country.upper()][short] = {code}  # a code counts before a name
        by_name.setdefault(short, set()).add(code)
    return _Regions(
        {country: _frozen(known) for country, known in by_country.items()},
        _frozen(by_name),
        _country_names(),
    )


def _frozen(known: dict[str, set[str]]) -> dict[str, frozenset[str]]:
    return {form: frozenset(codes) for form, codes in known.items()}


def _names(name: str) -> set[str]:
    """The folded forms of a name of the standard, such as `Murcia, Región de` and `Galicia
    [Galicia]`."""
    first, *others = _PARTS(name)
    forms = {first, name}
    if "[" in name:
        forms.add(others[0])
    if ", " in name:
        forms.add(f"{others[0]} {first}")
    return {fold(form) for form in forms} | {
        fold(form.casefold().translate(_UMLAUTS)) for form in forms
    }


def _country_names() -> dict[str, str]:
    import pycountry

    names = dict(FURTHER_COUNTRIES)
    for row in pycountry.countries:
        for key in ("alpha_2", "alpha_3", "name", "common_name", "official_name"):
            if (name := getattr(row, key, None)) is not None:
                names.setdefault(fold(name), row.alpha_2)
    return names
