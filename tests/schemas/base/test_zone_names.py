"""Which time zone a text names, alone and beside a country, a region or a phone number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tzlocal.windows_tz import win_tz

from schemas.base.zone_names import (
    SHORT_NAMES,
    is_short_iana,
    single_zone,
    zone_named,
    zones_called,
)
from schemas.base.zone_repair import zone_by_siblings, zone_in_place, zones_meant
from schemas.base.zones import ZONE_NAMES, zone_country


@given(st.sampled_from(sorted(ZONE_NAMES)))
def test_an_iana_name_is_itself_in_any_case(name: str) -> None:
    assert zone_named(name) == name
    assert zone_named(f" {name.lower()} ") == zone_named(name.upper()) == name
    assert zone_named(name.replace("_", " ")) == name


OFFSETS = {"UTC+12", "UTC+13", "UTC-02", "UTC-08", "UTC-09", "UTC-11"}


@pytest.mark.parametrize("name", sorted(win_tz.keys() - OFFSETS - {"UTC"}))  # an IANA name too
def test_a_name_of_windows_is_the_zone_that_cldr_has_for_it(name: str) -> None:
    assert zone_named(name) == zone_named(name.upper()) == win_tz[name]


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Eastern Daylight Time", "America/New_York"),
        ("W. Europe Summer Time", "Europe/Berlin"),
        ("British Summer Time", "Europe/London"),
        ("Central European Summer Time", "Europe/Warsaw"),
        ("Central European Time", "Europe/Warsaw"),
        ("Tokyo Time", "Asia/Tokyo"),
        ("PDT", "America/Los_Angeles"),
        ("PT", "America/Los_Angeles"),
        ("Pacific Time", "America/Los_Angeles"),
        ("EDT", "America/New_York"),
        ("MDT", "America/Denver"),
        ("ADT", "America/Halifax"),
        ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ("Pacific Time (US and Canada)", "America/Los_Angeles"),
        ("(GMT-08:00) Pacific Standard Time (America/Los_Angeles)", "America/Los_Angeles"),
        ("JST", "Asia/Tokyo"),
        ("aedt", "Australia/Sydney"),
        ("CEST", "CET"),
    ],
)
def test_other_names_of_one_meaning(text: str, zone: str) -> None:
    assert zone_named(text) == zone


AMBIGUOUS = ["PST", "CST", "IST", "BST", "CDT", "AST", "AEST", "GST", "Eastern Time", "ET"]
AMBIGUOUS += ["NT", "Samoa Time", "US Mountain Time", "Atlantic Time"]


@pytest.mark.parametrize(
    "text",
    [
        *AMBIGUOUS,
        *OFFSETS,
        "utc - 8",
        "gmt+05:30",
        "",
        " ",
        "UTC-5",
        "GMT+2",
        "+02:00",
        "Mars/Base",
        "Factory",
        "\0",
        "East",
    ],
)
def test_a_text_of_no_or_of_several_zones_names_none(text: str) -> None:
    assert zone_named(text) is None


@pytest.mark.parametrize(
    ("text", "places", "zone"),
    [
        ("PST", ("US",), "America/Los_Angeles"),
        ("pst", ("CA-BC", "CA"), "America/Vancouver"),
        ("PST", ("PH",), "Asia/Manila"),
        ("PST", ("DE",), None),
        ("EDT", ("DE",), None),
        ("PDT", ("MX",), "America/Tijuana"),
        ("PST", ("US", "PH"), None),
        ("CST", ("US-TX", "US"), "America/Chicago"),
        ("CST", ("CN",), "Asia/Shanghai"),
        ("IST", ("IE",), "Europe/Dublin"),
        ("BST", ("GB-ENG",), "Europe/London"),
        ("AEST", ("AU-QLD",), "Australia/Brisbane"),
        ("Mountain", ("US",), "America/Denver"),
        ("Eastern Time (US & Canada)", ("CA",), "America/Toronto"),
        ("EST", ("US",), "America/New_York"),
        ("EST", ("PA",), "America/Panama"),
        ("EST", (), "EST"),
        ("EST", ("DE",), "EST"),
        ("MST", ("US-AZ", "US"), "America/Phoenix"),
        ("MST", ("US-CO", "US"), "America/Denver"),
        ("GMT", ("GB",), "Europe/London"),
    ],
)
def test_a_place_decides_about_a_short_name(
    text: str, places: tuple[str, ...], zone: str | None
) -> None:
    assert zone_named(text, *places) == zone


def test_short_names_lead_to_zones_that_exist() -> None:
    assert {zone for zones in SHORT_NAMES.values() for zone in zones.values()} <= ZONE_NAMES
    assert [name for name in sorted(ZONE_NAMES) if is_short_iana(name)] == [
        "EST",
        "GMT",
        "HST",
        "MST",
    ]


@pytest.mark.parametrize(
    ("siblings", "zone"),
    [
        ({}, None),
        ({"region": "US-CA"}, "America/Los_Angeles"),
        ({"region": "California"}, "America/Los_Angeles"),
        ({"region": "FL"}, "America/Los_Angeles"),  # of Moldova, Mauritius, the USA ...
        ({"region": "??", "phone": "+12125550102"}, "America/Los_Angeles"),
        ({"phone": "+63 2 8123 4567"}, "Asia/Manila"),
        ({"country": "us"}, "America/Los_Angeles"),
        ({"country": "US", "phone": "+63 2 8123 4567"}, "America/Los_Angeles"),
        ({"region": None, "phone": 5, "country": ["US"]}, None),
    ],
)
def test_the_rest_of_the_object_decides_about_a_short_name(
    siblings: dict[str, object], zone: str | None
) -> None:
    assert zone_by_siblings({"timezone": "PST", **siblings}) == zone


@pytest.mark.parametrize(
    ("timezone", "siblings", "zone"),
    [
        ("MST", {"phone": "+1 602 555 0102"}, "America/Phoenix"),
        ("mst", {"phone": "(602) 555-0102", "country": "US"}, "America/Phoenix"),
        ("MT", {"phone": "+1 602 555 0102"}, "America/Phoenix"),
        ("Mountain Time", {"phone": "+1 602 555 0102"}, "America/Phoenix"),
        ("MDT", {"phone": "+1 602 555 0102"}, "America/Denver"),
        ("MST", {"phone": "+1 303 555 0102"}, "America/Denver"),
        ("MST", {"phone": "+1 208 555 0102"}, "America/Denver"),  # Boise has its time
        ("PST", {"phone": "+1 208 555 0102"}, "America/Los_Angeles"),
        ("MST", {"phone": "+1 800 555 1234"}, "America/Denver"),
        ("MST", {"phone": "+1 602 555 0102", "region": "CO"}, "America/Denver"),
        ("MST", {"phone": "+1 602 555 0102", "region": "??"}, "America/Phoenix"),
        ("MST", {"phone": "+1 602 555 0102", "country": "CA"}, "America/Edmonton"),
        ("CST", {"phone": "+1 306 555 0102"}, "America/Regina"),
        ("CST", {"phone": "+1 204 555 0102"}, "America/Winnipeg"),
        ("CST", {"phone": "+52 656 123 4567"}, "America/Mexico_City"),
        ("MST", {"phone": "+52 656 123 4567"}, "America/Ciudad_Juarez"),
        ("AEST", {"phone": "+61 7 3123 4567"}, "Australia/Brisbane"),
        ("AET", {"phone": "+61 7 3123 4567"}, "Australia/Brisbane"),
        ("AEST", {"phone": "+61 2 9123 4567"}, "Australia/Sydney"),
        ("AEST", {"phone": "+61 412 345 678"}, "Australia/Sydney"),
        ("IST", {"phone": "+91 22 2345 6789"}, "Asia/Kolkata"),
        ("GMT", {"phone": "+44 20 7946 0958"}, "Europe/London"),
        ("GMT", {"phone": "+233 30 212 3456"}, "Africa/Accra"),
    ],
)
def test_the_zones_of_a_number_count_before_the_usual_zone_of_its_country(
    timezone: str, siblings: dict[str, object], zone: str
) -> None:
    assert zone_by_siblings({"timezone": timezone, **siblings}) == zone


def test_an_object_without_a_text_as_its_zone_has_none() -> None:
    assert zone_by_siblings({}) is None
    assert zone_by_siblings({"timezone": 5, "country": "US"}) is None


def test_a_fixed_time_is_the_zone_of_the_country_in_which_the_person_is() -> None:
    assert zone_in_place("EST", "FL", "+12125550102") == "America/New_York"
    assert zone_in_place("MST", "Arizona", None) == "America/Phoenix"
    assert zone_in_place("MST", None, "+16025550102") == "America/Phoenix"
    assert zone_in_place("EST", None, None) == "EST"
    assert zone_in_place("America/Chicago", "FL", "+12125550102") == "America/Chicago"
    assert zone_in_place("", "FL", None) == ""
    assert zone_in_place(None, "FL", None) is None


@pytest.mark.parametrize(
    ("stored", "zones"),
    [
        (("EST", "", "", "US"), ("America/New_York",)),
        (("EST", "", "", "CA"), ("America/Toronto",)),
        (("EST", "", "", "PA"), ("America/Panama",)),
        (("EST", "", "", ""), ("EST", "America/New_York")),
        (("EST", "", "", "DE"), ("EST", "America/New_York")),
        (("EST", "", "+507 6123 4567", "US"), ("America/Panama",)),
        (("MST", "", "", "US"), ("America/Denver",)),
        (("MST", "AZ", "", "US"), ("America/Phoenix",)),
        (("MST", "", "(602) 555-0102", "US"), ("America/Phoenix",)),
        (("MST", "", "", ""), ("MST", "America/Denver")),
        (("HST", "", "", "US"), ("Pacific/Honolulu",)),
        (("HST", "", "", ""), ("HST", "America/Adak")),
        (("GMT", "", "", "GB"), ("Europe/London",)),
        (("GMT", "", "", "US"), ("GMT", "Europe/London")),
        (("America/Panama", "", "", "US"), ("America/Panama",)),
    ],
)
def test_a_stored_zone_is_that_of_the_place_of_the_person_or_of_the_tenants_country(
    stored: tuple[str, str, str, str], zones: tuple[str, ...]
) -> None:
    assert zones_meant(*stored) == zones


def test_every_short_iana_name_has_the_clock_of_its_own_name_too() -> None:
    for name in filter(is_short_iana, ZONE_NAMES):
        assert zones_called(name)[0] == name


@pytest.mark.parametrize(
    ("text", "country", "zone"),
    [
        ("EST", "US", "America/New_York"),
        ("est", "CA", "America/Toronto"),
        ("EST", "DE", None),
        ("EST", "", None),
        ("GMT", "", None),
        ("UTC", "", "UTC"),
        ("Etc/GMT+5", "", "Etc/GMT+5"),
        ("Eastern Standard Time", "", "America/New_York"),
    ],
)
def test_one_zone_is_none_of_which_people_mean_the_local_time(
    text: str, country: str, zone: str | None
) -> None:
    assert single_zone(text, country) == zone


@pytest.mark.parametrize(
    ("name", "country"),
    [
        ("America/New_York", "US"),
        ("US/Eastern", "US"),
        ("America/Toronto", "CA"),
        ("Europe/Stockholm", "SE"),
        ("Asia/Calcutta", "IN"),
        ("UTC", ""),
        ("Etc/GMT+5", ""),
        ("EST", ""),
        ("CET", ""),
        ("GMT", ""),
        ("Iceland", "IS"),
        ("Africa/Timbuktu", "ML"),
        ("America/Coral_Harbour", "CA"),
        ("nowhere", ""),
    ],
)
def test_a_zone_has_the_country_of_its_city(name: str, country: str) -> None:
    assert zone_country(name) == country


@given(st.text(max_size=60), st.sampled_from([(), ("US",), ("US-AZ", "US")]))
def test_any_text_names_a_zone_that_exists_or_none(text: str, places: tuple[str, ...]) -> None:
    assert zone_named(text, *places) in ZONE_NAMES | {None}
