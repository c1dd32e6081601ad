"""Whether windows and quiet hours on one clock leave time for a touch, and for what follows it.

Every week is the same here: clock changes and other people's clocks are for the processors. A
minute of the week counts from Monday 00:00.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate

from schemas.base.times import MINUTE, DurationUs, MinuteOfDay
from schemas.campaigns.compiled_definition import StepWindow

Quiet = tuple[MinuteOfDay, MinuteOfDay]
"""The start and the end of quiet hours; equal ones are none."""

NO_QUIET: Quiet = (0, 0)
WEEK = range(7)

_DAY = 24 * 60
_WEEK_MINUTES = 7 * _DAY


def ever_opens(windows: Sequence[StepWindow], quiet: Quiet, weekdays: Iterable[int] = WEEK) -> bool:
    """Whether some minute of the weekdays (0 is Monday) is in all windows and not in quiet
    hours."""
    windows = _with_quiet(windows, quiet)
    edges = _edges(windows)
    return any(
        all(each.is_open(day, edge) for each in windows) for day in weekdays for edge in edges
    )


def fits(
    windows: Sequence[StepWindow],
    quiet: Quiet,
    delays_us: Sequence[DurationUs],
    most_us: DurationUs,
) -> bool:
    """Whether touches that follow a first one after each of the delays in turn, each at the next
    opening, can all go within `most_us` of the first one, if that goes at the best moment."""
    spans = _spans(tuple(_with_quiet(windows, quiet)))
    delays = [-(-delay // MINUTE) for delay in delays_us]
    sums = (0, *accumulate(delays))
    starts = {(start - passed) % _WEEK_MINUTES for start, _ in spans for passed in sums}
    firsts = {minute for minute in starts if _wait(spans, minute) == 0}
    firsts |= {end - 1 for _, end in spans}
    return any(_duration(spans, first, delays) * MINUTE <= most_us for first in firsts)


def _duration(spans: Sequence[tuple[int, int]], first: int, delays: Sequence[int]) -> int:
    """The minutes from the first touch to the last one."""
    passed = 0
    for delay in delays:
        passed += delay
        passed += _wait(spans, (first + passed) % _WEEK_MINUTES)
    return passed


def _wait(spans: Sequence[tuple[int, int]], minute: int) -> int:
    """The minutes from a minute of the week to the next opening; 0 if it is open."""
    if any(start <= minute < end for start, end in spans):
        return 0
    return min((start - minute) % _WEEK_MINUTES for start, _ in spans)


@lru_cache(maxsize=64)
def _spans(windows: tuple[StepWindow, ...]) -> tuple[tuple[int, int], ...]:
    """The open times of a week as minutes, each from its first to before its end."""
    minutes = sorted({day * _DAY + edge for day in WEEK for edge in _edges(windows)})
    ends = [*minutes[1:], _WEEK_MINUTES]
    return tuple(
        (minute, end)
        for minute, end in zip(minutes, ends, strict=True)
        if all(each.is_open(*divmod(minute, _DAY)) for each in windows)
    )


def _with_quiet(windows: Sequence[StepWindow], quiet: Quiet) -> Sequence[StepWindow]:
    start, end = quiet
    return (*windows, StepWindow(end, start)) if start != end else windows


def _edges(windows: Sequence[StepWindow]) -> set[MinuteOfDay]:
    return {0, *(edge % _DAY for each in windows for edge in (each.start, each.end))}
