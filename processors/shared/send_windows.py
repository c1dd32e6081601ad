"""Quiet hours and send windows: when a touch may go out by the wall clock of its recipient (F-6,
C-33)."""

from datetime import UTC, date, datetime, timedelta, tzinfo

from schemas.base.times import DAY
from schemas.base.zones import zone
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal.messages import Window
from schemas.internal.state_bytes import NEVER

_MINUTE = 60_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LOOKED_AHEAD = 15 * DAY
"""What does not open within two weeks never does: a week repeats itself, but for a clock change."""


def is_open(window: Window, moment: int) -> bool:
    """Whether something may go out at `moment`: no quiet hours, and inside the step's own."""
    return not is_quiet(window, moment) and (
        window.only is None or _inside(window.only, _local(window, moment))
    )


def is_quiet(window: Window, moment: int) -> bool:
    """Whether `moment` lies in the quiet hours: from `start`, up to but without `end`."""
    if window.start == window.end:
        return False
    local = _local(window, moment)
    return _within(window.start, window.end, local.hour * 60 + local.minute)


def opens_at(window: Window | None, moment: int) -> int:
    """The first moment from `moment` on at which something may go out; `moment` itself where it
    may, NEVER where quiet hours leave nothing of the step's own."""
    if window is None:
        return moment
    opened = moment
    while opened < moment + LOOKED_AHEAD:
        loud = _quiet_until(window, opened)
        opened = loud if window.only is None else _inside_from(window, window.only, loud)
        if opened == loud:
            return opened
    return NEVER


def _quiet_until(window: Window, moment: int) -> int:
    """The end of the quiet hours around `moment`, or `moment`.

    The end is a wall clock time: where a clock change skips it, the first moment after the gap
    counts; where it comes twice, the first that is not past. A clock that is set back to before
    their begin ends them too.
    """
    if not is_quiet(window, moment):
        return moment
    local = _local(window, moment)
    day = local.date()
    if local.hour * 60 + local.minute >= window.end:
        day += timedelta(days=1)
    later = [end for end in _readings(day, window.end, zone(window.zone)) if end > moment]
    opened = later[0] if later else moment - moment % _MINUTE + _MINUTE
    while is_quiet(window, opened):  # only around a clock change
        opened += _MINUTE
    change = _clock_change(window, moment, opened)
    return opened if change is None or is_quiet(window, change) else change


def _inside_from(window: Window, only: StepWindow, moment: int) -> int:
    """The first moment from `moment` on inside the step's own hours, on one of its days: where the
    clock shows their begin, or where it is set to one of them."""
    local = _local(window, moment)
    if _inside(only, local):
        return moment
    opened = NEVER
    for ahead in range(9):  # the same weekday again, even if a clock change takes its begin
        day = local.date() + timedelta(days=ahead)
        begins = _readings(day, only.start, zone(window.zone))
        later = [at for at in begins if at > moment and _inside(only, _local(window, at))]
        if later:
            opened = later[0]
            break
    change = _clock_change(window, moment, min(opened, moment + LOOKED_AHEAD))
    return change if change is not None and _inside(only, _local(window, change)) else opened


def _clock_change(window: Window, after: int, until: int) -> int | None:
    """The moment between the two, to the second, at which the clock is set; None where it is
    not."""
    offset = _local(window, after).utcoffset()
    if _local(window, until).utcoffset() == offset:
        return None
    low, high = after // 1_000_000, until // 1_000_000
    while high - low > 1:
        middle = (low + high) // 2
        if _local(window, middle * 1_000_000).utcoffset() == offset:
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


def _readings(day: date, minutes: int, clock: tzinfo) -> list[int]:
    """The moments at which a clock on the wall shows that time of that day: one, or two where it
    is set back; where it is set forward past it, the first moment after."""
    found = []
    for fold in (0, 1):
        shown = datetime(
            day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=clock, fold=fold
        )
        found.append(int((shown - _EPOCH).total_seconds()) * 1_000_000)
    return found[1:] if found[0] > found[1] else found


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


def _within(start: int, end: int, minute: int) -> bool:
    if start < end:
        return start <= minute < end
    return minute >= start or minute < end
