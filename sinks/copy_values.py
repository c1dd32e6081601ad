"""Values in the form that PostgreSQL's binary COPY takes, so that the driver converts nothing.

A timestamptz is an integer, microseconds since 2000-01-01 UTC; a date is days since then, a time
microseconds since midnight; a jsonb is JSON behind a version byte.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import fields

from schemas.base.times import MINUTE, MinuteOfDay

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]

PG_EPOCH_US = 946_684_800_000_000
"""Microseconds from 1970 to 2000, PostgreSQL's epoch."""

PG_EPOCH_DAYS = 10_957
"""Days from 1970 to 2000."""

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


def date_of_day(unix_day: int | None) -> int | None:
    """A date from days since 1970-01-01."""
    return None if unix_day is None else unix_day - PG_EPOCH_DAYS


def time_of(minutes: MinuteOfDay | None) -> int | None:
    """A time of day from minutes since midnight."""
    return None if minutes is None else minutes * MINUTE


def named(value: Any, left_out: Collection[str] = ()) -> Any:
    """The value with structs, also nested ones, as objects with named fields. The fields in
    `left_out` are left out where they have their default."""
    if isinstance(value, msgspec.Struct):
        return {
            field.encode_name: named(own, left_out)
            for field in fields(value)
            if (own := getattr(value, field.name)) != field.default or field.name not in left_out
        }
    if isinstance(value, dict):
        return {name: named(item, left_out) for name, item in value.items()}
    return [named(item, left_out) for item in value] if isinstance(value, tuple) else value


def jsonb(value: Any) -> bytes:
    """A jsonb from a value that msgspec can encode. Keys are sorted."""
    return b"\x01" + _json(value)


EMPTY_JSONB = jsonb({})
