"""Which regions of ISO 3166-2 a text may name."""

import pycountry
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.region_names import FURTHER_COUNTRIES, FURTHER_NAMES
from schemas.base.regions import fold, regions_meant, regions_named

FLORIDA = [
    "FL",
    "fl",
    " FL",
    "FL ",
    "FL.",
    "F.L.",
    "\u200bFL\u00a0",
    "\uff26\uff2c",
    "Florida",
    "FLORIDA",
    "flo\u0301rida",
    "Fla.",
    "US-FL",
    "us_fl",
    "us/fl",
    "US FL",
    "Florida, USA",
    "FL, United States of America",
    "U.S.A. - Florida",
    "State of Florida",
    "the State of Florida",
    "Florida State",
    "Florida (FL)",
    "FL - Florida",
    "Tampa, FL",
    "Tampa, FL, USA",
    "FL 33101",
    "Fla. 33101-1234",
]


@pytest.mark.parametrize("text", FLORIDA)
def test_all_spellings_are_one_region(text: str) -> None:
    assert regions_named(text, "US") == {"US-FL"}


@pytest.mark.parametrize(
    ("text", "country", "code"),
    [
        ("Calif.", "US", "US-CA"),
        ("N.Y.", "US", "US-NY"),
        ("N. Carolina", "US", "US-NC"),
        ("No. Dak.", "US", "US-ND"),
        ("W. Va.", "US", "US-WV"),
        ("N. Mex.", "US", "US-NM"),
        ("Wash.", "US", "US-WA"),
        ("USVI", "US", "US-VI"),
        ("Miami FL", "US", "US-FL"),
        ("Tampa FL 33601", "US", "US-FL"),
        ("New York NY", "US", "US-NY"),
        ("Kansas City MO", "US", "US-MO"),
        ("FL-Florida", "US", "US-FL"),
        ("FL Florida", "US", "US-FL"),
        ("USFL", "US", "US-FL"),
        ("USFL", "", "US-FL"),
        ("AUNSW", "AU", "AU-NSW"),
        ("Freie und Hansestadt Hamburg", "DE", "DE-HH"),
        ("Land Berlin", "DE", "DE-BE"),
        ("Canton de Genève", "CH", "CH-GE"),
        ("Québec", "CA", "CA-QC"),
        ("Colombie-Britannique", "CA", "CA-BC"),
        ("Nouvelle-Écosse", "CA", "CA-NS"),
        ("Nouveau-Brunswick", "CA", "CA-NB"),
        ("Île-du-Prince-Édouard", "CA", "CA-PE"),
        ("Terre-Neuve-et-Labrador", "CA", "CA-NL"),
        ("Newfoundland & Labrador", "CA", "CA-NL"),
        ("Territoires du Nord-Ouest", "CA", "CA-NT"),
        ("Freistaat Bayern", "DE", "DE-BY"),
        ("Freistaat Thüringen", "DE", "DE-TH"),
        ("RLP", "DE", "DE-RP"),
        ("Kanton Zürich", "CH", "CH-ZH"),
        ("Canton of Geneva", "CH", "CH-GE"),
        ("Washington State", "US", "US-WA"),
        ("D.C.", "US", "US-DC"),
        ("Washington, D.C.", "US", "US-DC"),
        ("Washington DC", "US", "US-DC"),
        ("Commonwealth of Massachusetts", "US", "US-MA"),
        ("Puerto Rico", "US", "US-PR"),
        ("Kansas City, MO", "US", "US-MO"),
        ("Los Angeles, CA", "US", "US-CA"),
        ("Delaware, DE", "US", "US-DE"),
        ("Georgia", "US", "US-GA"),
        ("Québec", "CA", "CA-QC"),
        ("Que.", "CA", "CA-QC"),
        ("B.C.", "CA", "CA-BC"),
        ("N.S.W.", "AU", "AU-NSW"),
        ("Bayern", "DE", "DE-BY"),
        ("Bavaria", "DE", "DE-BY"),
        ("Baden-Württemberg", "DE", "DE-BW"),
        ("Baden Wuerttemberg", "DE", "DE-BW"),
        ("Comunidad de Madrid", "ES", "ES-MD"),
        ("Catalonia", "ES", "ES-CT"),
        ("England", "GB", "GB-ENG"),
        ("972", "FR", "FR-972"),
        ("CA-ON", "US", "CA-ON"),
        ("Ontario, Canada", "US", "CA-ON"),
        ("US-FL", "", "US-FL"),
    ],
)
def test_names_abbreviations_and_codes_of_a_country(text: str, country: str, code: str) -> None:
    assert regions_named(text, country) == {code}


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "??", "Flordia", "north", "South Florida", "Manchester", "USA", "Canada", "ON"),
        *("12", "Kansas City", "Port Washington", "FL Georgia", "Come in", "AUNSW", "- 12", "US12"),
    ],
)
def test_a_text_that_names_no_region_of_the_country_names_none(text: str) -> None:
    assert regions_named(text, "US") == frozenset()


def test_a_text_may_name_a_region_of_each_country_in_question() -> None:
    assert regions_named("CA", "IT", "US") == {"IT-CA", "US-CA"}
    assert regions_named("NY / FL", "US") == {"US-NY", "US-FL"}
    assert regions_named("Ontario, CA", "US") == {"CA-ON", "US-CA"}


def test_without_a_country_the_regions_of_all_countries_count() -> None:
    assert regions_named("Florida") == regions_named("Florida", "") == {"US-FL", "UY-FD"}
    assert regions_named("NY") == {"US-NY", "HU-NY"}


def test_a_business_may_mean_a_region_of_another_country() -> None:
    assert regions_meant("FL", "US") == {"US-FL"}
    assert "US-FL" in regions_meant("FL", "GB")
    assert "US-FL" in regions_meant("Florida", "")
    assert regions_meant("Flordia", "US") == frozenset()


def test_every_region_is_known_by_its_code_and_its_name() -> None:
    codes = {fold(row.code) for row in pycountry.subdivisions}
    for row in pycountry.subdivisions:
        country, _, short = row.code.partition("-")
        assert regions_named(row.code, "ZZ") == regions_named(short.lower(), country) == {row.code}
        if fold(f"{country} {row.name}") not in codes:  # the name may be the code of another region
            assert row.code in regions_named(row.name, country)


def test_further_names_are_of_known_regions_and_folded() -> None:
    assert FURTHER_NAMES.keys() <= {row.code for row in pycountry.subdivisions}
    assert set(FURTHER_COUNTRIES.values()) <= {row.alpha_2 for row in pycountry.countries}
    for code, names in FURTHER_NAMES.items():
        for name in names.split(", "):
            assert fold(name) == name
            assert regions_named(name, code[:2]) == {code}


@given(st.text(max_size=40), st.sampled_from(["", "US", "DE", "ZZ"]))
def test_any_text_has_an_answer_that_its_folded_form_has_too(text: str, country: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert regions_named(fold(text), country) <= regions_meant(text, country) | regions_named(
        text, country
    )


@given(st.sampled_from(FLORIDA), st.sampled_from([str.upper, str.lower, str.title]))
def test_case_and_blanks_change_nothing(text: str, change: object) -> None:
    assert callable(change)
    assert regions_named(f"\t{change(text)} ", "US") == {"US-FL"}
