"""Loads the SQL statements of `sql/*.sql`, where each stands under a line `-- name --`."""

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- (\w+) --$", re.MULTILINE)


@cache
def load(name: str) -> dict[str, bytes]:
    """The statements of one file by name, as bytes, which the driver accepts as a query."""
    text = files("sinks").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    return {name: body.strip().encode() for name, body in zip(parts[::2], parts[1::2], strict=True)}
