"""The days, weeks and months of a calendar by the clock of a time zone, as moments."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from schemas.base.times import MINUTE, MomentUs, from_datetime
from schemas.base.zones import zone

DAY, WEEK = "day", "week"
_EPOCH = date(1970, 1, 1)
_CACHED_US = 15 * MINUTE


def period_of(unit: str, zone_name: str, first_weekday: int, at: MomentUs) -> tuple[int, int]:
    """The beginning of the day, week or month that `at` is in, and of the one after it.

    `first_weekday` is 0 for Monday. No clock has changed its day inside of a quarter of an hour of
    UTC, so moments are looked up by that.
    """
    return _period_of(unit, zone_name, first_weekday, at - at % _CACHED_US)


def day_of(zone_name: str, at: MomentUs) -> int:
    """The day of a moment by the clock of a zone, as days since 1970-01-01."""
    return _day_of(zone_name, at - at % _CACHED_US)


@lru_cache(maxsize=4096)
def first_moment(zone_name: str, day: int) -> MomentUs:
    """The first moment of a day, given as days since 1970-01-01, by the clock of a zone. If a zone
    has left the day out, it is that of the day after it."""
    return _midnight(zone_name, _EPOCH + timedelta(days=day))


@lru_cache(maxsize=4096)
def _day_of(zone_name: str, at: MomentUs) -> int:
    return (_local(zone_name, at) - _EPOCH).days


@lru_cache(maxsize=4096)
def _period_of(unit: str, zone_name: str, first_weekday: int, at: MomentUs) -> tuple[int, int]:
    day = _local(zone_name, at)
    if unit == DAY:
        first, following = day, day + timedelta(days=1)
    elif unit == WEEK:
        first = day - timedelta(days=(day.weekday() - first_weekday) % 7)
        following = first + timedelta(days=7)
    else:
        first = day.replace(day=1)
        following = (first + timedelta(days=31)).replace(day=1)
    return _midnight(zone_name, first), _midnight(zone_name, following)


def _local(zone_name: str, at: MomentUs) -> date:
    return datetime.fromtimestamp(at // 1_000_000, zone(zone_name)).date()


def _midnight(zone_name: str, day: date) -> MomentUs:
    """The first moment of a day; after a clock change over midnight it is not 00:00. A day that the
    zone has left out begins and ends with the day after it."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone(zone_name))
    at = from_datetime(local.astimezone(UTC))
    if _local(zone_name, at) >= day:
        return at
    return at + _step_to(zone_name, day, at)


def _step_to(zone_name: str, day: date, at: MomentUs) -> int:
    """How long after `at`, which is before `day`, that day begins."""
    low, high = 0, 3 * 3_600
    while high - low > 1:
        middle = (low + high) // 2
        if _local(zone_name, at + middle * 1_000_000) >= day:
            high = middle
        else:
            low = middle
    return high * 1_000_000
