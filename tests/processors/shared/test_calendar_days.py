"""The first moment of a day: where clocks change over midnight, and where a zone left a day out."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.shared.calendar_periods import DAY, day_of, first_moment, period_of
from schemas.base.times import parse_rfc3339
from schemas.base.zones import ZONE_NAMES, zone

EPOCH = date(1970, 1, 1)


def number(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


@pytest.mark.parametrize(
    ("zone_name", "day", "begins_at"),
    [
        ("UTC", "2026-03-09", "2026-03-09T00:00:00Z"),
        ("America/New_York", "2026-03-09", "2026-03-09T04:00:00Z"),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00:00Z"),
        ("America/New_York", "2026-11-02", "2026-11-02T05:00:00Z"),
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z"),  # begins at 01:00
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z"),  # begins at 01:00
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"),  # has 00:00 twice
        ("America/Nuuk", "2026-10-25", "2026-10-25T02:00:00Z"),  # its eve has 23:00 twice
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),  # was left out
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"),
    ],
)
def test_the_first_moment_of_a_day(zone_name: str, day: str, begins_at: str) -> None:
    assert first_moment(zone_name, number(day)) == parse_rfc3339(begins_at)


Zones = st.sampled_from(sorted(ZONE_NAMES))
Days = st.dates(date(1995, 1, 1), date(2037, 12, 31))


@given(Zones, Days)
def test_before_its_first_moment_it_is_an_earlier_day_by_the_clock_of_the_zone(
    zone_name: str, day: date
) -> None:
    seconds = first_moment(zone_name, (day - EPOCH).days) // 1_000_000
    moment = datetime.fromtimestamp(seconds, UTC)
    assert moment.astimezone(zone(zone_name)).date() >= day
    assert (moment - timedelta(seconds=1)).astimezone(zone(zone_name)).date() < day


@given(Zones, Days)
def test_a_day_ends_as_the_next_one_begins(zone_name: str, day: date) -> None:
    at = first_moment(zone_name, (day - EPOCH).days)
    days = day_of(zone_name, at)
    assert period_of(DAY, zone_name, 0, at) == (at, first_moment(zone_name, days + 1))
