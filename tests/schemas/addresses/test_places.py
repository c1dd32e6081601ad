"""Where a phone number is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers.tzdata import TIMEZONE_DATA

from schemas.addresses.places import NOWHERE, place_of_number
from schemas.base.zones import ZONE_NAMES


@pytest.mark.parametrize(
    ("text", "country", "place"),
    [
        ("+12125550102", "", ("US", ("America/New_York",))),
        ("+1 (212) 555-0102", "DE", ("US", ("America/New_York",))),
        ("2125550102", "US", ("US", ("America/New_York",))),
        ("+12085550123", "", ("US", ("America/Boise", "America/Los_Angeles"))),
        ("+351 912 345 678", "", ("PT", ("Atlantic/Azores", "Europe/Lisbon"))),
        ("+4915112345678", "", ("DE", ("Europe/Berlin",))),
        ("4915112345678", "DE", ("DE", ("Europe/Berlin",))),
        ("2125550102.0", "US", ("US", ("America/New_York",))),
        ("+52 1 656 123 4567", "", ("MX", ("America/Ciudad_Juarez",))),
    ],
)
def test_a_number_has_the_zones_of_its_prefix(
    text: str, country: str, place: tuple[str, tuple[str, ...]]
) -> None:
    assert place_of_number(text, country) == place


@pytest.mark.parametrize("text", ["", "+15551234567", "2125550102", "ann", "+800", "+"])
def test_what_is_no_valid_number_is_nowhere(text: str) -> None:
    assert place_of_number(text, "") == NOWHERE


def test_a_number_that_is_free_of_charge_has_the_zones_of_all_its_countries() -> None:
    zones = place_of_number("+18005551234", "US").zones
    assert {"America/New_York", "Pacific/Honolulu", "America/St_Johns"} <= set(zones)


def test_every_zone_of_a_prefix_is_one_of_tzdata() -> None:
    assert {zone for zones in TIMEZONE_DATA.values() for zone in zones} <= ZONE_NAMES


@given(st.text(max_size=30), st.sampled_from(["", "US", "ZZ"]))
def test_any_text_has_a_place_or_none(text: str, country: str) -> None:
    assert set(place_of_number(text, country).zones) <= ZONE_NAMES
