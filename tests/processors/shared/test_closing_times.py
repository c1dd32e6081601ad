"""When a window closes and opens, compared with a walk minute by minute, over zones, several zones
at once, calling hours and clock changes (F-6, C-33)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.shared.send_windows import closes_at, is_open, opens_at
from schemas.base.times import DAY, HOUR, MINUTE, parse_rfc3339
from schemas.base.zones import ZONE_NAMES
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal.messages import Window
from schemas.internal.state_bytes import NEVER
from tests.processors.shared.test_step_windows import FIRST, LAST, MINUTES, WINDOWS, changes

CHICAGO, ROME, KOLKATA = "America/Chicago", "Europe/Rome", "Asia/Kolkata"
NIGHT = (21 * 60, 8 * 60)
WORKDAYS = 0b0011111


def first_minute(window: Window, moment: int, wanted: bool) -> int:
    """The first moment at which a window is open, or closed, searched minute by minute."""
    if is_open(window, moment) is wanted:
        return moment
    at = moment - moment % MINUTE + MINUTE
    while is_open(window, at) is not wanted:
        at += MINUTE
        if at > moment + 15 * DAY:
            return NEVER
    return at


ANY_WINDOW = st.builds(
    Window,
    st.sampled_from(sorted(ZONE_NAMES)),
    MINUTES,
    MINUTES,
    st.just("phone"),
    st.none() | WINDOWS,
    st.lists(st.sampled_from(sorted(ZONE_NAMES)), max_size=2).map(tuple),
    st.lists(WINDOWS, max_size=2).map(tuple),
)


@settings(max_examples=300, deadline=None)
@given(st.data(), ANY_WINDOW)
def test_a_window_opens_and_closes_where_a_walk_by_minutes_finds_it(
    data: st.DataObject, window: Window
) -> None:
    near = data.draw(st.sampled_from((*changes(window.zone), FIRST, LAST)))
    moment = near + data.draw(st.integers(-2 * DAY, 2 * DAY))
    opens, closes = opens_at(window, moment), closes_at(window, moment)
    assert opens == first_minute(window, moment, True)
    assert closes == first_minute(window, moment, False)
    assert (opens == moment) is is_open(window, moment)
    assert (closes == moment) is not is_open(window, moment)
    if opens not in (moment, NEVER):
        assert is_open(window, opens) and not is_open(window, opens - 1)
    if closes not in (moment, NEVER):
        assert is_open(window, closes - 1) and not is_open(window, closes)


@settings(max_examples=50, deadline=None)
@given(st.data(), ANY_WINDOW)
def test_the_order_of_the_questions_changes_no_answer(data: st.DataObject, window: Window) -> None:
    near = data.draw(st.sampled_from((*changes(window.zone), FIRST)))
    moments = data.draw(st.lists(st.integers(near - DAY, near + DAY), min_size=2, max_size=6))
    answers = [(opens_at(window, at), closes_at(window, at)) for at in moments]
    again = [(opens_at(window, at), closes_at(window, at)) for at in reversed(moments)]
    assert again[::-1] == answers


@pytest.mark.parametrize("name", [CHICAGO, ROME, "Australia/Lord_Howe", "Africa/Casablanca"])
def test_around_every_clock_change_a_window_closes_at_the_first_closed_minute(name: str) -> None:
    windows = [
        Window(name, 2 * 60 + 15, 2 * 60 + 45),
        Window(name, 23 * 60, 60),
        Window(name, 0, 0, "contact", StepWindow(60, 2 * 60 + 30, 0b1000000)),
    ]
    for change in changes(name):
        for window in windows:
            for before in (25 * HOUR, 3 * HOUR, 61 * MINUTE, MINUTE + 1, 1, 0):
                moment = change - before
                expected = first_minute(window, moment, False)
                assert closes_at(window, moment) == expected, (name, window, moment)


def moment_of(text: str) -> int:
    return parse_rfc3339(text)


@pytest.mark.parametrize(
    ("window", "moment", "closes"),
    [
        (Window(CHICAGO, *NIGHT), "2026-03-02T15:00:00Z", "2026-03-03T03:00:00Z"),
        (Window(CHICAGO, *NIGHT), "2026-03-08T02:59:59Z", "2026-03-08T03:00:00Z"),
        # On the night of the change to summer time the evening of the 8th is an hour earlier.
        (Window(CHICAGO, *NIGHT), "2026-03-08T15:00:00Z", "2026-03-09T02:00:00Z"),
        # 01:30 comes twice in the night of the change to winter time: the first one closes.
        (Window(CHICAGO, 90, 480), "2026-11-01T04:00:00Z", "2026-11-01T06:30:00Z"),
        # The clock goes from 01:59 to 03:00, which is in the quiet hours from 02:30 on.
        (Window(CHICAGO, 150, 480), "2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z"),
        (
            Window(ROME, *NIGHT, "contact", StepWindow(9 * 60, 17 * 60, WORKDAYS)),
            "2026-06-01T08:00:00Z",
            "2026-06-01T15:00:00Z",
        ),
    ],
)
def test_a_window_closes_at_the_evening_of_its_zone(
    window: Window, moment: str, closes: str
) -> None:
    assert closes_at(window, moment_of(moment)) == moment_of(closes)


def test_a_window_without_hours_never_closes() -> None:
    assert closes_at(None, FIRST) == NEVER
    assert closes_at(Window(ROME, 0, 0), FIRST) == NEVER
    assert opens_at(Window(ROME, 0, 0), FIRST) == FIRST


def test_a_window_of_several_zones_is_open_where_all_of_them_are() -> None:
    window = Window("America/New_York", *NIGHT, "phone", None, ("America/Los_Angeles",))
    noon = int(datetime(2026, 1, 5, 17, tzinfo=UTC).timestamp()) * 1_000_000
    assert closes_at(window, noon) == noon + 9 * HOUR  # 21:00 in New York
    assert opens_at(window, noon + 9 * HOUR) == noon + 23 * HOUR  # 08:00 in Los Angeles


def test_zones_without_a_common_hour_never_open() -> None:
    window = Window("Pacific/Honolulu", 0, 0, "phone", StepWindow(9 * 60, 17 * 60), (KOLKATA,))
    assert opens_at(window, FIRST) == NEVER
    assert closes_at(window, FIRST) == FIRST


def test_calling_hours_are_one_more_limit() -> None:
    allowed = (StepWindow(9 * 60, 20 * 60, 0b0111111),)
    window = Window("UTC", *NIGHT, "contact", None, (), allowed)
    sunday = moment_of("2026-03-01T12:00:00Z")
    assert opens_at(window, sunday) == moment_of("2026-03-02T09:00:00Z")
    assert closes_at(window, moment_of("2026-03-02T09:00:00Z")) == moment_of("2026-03-02T20:00:00Z")
