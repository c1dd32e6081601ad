"""Moments in Avro: the unit of each comes from the logical type of the writer's schema.

The contract's moments are `timestamp-micros`, and a plain `long` is microseconds too. The general
reader knows logical types that build datetime objects; these here give integers of microseconds.
"""

from collections.abc import Iterator
from typing import Any

from fastavro.read import LOGICAL_READERS

_MOMENT = "timestamp-micros"
_MILLIS, _NANOS, _NO_MOMENT = "touchstream-millis", "touchstream-nanos", "touchstream-no-moment"
_UNITS: dict[str | None, str | None] = {
    None: None,
    "timestamp-micros": None,
    "timestamp-millis": _MILLIS,
    "timestamp-nanos": _NANOS,
}
"""The reader of each logical type of a moment; None is for the number as it is."""


class NoMoment(str):
    """Stands for a value that its schema does not make a moment. Its text is the reason; every
    model refuses it."""


def _no_moment(_: Any, writer: Any = None, __: Any = None) -> NoMoment:
    named = writer["named"]
    zone = " has no time zone, so it" if named.startswith("local-") else ""
    return NoMoment(f"{named}{zone} is no moment: timestamp-millis, -micros and -nanos are")


for _integer in ("int", "long"):
    LOGICAL_READERS[f"{_integer}-{_MILLIS}"] = lambda number, *_: number * 1_000
    LOGICAL_READERS[f"{_integer}-{_NANOS}"] = lambda number, *_: number // 1_000
    LOGICAL_READERS[f"{_integer}-{_NO_MOMENT}"] = _no_moment


def without_logical_types(schema: Any) -> Any:
    """A schema with plain integers for times, so that the reader builds no datetime objects."""
    match schema:
        case dict():
            pairs = schema.items()
            return {k: without_logical_types(v) for k, v in pairs if k != "logicalType"}
        case list():
            return [without_logical_types(item) for item in schema]
    return schema


def with_moments(writer: Any, latest: Any) -> Any:
    """The writer's schema without logical types, but with the unit of each number that is a moment
    in the schema `latest`: the reader then gives microseconds, or NoMoment."""
    match writer:
        case list():
            return [with_moments(branch, latest) for branch in writer]
        case {"type": "record", "fields": fields}:
            types = _field_types(latest)
            marked = [_with_moments_in(field, types.get(field["name"])) for field in fields]
            return without_logical_types(writer) | {"fields": marked}
        case {"type": "map", "values": items}:
            values = with_moments(items, _items(latest, "values"))
            return without_logical_types(writer) | {"values": values}
        case {"type": "array", "items": items}:
            return without_logical_types(writer) | {
                "items": with_moments(items, _items(latest, "items"))
            }
        case {"type": "int" | "long"} if _is_moment(latest):
            return without_logical_types(writer) | _unit(writer.get("logicalType"))
    return without_logical_types(writer)


def _with_moments_in(field: Any, latest: Any) -> Any:
    return without_logical_types(field) | {"type": with_moments(field["type"], latest)}


def _unit(logical: str | None) -> dict[str, str]:
    """The attributes that make the reader convert a number of this logical type."""
    name = _UNITS.get(logical, _NO_MOMENT)
    if name is None:
        return {}
    return {"logicalType": name, "named": str(logical)[:40]}


def _branches(schema: Any) -> Iterator[Any]:
    yield from schema if isinstance(schema, list) else [schema]


def _is_moment(schema: Any) -> bool:
    return any(
        isinstance(branch, dict) and branch.get("logicalType") == _MOMENT
        for branch in _branches(schema)
    )


def _field_types(schema: Any) -> dict[str, Any]:
    """The types of the fields of a record, or of the records of a union, by name."""
    return {
        field["name"]: field["type"]
        for branch in _branches(schema)
        if isinstance(branch, dict)
        for field in branch.get("fields", ())
    }


def _items(schema: Any, name: str) -> Any:
    """The type of the items of an array or map, which may be a branch of a union."""
    found = (branch.get(name) for branch in _branches(schema) if isinstance(branch, dict))
    return next((items for items in found if items is not None), None)
