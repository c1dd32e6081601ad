"""Values in the form that PostgreSQL's binary COPY reads, so that nothing is built in between.

A moment is microseconds since 2000; a document is JSON behind its version byte.
"""

from typing import Any

import msgspec

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]

SHIFT = 946_684_800_000_000
"""Microseconds from 1970 to 2000."""

_json = msgspec.json.Encoder(order="deterministic").encode


def at(micros: int | None) -> int | None:
    """A moment as PostgreSQL counts; 0 is how a state says that it does not know one."""
    return micros - SHIFT if micros else None


def document(value: Any) -> bytes:
    """A jsonb value."""
    return b"\x01" + _json(value)


NOTHING = document({})
