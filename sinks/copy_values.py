"""Values in the form that PostgreSQL's binary COPY takes, so that the driver converts nothing.

A timestamptz is an integer, microseconds since 2000-01-01 UTC; a jsonb is JSON behind a version
byte.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]

PG_EPOCH_US = 946_684_800_000_000
"""Microseconds from 1970 to 2000, PostgreSQL's epoch."""

_PG_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

_json = msgspec.json.Encoder(order="deterministic").encode


def timestamptz(unix_us: int | None) -> int | None:
    """A timestamptz from microseconds since 1970. None for None and for 0, which stands for an
    unknown time in states."""
    return unix_us - PG_EPOCH_US if unix_us else None


def timestamptz_of(moment: datetime) -> int:
    """A timestamptz from a datetime with a zone, exact to the microsecond."""
    since = moment - _PG_EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def jsonb(value: Any) -> bytes:
    """A jsonb from a value that msgspec can encode. Keys are sorted."""
    return b"\x01" + _json(value)


EMPTY_JSONB = jsonb({})
