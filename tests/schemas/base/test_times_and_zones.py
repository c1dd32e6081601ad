"""Moments are integers with one text form; time zones come from the pinned package."""

import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.times import (
    DAY,
    EARLIEST,
    HOUR,
    LATEST,
    SECOND,
    format_clock,
    format_rfc3339,
    from_datetime,
    parse_clock,
    parse_moment,
    parse_rfc3339,
    to_datetime,
)
from schemas.base.zones import ZONE_NAMES, zone

moments = st.integers(EARLIEST, LATEST - 1)


@given(moments)
def test_a_time_round_trips_through_text_and_datetime(micros: int) -> None:
    assert parse_moment(format_rfc3339(micros)) == micros
    assert from_datetime(to_datetime(micros)) == micros


@given(moments, st.integers(-23 * 60, 23 * 60))
def test_an_offset_names_the_same_moment(micros: int, minutes: int) -> None:
    local = format_rfc3339(micros + minutes * 60 * SECOND).removesuffix("Z")
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    assert parse_rfc3339(f"{local}{sign}{hours:02}:{rest:02}") == micros


def test_the_epoch_is_zero() -> None:
    assert parse_rfc3339("1970-01-01T00:00:00Z") == 0
    assert format_rfc3339(DAY + HOUR) == "1970-01-02T01:00:00Z"


@pytest.mark.parametrize(
    ("text", "micros"),
    [("00:00:00.5Z", 500_000), ("00:00:00.123456789Z", 123_456), ("00:00:00.000001z", 1)],
)
def test_fractions_are_read_to_the_microsecond(text: str, micros: int) -> None:
    assert parse_rfc3339(f"1970-01-01T{text}") == micros
    assert parse_rfc3339(f"1970-01-01 {text}") == micros


WRONG = [
    "",
    "1970-01-01",
    "1970-01-01T00:00Z",
    "1970-01-01T00:00:00",
    "1970-01-01T00:00:00+0100",
    "1970-01-01T00:00:00+24:00",
    "1970-01-01T24:00:00Z",
    "1970-01-01T00:00:60Z",
    "1970-13-01T00:00:00Z",
    "1970-W01-4T00:00:00Z",
    "19700101T000000Z",
    "1970-01-01T00:00:00,5Z",
    "1970-01-01T00:00:00.Z",
    "１970-01-01T00:00:00Z",
    "1970-01-01T00:00:00Z\n",
]


@pytest.mark.parametrize("text", WRONG)
def test_text_that_is_not_rfc_3339_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_rfc3339(text)


@given(st.integers(0, 1439))
def test_a_time_of_day_round_trips_through_text(minutes: int) -> None:
    assert parse_clock(format_clock(minutes)) == minutes


def test_a_zone_is_known_by_its_exact_name() -> None:
    assert zone("America/New_York").key == "America/New_York"
    for name in ("america/new_york", "", "../../etc/passwd"):
        with pytest.raises(ValueError, match="IANA"):
            zone(name)


def test_zones_come_from_the_pinned_package_alone() -> None:
    assert zoneinfo.TZPATH == ()
    assert all(zone(name).key == name for name in ZONE_NAMES)
