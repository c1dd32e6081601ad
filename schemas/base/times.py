"""Moments and durations as integer microseconds; RFC 3339 text with an offset at the edges only.

No clock is read here: every moment arrives from outside (promise 1).
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

MomentUs = int
"""A moment: microseconds since 1970-01-01 00:00 UTC."""

DurationUs = int
"""A duration in microseconds."""

MinuteOfDay = int
"""A time of day on a wall clock: minutes since midnight, 0 to 1439."""

MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = _EPOCH.replace(tzinfo=None)
_MICROSECOND = timedelta(microseconds=1)

# What fromisoformat accepts is wider than RFC 3339 (weeks, no seconds), so the shape is checked
# first.
_SECOND = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d", re.ASCII).fullmatch
_TAIL = re.compile(r"(?:\.(\d{1,9}))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))", re.ASCII).fullmatch
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII).fullmatch

EARLIEST: MomentUs = (
    946_684_800 * SECOND
)  # 2000-01-01: anything before is a unit mix-up, not a date
LATEST: MomentUs = 4_102_444_800 * SECOND  # 2100-01-01


_NOT_A_TIME = "not an RFC 3339 time with an offset"
OUT_OF_RANGE = "not within the years 2000 to 2100"


def parse_rfc3339(text: str) -> MomentUs:
    """The moment that `text` names; digits beyond the microsecond are cut off.

    Raises ValueError if `text` is not an RFC 3339 time with an offset.
    """
    tail = text[19:]
    if tail == "Z":
        return _second(text[:19])
    match = _TAIL(tail)
    if match is None:
        raise ValueError(_NOT_A_TIME)
    fraction, sign, hours, minutes = match.groups()
    micros = int(fraction[:6].ljust(6, "0")) if fraction else 0
    offset = (int(hours) * HOUR + int(minutes) * MINUTE) if sign else 0
    return _second(text[:19]) + micros - (-offset if sign == "-" else offset)


# Consecutive events share their seconds, and most events contain their time twice: the cache saves
# half a microsecond each.
@lru_cache(maxsize=8192)
def _second(text: str) -> MomentUs:
    if _SECOND(text) is None:
        raise ValueError(_NOT_A_TIME)
    since = datetime.fromisoformat(text) - _NAIVE_EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND


def parse_moment(text: str) -> MomentUs:
    """The moment that `text` names, within the years 2000 to 2100, as the public contract requires.

    Raises ValueError if `text` is not an RFC 3339 time with an offset, or is out of that range.
    """
    micros = parse_rfc3339(text)
    if not EARLIEST <= micros < LATEST:
        raise ValueError(OUT_OF_RANGE)
    return micros


@lru_cache(maxsize=8192)
def format_rfc3339(micros: MomentUs) -> str:
    """A moment as text like `2026-03-01T09:00:00Z`, with six decimals if it is not a whole
    second."""
    return to_datetime(micros).isoformat().removesuffix("+00:00") + "Z"


def to_datetime(micros: MomentUs) -> datetime:
    """A moment as a datetime in UTC, exact to the microsecond."""
    return _EPOCH + timedelta(microseconds=micros)


def from_datetime(moment: datetime) -> MomentUs:
    """A datetime as a moment. Raises TypeError if the datetime has no zone."""
    return (moment - _EPOCH) // _MICROSECOND


def parse_clock(text: str) -> MinuteOfDay:
    """A time of day like `21:00` in minutes. Raises ValueError for any other text, `24:00` too."""
    match = _CLOCK(text)
    if match is None:
        raise ValueError("not a time of day like 21:00")
    return int(match[1]) * 60 + int(match[2])


def format_clock(minutes: MinuteOfDay) -> str:
    """A time of day in minutes as text like `21:00`."""
    return f"{minutes // 60:02}:{minutes % 60:02}"
