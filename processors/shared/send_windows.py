"""Quiet hours and send windows: when a touch may go out by the local time of its recipient (F-6,
C-33).

Moments are in microseconds; times of day are in minutes. A window is the same in every week, so its
openings and closings are minutes of a week by the wall clock. Where a clock change moves the wall
clock, the new time decides.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple

from schemas.base.times import DAY, MINUTE
from schemas.base.zones import zone
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal.messages import Window
from schemas.internal.state_bytes import NEVER

LOOK_AHEAD_US = 15 * DAY
"""Windows of several zones that are not open at one moment of two weeks never are: apart from clock
changes, every week is the same."""

_DAY = 24 * 60
_WEEK = 7 * _DAY
_CACHED_US = 15 * MINUTE


class _Span(NamedTuple):
    """Whether a window is open, and the first moment at which that is over; NEVER if it stays."""

    is_open: bool
    until: int


class _Week(NamedTuple):
    """The minutes of a week, from Monday 00:00, at which a window opens or closes, and what it does
    at each. Without such minutes `always` holds."""

    minutes: tuple[int, ...]
    opens: tuple[bool, ...]
    always: bool

    def is_open(self, minute: int) -> bool:
        """Whether the window is open at a minute of the week."""
        return self.opens[bisect_right(self.minutes, minute) - 1]

    def minutes_left(self, minute: int) -> int:
        """How long it is from a minute of the week to the next opening or closing."""
        place = bisect_right(self.minutes, minute)
        following = self.minutes[place] if place < len(self.minutes) else self.minutes[0] + _WEEK
        return following - minute


def is_open(window: Window, moment: int) -> bool:
    """Whether `moment` is outside of quiet hours, inside the step's window and inside the allowed
    hours, by the wall clock of every zone of the window. With `end_is_open` the exact moment at
    which the window closes by a wall clock is inside too."""
    hours, ends_open = _hours(window), window.end_is_open and moment % 1_000_000 == 0
    for name in (window.zone, *window.more_zones):
        local = datetime.fromtimestamp(moment // 1_000_000, zone(name))
        minute = _minute_of_week(local)
        if _is_open_at(hours, minute):
            continue
        if not ends_open or local.second or not _is_open_at(hours, (minute - 1) % _WEEK):
            return False
    return True


def opens_at(window: Window | None, moment: int) -> int:
    """The first moment from `moment` on at which a touch may go out. NEVER where quiet hours cover
    the whole window of the step. Without a window it is `moment`."""
    if window is None:
        return moment
    span = _span(window, moment)
    if span.is_open or (window.end_is_open and is_open(window, moment)):
        return moment
    return span.until


def closes_at(window: Window | None, moment: int) -> int:
    """The first moment from `moment` on at which a touch may not go out: quiet hours begin, the
    step's window ends, or a clock change leads there. NEVER if the window stays open.

    With `end_is_open` a touch may still go out at exactly this moment, unless a clock change leads
    there; nothing may go out after it.
    """
    if window is None:
        return NEVER
    span = _span(window, moment)
    return span.until if span.is_open else moment


def common_opening(windows: Sequence[Window | None], moment: int) -> tuple[int, int | None]:
    """The first moment from `moment` on at which all windows are open, and the place of the window
    that is the reason for it: the last that has moved it on; None if none has.

    The windows may be of different zones and weekdays. The moment is NEVER if they have no common
    moment within LOOK_AHEAD_US.
    """
    at, mover, place, still = moment, None, 0, 0
    while still < len(windows):
        opens = opens_at(windows[place], at)
        if opens == at:
            still += 1
        else:
            at, mover, still = opens, place, 1
        if at > moment + LOOK_AHEAD_US:
            return NEVER, mover
        place = (place + 1) % len(windows)
    return at, mover


def common_closing(windows: Sequence[Window | None], moment: int) -> int:
    """The first moment from `moment` on at which one of the windows closes; `moment` if one is
    closed, NEVER if all stay open. For windows with `end_is_open` it is the last open moment."""
    return min((closes_at(window, moment) for window in windows), default=NEVER)


def _span(window: Window, moment: int) -> _Span:
    """The open or closed time around a moment. Many moments are near one another, so the times are
    cached from the quarter of an hour on that a moment is in."""
    span = _span_from(window, moment - moment % _CACHED_US)
    while span.until <= moment:
        span = _span_from(window, span.until)
    return span


@lru_cache(maxsize=8192)
def _span_from(window: Window, moment: int) -> _Span:
    week = _week(*_hours(window))
    if not week.minutes:
        return _Span(week.always, NEVER)
    zones = [zone(name) for name in (window.zone, *window.more_zones)]
    second = begin = moment // 1_000_000
    spans = [_span_by(week, each, second) for each in zones]
    if all(span.is_open for span in spans):
        return _Span(True, min(span.until for span in spans) * 1_000_000)
    while not all(span.is_open for span in spans):
        second = max(span.until for span in spans if not span.is_open)
        if second > begin + LOOK_AHEAD_US // 1_000_000:
            return _Span(False, NEVER)
        spans = [_span_by(week, each, second) for each in zones]
    return _Span(False, second * 1_000_000)


def _span_by(week: _Week, clock: tzinfo, second: int) -> _Span:
    """The open or closed time around a second, by one clock; its end is a second too.

    Of an hour that comes twice both count, and of an hour that the clock skips none.
    """
    local = datetime.fromtimestamp(second, clock)
    is_open = week.is_open(_minute_of_week(local))
    while True:
        until = second - local.second + week.minutes_left(_minute_of_week(local)) * 60
        change = _clock_change(local, second, until)
        if change is None:
            return _Span(is_open, until)
        second, local = change, datetime.fromtimestamp(change, clock)
        if week.is_open(_minute_of_week(local)) is not is_open:
            return _Span(is_open, change)


def _clock_change(local: datetime, after: int, until: int) -> int | None:
    """The second of a clock change after one second, whose local time is `local`, and up to another
    one; None without a change."""
    clock, offset = local.tzinfo, local.utcoffset()
    if datetime.fromtimestamp(until, clock).utcoffset() == offset:
        return None
    low, high = after, until
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, clock).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


# a window by the wall clock

_Hours = tuple[int, int, StepWindow | None, tuple[StepWindow, ...]]


def _hours(window: Window) -> _Hours:
    return window.start, window.end, window.only, window.allowed


@lru_cache(maxsize=4096)
def _week(start: int, end: int, only: StepWindow | None, allowed: tuple[StepWindow, ...]) -> _Week:
    hours = (start, end, only, allowed)
    steps = (*allowed, only) if only is not None else allowed
    edges = {0, start, end, *(edge for step in steps for edge in (step.start, step.end))}
    minutes = sorted({day * _DAY + edge % _DAY for day in range(7) for edge in edges})
    opens = [_is_open_at(hours, minute) for minute in minutes]
    changes = [place for place, state in enumerate(opens) if state is not opens[place - 1]]
    return _Week(
        tuple(minutes[place] for place in changes),
        tuple(opens[place] for place in changes),
        opens[0],
    )


def _is_open_at(hours: _Hours, minute_of_week: int) -> bool:
    start, end, only, allowed = hours
    weekday, minute = divmod(minute_of_week, _DAY)
    if start != end and _within(start, end, minute):
        return False
    if only is not None and not only.is_open(weekday, minute):
        return False
    return not allowed or any(each.is_open(weekday, minute) for each in allowed)


def _within(start: int, end: int, minute: int) -> bool:
    if start < end:
        return start <= minute < end
    return minute >= start or minute < end


def _minute_of_week(local: datetime) -> int:
    return local.weekday() * _DAY + local.hour * 60 + local.minute


# strict regions


def widened(start: int, end: int, earliest: int) -> tuple[int, int]:
    """The quiet hours of a strict region (F-6): extended so that they also last from `earliest` to
    midnight.

    Equal ends stand for no quiet hours and stay as they are. So do quiet hours that would otherwise
    cover the whole day.
    """
    if start == end:
        return start, end
    if start > end:
        wider = min(start, earliest), end
        whole_day = end >= earliest
    elif end < earliest:
        wider = earliest, end
        whole_day = False
    else:
        wider = min(start, earliest), 0
        whole_day = wider[0] == 0
    return (start, end) if whole_day else wider
