"""The windows of steps, in every zone and around every clock change of 2020 to 2035 (C-33, F-6)."""

from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.shared.send_windows import is_open, opens_at
from schemas.base.times import DAY, HOUR, MINUTE
from schemas.base.zones import ZONE_NAMES, zone
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal.messages import Window
from schemas.internal.state_bytes import NEVER

FIRST = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
LAST = int(datetime(2036, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000

MINUTES = st.integers(0, 24 * 60 - 1)
WINDOWS = st.builds(StepWindow, MINUTES, MINUTES, st.integers(1, 127))


@cache
def changes(name: str) -> tuple[int, ...]:
    """The moments of clock changes in a zone, to the minute."""
    clock = zone(name)
    moments = []
    offset = _offset(clock, FIRST)
    for day in range(FIRST, LAST, DAY):
        before, offset = offset, _offset(clock, day + DAY)
        if before != offset:
            low, high = day, day + DAY
            while high - low > MINUTE:
                middle = (low + high) // 2 // MINUTE * MINUTE
                low, high = (
                    (middle, high)
                    if _offset(clock, middle) == _offset(clock, low)
                    else (low, middle)
                )
            moments.append(high)
    return tuple(moments)


def _offset(clock: object, moment: int) -> timedelta | None:
    return datetime.fromtimestamp(moment // 1_000_000, clock).utcoffset()  # type: ignore[arg-type]


def first_open_minute(window: Window, moment: int) -> int:
    """The opening of a window, searched minute by minute."""
    if is_open(window, moment):
        return moment
    opened = moment - moment % MINUTE + MINUTE
    while not is_open(window, opened):
        opened += MINUTE
        if opened > moment + 15 * DAY:
            return NEVER
    return opened


_first_names: dict[object, str] = {}


def first_of_its_clock(name: str) -> str:
    """The first zone whose clock from 2020 to 2035 is that of this zone: most zones share theirs,
    and each clock is checked once."""
    moments, clock = changes(name), zone(name)
    offsets = tuple(_offset(clock, at) for at in (FIRST, *moments))
    return _first_names.setdefault((moments, offsets), name)


@pytest.mark.parametrize("name", sorted(ZONE_NAMES))
def test_around_every_clock_change_a_window_opens_at_the_first_allowed_minute(name: str) -> None:
    windows_open_at_the_first_allowed_minute(first_of_its_clock(name))


@cache
def windows_open_at_the_first_allowed_minute(name: str) -> None:
    only = StepWindow(1 * 60 + 30, 3 * 60, 127)
    overnight = StepWindow(23 * 60, 2 * 60 + 15, 0b0111111)
    for change in changes(name):
        for hours in (only, overnight):
            window = Window(name, 0, 0, "contact", hours)
            for before in (3 * HOUR, 61 * MINUTE, MINUTE, 0):
                moment = change - before
                opened = opens_at(window, moment)
                assert opened == first_open_minute(window, moment), (name, hours, moment)


def test_a_clock_set_back_to_before_the_quiet_hours_ends_them() -> None:
    second_one = int(datetime(2020, 11, 1, 10, tzinfo=UTC).timestamp()) * 1_000_000
    window = Window("America/Juneau", 61, 0, "contact", StepWindow(0, 0, 0b1000000))
    assert opens_at(window, second_one - MINUTE // 2) == second_one


@settings(max_examples=400, deadline=None)
@given(st.data(), st.sampled_from(sorted(ZONE_NAMES)), WINDOWS, MINUTES, MINUTES)
def test_the_first_open_minute_is_found(
    data: st.DataObject, name: str, only: StepWindow, quiet_start: int, quiet_end: int
) -> None:
    near = data.draw(st.sampled_from((*changes(name), FIRST, LAST)))
    moment = near + data.draw(st.integers(-2 * DAY, 2 * DAY))
    window = Window(name, quiet_start, quiet_end, "contact", only)
    opened = opens_at(window, moment)
    assert opened == first_open_minute(window, moment)
    if opened != NEVER:
        assert is_open(window, opened)
        assert opens_at(window, opened) == opened
