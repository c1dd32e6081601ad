"""Reads the history of one contact from PostgreSQL: its facts in the order of their topic, and its
enrollments with their touches as states.

The connection is read only, and all its queries see one snapshot of the tables.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, Self

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from schemas.base.times import from_datetime
from schemas.internal.enrollment import CallItem, Enrollment, Phase, Status, Touch, Waiting
from schemas.internal.facts import Fact, FactKind
from sinks.queries import load
from sinks.table_sql import names
from sinks.tables import TABLES

_OWNER_QUERIES = ("owner_of_enrollment", "owner_of_command", "owner_of_attempt")

_READ = {
    "facts": [*Fact.__struct_fields__],
    "enrollments": [*Enrollment.__struct_fields__, "waiting_since", "waiting_until"],
    "touches": [*Touch.__struct_fields__, "enrollment_id"],
    "call_items": [*CallItem.__struct_fields__, "enrollment_id"],
}
"""The columns to be read of each table, as far as the table has them."""

_PERSONAL = ("variables",)
"""Columns with personal data, which are not read."""


class ContactRef(NamedTuple):
    """A contact, and the enrollment where an id named one."""

    tenant_id: str
    contact_id: str
    enrollment_id: str | None


class ContactHistory(NamedTuple):
    """All facts and enrollments of a contact."""

    facts: list[Fact]
    runs: list[Enrollment]


class ContactHistoryQueries:
    """A read-only connection. With a tenant it sees only the rows of that tenant."""

    def __init__(self, dsn: str, tenant_id: str | None = None) -> None:
        self._tenant_id = tenant_id
        self._sql = _statements()
        self._connection = psycopg.connect(dsn, application_name="touchstream why")
        self._connection.read_only = True
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._connection.execute("SET LOCAL timezone = 'UTC'")
        if tenant_id is not None:
            self._connection.execute(self._sql["tenant"], (tenant_id,))

    def owner(self, sought_id: str) -> ContactRef | None:
        """The contact of an enrollment id or a command id, also of an earlier attempt; None where
        the id is unknown."""
        for name in _OWNER_QUERIES:
            parameters = {"id": sought_id, "tenant": self._tenant_id}
            row: Any = self._connection.execute(self._sql[name], parameters).fetchone()
            if row is not None:
                return ContactRef(*row)
        return None

    def contacts(self, contact_id: str) -> list[ContactRef]:
        """The contacts with an id, at most one of each tenant."""
        parameters = {"id": contact_id, "tenant": self._tenant_id}
        rows: Any = self._connection.execute(self._sql["owner_of_contact"], parameters).fetchall()
        return [ContactRef(*row) for row in rows]

    def history(self, tenant_id: str, contact_id: str) -> ContactHistory:
        """All facts and enrollments of a contact; empty for an unknown one."""
        parameters = {"tenant": tenant_id, "contact": contact_id}
        facts = [_fact(row) for row in self._rows("facts", parameters)]
        touches: dict[str, list[Touch]] = {}
        for row in self._rows("touches", parameters):
            touches.setdefault(row.pop("enrollment_id"), []).append(_touch(row))
        calls = {
            row.pop("enrollment_id"): CallItem(**_with_micros(row))
            for row in self._rows("call_items", parameters)
        }
        runs = [
            _enrollment(row, touches.get(run_id, []), calls.get(run_id))
            for row in self._rows("enrollments", parameters)
            for run_id in (row["enrollment_id"],)
        ]
        return ContactHistory(facts, runs)

    def _rows(self, name: str, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(self._sql[name], parameters).fetchall()

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@cache
def _statements() -> dict[str, bytes]:
    """The statements of `why.sql` by name, with the columns of the tables filled in."""
    statements = dict(load("why"))
    for table, fields in _READ.items():
        columns = [c for c in TABLES[table].columns if c in fields and c not in _PERSONAL]
        template = sql.SQL(statements[table].decode())
        statements[table] = template.format(columns=names(columns, "t")).as_bytes()
    return statements


def _fact(row: dict[str, Any]) -> Fact:
    return Fact(**{**row, "fact": FactKind(row["fact"])})


def _enrollment(row: dict[str, Any], touches: list[Touch], call: CallItem | None) -> Enrollment:
    row = _with_micros(row)
    since, until = row.pop("waiting_since"), row.pop("waiting_until")
    waiting = None if until is None else Waiting(since or 0, until)
    row["status"] = Status[row["status"].upper()]
    return Enrollment(**row, waiting=waiting, touches=touches, call=call)


def _touch(row: dict[str, Any]) -> Touch:
    row = _with_micros(row)
    row["phase"] = Phase[row["phase"].upper()]
    return Touch(**row)


def _with_micros(row: dict[str, Any]) -> dict[str, Any]:
    """The row with each timestamp as microseconds since 1970, which is the form of states."""
    return {
        name: from_datetime(value) if isinstance(value, datetime) else value
        for name, value in row.items()
    }
