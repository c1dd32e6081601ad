"""What an invalid value costs: an optional field alone, or the whole event.

The table DROPPABLE (schemas/public/inbound_events.py) names the fields of the first kind. Of a map,
only the invalid entries are dropped. A value that decides about opt-outs and addresses is read
again before that (schemas/public/readable_values.py). Valid events never come here.
"""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ValidationError

from schemas.base.error_codes import RefusalCode, Refused
from schemas.base.times import OUT_OF_RANGE
from schemas.base.zone_repair import zone_by_siblings
from schemas.channels import ADDRESSES
from schemas.public.avro_moments import NoMoment
from schemas.public.inbound_events import DROPPABLE
from schemas.public.readable_values import CUT, READABLE

FAULTS_MAX = 1_000
"""Errors that are looked at one by one: pydantic takes seconds to list hundreds of thousands."""

_ENTRIES_MAX = 200
"""Every map of events may have fewer entries than this, with fewer errors than FAULTS_MAX."""

_ROUNDS_MAX = 10
"""Without its invalid parts an event is validated again: some checks look at valid values only."""

_ZONE_UNKNOWN = "timezone_unknown"
_CODES = {"missing": RefusalCode.FIELD_MISSING, _ZONE_UNKNOWN: RefusalCode.TIMEZONE_UNKNOWN}
"""The code of each kind of pydantic error that has one of its own."""

_FIELD_NAMES = frozenset(
    (*ADDRESSES, *(name for model in DROPPABLE for name in model.model_fields), "customer")
)

Location = tuple[str, ...]
"""The names that lead to a field or to an entry of a map."""

Dropped = dict[str, str]
"""The fields that were dropped, each with the reason: `customer.phone`, `addresses.email`. An entry
of a map is `*` if its name is that of no field: `attributes.*`."""


def without_faulty_fields(
    model: type[BaseModel], validate: Callable[[Any], Any], value: Any, error: ValidationError
) -> tuple[Any, Dropped | None]:
    """The event in `value`, plain values that failed with `error`, without the fields that may be
    dropped, and those fields; None where repairs were enough. `value` is changed.

    A field counts as dropped also where only a part of it could be read. Raises Refused if anything
    else is invalid.
    """
    dropped: Dropped = {}
    unread = dict(READABLE.get(model, {}))
    for _ in range(_ROUNDS_MAX):
        repaired = _repair_zones(value, error) or _read_again(model, unread, value, error, dropped)
        faults = {} if repaired else _faults(model, value, error)
        for location, code in faults.items():
            _remove(value, location)
            dropped.setdefault(_name(location), code)
        try:
            return validate(value), dropped or None
        except ValidationError as further:
            error = further
    raise refusal(error, value)


def droppable_fields(model: type[BaseModel]) -> list[str]:
    """The names of all fields of an event that may be dropped: `customer.phone`."""
    names = list(DROPPABLE.get(model, ()))
    for name in model.model_fields:
        nested = _nested(model, name)
        names += [f"{name}.{inner}" for inner in droppable_fields(nested)] if nested else []
    return names


def refusal(error: ValidationError, value: Any = None) -> Refused:
    """The first problem with its field. The value is left out: it may be large or private."""
    if error.error_count() > FAULTS_MAX:
        return Refused(RefusalCode.FIELD_INVALID, f"{error.error_count()} invalid values")
    return _refusal_of(_lines(error)[0], value)


def _refusal_of(line: Any, value: Any) -> Refused:
    code, message = _code(line, value)
    place = ".".join(str(part)[:60] for part in _place(line, value))
    if line["type"] == "json_invalid":
        return Refused(code, message)
    if line["type"] == "missing":
        return Refused(code, place)
    return Refused(code, f"{place or 'the value'}: {message}")


def _place(line: Any, value: Any) -> tuple[Any, ...]:
    """The names that lead to the value of an error, without those of pydantic's types behind
    them."""
    loc: tuple[Any, ...] = line["loc"]
    if value is None or line["type"] == "missing":
        return loc
    for end, name in enumerate(loc):
        is_item = isinstance(value, list) and isinstance(name, int) and name < len(value)
        if not is_item and not (isinstance(value, dict) and name in value):
            return loc[:end]
        value = value[name]
    return loc


def _faults(model: type[BaseModel], value: Any, error: ValidationError) -> dict[Location, str]:
    """The parts of the event that the errors are about, each with its code.

    Raises Refused for the first error that is about anything that may not be dropped.
    """
    faults: dict[Location, str] = {}
    if error.error_count() > FAULTS_MAX:
        faults = dict.fromkeys(_too_large(model, value), RefusalCode.FIELD_INVALID.value)
        if not faults:
            raise refusal(error, value)
        return faults
    for line in _lines(error):
        location = _droppable(model, line["loc"], value)
        if location is None:
            raise _refusal_of(line, value)
        faults.setdefault(location, _dropped_code(line, value))
    return {  # a field that is dropped takes its entries with it
        location: code
        for location, code in faults.items()
        if not any(location[:end] in faults for end in range(1, len(location)))
    }


