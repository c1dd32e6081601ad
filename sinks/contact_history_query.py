"""What PostgreSQL has of one contact, as the processors know it: facts in the order of their log,
enrollments as states. Read only, a few probes of indexes, in one picture of the tables.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row

from schemas.base.times import from_datetime
from schemas.internal.facts import Fact, FactKind
from schemas.internal.states import Enrollment, Phase, Status, Touch, Waiting
from sinks.queries import load

_IDS = ("whose_enrollment", "whose_command", "whose_attempt")
_MOMENTS = (
    "requested_at",
    "commanded_at",
    "sent_at",
    "resolved_at",
    "delivered_at",
    "opened_at",
    "clicked_at",
    "read_at",
    "bounced_at",
    "converted_at",
    "awaited_at",
    "called_at",
)


class Whose(NamedTuple):
    """Whom something belongs to; the enrollment where an id named one."""

    tenant_id: str
    contact_id: str
    enrollment_id: str | None


class Known(NamedTuple):
    """Everything kept of a contact."""

    facts: list[Fact]
    runs: list[Enrollment]


class WhyQueries:
    """One connection, which only reads; with a tenant it sees what that tenant's readers see."""

    def __init__(self, dsn: str, tenant_id: str | None = None) -> None:
        self._tenant_id = tenant_id
        self._sql = load("why")
        self._connection = psycopg.connect(dsn, application_name="touchstream why")
        self._connection.read_only = True
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._connection.execute("SET LOCAL timezone = 'UTC'")
        if tenant_id is not None:
            self._connection.execute(self._sql["tenant"], (tenant_id,))

    def whose(self, sought: str) -> Whose | None:
        """The contact that an enrollment's or a command's id belongs to, earlier attempts
        included; None where nobody's."""
        for name in _IDS:
            asked = {"id": sought, "tenant": self._tenant_id}
            row: Any = self._connection.execute(self._sql[name], asked).fetchone()
            if row is not None:
                return Whose(*row)
        return None

    def named(self, contact_id: str) -> list[Whose]:
        """The contacts of that id: of each tenant there may be one."""
        asked = {"id": contact_id, "tenant": self._tenant_id}
        rows: Any = self._connection.execute(self._sql["whose_contact"], asked).fetchall()
        return [Whose(*row) for row in rows]

    def known(self, tenant_id: str, contact_id: str) -> Known:
        """All facts and enrollments."""
        about = {"tenant": tenant_id, "contact": contact_id}
        facts = [_fact(row) for row in self._rows("facts", about)]
        touches: dict[str, list[Touch]] = {}
        for row in self._rows("touches", about):
            touches.setdefault(row.pop("enrollment_id"), []).append(_touch(row))
        runs = [
            _enrollment(row, touches.get(row["enrollment_id"], []))
            for row in self._rows("enrollments", about)
        ]
        return Known(facts, runs)

    def _rows(self, name: str, about: Mapping[str, str]) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(self._sql[name], about).fetchall()

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> "WhyQueries":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _fact(row: dict[str, Any]) -> Fact:
    return Fact(**{**row, "fact": FactKind(row["fact"])})


def _enrollment(row: dict[str, Any], touches: list[Touch]) -> Enrollment:
    since, until = row.pop("waiting_since"), row.pop("waiting_until")
    waiting = None if until is None else Waiting(_micros(since) or 0, _micros(until) or 0)
    moments = ("anchor_at", "started_at", "ended_at", "frozen_at", "converted_at")
    row |= {name: _micros(row[name]) for name in moments}
    row["status"] = Status[row["status"].upper()]
    return Enrollment(**row, waiting=waiting, touches=touches)


def _touch(row: dict[str, Any]) -> Touch:
    row |= {name: _micros(row[name]) for name in (*_MOMENTS, "scheduled_at", "due_at")}
    row["phase"] = Phase[row["phase"].upper()]
    return Touch(**row)


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else from_datetime(moment)
