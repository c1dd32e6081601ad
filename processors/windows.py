"""Quiet hours: when a touch may go out by the wall clock of its recipient (F-6)."""

from datetime import UTC, datetime, timedelta

from schemas.messages import Window
from schemas.zones import zone

_MINUTE = 60_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_quiet(window: Window, moment: int) -> bool:
    """Whether `moment` lies in the quiet hours: from `start`, up to but without `end`."""
    local = _local(window, moment)
    return _within(window, local.hour * 60 + local.minute)


def opens_at(window: Window | None, moment: int) -> int:
    """The first moment from `moment` on that is not quiet; `moment` itself where it is not.

    The end is a wall clock time: where a clock change skips it, the first moment after the gap
    counts; where it comes twice, the first that is not past.
    """
    if window is None or window.start == window.end or not is_quiet(window, moment):
        return moment
    local = _local(window, moment)
    day = local.date()
    if local.hour * 60 + local.minute >= window.end:
        day += timedelta(days=1)
    clock = zone(window.zone)
    ends = []
    for fold in (0, 1):
        end = datetime(
            day.year, day.month, day.day, window.end // 60, window.end % 60, tzinfo=clock, fold=fold
        )
        ends.append(int((end - _EPOCH).total_seconds()) * 1_000_000)
    if ends[0] > ends[1]:  # skipped: the gap lies somewhere between the two readings
        ends = ends[1:]
    later = [end for end in ends if end > moment]
    opened = later[0] if later else moment - moment % _MINUTE + _MINUTE
    while is_quiet(window, opened):  # only around a clock change
        opened += _MINUTE
    return opened


def widened(start: int, end: int, earliest: int) -> tuple[int, int]:
    """The same quiet hours, and quiet from `earliest` to midnight too (F-6): what a stricter region
    asks, whoever set the others.

    Equal ends are no quiet hours, and stay so. Hours that would leave nothing of the day stay too.
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


def _local(window: Window, moment: int) -> datetime:
    return datetime.fromtimestamp(moment // 1_000_000, zone(window.zone))


def _within(window: Window, minute: int) -> bool:
    if window.start < window.end:
        return window.start <= minute < window.end
    return minute >= window.start or minute < window.end
