"""Collects everything that is wrong with a document. A check that fails notes it and gives a
harmless value back."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from schemas.base.error_codes import CampaignCode, Problem, printable
from schemas.base.field_types import ID_PATTERN
from schemas.base.times import HOUR, MINUTE, parse_clock

_ID = re.compile(ID_PATTERN.removesuffix("$"), re.ASCII).fullmatch
_NAME = re.compile(r"[a-zA-Z0-9\s\-_()]+", re.ASCII).fullmatch  # S4-2
_PROBLEMS = 100


class Check:
    """The problems found so far, in the order of the document."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def report(self, code: CampaignCode, place: str, message: str) -> None:
        """One more problem; a document of nonsense is not answered with as much nonsense again."""
        if len(self.problems) < _PROBLEMS:
            self.problems.append(Problem(code, printable(place), printable(message)))

    def mapping(
        self, value: Any, place: str, known: Sequence[str], code: CampaignCode
    ) -> dict[str, Any] | None:
        """The mapping itself, with every unknown name told; None when it is none."""
        if not isinstance(value, dict):
            self.report(code, place, "must be a mapping of names to values")
            return None
        for name in value:
            if name not in known:
                near = get_close_matches(str(name)[:50], known, n=1)
                hint = f": did you mean {near[0]}?" if near else ""
                self.report(
                    CampaignCode.FIELD_UNKNOWN, _inside(place, str(name)), "no such field" + hint
                )
        return value

    def identity(
        self,
        row: dict[str, Any],
        field: str,
        told: str | None,
        invalid: CampaignCode,
        mismatch: CampaignCode,
    ) -> str:
        """The id in the document or, where it has none, the one told from outside; both must
        agree."""
        value = row.get(field) if row.get(field) is not None else told
        if not isinstance(value, str) or _ID(value) is None:
            self.report(invalid, field, "1 to 64 of A-Z a-z 0-9 _ . : - and no sign in front")
            return ""
        if told is not None and value != told:
            self.report(mismatch, field, f"the event says {told}")
        return value

    def name(self, row: dict[str, Any]) -> str:
        """S4-2: required, 3 to 200 of letters, digits, spaces and -_()."""
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
        self, row: dict[str, Any], field: str, most: int, code: CampaignCode, place: str = ""
    ) -> str | None:
        """An optional text without characters that cannot be stored."""
        value = row.get(field)
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > most or not _storable(value):
            self.report(code, _inside(place, field), f"a text of at most {most} characters")
            return None
        return value

    def choice(
        self,
        row: dict[str, Any],
        field: str,
        place: str,
        allowed: Sequence[str],
        *,
        usual: str,
        code: CampaignCode,
    ) -> str:
        """One of the allowed texts; absent or null means the usual one."""
        value = row.get(field)
        if value is None:
            return usual
        if not isinstance(value, str) or value not in allowed:
            self.report(code, _inside(place, field), "one of " + ", ".join(allowed))
            return usual
        return value

    def setting_choice(
        self, row: dict[str, Any], field: str, allowed: Sequence[str], usual: str | None = None
    ) -> str:
        """As `choice`; the first one is usual, unless told otherwise."""
        return self.choice(
            row,
            field,
            "settings",
            allowed,
            usual=usual or allowed[0],
            code=CampaignCode.SETTING_INVALID,
        )

    def step_id(self, row: dict[str, Any], place: str) -> str:
        """Stable across versions: enrollments point at it (C-36)."""
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
        self, row: dict[str, Any], field: str, place: str, most: int, *, zero: bool = False
    ) -> int:
        """A delay in micros: required and more than nothing (F-2), or with `zero` nothing where
        the document is silent."""
        micros = _micros(row.get(field, 0 if zero else None), HOUR, most)
        if micros is None or micros < (0 if zero else 1):
            least = "of 0 or more" if zero else "above 0"
            message = f"a number of hours {least} and at most {most}"
            self.report(CampaignCode.DELAY_INVALID, _inside(place, field), message)
            return 0
        return micros

    def duration(
        self,
        row: dict[str, Any],
        field: str,
        unit: int,
        *,
        above: int,
        most: int,
        usual: int | None,
        place: str = "settings",
    ) -> int | None:
        """A setting in micros, greater than `above` units; absent or null means the usual number of
        units."""
        value = row.get(field)
        if value is None:
            return None if usual is None else usual * unit
        micros = _micros(value, unit, most)
        if micros is None or micros <= above * unit or (above < 0 and micros < 0):
            least = "above 0" if above >= 0 else "of 0 or more"
            message = f"a number {least} and at most {most}"
            self.report(CampaignCode.SETTING_INVALID, _inside(place, field), message)
            return None
        return micros

    def whole(self, row: dict[str, Any], field: str, most: int, usual: int | None) -> int | None:
        """A setting that counts from 1; `none` says without end."""
        value = row.get(field)
        if value is None or value == "none":
            return usual if value is None else None
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            message = f"a whole number of 1 to {most}, or none"
            self.report(CampaignCode.SETTING_INVALID, f"settings.{field}", message)
            return usual
        return value

    def retries(self, row: dict[str, Any], place: str = "settings") -> tuple[int, ...] | None:
        """The waits between attempts in micros; an empty list means one attempt, None that nothing
        is said (F-7)."""
        value = row.get("retry_minutes")
        if value is None:
            return None
        rows = value if isinstance(value, list) else [None]
        waits = tuple(wait for item in rows[:11] if (wait := _micros(item, MINUTE, 10_080)))
        if len(waits) != len(rows) or len(waits) > 10:
            message = "a list of at most 10 numbers of minutes above 0"
            self.report(CampaignCode.SETTING_INVALID, f"{place}.retry_minutes", message)
        return waits

    def texts(
        self,
        row: dict[str, Any],
        field: str,
        most: int,
        longest: int,
        code: CampaignCode,
        place: str,
    ) -> tuple[str, ...]:
        """A list of texts; absent or null is an empty one."""
        value = row.get(field)
        rows = [] if value is None else value if isinstance(value, list) else [None]
        found = tuple(
            row
            for row in rows[:most]
            if isinstance(row, str) and 0 < len(row) <= longest and _storable(row)
        )
        if len(found) != len(rows):
            message = f"a list of at most {most} texts of at most {longest} characters"
            self.report(code, _inside(place, field), message)
        return found

    def priority(self, row: dict[str, Any]) -> int:
        """Greater goes first when a limit binds (C-35)."""
        value = row.get("priority")
        if value is None:
            return 0
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 1_000:
            self.report(
                CampaignCode.SETTING_INVALID, "settings.priority", "a whole number of -1000 to 1000"
            )
            return 0
        return value

    def quiet_hours(self, row: dict[str, Any]) -> tuple[str, int | None, int | None]:
        """Whose quiet hours hold, and in minutes of the day which: the tenant's, none or the
        campaign's own (F-6)."""
        value, place = row.get("quiet_hours"), "settings.quiet_hours"
        if value is None or value == "none":
            return ("tenant" if value is None else "none"), None, None
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
    ) -> int:
        """A time of day in minutes."""
        try:
            return parse_clock(value)
        except (ValueError, TypeError):
            self.report(code, place, "a time of day like 21:00")
            return 0


def _inside(place: str, field: str) -> str:
    return f"{place}.{field}" if place else field


def _storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _micros(value: Any, unit: int, most: int) -> int | None:
    """A whole or decimal number of units, if it is one and not beyond `most`."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        return None  # NaN and infinity are within no bounds
    return round(value * unit)
