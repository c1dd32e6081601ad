"""One line of a CSV file as an event contact.upserted, or its rejection."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from pydantic import ValidationError

from schemas.addresses.texts import AddressMissing
from schemas.base.error_codes import printable
from schemas.base.ids import derived_contact_id
from schemas.base.zone_names import is_short_iana
from schemas.base.zone_repair import zone_by_siblings
from schemas.channels import ADDRESSES, PHONE, Address
from schemas.csv_import.call_reader import CallReader
from schemas.csv_import.cells import is_placeholder
from schemas.csv_import.columns import CsvColumn
from schemas.csv_import.headings import IDENTIFIERS
from schemas.csv_import.outreach_reader import OutreachReader
from schemas.csv_import.results import ContactLine, CsvCode, DroppedCell, RejectedLine
from schemas.internal.contact_messages import OLD_ADDRESS_FIELDS
from schemas.public.inbound_events import ContactUpserted

_ATTRIBUTES_MAX = 100  # of an event
_CONTACT_ID = "contact_id"
_IDS = ("tenant_id", _CONTACT_ID)
_ZONE = "timezone"
_NAMES, _FACTS = ("first_name", "last_name"), (_ZONE, "region")
"""The fields that are no address. In a name a placeholder is a name: `Null` is one."""


class _Source(NamedTuple):
    """The place of the cell from which a value is read, and the places of those that count if it is
    empty."""

    name: str
    place: int
    others: tuple[int, ...]


class LineReader:
    """Reads the lines below a header with the given columns. `country` is the one of phone numbers
    without a country code, `calls_zone` the time zone of a file of calls, `outreach` the addresses
    of which each person of a file of outreach needs one."""

    def __init__(
        self,
        columns: Sequence[CsvColumn],
        country: str,
        calls_zone: str | None = None,
        outreach: Sequence[str] | None = None,
    ) -> None:
        self._calls = None if calls_zone is None else CallReader(columns, calls_zone)
        self._outreach = None if outreach is None else OutreachReader(columns, outreach)
        self._reached_by = (PHONE.name,) if calls_zone is not None else tuple(outreach or ())
        self._columns = columns
        self._country = country
        self._ids = _sources(columns, (_CONTACT_ID,))
        self._names, self._facts = _sources(columns, _NAMES), _sources(columns, _FACTS)
        self._addresses = [
            (ADDRESSES[name], (place, *others))
            for name, place, others in _sources(columns, ADDRESSES)
        ]
        attributes = dict.fromkeys(each.becomes for each in columns if each.attribute)
        self._attributes = _sources(columns, attributes)

    def read(
        self, line: int, cells: list[str], tenant_id: str, seen: dict[bytes, int]
    ) -> ContactLine | RejectedLine:
        """The event of a line, or its rejection. `seen` has a digest of the contact ids so far,
        with the number of the line of each."""
        count = len(cells)
        if count != len(self._columns) and not self._fit(cells):
            detail = f"{count} columns, the header has {len(self._columns)}"
            return RejectedLine(line, CsvCode.COLUMNS, detail)
        dropped: list[DroppedCell] = []
        found = self._find_addresses(line, cells, dropped)
        contact_id = self._given_id(cells)
        if not contact_id and self._outreach is not None:
            contact_id = self._outreach.known_id(cells)
            unreachable = self._outreach.unreachable(line, found, dropped)
            if contact_id is None and unreachable is not None:
                return unreachable
        contact_id = contact_id or self._derived_id(found)
        if contact_id is None:
            return _nobody(line, dropped)
        digest = blake2b(contact_id.encode(), digest_size=8).digest()
        first = seen.setdefault(digest, line)
        if first != line:
            return RejectedLine(line, CsvCode.DUPLICATE, f"the same person as line {first}")
        values = self._values(cells, found)
        values |= {"tenant_id": tenant_id, _CONTACT_ID: contact_id}
        if not self._reached_by:
            return self._event(line, values, cells, dropped)
        if (double := self._same_address(line, found, seen)) is not None:
            return double
        item = self._item(line, cells, dropped)
        if isinstance(item, RejectedLine):
            return item
        if self._calls is not None:
            values |= self._calls.names(cells)
        contact = self._event(line, values, cells, dropped)
        return contact if isinstance(contact, RejectedLine) else contact._replace(item=item)

    def _item(
        self, line: int, cells: list[str], dropped: list[DroppedCell]
    ) -> dict[str, str] | RejectedLine | None:
        """The variables of the enrollment, or the rejection of the line."""
        if self._calls is not None:
            return self._calls.item(line, cells, dropped)
        return None if self._outreach is None else self._outreach.variables(line, cells, dropped)

    def _same_address(
        self, line: int, found: dict[str, str], seen: dict[bytes, int]
    ) -> RejectedLine | None:
        """The rejection of a line with an address of the campaign that another line has: nobody is
        called or written to twice (C-18)."""
        firsts = []
        for name in self._reached_by:
            if name in found:
                identity = ADDRESSES[name].identity(found[name], self._country)
                digest = blake2b(f"{name}:{identity}".encode(), digest_size=8).digest()
                firsts.append((seen.setdefault(digest, line), name))
        for first, name in firsts:
            if first != line:
                text = "number" if name == PHONE.name else name
                return RejectedLine(line, CsvCode.DUPLICATE, f"the same {text} as line {first}")
        return None

    def _fit(self, cells: list[str]) -> bool:
        """Makes a shorter line as long as the header with empty cells, and cuts empty cells off a
        longer one; false if there is more in it.

        A shorter line with nothing but an id that has spaces is no contact: it is the rest of a
        note with a line break, or the remark with which a report ends.
        """
        width = len(self._columns)
        if any(cells[width:]):
            return False
        del cells[width:]
        cells += [""] * (width - len(cells))
        filled = [place for place, cell in enumerate(cells) if cell]
        only_id = len(filled) == 1 and self._columns[filled[0]].becomes == _CONTACT_ID
        return not (only_id and " " in cells[filled[0]])

    def _find_addresses(
        self, line: int, cells: list[str], dropped: list[DroppedCell]
    ) -> dict[str, str]:
        """The first valid address of each name. Invalid ones before it are dropped cells."""
        found: dict[str, str] = {}
        for row, places in self._addresses:
            for place in places:
                if not cells[place]:
                    continue
                try:
                    address = _clean(row, cells[place])
                except ValueError as error:
                    heading, reason = self._columns[place].heading, str(error)
                    dropped.append(DroppedCell(line, heading, row.error_code, reason))
                    continue
                if address:
                    found[row.name] = address
                    break
        return found

    def _given_id(self, cells: list[str]) -> str | None:
        for _, place, others in self._ids:
            contact_id = cells[place] or _first(cells, others)
            return None if is_placeholder(contact_id) else contact_id
        return None

    def _derived_id(self, found: dict[str, str]) -> str | None:
        """An id derived from the first address (C-18)."""
        for name, address in found.items():
            identity = ADDRESSES[name].identity(address, self._country)
            return derived_contact_id(name, identity)
        return None

    def _values(self, cells: list[str], found: dict[str, str]) -> dict[str, Any]:
        """The values of the event's fields, apart from the ids."""
        values: dict[str, Any] = {}
        for name, place, others in self._names:
            if cell := cells[place] or (others and _first(cells, others)):
                values[name] = cell
        for name, place, others in self._facts:
            cell = cells[place] or (others and _first(cells, others))
            if cell and not is_placeholder(cell):
                values[name] = cell
        for name, address in found.items():
            if name in OLD_ADDRESS_FIELDS:
                values[name] = address
            else:
                values.setdefault("addresses", {})[name] = address
        attributes = {
            name: cell
            for name, place, others in self._attributes
            if (cell := cells[place] or (others and _first(cells, others)))
        }
        if attributes:
            values["attributes"] = attributes
        return values

    def _event(
        self, line: int, values: dict[str, Any], cells: list[str], dropped: list[DroppedCell]
    ) -> ContactLine | RejectedLine:
        """The event with the values that are valid; a rejection if an id is not."""
        attributes = values.get("attributes", {})
        for name in [*attributes][_ATTRIBUTES_MAX:]:
            del attributes[name]
            dropped.append(self._drop(line, name, cells, f"more than {_ATTRIBUTES_MAX} attributes"))
        if is_short_iana(values.get(_ZONE, "").upper()):
            values[_ZONE] = self._zone_of(values) or values[_ZONE]
        while True:
            try:
                return ContactLine(line, ContactUpserted(**values), tuple(dropped))
            except ValidationError as error:
                found = error.errors(include_url=False, include_context=False, include_input=False)
            problems = {each["loc"][:2]: printable(each["msg"]) for each in reversed(found)}
            for (name, *inside), message in problems.items():
                holder = values[str(name)] if inside else values
                field = str(inside[0] if inside else name)
                if name == _ZONE and (zone := self._zone_of(values)) is not None:
                    values[_ZONE] = zone
                    continue
                if field not in holder or field in _IDS:
                    return RejectedLine(line, CsvCode.FIELD, f"{field}: {message}")
                del holder[field]
                dropped.append(self._drop(line, field, cells, message))

    def _zone_of(self, values: dict[str, Any]) -> str | None:
        """The zone of a short name, by the region or the number of the line, or else by the
        country of the file."""
        zone = zone_by_siblings(values)
        if zone is not None and not is_short_iana(zone):
            return zone
        return zone_by_siblings({**values, "country": self._country}) or zone

    def _drop(self, line: int, name: str, cells: list[str], detail: str) -> DroppedCell:
        """The dropped cell from which the value of a field or attribute was read."""
        headings = [
            column.heading
            for column in sorted(self._columns, key=_choice)
            if column.becomes == name and cells[column.number - 1]
        ]
        return DroppedCell(line, (headings or [name])[0], CsvCode.FIELD, detail)


