"""Quiet hours and send windows: when a touch may go out by the local time of its recipient (F-6,
C-33).

Moments are in microseconds; times of day are in minutes.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo

from schemas.base.times import DAY, MINUTE
from schemas.base.zones import zone
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal.messages import Window
from schemas.internal.state_bytes import NEVER

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LOOK_AHEAD_US = 15 * DAY
"""A window that does not open within two weeks never opens: apart from clock changes, every week is
the same."""


def is_open(window: Window, moment: int) -> bool:
    """Whether `moment` is outside of quiet hours and inside the step's window."""
    return not is_quiet(window, moment) and (
        window.only is None or _inside(window.only, _local_time(window, moment))
    )


def is_quiet(window: Window, moment: int) -> bool:
    """Whether `moment` is in the quiet hours: from `start` up to, but without, `end`."""
    if window.start == window.end:
        return False
    local = _local_time(window, moment)
    return _within(window.start, window.end, local.hour * 60 + local.minute)


def opens_at(window: Window | None, moment: int) -> int:
    """The first moment from `moment` on at which a touch may go out. NEVER where quiet hours cover
    the whole window of the step. Without a window it is `moment`."""
    if window is None:
        return moment
    candidate = moment
    while candidate < moment + LOOK_AHEAD_US:
        quiet_end = _quiet_until(window, candidate)
        only = window.only
        candidate = quiet_end if only is None else _inside_from(window, only, quiet_end)
        if candidate == quiet_end:
            return candidate
    return NEVER


def _quiet_until(window: Window, moment: int) -> int:
    """The end of the quiet hours around `moment`, or `moment` where it is not in quiet hours.

    The end is a local time. If a clock change skips that time, the first moment after the gap
    counts; if the time comes twice, the first one after `moment`. Quiet hours also end where the
    clock is set back to a time before their start.
    """
    if not is_quiet(window, moment):
        return moment
    local = _local_time(window, moment)
    day = local.date()
    if local.hour * 60 + local.minute >= window.end:
        day += timedelta(days=1)
    later = [end for end in _moments_with(day, window.end, zone(window.zone)) if end > moment]
    candidate = later[0] if later else moment - moment % MINUTE + MINUTE
    while is_quiet(window, candidate):  # happens only around a clock change
        candidate += MINUTE
    change = _clock_change(window, moment, candidate)
    return candidate if change is None or is_quiet(window, change) else change


def _inside_from(window: Window, only: StepWindow, moment: int) -> int:
    """The first moment from `moment` on inside the step's window: at the window's start on one of
    its days, or where a clock change leads into the window."""
    local = _local_time(window, moment)
    if _inside(only, local):
        return moment
    candidate = NEVER
    for ahead in range(9):  # a week, and the same weekday again if a clock change skips the start
        day = local.date() + timedelta(days=ahead)
        begins = _moments_with(day, only.start, zone(window.zone))
        later = [at for at in begins if at > moment and _inside(only, _local_time(window, at))]
        if later:
            candidate = later[0]
            break
    change = _clock_change(window, moment, min(candidate, moment + LOOK_AHEAD_US))
    if change is not None and _inside(only, _local_time(window, change)):
        return change
    return candidate


def _clock_change(window: Window, after: int, until: int) -> int | None:
    """The moment of a clock change between the two moments, to the second; None without one."""
    offset = _local_time(window, after).utcoffset()
    if _local_time(window, until).utcoffset() == offset:
        return None
    low, high = after // 1_000_000, until // 1_000_000
    while high - low > 1:
        middle = (low + high) // 2
        if _local_time(window, middle * 1_000_000).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high * 1_000_000


def _inside(only: StepWindow, local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    if only.start < only.end:
        return only.start <= minute < only.end and bool(only.days >> local.weekday() & 1)
    if minute >= only.start:
        return bool(only.days >> local.weekday() & 1)
    return minute < only.end and bool(only.days >> (local.weekday() - 1) % 7 & 1)


def _moments_with(day: date, minutes: int, clock: tzinfo) -> list[int]:
    """The moments with a local time of a day: usually one, and two where the clock is set back. If
    a clock change skips the time, the first moment after the gap."""
    moments = []
    for fold in (0, 1):
        local = datetime(
            day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=clock, fold=fold
        )
        moments.append(int((local - _EPOCH).total_seconds()) * 1_000_000)
    return moments[1:] if moments[0] > moments[1] else moments


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


def _local_time(window: Window, moment: int) -> datetime:
    return datetime.fromtimestamp(moment // 1_000_000, zone(window.zone))


def _within(start: int, end: int, minute: int) -> bool:
    if start < end:
        return start <= minute < end
    return minute >= start or minute < end
