"""Checks that a new release of a schema can read values of an older one (backward compatibility).

The check uses the Avro reader of the engine, with values that cover every branch of the old schema.
"""

from io import BytesIO
from itertools import pairwise
from typing import Any

import fastavro

from schemas.public.avro_moments import without_logical_types

_VALUES: dict[str, Any] = {
    "null": None,
    "string": "text",
    "boolean": True,
    "int": 7,
    "long": 7,
    "float": 0.5,
    "double": 0.5,
    "bytes": b"bytes",
}


def read_failure(old: Any, new: Any) -> str | None:
    """Why the schema `new` cannot read values of the schema `old`; None if it can read all."""
    writer = fastavro.parse_schema(without_logical_types(old))
    reader = fastavro.parse_schema(without_logical_types(new))
    for turn in range(_branches(old)):
        stream = BytesIO()
        fastavro.schemaless_writer(stream, writer, sample_value(old, turn))
        stream.seek(0)
        try:
            fastavro.schemaless_reader(stream, writer, reader)
        except Exception as error:
            return f"{old['name']}: {type(error).__name__}: {error}"
    return None


def compatibility_breaks(releases: list[Any]) -> list[str]:
    """The failures between consecutive releases, and between each release and the newest."""
    pairs = [*pairwise(releases), *((old, releases[-1]) for old in releases[:-2])]
    return [failure for old, new in pairs if (failure := read_failure(old, new)) is not None]


def sample_value(schema: Any, turn: int) -> Any:
    """A value of the schema. Over the turns 0, 1 … every union takes each of its branches."""
    match schema:
        case list():
            return sample_value(schema[turn % len(schema)], turn // len(schema))
        case {"type": "record", "fields": fields}:
            return {field["name"]: sample_value(field["type"], turn) for field in fields}
        case {"type": "map", "values": items}:
            return {"key": sample_value(items, turn)}
        case {"type": "array", "items": items}:
            return [sample_value(items, turn)]
        case {"type": kind}:
            return sample_value(kind, turn)
    return _VALUES[schema]


def _branches(schema: Any) -> int:
    """The number of turns after which every union has taken each of its branches."""
    match schema:
        case list():
            # A union inside a branch occurs only in the turns of that branch: the counts multiply.
            return len(schema) * max(_branches(branch) for branch in schema)
        case {"type": "record", "fields": fields}:
            return max((_branches(field["type"]) for field in fields), default=1)
        case {"values": items} | {"items": items}:
            return _branches(items)
    return 1
