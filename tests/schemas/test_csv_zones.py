"""Time zones in a CSV file, as others write them."""

import pytest

from schemas.csv_import import ContactLine, ContactsFile
from tests.schemas.test_csv_import import read

HEAD = b"email,phone,timezone,state\n"


def zone_of(phone: str, timezone: str, state: str) -> tuple[str | None, int]:
    """The zone of a line with these cells, and how many of its cells were left out."""
    (line,) = read(f"a@example.com,{phone},{timezone},{state}".encode(), head=HEAD)
    assert isinstance(line, ContactLine)
    return line.event.timezone, len(line.dropped)


@pytest.mark.parametrize(
    ("phone", "timezone", "state", "zone"),
    [
        ("", "Eastern Standard Time", "", "America/New_York"),
        ("", "america/chicago", "", "America/Chicago"),
        ("", "PST", "California", "America/Los_Angeles"),
        ("+14155552671", "PST", "CA", "America/Los_Angeles"),
        ("+63 2 8123 4567", "PST", "", "Asia/Manila"),
    ],
)
def test_a_zone_may_have_another_name(phone: str, timezone: str, state: str, zone: str) -> None:
    assert zone_of(phone, timezone, state) == (zone, 0)


@pytest.mark.parametrize("timezone", ["PST", "Mars/Base", "UTC+2"])
def test_a_zone_that_is_not_known_is_left_out(timezone: str) -> None:
    assert zone_of("", timezone, "") == (None, 1)


@pytest.mark.parametrize(
    ("phone", "zone"),
    [
        ("(306) 555-0102", "America/Regina"),
        ("(204) 555-0102", "America/Winnipeg"),
        ("", "America/Winnipeg"),
        ("+63 2 8123 4567", "America/Winnipeg"),
    ],
)
def test_a_number_of_the_country_of_the_file_tells_zones_apart(phone: str, zone: str) -> None:
    row = f"a@example.com,{phone},CST,\n".encode()
    (line,) = ContactsFile([HEAD, row], country="CA").contacts("acme")
    assert isinstance(line, ContactLine)
    assert line.event.timezone == zone


@pytest.mark.parametrize(
    ("country", "timezone", "zone"),
    [
        ("US", "EST", "America/New_York"),
        ("PA", "EST", "America/Panama"),
        ("US", "MST", "America/Denver"),
        ("DE", "EST", "EST"),
        ("", "EST", "EST"),
    ],
)
def test_a_time_without_summer_time_is_the_zone_of_the_country_of_the_file(
    country: str, timezone: str, zone: str
) -> None:
    row = f"a@example.com,,{timezone},\n".encode()
    (line,) = ContactsFile([HEAD, row], country=country).contacts("acme")
    assert isinstance(line, ContactLine)
    assert line.event.timezone == zone