def _lines(error: ValidationError) -> Any:
    return error.errors(include_url=False, include_context=False, include_input=False)


def _dropped_code(line: Any, value: Any) -> str:
    """The code of a field that is dropped: of an address that of its row (S4-99)."""
    name = str(line["loc"][-1])
    if line["type"] == "address_invalid" and name in ADDRESSES:
        return ADDRESSES[name].error_code
    return _code(line, value)[0].value


def _code(line: Any, value: Any) -> tuple[RefusalCode, str]:
    """The code and the message of an error."""
    kind, message = line["type"], line["msg"].removeprefix("Value error, ")
    found = _value_at(value, line["loc"])
    if isinstance(found, NoMoment):
        return RefusalCode.FIELD_INVALID, str(found)
    if kind == "json_invalid":
        deep = "recursion limit" in message
        return RefusalCode.TOO_DEEP if deep else RefusalCode.NOT_JSON, message
    if message == OUT_OF_RANGE:
        return RefusalCode.TIME_OUT_OF_RANGE, message
    return _CODES.get(kind, RefusalCode.FIELD_INVALID), message


def _droppable(model: type[BaseModel], loc: tuple[Any, ...], value: Any) -> Location | None:
    """The part to drop for an error at `loc`: a field, or an entry of a map; None if the event must
    be refused."""
    if not loc or not isinstance(value, dict):
        return None
    name, *inner = loc
    held = value.get(name)
    if name in DROPPABLE.get(model, ()):
        is_entry = inner and isinstance(held, dict) and inner[0] in held
        return (name, inner[0]) if is_entry else (name,)
    nested = _nested(model, name)
    location = None if nested is None else _droppable(nested, tuple(inner), held)
    return None if location is None else (name, *location)


def _nested(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    field = model.model_fields.get(name)
    kind = None if field is None else field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _too_large(model: type[BaseModel], value: Any) -> list[Location]:
    """The droppable maps that have more entries than any map may have."""
    if not isinstance(value, dict):
        return []
    names = DROPPABLE.get(model, ())
    return [
        (name,)
        for name, held in value.items()
        if name in names and isinstance(held, dict) and len(held) > _ENTRIES_MAX
    ]


def _value_at(value: Any, loc: tuple[Any, ...]) -> Any:
    for name in loc:
        if not isinstance(value, dict):
            break
        value = value.get(name)
    return value


def _repair_zones(value: Any, error: ValidationError) -> bool:
    """Replaces each zone whose short name has one meaning beside the rest of its object (PST and
    the country US); whether there was one."""
    repaired = False
    for line in _lines(error) if error.error_count() <= FAULTS_MAX else ():
        if line["type"] == _ZONE_UNKNOWN and line["loc"]:
            *outer, name = line["loc"]
            holder = _value_at(value, tuple(outer))
            zone = zone_by_siblings(holder) if isinstance(holder, dict) else None
            if zone is not None and zone != holder[name]:
                holder[name] = zone
                repaired = True
    return repaired


def _read_again(
    model: type[BaseModel],
    unread: dict[str, Callable[[Any], Any]],
    value: Any,
    error: ValidationError,
    dropped: Dropped,
) -> bool:
    """Replaces each invalid field of `unread` by what can be read of it; whether there was one.
    `unread` then lacks the fields that were looked at, and `dropped` has those that are cut."""
    if not isinstance(value, dict) or not unread:
        return False
    many = error.error_count() > FAULTS_MAX
    invalid = _too_large(model, value) if many else [line["loc"] for line in _lines(error)]
    replaced = {}
    for loc in invalid:
        if loc and loc[0] in unread and loc[0] in value:
            replaced[loc[0]] = unread.pop(loc[0])(value[loc[0]])
        if loc and loc[0] in CUT and replaced.get(loc[0]) is not None:
            location = _droppable(model, loc, value)
            if location is not None:
                dropped.setdefault(_name(location), RefusalCode.FIELD_INVALID.value)
    value.update({name: read for name, read in replaced.items() if read is not None})
    return any(read is not None for read in replaced.values())


def _remove(value: Any, location: Location) -> None:
    *outer, last = location
    for name in outer:
        value = value[name]
    value.pop(last, None)


def _name(location: Location) -> str:
    """The location as text. Facts hold no addresses and names, and the name of an entry may be
    either: it is shown only if it is the name of a field."""
    return ".".join(name if name in _FIELD_NAMES else "*" for name in location)
