"""What a region means: strict regions of the tenant, and the calling hours of the law."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.shared.region_rules import (
    UNKNOWN_REGION,
    calling_hours,
    is_unknown,
    strict_label,
)
from schemas.campaigns.compiled_definition import StepWindow

US = ("US", "")


@pytest.mark.parametrize("entry", ["FL", "fl", "Florida", "US-FL", "Fla.", "State of Florida"])
@pytest.mark.parametrize("region", ["FL", "fl", " FL", "FL ", "Florida", "US-FL", "Fla.", "us_fl"])
def test_a_strict_region_and_that_of_a_person_may_be_spelled_in_any_way(
    entry: str, region: str
) -> None:
    assert strict_label(region, (entry, "WA"), US) == "US-FL"


@pytest.mark.parametrize("region", ["", " ", "NY", "New York", "Tex.", "DC", "Georgia"])
def test_other_regions_and_none_are_not_strict(region: str) -> None:
    assert strict_label(region, ("FL", "WA"), US) == ""


@pytest.mark.parametrize("region", ["Flordia", "??", "north", "Tampa", "Ontario", "US"])
def test_an_unknown_region_is_strict_if_any_is(region: str) -> None:
    assert strict_label(region, ("FL",), US) == UNKNOWN_REGION
    assert strict_label(region, (), US) == ""
    assert is_unknown(region, ("FL",), US)
    assert is_unknown(region, (), US)


def test_a_tenant_may_have_regions_of_its_own() -> None:
    assert strict_label("north", ("north",), US) == "own"
    assert strict_label(" North", ("north",), US) == "own"
    assert not is_unknown("north", ("north",), US)
    assert strict_label("FL", ("FL", "north"), ("", "")) != ""


@pytest.mark.parametrize("countries", [("US", "US"), ("", "US"), ("GB", "US"), ("IT", "US")])
def test_the_country_of_the_person_counts_beside_that_of_the_tenant(
    countries: tuple[str, ...],
) -> None:
    assert strict_label("Florida", ("FL",), countries) == "US-FL"
    assert strict_label("California", ("US-CA",), countries) == "US-CA"
    assert strict_label("CA", ("US-CA",), countries) == "US-CA"  # and not only Cagliari
    assert strict_label("NY", ("FL",), countries) == ""


def test_without_any_country_every_reading_counts() -> None:
    assert strict_label("Florida", ("FL",), ("", "")) == "US-FL"
    assert strict_label("NY", ("FL",), ("", "")) == ""
    assert strict_label("Flordia", ("FL",), ("", "")) == UNKNOWN_REGION


@given(st.text(max_size=20), st.text(max_size=20))
def test_the_same_text_is_always_a_match(region: str, other: str) -> None:
    assert (strict_label(region, (other, region), US) == "") == (not region or region.isspace())


FLORIDA_HOURS = (StepWindow(480, 1200),)
FEDERAL_HOURS = (StepWindow(480, 1260),)


@pytest.mark.parametrize(
    ("region", "countries", "hours"),
    [
        ("Florida", ("US", "US", "US"), FLORIDA_HOURS),
        ("fl", ("GB", "US", ""), FLORIDA_HOURS),
        ("NY", ("US", "", ""), FEDERAL_HOURS),
        ("", ("US", "", ""), FEDERAL_HOURS),
        ("", ("GB", "", "US"), FEDERAL_HOURS),
        ("", ("US", "", "GB"), ()),
        ("", ("", "", ""), ()),
        ("England", ("GB", "", ""), ()),
        ("CA", ("IT", "US", ""), FEDERAL_HOURS),
        ("Flordia", ("GB", "", ""), ()),
        ("Flordia", ("US", "", ""), (StepWindow(600, 1020, 32), StepWindow(600, 1080, 31))),
    ],
)
def test_the_hours_of_the_law_are_those_of_the_region_or_else_of_the_country(
    region: str, countries: tuple[str, ...], hours: tuple[StepWindow, ...]
) -> None:
    assert calling_hours(region, countries) == hours
