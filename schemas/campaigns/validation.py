"""Checks the fields of a campaign document that have a meaning of their own: ids, names, delays,
times and hours.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from schemas.base.error_codes import MESSAGES, CampaignCode
from schemas.base.priorities import PRIORITY_MAX
from schemas.base.times import HOUR, MINUTE, MinuteOfDay, parse_clock
from schemas.base.zone_names import NO_SINGLE_ZONE, single_zone
from schemas.campaigns.plain_checks import PlainChecks, duration_us, inside, is_id

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The weekdays, as documents name them."""

_NAME = re.compile(r"[a-zA-Z0-9 \-_()]+").fullmatch
"""S4-2, where a space stands for a blank only: a name is one line wherever it is shown."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch
_EPOCH_DAY = date(1970, 1, 1).toordinal()


class Check(PlainChecks):
    """The problems of a campaign document, and the checks of its fields."""

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
        if not isinstance(value, str) or is_id(value) is None:
            self.report(invalid, field, "1 to 64 of A-Z a-z 0-9 _ . : - and no sign in front")
            return ""
        if expected is not None and value != expected:
            self.report(mismatch, field, f"the event says {expected}")
        return value

    def name(self, row: dict[str, Any]) -> str:
        """The required name: 3 to 200 letters, digits, spaces and -_() (S4-2)."""
        value = row.get("name")
        if value is None or (isinstance(value, str) and not value.strip()):
            self.report(CampaignCode.NAME_REQUIRED, "name", MESSAGES[CampaignCode.NAME_REQUIRED])
            return ""
        if not isinstance(value, str) or not 3 <= len(value) <= 200 or _NAME(value) is None:
            self.report(
                CampaignCode.NAME_INVALID, "name", "3 to 200 letters, digits, spaces and -_()"
            )
        return str(value)

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
        if not isinstance(value, str) or is_id(value) is None:
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
        found_us = duration_us(row.get(field, 0 if zero else None), HOUR, maximum)
        if found_us is None or found_us < (0 if zero else 1):
            least = "of 0 or more" if zero else "above 0"
            message = f"a number of hours {least} and at most {maximum}"
            self.report(CampaignCode.DELAY_INVALID, inside(place, field), message)
            return 0
        return found_us

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
        found_us = duration_us(value, unit, maximum)
        if found_us is None or found_us <= above * unit or (above < 0 and found_us < 0):
            least = "above 0" if above >= 0 else "of 0 or more"
            message = f"a number {least} and at most {maximum}"
            self.report(CampaignCode.SETTING_INVALID, inside(place, field), message)
            return None
        return found_us

    def whole(
        self, row: dict[str, Any], field: str, maximum: int, default: int | None
    ) -> int | None:
        """A whole number from 1; None if the document has `none`, which means no limit."""
        code = CampaignCode.SETTING_INVALID
        return self.number(row, field, "settings", 1, maximum, code, default, none=True)

    def weekdays(self, row: dict[str, Any], place: str, code: CampaignCode) -> int:
        """The field `days` as bits, Monday lowest; all days if it is absent or null."""
        names = row.get("days")
        names = list(DAYS) if names is None else names
        if not isinstance(names, list) or not names or not all(name in DAYS for name in names):
            self.report(code, inside(place, "days"), "a list of " + ", ".join(DAYS))
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
            self.report(CampaignCode.TIMEZONE_UNKNOWN, inside(place, field), NO_SINGLE_ZONE)
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
            self.report(CampaignCode.SETTING_INVALID, inside(place, field), message)
            return None
        return found.toordinal() - _EPOCH_DAY

    def retries(self, row: dict[str, Any], place: str = "settings") -> tuple[int, ...] | None:
        """The delays between attempts in microseconds (F-7).

        An empty tuple means one attempt; None means that the field is absent or null.
        """
        value = row.get("retry_minutes")
        if value is None:
            return None
        rows = value if isinstance(value, list) else [None]
        delays = tuple(delay for item in rows[:11] if (delay := duration_us(item, MINUTE, 10_080)))
        if len(delays) != len(rows) or len(delays) > 10:
            message = "a list of at most 10 numbers of minutes above 0"
            self.report(CampaignCode.SETTING_INVALID, f"{place}.retry_minutes", message)
        return delays

    def priority(self, row: dict[str, Any]) -> int:
        """The priority: when a limit holds requests, the greatest is sent first (C-35)."""
        code = CampaignCode.SETTING_INVALID
        found = self.number(row, "priority", "settings", -PRIORITY_MAX, PRIORITY_MAX, code, 0)
        return found or 0

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
