"""What each column of a CSV file becomes: a field of the contact, an attribute, or nothing."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from schemas.base.error_codes import printable
from schemas.csv_import.file_kinds import CONTACTS, FileKind
from schemas.csv_import.headings import (
    FIELDS,
    NAME_CHARACTERS_MAX,
    Rank,
    attribute_name,
    heading_key,
)
from schemas.csv_import.results import CsvHeaderInvalid
from schemas.public.inbound_events import ContactUpserted

_NO_COLUMNS = {heading_key(name) for name in ContactUpserted.model_fields if name not in FIELDS}
"""Fields of the event that no column may become."""

Given = Sequence[tuple[str, str]]
"""Headings, each with the field or attribute that its column becomes, or with "" for nothing."""


class CsvColumn(NamedTuple):
    """A column of a file and its use."""

    number: int
    """The place of the column, from 1."""

    heading: str
    becomes: str
    """A field or an attribute; "" if the column is ignored."""

    attribute: bool = False
    choice: int = 1
    """The place of the column among those that become the same, from 1: of one line, the first that
    is filled counts."""

    reason: str = ""
    """Why the column is ignored."""


def check_given(given: Given, kind: FileKind = CONTACTS) -> None:
    """Raises CsvHeaderInvalid for a use that no column can have."""
    for _, target in given:
        if len(target) > NAME_CHARACTERS_MAX or not (target.isprintable() or not target):
            raise CsvHeaderInvalid(
                f"the name of an attribute has at most {NAME_CHARACTERS_MAX} characters, "
                f"all printable: {printable(target)}"
            )
        if heading_key(target) in _NO_COLUMNS:
            raise CsvHeaderInvalid(
                f"no column becomes {printable(target)}: a column becomes "
                f"{', '.join(kind.fields)}, "
                "or an attribute with any other name"
            )


def read_columns(
    headings: Sequence[str], given: Given = (), kind: FileKind = CONTACTS
) -> tuple[CsvColumn, ...]:
    """The use of each column. A column that is `given` becomes what it is given for; the fields
    that are given have no other columns. Raises CsvHeaderInvalid for a heading in `given` that the
    file does not have."""
    keys = [heading_key(heading) for heading in headings]
    chosen = _chosen(headings, keys, given)
    present = dict.fromkeys(keys)
    fixed = {target for target, _ in chosen.values()}
    uses: dict[int, CsvColumn] = {}
    ranked: dict[str, list[tuple[Rank, int]]] = defaultdict(list)
    for place, (heading, key) in enumerate(zip(headings, keys, strict=True)):
        empty = CsvColumn(place + 1, heading, "")
        field = kind.field_of(key, present)
        if place in chosen:
            target, rank = chosen[place]
            uses[place] = empty._replace(attribute=target not in kind.fields, becomes=target)
            if target:
                ranked[target].append(((rank, 0), place))
            else:
                uses[place] = empty._replace(reason="as asked for")
        elif field is not None and field[0] in fixed:
            uses[place] = empty._replace(reason=f"{field[0]} is another column, as asked for")
        elif field is not None:
            uses[place] = empty._replace(becomes=field[0])
            ranked[field[0]].append((field[1], place))
        elif not attribute_name(heading):
            uses[place] = empty._replace(reason="it has no heading")
    _add_attributes(headings, uses, fixed)
    for places in ranked.values():
        for choice, (_, place) in enumerate(sorted(places), 1):
            uses[place] = uses[place]._replace(choice=choice)
    return tuple(uses[place] for place in range(len(headings)))


def _chosen(
    headings: Sequence[str], keys: Sequence[str], given: Given
) -> dict[int, tuple[str, int]]:
    """The use of the columns that are given, and the place of each in `given`."""
    chosen: dict[int, tuple[str, int]] = {}
    for rank, (heading, target) in enumerate(given):
        places = _places(headings, keys, heading)
        if not places:
            raise CsvHeaderInvalid(
                f"no column is named {printable(heading)}; the columns are {list_of(headings)}"
            )
        if any(place in chosen for place in places):
            raise CsvHeaderInvalid(f"the column {printable(heading)} is given twice")
        chosen |= dict.fromkeys(places, (target, rank))
    return chosen


def _places(headings: Sequence[str], keys: Sequence[str], heading: str) -> list[int]:
    """The places of the columns with a heading: of those with exactly this text, or else of those
    with the same letters and digits."""
    exact = [place for place, each in enumerate(headings) if each.strip() == heading.strip()]
    key = heading_key(heading)
    return exact or [place for place, each in enumerate(keys) if each == key != ""]


def list_of(headings: Sequence[str]) -> str:
    """Headings as a text for messages."""
    return printable(", ".join(heading.strip() for heading in headings if heading.strip()))


def _add_attributes(headings: Sequence[str], uses: dict[int, CsvColumn], fixed: set[str]) -> None:
    """Gives each column without a use an attribute of its own: a name that is taken gets a number
    (`notes_2`)."""
    taken, counts = set(fixed), Counter[str]()
    for place, heading in enumerate(headings):
        if place in uses:
            continue
        name = own = attribute_name(heading)
        while name in taken:
            counts[own] += 1
            name = f"{own[: NAME_CHARACTERS_MAX - 6]}_{counts[own] + 1}"
        taken.add(name)
        uses[place] = CsvColumn(place + 1, heading, name, attribute=True)
