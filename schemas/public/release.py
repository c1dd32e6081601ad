"""Writes the Avro schemas of the models, once for each release; a written file is never changed.

`python -m schemas.public.release DIRECTORY` writes the missing files of the directory.
"""

import hashlib
import json
import sys
import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.base.field_types import DocumentType, MomentType
from schemas.public.events import EVENTS
from schemas.public.released import NAMESPACE, record_name

_PLAIN = {str: "string", bool: "boolean", int: "long", float: "double"}
_TIME = {"type": "long", "logicalType": "timestamp-micros"}


def schema_of(ce_type: str) -> dict[str, Any]:
    """The Avro schema of an event's current model. Raises KeyError if there is no such event."""
    return _record(EVENTS[ce_type].model, record_name(ce_type))


def _record(model: type[BaseModel], name: str) -> dict[str, Any]:
    hints = get_type_hints(model, include_extras=True)
    fields = [_field(key, hints[key], info) for key, info in model.model_fields.items()]
    return {"type": "record", "name": name, "namespace": NAMESPACE, "fields": fields}


def _field(name: str, hint: Any, info: FieldInfo) -> dict[str, Any]:
    field = {"name": name, "type": _type(hint)}
    if not info.is_required():
        field["default"] = info.get_default(call_default_factory=True)
    return field


def _type(hint: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        if any(isinstance(mark, MomentType) for mark in arguments[1:]):
            return _TIME
        if any(isinstance(mark, DocumentType) for mark in arguments[1:]):
            return "string"  # JSON text: Avro has no type for any JSON value
        return _type(arguments[0])
    if origin is Literal:
        return "string"  # a new symbol in an Avro enum would break older readers
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is dict:
        return {"type": "map", "values": _type(arguments[1])}
    if origin is list:
        return {"type": "array", "items": _type(arguments[0])}
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return _record(hint, hint.__name__)
    return _PLAIN[hint]


def _union(members: tuple[Any, ...]) -> list[Any]:
    branches = [_type(member) for member in members if member is not type(None)]
    flat = [b for branch in branches for b in (branch if isinstance(branch, list) else [branch])]
    return ["null", *flat] if type(None) in members else flat


def release(directory: Path) -> list[str]:
    """Writes the missing schema files and the checksums; returns the names of the new files."""
    new_files = []
    for name, event in EVENTS.items():
        path = directory / f"{name}.v{event.version}.avsc"
        if not path.exists():
            path.write_text(json.dumps(schema_of(name), indent=1) + "\n", "utf-8")
            new_files.append(path.name)
    (directory / "SHA256SUMS").write_text(sha256_sums(directory), "utf-8")
    return new_files


def sha256_sums(directory: Path) -> str:
    """The output of `sha256sum *.avsc` in a directory."""
    paths = sorted(directory.glob("*.avsc"), key=lambda path: path.name)
    return "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in paths)


if __name__ == "__main__":
    print("\n".join(release(Path(sys.argv[1]))))
