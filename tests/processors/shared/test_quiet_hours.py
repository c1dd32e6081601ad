"""Quiet hours compared with a search minute by minute, around every clock change of a year."""

from datetime import datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from processors.shared.send_windows import is_open, opens_at, widened
from schemas.base.times import DAY, HOUR, MINUTE, parse_rfc3339
from schemas.base.zones import zone
from schemas.internal.messages import Window

ZONES = (
    "America/Chicago",
    "Europe/Rome",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Africa/Casablanca",
    "Asia/Gaza",
    "Pacific/Apia",
    "UTC",
)
YEAR = parse_rfc3339("2026-01-01T00:00:00Z")


def edges(name: str) -> list[int]:
    """The hours of 2026 with a clock change of the zone, and one hour without."""
    moments = [YEAR + HOUR * number for number in range(24 * 365)]
    offset = [datetime.fromtimestamp(m // 1_000_000, zone(name)).utcoffset() for m in moments]
    changed = [m for m, a, b in zip(moments[1:], offset, offset[1:], strict=False) if a != b]
    return [*changed, YEAR + 100 * DAY]


EDGES = {name: edges(name) for name in ZONES}


@example(("America/Chicago", parse_rfc3339("2026-03-08T08:00:00Z")), -1, 0, 9)  # 02:15 is skipped
@given(
    st.sampled_from(ZONES).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(EDGES[name]))
    ),
    st.integers(-26 * 60 * 60, 3 * 60 * 60),
    st.integers(0, 95),
    st.integers(0, 95),
)
def test_a_window_opens_at_the_first_moment_that_is_not_quiet(
    edge: tuple[str, int], seconds: int, start: int, end: int
) -> None:
    window = Window(edge[0], start * 15, end * 15)
    moment = edge[1] + seconds * 1_000_000
    opened = opens_at(window, moment)
    if start == end:
        assert opened == moment
        return
    expected = moment
    while not is_open(window, expected):
        expected += MINUTE - expected % MINUTE
    assert is_open(window, opened)
    again = datetime.fromtimestamp(expected // 1_000_000, zone(window.zone)).fold
    assert opened == expected or again  # an hour that comes twice opens no night for a moment


@pytest.mark.parametrize(("name", "changes"), [("America/Chicago", 2), ("UTC", 0)])
def test_the_edges_are_hours_of_clock_changes(name: str, changes: int) -> None:
    assert len(EDGES[name]) == changes + 1


def test_without_a_window_nothing_is_quiet() -> None:
    assert opens_at(None, YEAR) == YEAR


def test_an_hour_that_the_clock_skips_opens_where_the_gap_ends() -> None:
    window = Window("America/Chicago", 21 * 60, 2 * 60 + 30)
    night = parse_rfc3339("2026-03-08T05:00:00Z")
    assert opens_at(window, night) == parse_rfc3339("2026-03-08T08:00:00Z")  # 03:00 CDT


def test_windows_of_a_year_open_at_the_end_of_each_night() -> None:
    window = Window("Europe/Rome", 21 * 60, 8 * 60)
    for day in range(365):
        opened = opens_at(window, YEAR + day * DAY + 23 * HOUR)
        local = datetime.fromtimestamp(opened // 1_000_000, zone("Europe/Rome"))
        assert (local.hour, local.minute) == (8, 0) and local.second == 0
        assert timedelta(0) == local - local.replace(microsecond=0)


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (("21:00", "08:00"), ("20:00", "08:00")),
        (("19:00", "08:00"), ("19:00", "08:00")),
        (("21:00", "00:00"), ("20:00", "00:00")),
        (("00:00", "08:00"), ("20:00", "08:00")),
        (("01:00", "07:30"), ("20:00", "07:30")),
        (("08:00", "20:00"), ("08:00", "00:00")),
        (("12:00", "22:00"), ("12:00", "00:00")),
        (("20:30", "22:00"), ("20:00", "00:00")),
        (("09:00", "09:00"), ("09:00", "09:00")),
        (("00:00", "00:00"), ("00:00", "00:00")),
        (("22:00", "20:00"), ("22:00", "20:00")),  # nothing of the day would be left
        (("22:00", "21:00"), ("22:00", "21:00")),
        (("00:00", "20:00"), ("00:00", "20:00")),
    ],
)
def test_a_window_is_widened_to_last_from_eight_to_midnight(
    hours: tuple[str, str], expected: tuple[str, str]
) -> None:
    start, end = (_minute(clock) for clock in hours)
    assert widened(start, end, 20 * 60) == tuple(_minute(clock) for clock in expected)


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def _quiet_minutes(start: int, end: int) -> set[int]:
    if start == end:
        return set()
    window = Window("UTC", start, end)
    return {n for n in range(24 * 60) if not is_open(window, YEAR + n * MINUTE)}


@given(st.integers(0, 95), st.integers(0, 95), st.integers(0, 95))
def test_a_widened_window_is_quiet_where_the_old_one_was_and_from_then_on_to_midnight(
    start: int, end: int, earliest: int
) -> None:
    old = start * 15, end * 15
    new = widened(*old, earliest * 15)
    before, after = _quiet_minutes(*old), _quiet_minutes(*new)
    wanted = before | set(range(earliest * 15, 24 * 60))
    if not before or len(wanted) == 24 * 60:
        assert new == old
        return
    early = set(range(start * 15)) if start < end else set()  # one window cannot leave it open
    assert wanted <= after <= wanted | early
