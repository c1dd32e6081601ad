"""The hours of calls, whose last moment is open (F-16), and the common hours of several windows."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.shared.send_windows import (
    LOOK_AHEAD_US,
    closes_at,
    common_closing,
    common_opening,
    is_open,
    opens_at,
)
from schemas.base.times import DAY, HOUR, MINUTE, parse_rfc3339
from schemas.base.zones import ZONE_NAMES, zone
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal.messages import Window
from schemas.internal.state_bytes import NEVER
from tests.processors.shared.test_step_windows import FIRST, LAST, MINUTES, WINDOWS, changes

BERLIN, CHICAGO = "Europe/Berlin", "America/Chicago"
WORKDAYS = 0b0011111


def calls(name: str, first: int, last: int, days: int = 127) -> Window:
    """The call hours of a campaign in a zone, in minutes of the day."""
    return Window(name, 0, 0, "tenant", StepWindow(first, last, days), end_is_open=True)


def half_open(window: Window) -> Window:
    """The window without its last moment."""
    return Window(
        *(window.zone, window.start, window.end, window.zone_from, window.only),
        *(window.more_zones, window.allowed),
    )


def local_minute(name: str, moment: int) -> datetime:
    return datetime.fromtimestamp(moment // 1_000_000, zone(name))


def between(window: Window, moment: int) -> bool:
    """Whether the exact local time of day is `BETWEEN` the first and the last call time, on a
    weekday of the window: the rule of the requirement, without any arithmetic of weeks."""
    only = window.only
    assert only is not None
    local = local_minute(window.zone, moment)
    time = (local.hour * 60 + local.minute) * MINUTE + local.second * 1_000_000
    time += moment % 1_000_000
    first, last = only.start * MINUTE, only.end * MINUTE
    today, yesterday = (only.days >> day % 7 & 1 for day in (local.weekday(), local.weekday() - 1))
    if first < last:
        return first <= time <= last and bool(today)
    return bool((time >= first and today) or (time <= last and yesterday))


CALL_HOURS = st.tuples(MINUTES, MINUTES).filter(lambda ends: ends[0] != ends[1])
CALL_WINDOW = st.builds(
    lambda name, ends, days: calls(name, ends[0], ends[1], days),
    st.sampled_from(sorted(ZONE_NAMES)),
    CALL_HOURS,
    st.integers(1, 127),
)


@settings(max_examples=300, deadline=None)
@given(st.data(), CALL_WINDOW)
def test_a_call_may_begin_between_both_ends_of_the_exact_local_time(
    data: st.DataObject, window: Window
) -> None:
    near = data.draw(st.sampled_from((*changes(window.zone), FIRST, LAST)))
    moment = near + data.draw(st.integers(-2 * DAY, 2 * DAY))
    opens, closes = opens_at(window, moment), closes_at(window, moment)
    minute = moment - moment % MINUTE
    for at in (moment, minute, minute + 1, opens, closes, closes + 1):
        if at < NEVER:
            assert is_open(window, at) is between(window, at), at


@settings(max_examples=300, deadline=None)
@given(st.data(), CALL_WINDOW)
def test_only_the_moment_of_the_end_is_added_to_a_window(
    data: st.DataObject, window: Window
) -> None:
    near = data.draw(st.sampled_from((*changes(window.zone), FIRST, LAST)))
    moment = near + data.draw(st.integers(-2 * DAY, 2 * DAY))
    plain = half_open(window)
    assert closes_at(window, moment) == closes_at(plain, moment)
    if is_open(window, moment) is not is_open(plain, moment):
        assert is_open(window, moment) and is_open(plain, moment - 1) and moment % MINUTE == 0
        assert opens_at(window, moment) == closes_at(window, moment) == moment
    else:
        assert opens_at(window, moment) == opens_at(plain, moment)


@pytest.mark.parametrize(
    ("window", "moment", "opens"),
    [
        (calls(BERLIN, 540, 1080), "2026-03-02T08:00:00Z", None),
        (calls(BERLIN, 540, 1080), "2026-03-02T07:59:59.999999Z", "2026-03-02T08:00:00Z"),
        (calls(BERLIN, 540, 1080), "2026-03-02T17:00:00Z", None),
        (calls(BERLIN, 540, 1080), "2026-03-02T17:00:00.000001Z", "2026-03-03T08:00:00Z"),
        (calls(BERLIN, 540, 1080, WORKDAYS), "2026-03-06T17:00:00Z", None),
        (calls(BERLIN, 540, 1080, WORKDAYS), "2026-03-06T17:00:01Z", "2026-03-09T08:00:00Z"),
        # Over midnight: the last moment is on the day after, which is no day of the window.
        (calls(BERLIN, 1320, 60, 0b0010000), "2026-03-07T00:00:00Z", None),
        (calls(BERLIN, 1320, 60, 0b0010000), "2026-03-07T00:00:00.000001Z", "2026-03-13T21:00:00Z"),
        # A whole day: midnight at its end is its last moment.
        (calls(BERLIN, 0, 0, 0b0000001), "2026-03-02T23:00:00Z", None),
        (calls(BERLIN, 0, 0, 0b0000001), "2026-03-02T23:00:00.000001Z", "2026-03-08T23:00:00Z"),
        # The clock goes from 01:59 to 03:00, so 02:30 never comes: 03:00 is later, and is closed.
        (calls(CHICAGO, 60, 150), "2026-03-08T08:00:00Z", "2026-03-09T06:00:00Z"),
        # 01:30 comes twice, and both are a last moment.
        (calls(CHICAGO, 0, 90), "2026-11-01T06:30:00Z", None),
        (calls(CHICAGO, 0, 90), "2026-11-01T06:30:01Z", "2026-11-01T07:00:00Z"),
        (calls(CHICAGO, 0, 90), "2026-11-01T07:30:00Z", None),
        (calls(CHICAGO, 0, 90), "2026-11-01T07:30:00.000001Z", "2026-11-02T06:00:00Z"),
    ],
)
def test_the_last_moment_of_call_hours_is_open_and_anything_later_is_closed(
    window: Window, moment: str, opens: str | None
) -> None:
    at = parse_rfc3339(moment)
    assert is_open(window, at) is (opens is None)
    assert opens_at(window, at) == (at if opens is None else parse_rfc3339(opens))


def test_windows_without_an_open_end_close_as_before() -> None:
    window = half_open(calls(BERLIN, 540, 1080))
    assert not is_open(window, parse_rfc3339("2026-03-02T17:00:00Z"))


# several windows

ANY_WINDOW = st.none() | st.builds(
    Window,
    st.sampled_from(sorted(ZONE_NAMES)),
    MINUTES,
    MINUTES,
    st.just("contact"),
    st.none() | WINDOWS,
    end_is_open=st.booleans(),
)


@settings(max_examples=300, deadline=None)
@given(st.data(), st.lists(ANY_WINDOW, max_size=3))
def test_the_common_opening_is_the_first_moment_at_which_all_windows_are_open(
    data: st.DataObject, windows: list[Window | None]
) -> None:
    near = data.draw(st.sampled_from((FIRST, LAST)))
    moment = near + data.draw(st.integers(-2 * DAY, 2 * DAY))
    at, mover = common_opening(windows, moment)
    present = [window for window in windows if window is not None]
    assert (mover is None) is (at == moment)
    if at == NEVER:
        step = 15 * MINUTE
        grid = range(moment - moment % step + step, moment + LOOK_AHEAD_US - DAY, step)
        assert not any(all(is_open(each, one) for each in present) for one in grid)
        return
    assert all(is_open(window, at) for window in present)
    if mover is not None:
        last = windows[mover]
        assert last is not None and opens_at(last, at - 1) == at and not is_open(last, at - 1)
    minutes = {moment, *range(moment - moment % MINUTE + MINUTE, min(at, moment + DAY), MINUTE)}
    earlier = [one for one in minutes if one < at]
    assert not any(all(is_open(window, one) for window in present) for one in earlier)


@settings(max_examples=200, deadline=None)
@given(st.data(), st.lists(ANY_WINDOW, max_size=3))
def test_the_order_of_windows_changes_no_moment(
    data: st.DataObject, windows: list[Window | None]
) -> None:
    moment = FIRST + data.draw(st.integers(0, 14 * DAY))
    turned = data.draw(st.permutations(windows))
    assert common_opening(windows, moment)[0] == common_opening(turned, moment)[0]
    assert common_closing(windows, moment) == common_closing(turned, moment)


def test_the_reason_is_the_window_that_moved_the_moment_last() -> None:
    hours = calls(BERLIN, 540, 1080, WORKDAYS)  # 08:00 to 17:00 UTC
    person = Window("America/New_York", 1260, 480)  # 13:00 to 02:00 UTC
    night = parse_rfc3339("2026-03-02T05:00:00Z")
    assert common_opening([person, hours], night) == (night + 8 * HOUR, 0)
    assert common_opening([person, hours], night + 9 * HOUR) == (night + 9 * HOUR, None)
    evening = parse_rfc3339("2026-03-06T17:30:00Z")  # Friday: both are open on Monday at 13:00 UTC
    assert common_opening([person, hours], evening) == (parse_rfc3339("2026-03-09T12:00:00Z"), 0)
    assert common_closing([person, hours], night + 8 * HOUR) == parse_rfc3339(
        "2026-03-02T17:00:00Z"
    )
    assert common_closing([None, hours], night) == night
    assert common_closing([None], night) == NEVER


def test_windows_of_two_zones_that_have_no_moment_in_common_never_open() -> None:
    hours = calls(BERLIN, 540, 600)
    person = Window("Asia/Tokyo", 1260, 480, "contact", StepWindow(540, 600))
    assert common_opening([hours, person], FIRST)[0] == NEVER
    assert common_opening([None, hours, None], FIRST)[0] == opens_at(hours, FIRST)
    assert common_opening([], FIRST) == (FIRST, None)


def test_a_last_moment_at_which_another_window_opens_is_a_common_moment() -> None:
    hours = calls("UTC", 540, 720)
    afternoon = calls("UTC", 720, 1080)
    nine = int(datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp()) * 1_000_000
    noon = nine + timedelta(hours=3) // timedelta(microseconds=1)
    assert common_opening([hours, afternoon], nine) == (noon, 1)
