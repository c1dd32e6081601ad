"""Writes the Avro schema of a model: done once for each release, and then the file is frozen.

`python -m schemas.public.release DIRECTORY` writes what is missing there and touches no file
that exists.
"""

import hashlib
import json
import sys
import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.base.field_types import DocumentKind, MomentKind
from schemas.public.events import EVENTS
from schemas.public.released import NAMESPACE, record_name

_PLAIN = {str: "string", bool: "boolean", int: "long", float: "double"}
_TIME = {"type": "long", "logicalType": "timestamp-micros"}


def schema_of(ce_type: str) -> dict[str, Any]:
    """The schema of an event as its model is now."""
    return _record(EVENTS[ce_type].model, record_name(ce_type))


def _record(model: type[BaseModel], name: str) -> dict[str, Any]:
    hints = get_type_hints(model, include_extras=True)
    named = [_field(key, hints[key], info) for key, info in model.model_fields.items()]
    return {"type": "record", "name": name, "namespace": NAMESPACE, "fields": named}


def _field(name: str, hint: Any, info: FieldInfo) -> dict[str, Any]:
    field = {"name": name, "type": _type(hint)}
    if not info.is_required():
        field["default"] = info.get_default(call_default_factory=True)
    return field


def _type(hint: Any) -> Any:
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        if any(isinstance(mark, MomentKind) for mark in inside[1:]):
            return _TIME
        if any(isinstance(mark, DocumentKind) for mark in inside[1:]):
            return "string"  # JSON text: Avro has no type for anything
        return _type(inside[0])
    if origin is Literal:
        return "string"  # an Avro enum could not grow without breaking its readers
    if origin in (Union, types.UnionType):
        return _union(inside)
    if origin is dict:
        return {"type": "map", "values": _type(inside[1])}
    if origin is list:
        return {"type": "array", "items": _type(inside[0])}
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return _record(hint, hint.__name__)
    return _PLAIN[hint]


def _union(members: tuple[Any, ...]) -> list[Any]:
    branches = [_type(member) for member in members if member is not type(None)]
    flat = [b for branch in branches for b in (branch if isinstance(branch, list) else [branch])]
    return ["null", *flat] if type(None) in members else flat


def release(directory: Path) -> list[str]:
    """Writes every event's missing release and all sums; says which files are new."""
    fresh = []
    for name, event in EVENTS.items():
        path = directory / f"{name}.v{event.version}.avsc"
        if not path.exists():
            path.write_text(json.dumps(schema_of(name), indent=1) + "\n", "utf-8")
            fresh.append(path.name)
    (directory / "SHA256SUMS").write_text(sums(directory), "utf-8")
    return fresh


def sums(directory: Path) -> str:
    """What `sha256sum *.avsc` prints."""
    paths = sorted(directory.glob("*.avsc"), key=lambda path: path.name)
    return "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in paths)


if __name__ == "__main__":
    print("\n".join(release(Path(sys.argv[1]))))
