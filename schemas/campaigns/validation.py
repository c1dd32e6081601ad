"""Checks the fields of a campaign document and collects all of its problems.

A check that fails records a problem and returns a harmless value, so that the checks after it run.
"""

import re
from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches
from typing import Any

from schemas.base.error_codes import CampaignCode, Problem, printable
from schemas.base.field_types import ID_PATTERN
from schemas.base.times import HOUR, MINUTE, DurationUs, MinuteOfDay, parse_clock
from schemas.base.zone_names import NO_SINGLE_ZONE, single_zone

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The weekdays, as documents name them."""

_ID = re.compile(ID_PATTERN.removesuffix("$"), re.ASCII).fullmatch
_NAME = re.compile(r"[a-zA-Z0-9\s\-_()]+", re.ASCII).fullmatch  # S4-2
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_PROBLEMS_MAX = 100


class Check:
    """The problems of one document, in its order, and the checks that record them.

    `place` is the path of a value in the document; `row` is the mapping that has the field.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def report(self, code: CampaignCode, place: str, message: str) -> None:
        """Records a problem, up to a maximum number of problems for one document."""
        if len(self.problems) < _PROBLEMS_MAX:
            self.problems.append(Problem(code, printable(place), printable(message)))

    def mapping(
        self, value: Any, place: str, allowed: Sequence[str], code: CampaignCode
    ) -> dict[str, Any] | None:
        """The value if it is a mapping, otherwise None. Every unknown name is a problem."""
        if not isinstance(value, dict):
            self.report(code, place, "must be a mapping of names to values")
            return None
        for name in value:
            if name not in allowed:
                near = get_close_matches(str(name)[:50], allowed, n=1)
                hint = f": did you mean {near[0]}?" if near else ""
                self.report(
                    CampaignCode.FIELD_UNKNOWN, _inside(place, str(name)), "no such field" + hint
                )
        return value

    def identity(
        self,
        row: dict[str, Any],
        field: str,
        expected: str | None,
        invalid: CampaignCode,
        mismatch: CampaignCode,
    ) -> str:
        """An id of the document, or `expected` if it has none; both must be equal."""
        value = row.get(field) if row.get(field) is not None else expected
        if not isinstance(value, str) or _ID(value) is None:
            self.report(invalid, field, "1 to 64 of A-Z a-z 0-9 _ . : - and no sign in front")
            return ""
        if expected is not None and value != expected:
            self.report(mismatch, field, f"the event says {expected}")
        return value

    def name(self, row: dict[str, Any]) -> str:
        """The required name: 3 to 200 letters, digits, spaces and -_() (S4-2)."""
        value = row.get("name")
        if value is None or (isinstance(value, str) and not value.strip()):
            self.report(CampaignCode.NAME_REQUIRED, "name", "Campaign name is required")
            return ""
        if not isinstance(value, str) or not 3 <= len(value) <= 200 or _NAME(value) is None:
            self.report(
                CampaignCode.NAME_INVALID, "name", "3 to 200 letters, digits, spaces and -_()"
            )
        return str(value)

    def text(
        self, row: dict[str, Any], field: str, maximum: int, code: CampaignCode, place: str = ""
    ) -> str | None:
        """An optional text of bounded length, without characters that cannot be stored."""
        value = row.get(field)
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > maximum or not _storable(value):
            self.report(code, _inside(place, field), f"a text of at most {maximum} characters")
            return None
        return value

    def choice(
        self,
        row: dict[str, Any],
        field: str,
        place: str,
        allowed: Sequence[str],
        *,
        default: str,
        code: CampaignCode,
    ) -> str:
        """One of the allowed texts; `default` if the field is absent or null."""
        value = row.get(field)
        if value is None:
            return default
        if not isinstance(value, str) or value not in allowed:
            self.report(code, _inside(place, field), "one of " + ", ".join(allowed))
            return default
        return value

    def setting_choice(
        self, row: dict[str, Any], field: str, allowed: Sequence[str], default: str | None = None
    ) -> str:
        """A setting that is one of the allowed texts; the default is `default` or the first one."""
        return self.choice(
            row,
            field,
            "settings",
            allowed,
            default=default or allowed[0],
            code=CampaignCode.SETTING_INVALID,
        )

    def step_id(self, row: dict[str, Any], place: str) -> str:
        """The required id of a step. It stays the same across versions (C-36)."""
        value = row.get("id")
        if value is None:
            self.report(
                CampaignCode.STEP_ID_REQUIRED, f"{place}.id", "a step has an id that stays its own"
            )
            return ""
        if not isinstance(value, str) or _ID(value) is None:
            self.report(
                CampaignCode.STEP_ID_INVALID, f"{place}.id", "1 to 64 of A-Z a-z 0-9 _ . : -"
            )
            return ""
        return value

    def hours(
        self, row: dict[str, Any], field: str, place: str, maximum: int, *, zero: bool = False
    ) -> int:
        """A delay in hours as microseconds: required and above 0 (F-2), or with `zero` 0 if it is
        absent."""
        duration_us = _duration_us(row.get(field, 0 if zero else None), HOUR, maximum)
        if duration_us is None or duration_us < (0 if zero else 1):
            least = "of 0 or more" if zero else "above 0"
            message = f"a number of hours {least} and at most {maximum}"
            self.report(CampaignCode.DELAY_INVALID, _inside(place, field), message)
            return 0
        return duration_us

    def duration(
        self,
        row: dict[str, Any],
        field: str,
        unit: int,
        *,
        above: int,
        maximum: int,
        default: int | None,
        place: str = "settings",
    ) -> int | None:
        """A setting as microseconds, greater than `above` units of `unit` microseconds.

        Absent or null means `default` units.
        """
        value = row.get(field)
        if value is None:
            return None if default is None else default * unit
        duration_us = _duration_us(value, unit, maximum)
        if duration_us is None or duration_us <= above * unit or (above < 0 and duration_us < 0):
            least = "above 0" if above >= 0 else "of 0 or more"
            message = f"a number {least} and at most {maximum}"
            self.report(CampaignCode.SETTING_INVALID, _inside(place, field), message)
            return None
        return duration_us

    def whole(
        self, row: dict[str, Any], field: str, maximum: int, default: int | None
    ) -> int | None:
        """A whole number from 1; None if the document has `none`, which means no limit."""
        value = row.get(field)
        if value is None or value == "none":
            return default if value is None else None
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= maximum:
            message = f"a whole number of 1 to {maximum}, or none"
            self.report(CampaignCode.SETTING_INVALID, f"settings.{field}", message)
            return default
        return value

    def number(
        self,
        row: dict[str, Any],
        field: str,
        place: str,
        least: int,
        most: int,
        code: CampaignCode,
        default: int | None,
        none: bool = False,
    ) -> int | None:
        """A whole number from `least` to `most`; `default` if the field is absent or null. With
        `none` the document may have `none`, which is None."""
        value = row.get(field)
        if value is None or (none and value == "none"):
            return default if value is None else None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            message = f"a whole number of {least} to {most}" + (", or none" if none else "")
            self.report(code, _inside(place, field), message)
            return default
        return value

    def flag(
        self, row: dict[str, Any], field: str, place: str, code: CampaignCode, default: bool
    ) -> bool:
        """True or false; `default` if the field is absent or null."""
        value = row.get(field)
        if value is not None and not isinstance(value, bool):
            self.report(code, _inside(place, field), "true or false")
        return value if isinstance(value, bool) else default

    def plain_id(
        self, row: dict[str, Any], field: str, code: CampaignCode, place: str
    ) -> str | None:
        """An optional id that is part of keys."""
        value = row.get(field)
        if value is None:
            return None
        if not isinstance(value, str) or _ID(value) is None:
            message = "1 to 64 of A-Z a-z 0-9 _ . : - and no sign in front"
            self.report(code, _inside(place, field), message)
            return None
        return value

    def entity_id(
        self, row: dict[str, Any], field: str, code: CampaignCode, place: str
    ) -> str | None:
        """An optional id of another system: a text that is not blank."""
        value = row.get(field)
        if value is None:
            return None
        is_text = isinstance(value, str) and value.isprintable() and _storable(value)
        if not is_text or not value.strip() or len(value) > 200:
            message = "an id of at most 200 characters on one line"
            self.report(code, _inside(place, field), message)
            return None
        return str(value)

    def weekdays(self, row: dict[str, Any], place: str, code: CampaignCode) -> int:
        """The field `days` as bits, Monday lowest; all days if it is absent or null."""
        names = row.get("days")
        names = list(DAYS) if names is None else names
        if not isinstance(names, list) or not names or not all(name in DAYS for name in names):
            self.report(code, _inside(place, "days"), "a list of " + ", ".join(DAYS))
            names = list(DAYS)
        return sum(1 << DAYS.index(name) for name in set(names))

    def zone(self, row: dict[str, Any], field: str, place: str) -> str:
        """A time zone by its IANA name; empty if the field is absent or null. An unknown zone is
        refused, because its hours would be no hours at all."""
        value = row.get(field)
        if value is None:
            return ""
        name = single_zone(value) if isinstance(value, str) and len(value) <= 100 else None
        if name is None:
            self.report(CampaignCode.TIMEZONE_UNKNOWN, _inside(place, field), NO_SINGLE_ZONE)
        return name or ""

    def day(self, row: dict[str, Any], field: str, place: str) -> int | None:
        """A date of the years 2000 to 2099 as days since 1970-01-01; None if it is absent."""
        value = row.get(field)
        if value is None:
            return None
        try:
            found = date.fromisoformat(value) if _DATE(value) else None
        except (TypeError, ValueError):
            found = None
        if found is None or not 2000 <= found.year < 2100:
            message = "a date of 2000 to 2099, such as 2026-03-02"
            self.report(CampaignCode.SETTING_INVALID, _inside(place, field), message)
            return None
        return found.toordinal() - _EPOCH_DAY

    def minutes(
        self,
        row: dict[str, Any],
        field: str,
        place: str,
        longest: int,
        most: int,
        code: CampaignCode,
        named: bool = True,
    ) -> tuple[int, ...]:
        """A list of numbers of minutes as microseconds; empty if it is absent or null. `named` is
        whether the field is in the document, or `place` is the list itself."""
        value = row.get(field)
        rows = [] if value is None else value if isinstance(value, list) else [None]
        delays = tuple(us for item in rows[:longest] if (us := _duration_us(item, MINUTE, most)))
        if len(delays) != len(rows):
            message = f"a list of at most {longest} numbers of minutes above 0, each up to {most}"
            self.report(code, _inside(place, field) if named else place, message)
        return delays

    def retries(self, row: dict[str, Any], place: str = "settings") -> tuple[int, ...] | None:
        """The delays between attempts in microseconds (F-7).

        An empty tuple means one attempt; None means that the field is absent or null.
        """
        value = row.get("retry_minutes")
        if value is None:
            return None
        rows = value if isinstance(value, list) else [None]
        delays = tuple(delay for item in rows[:11] if (delay := _duration_us(item, MINUTE, 10_080)))
        if len(delays) != len(rows) or len(delays) > 10:
            message = "a list of at most 10 numbers of minutes above 0"
            self.report(CampaignCode.SETTING_INVALID, f"{place}.retry_minutes", message)
        return delays

    def texts(
        self,
        row: dict[str, Any],
        field: str,
        maximum: int,
        longest: int,
        code: CampaignCode,
        place: str,
    ) -> tuple[str, ...]:
        """A list of texts; empty if the field is absent or null."""
        value = row.get(field)
        rows = [] if value is None else value if isinstance(value, list) else [None]
        texts = tuple(
            item
            for item in rows[:maximum]
            if isinstance(item, str) and 0 < len(item) <= longest and _storable(item)
        )
        if len(texts) != len(rows):
            message = f"a list of at most {maximum} texts of at most {longest} characters"
            self.report(code, _inside(place, field), message)
        return texts

    def priority(self, row: dict[str, Any]) -> int:
        """The priority: when a limit holds requests, the greatest is sent first (C-35)."""
        value = row.get("priority")
        if value is None:
            return 0
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 1_000:
            self.report(
                CampaignCode.SETTING_INVALID, "settings.priority", "a whole number of -1000 to 1000"
            )
            return 0
        return value

    def quiet_hours(
        self, row: dict[str, Any], default: str = "tenant"
    ) -> tuple[str, MinuteOfDay | None, MinuteOfDay | None]:
        """Which quiet hours apply (tenant, none or own), and the start and end of own ones
        (F-6)."""
        value, place = row.get("quiet_hours"), "settings.quiet_hours"
        if value is None or value in ("none", "tenant"):
            return value or default, None, None
        hours = self.mapping(value, place, ("start", "end"), CampaignCode.QUIET_HOURS_INVALID)
        if hours is None:
            return "tenant", None, None
        start = self.clock(hours.get("start"), f"{place}.start")
        end = self.clock(hours.get("end"), f"{place}.end")
        if start == end and hours.get("start") == hours.get("end"):
            self.report(CampaignCode.QUIET_HOURS_INVALID, place, "no hours at all: none says so")
        return "own", start, end

    def clock(
        self, value: Any, place: str, code: CampaignCode = CampaignCode.QUIET_HOURS_INVALID
    ) -> MinuteOfDay:
        """A time of day in minutes since midnight."""
        try:
            return parse_clock(value)
        except (ValueError, TypeError):
            self.report(code, place, "a time of day like 21:00")
            return 0


def _inside(place: str, field: str) -> str:
    return f"{place}.{field}" if place else field


def _storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _duration_us(value: Any, unit: DurationUs, maximum: int) -> DurationUs | None:
    """A number of units in microseconds; None if it is not a number from 0 to `maximum`."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= maximum:
        return None  # NaN and infinity fail the comparison
    return round(value * unit)
