"""Which release of an event's schema a reader must know to lose nothing of the event."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from schemas.public.events import EVENTS
from schemas.public.released import RELEASED


class _LaterField(NamedTuple):
    """A field that the first release did not have: the names that lead to it, through maps and
    lists too, the release that brought it, and its default."""

    path: tuple[str, ...]
    release: int
    default: Any


def needed_release(ce_type: str, model: BaseModel) -> int:
    """The first release that has every field that the event uses. A reader that does not know a
    field does what its default means."""
    for field in _LATER_FIELDS[ce_type]:
        if _uses(model, field.path, field.default):
            return field.release
    return 1


def _uses(value: Any, path: tuple[str, ...], default: Any) -> bool:
    if value is None:
        return False
    if isinstance(value, dict | list):
        items = value.values() if isinstance(value, dict) else value
        return any(_uses(item, path, default) for item in items)
    inner = getattr(value, path[0])
    return bool(inner != default) if len(path) == 1 else _uses(inner, path[1:], default)


def _later_fields(ce_type: str, releases: list[Any]) -> list[_LaterField]:
    """The later fields of an event, those of the newest release first."""
    model = EVENTS[ce_type].model
    return [
        _LaterField(path, number, default)
        for number, (old, new) in [*enumerate(pairwise(releases), 2)][::-1]
        for path, default in _new_fields(model, old, new)
    ]


def _new_fields(
    model: type[BaseModel], old: Any, new: Any
) -> Iterator[tuple[tuple[str, ...], Any]]:
    known = {field["name"]: field["type"] for field in old["fields"]}
    for field in new["fields"]:
        name = field["name"]
        info = model.model_fields.get(name)
        if info is None:
            continue
        if name not in known:
            yield (name,), info.get_default(call_default_factory=True)
            continue
        inner = _model_in(info.annotation)
        records = _record_in(known[name]), _record_in(field["type"])
        if inner is not None and None not in records:
            for path, default in _new_fields(inner, *records):
                yield (name, *path), default


def _model_in(hint: Any) -> type[BaseModel] | None:
    """The model inside a type hint: itself, or that of a union, map or list."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint
    found = (_model_in(each) for each in get_args(hint))
    return next((each for each in found if each is not None), None)


def _record_in(schema: Any) -> Any:
    """The record inside an Avro type: itself, or that of a union, map or array; None without."""
    match schema:
        case {"type": "record"}:
            return schema
        case {"values": inner} | {"items": inner}:
            return _record_in(inner)
        case list():
            found = (_record_in(branch) for branch in schema)
            return next((each for each in found if each is not None), None)
    return None


_LATER_FIELDS = {name: _later_fields(name, releases) for name, releases in RELEASED.items()}