def _choice(column: CsvColumn) -> int:
    return column.choice


def _sources(columns: Sequence[CsvColumn], names: Iterable[str]) -> list[_Source]:
    """Where the values of those names are, that have columns."""
    by_choice = sorted(columns, key=_choice)
    places: dict[str, list[int]] = {name: [] for name in names}
    for column in by_choice:
        if column.becomes in places:
            places[column.becomes].append(column.number - 1)
    return [_Source(name, at[0], tuple(at[1:])) for name, at in places.items() if at]


def _first(cells: list[str], places: tuple[int, ...]) -> str:
    """The first cell that is filled; "" if none is."""
    for place in places:
        if cells[place]:
            return cells[place]
    return ""


def _clean(row: Address, cell: str) -> str:
    """The address in a cell; "" if the cell stands for none. Raises ValueError with a reason."""
    try:
        address = row.clean(cell)
    except AddressMissing:
        return ""
    if len(address) > row.characters_max:
        raise ValueError(f"more than {row.characters_max} characters")
    return address


def _nobody(line: int, dropped: list[DroppedCell]) -> RejectedLine:
    """The rejection of a line that identifies no person."""
    if dropped:
        _, column, code, detail = dropped[0]
        return RejectedLine(line, code, f"{column}: {detail}")
    return RejectedLine(line, CsvCode.NOBODY, "none of " + ", ".join(IDENTIFIERS))
