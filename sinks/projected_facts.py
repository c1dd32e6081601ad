"""The facts that are in PostgreSQL, as records of their topic."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row

from schemas.internal.facts import Fact, encode
from schemas.internal.topics import Topic
from sinks.queries import load
from sinks.state_rows import ProjectedRecord

_FIELDS = frozenset(Fact.__struct_fields__)


def projected_facts(dsn: str, partition: int, before: int) -> Iterator[ProjectedRecord]:
    """The facts of a partition of the topic before an offset, in order, from the table `facts`."""
    with (
        psycopg.connect(dsn) as connection,
        connection.cursor(name="projected_facts", row_factory=dict_row) as cursor,
    ):
        cursor.execute(load("projection")["facts_before"], (partition, before))
        for row in cursor:
            value = encode(msgspec.convert(_fields(row), Fact))
            yield ProjectedRecord(Topic.FACTS, partition, row["topic_offset"], b"", value)


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of a fact, times in UTC, without those that are NULL."""
    return {
        name: value.astimezone(UTC) if isinstance(value, datetime) else value
        for name, value in row.items()
        if name in _FIELDS and value is not None
    }
