"""Checks the plain values of a document that a person writes, and collects all of its problems.

A check that fails records a problem and returns a harmless value, so that the checks after it run.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from schemas.base.error_codes import CampaignCode, Problem, printable
from schemas.base.field_types import ID_PATTERN
from schemas.base.times import MINUTE, DurationUs

is_id = re.compile(ID_PATTERN.removesuffix("$"), re.ASCII).fullmatch
_PROBLEMS_MAX = 100


class PlainChecks:
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
                    CampaignCode.FIELD_UNKNOWN, inside(place, str(name)), "no such field" + hint
                )
        return value

    def text(
        self, row: dict[str, Any], field: str, maximum: int, code: CampaignCode, place: str = ""
    ) -> str | None:
        """An optional text of bounded length, without characters that cannot be stored."""
        value = row.get(field)
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > maximum or not _storable(value):
            self.report(code, inside(place, field), f"a text of at most {maximum} characters")
            return None
        return value

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
            self.report(code, inside(place, field), message)
        return texts

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
            self.report(code, inside(place, field), "one of " + ", ".join(allowed))
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
            self.report(code, inside(place, field), message)
            return default
        return value

    def hundredths(
        self,
        row: dict[str, Any],
        field: str,
        place: str,
        least: int,
        most: int,
        code: CampaignCode,
        default: int | None,
    ) -> int | None:
        """A number from `least` to `most` with at most 2 decimals, as hundredths; `default`, which
        is hundredths too, if the field is absent or null."""
        value = row.get(field)
        if value is None:
            return default
        if (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and least <= value <= most
        ):
            found = round(value * 100)
            if found / 100 == value:
                return found
        message = f"a number of {least} to {most} with at most 2 decimals"
        self.report(code, inside(place, field), message)
        return default

    def flag(
        self, row: dict[str, Any], field: str, place: str, code: CampaignCode, default: bool
    ) -> bool:
        """True or false; `default` if the field is absent or null."""
        value = row.get(field)
        if value is not None and not isinstance(value, bool):
            self.report(code, inside(place, field), "true or false")
        return value if isinstance(value, bool) else default

    def plain_id(
        self, row: dict[str, Any], field: str, code: CampaignCode, place: str
    ) -> str | None:
        """An optional id that is part of keys."""
        value = row.get(field)
        if value is None:
            return None
        if not isinstance(value, str) or is_id(value) is None:
            message = "1 to 64 of A-Z a-z 0-9 _ . : - and no sign in front"
            self.report(code, inside(place, field), message)
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
            self.report(code, inside(place, field), message)
            return None
        return str(value)

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
        delays = tuple(us for item in rows[:longest] if (us := duration_us(item, MINUTE, most)))
        if len(delays) != len(rows):
            message = f"a list of at most {longest} numbers of minutes above 0, each up to {most}"
            self.report(code, inside(place, field) if named else place, message)
        return delays


def inside(place: str, field: str) -> str:
    """The place of a field of the value at `place`."""
    return f"{place}.{field}" if place else field


def _storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def duration_us(value: Any, unit: DurationUs, maximum: int) -> DurationUs | None:
    """A number of units in microseconds; None if it is not a number from 0 to `maximum`."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= maximum:
        return None  # NaN and infinity fail the comparison
    return round(value * unit)
