"""The hours in which the law allows calls, by region: the data of regions.yaml.

Laws change as time zones do, so the file has a version and a date, and a change of it is a change
of an input.
"""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from schemas.base.times import MinuteOfDay, parse_clock

_DAY = 24 * 60
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Hours(NamedTuple):
    """A part of the days of `days` (bit 0 is Monday) by the wall clock: from `start` up to, but
    without, `end`, which is at most 1440."""

    start: MinuteOfDay
    end: int
    days: int


class CallingRules(NamedTuple):
    """An edition of regions.yaml: its hours by country (US) or region (US-FL)."""

    version: int
    date: str
    hours: dict[str, tuple[Hours, ...]]
    laws: dict[str, str]


@cache
def calling_rules() -> CallingRules:
    """The rules of this release. Raises ValueError if the file is malformed."""
    import yaml

    document = yaml.safe_load(files("schemas.base").joinpath("regions.yaml").read_text("utf-8"))
    rows = {row["region"]: row for row in document["rules"]}
    if len(rows) != len(document["rules"]):
        raise ValueError("regions.yaml: a region has two rows")
    hours = {region: tuple(_hours(part) for part in row["hours"]) for region, row in rows.items()}
    laws = {region: row["law"] for region, row in rows.items()}
    return CallingRules(document["version"], str(document["date"]), hours, laws)


def hours_of_region(code: str) -> tuple[Hours, ...]:
    """The hours of a region, or else of its country; none if there is no such law."""
    hours = calling_rules().hours
    return hours.get(code) or hours.get(code.partition("-")[0], ())


def strictest_hours(country: str) -> tuple[Hours, ...]:
    """The hours that every region of a country allows; of every country where none is known."""
    rows = calling_rules().hours
    return common_hours(
        hours for code, hours in rows.items() if not country or code.partition("-")[0] == country
    )


def common_hours(rules: Iterable[tuple[Hours, ...]]) -> tuple[Hours, ...]:
    """The hours that several rules all allow. A rule without hours allows every hour; if no hour
    remains, an empty part of no day is returned, which is never open."""
    narrow = [rule for rule in rules if rule]
    if len(narrow) < 2:
        return narrow[0] if narrow else ()
    parts: dict[tuple[int, int], int] = {}
    for day in range(7):
        minutes = set(range(_DAY))
        for rule in narrow:
            minutes &= _minutes(rule, day)
        for part in _spans(sorted(minutes)):
            parts[part] = parts.get(part, 0) | 1 << day
    return tuple(Hours(*part, days) for part, days in sorted(parts.items())) or (Hours(0, _DAY, 0),)


def _minutes(rule: tuple[Hours, ...], day: int) -> set[int]:
    return {
        minute for part in rule if part.days >> day & 1 for minute in range(part.start, part.end)
    }


def _spans(minutes: list[int]) -> list[tuple[int, int]]:
    """The first minute, and the one after the last, of each run of minutes."""
    begins = [at for place, at in enumerate(minutes) if not place or minutes[place - 1] != at - 1]
    known = set(minutes)
    ends = [at + 1 for at in minutes if at + 1 not in known]
    return list(zip(begins, ends, strict=True))


def _hours(row: dict[str, Any]) -> Hours:
    first, _, last = row["days"].partition("-")
    days = range(_DAYS.index(first), _DAYS.index(last or first) + 1)
    end = _DAY if row["end"] == "24:00" else parse_clock(row["end"])
    start = parse_clock(row["start"])
    if not start < end:
        raise ValueError(f"regions.yaml: {row} ends before it begins")
    return Hours(start, end, sum(1 << day for day in days))
