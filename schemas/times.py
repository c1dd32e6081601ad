"""Time as one integer: microseconds since 1970, UTC. Text only at the edges, RFC 3339 with an
offset.

No clock is read here: every moment arrives from outside (design 2.1).
"""

import re
from datetime import UTC, datetime, timedelta

Micros = int

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# What fromisoformat accepts is wider than RFC 3339 (weeks, basic format, no offset), so the shape
# is checked first.
_SHAPE = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
).fullmatch
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII).fullmatch

EARLIEST: Micros = 946_684_800 * SECOND  # 2000-01-01: anything before is a unit mix-up, not a date
LATEST: Micros = 4_102_444_800 * SECOND  # 2100-01-01


OUT_OF_RANGE = "not within the years 2000 to 2100"


def parse_rfc3339(text: str) -> Micros:
    """The moment that `text` names; finer than a microsecond is cut off. Anything else:
    ValueError."""
    if _SHAPE(text) is None:
        raise ValueError("not an RFC 3339 time with an offset")
    since = datetime.fromisoformat(text.upper()) - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def parse_moment(text: str) -> Micros:
    """As `parse_rfc3339`, and within 2000 to 2100: the only moments that the public contract
    knows."""
    micros = parse_rfc3339(text)
    if not EARLIEST <= micros < LATEST:
        raise ValueError(OUT_OF_RANGE)
    return micros


def format_rfc3339(micros: Micros) -> str:
    """`2026-03-01T09:00:00Z`, with six decimals where there are any: the one form we write."""
    return to_datetime(micros).isoformat().removesuffix("+00:00") + "Z"


def to_datetime(micros: Micros) -> datetime:
    """The same moment as a datetime in UTC, exact to the microsecond."""
    return _EPOCH + timedelta(microseconds=micros)


def from_datetime(moment: datetime) -> Micros:
    """The same moment as micros; a datetime without a zone is a mistake, so it raises TypeError."""
    return (moment - _EPOCH) // _MICROSECOND


def parse_clock(text: str) -> int:
    """`21:00` as minutes of the day; `24:00` is no time of day. Anything else: ValueError."""
    match = _CLOCK(text)
    if match is None:
        raise ValueError("not a time of day like 21:00")
    return int(match[1]) * 60 + int(match[2])


def format_clock(minutes: int) -> str:
    """Minutes of the day as `21:00`."""
    return f"{minutes // 60:02}:{minutes % 60:02}"
