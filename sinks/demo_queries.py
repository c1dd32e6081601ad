"""What the demo shows of PostgreSQL: questions only, to the tables and views that anybody can ask.

The SQL stands in sql/demo.sql.
"""

from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple, Self

import psycopg

from sinks.queries import load


class Business(NamedTuple):
    """One tenant's row on the live table."""

    tenant_id: str
    timezone: str
    jobs: int
    active: int
    frozen: int
    completed: int
    stopped: int
    sent: int
    opened: int
    clicked: int
    converted: int


class Analytics(NamedTuple):
    """One touch of one campaign, as dashboards read it (S1-33)."""

    tenant_id: str
    campaign_id: str
    touch_number: int
    channel: str | None
    sends: int
    opens: int
    clicks: int
    conversions: int
    open_rate: float | None
    click_rate: float | None
    conversion_rate: float | None


class Prospects(NamedTuple):
    """How many stand where in a prospecting campaign, and what they have come by."""

    tenant_id: str
    campaign_id: str
    status: str
    stop_reason: str
    current_step: int
    prospects: int
    connected: int
    completed: int
    skipped: int


class Unsent(NamedTuple):
    """An enrollment, why touches of it were not sent, and what put others off."""

    tenant_id: str
    enrollment_id: str
    reasons: list[str]
    put_off: list[str]


class Enrollment(NamedTuple):
    contact_id: str
    campaign_id: str
    version: int
    status: str
    reason: str | None
    started_at: datetime
    ended_at: datetime | None


class Touch(NamedTuple):
    """A step of an enrollment's version, and what became of it."""

    number: int
    channel: str
    phase: str
    reason: str | None
    error: str | None
    scheduled_at: datetime | None
    sent_at: datetime | None
    attempt: int | None


class Wait(NamedTuple):
    """A touch put off: by what, when, and until when."""

    touch_number: int
    fact: str
    reason: str
    at: datetime
    until: datetime | None


class DemoQueries:
    """One connection, each question a transaction of its own."""

    def __init__(self, dsn: str) -> None:
        self._connection = psycopg.connect(
            dsn, autocommit=True, application_name="touchstream demo"
        )
        self._sql = load("demo")

    def ready(self) -> set[tuple[str, str]]:
        """Campaigns whose newest version every partition knows."""
        return {(row[0], row[1]) for row in self._all("ready")}

    def tenants(self) -> int:
        return int(self._all("tenants")[0][0])

    def businesses(self) -> list[Business]:
        return [Business(*row) for row in self._all("businesses")]

    def waiting(self, now: datetime) -> dict[str, dict[str, int]]:
        """How many touches wait, by tenant and by what they wait for; `now` is stream time."""
        found: dict[str, dict[str, int]] = {}
        for tenant_id, reason, number in self._all("waiting", (now,)):
            found.setdefault(tenant_id, {})[reason] = number
        return found

    def open(self) -> int:
        """Enrollments that live and touches that wait."""
        return int(self._all("open")[0][0])

    def totals(self) -> dict[str, int]:
        """Facts by their kind."""
        return dict(self._all("totals"))

    def reasons(self) -> list[tuple[str, str, int]]:
        """Decisions: their fact, their reason, how many."""
        return self._all("reasons")

    def analytics(self) -> list[Analytics]:
        return [
            Analytics(*row[:4], *map(int, row[4:8]), *map(_rate, row[8:]))
            for row in self._all("analytics")
        ]

    def prospects(self) -> list[Prospects]:
        """Where the prospects stand, as their dashboards show it."""
        return [Prospects(*row[:5], *map(int, row[5:])) for row in self._all("prospects")]

    def unsent(self) -> list[Unsent]:
        """Enrollments with a touch that was not sent."""
        return [Unsent(*row) for row in self._all("unsent")]

    def enrollment(self, tenant_id: str, enrollment_id: str) -> Enrollment:
        return Enrollment(*self._all("enrollment", (tenant_id, enrollment_id))[0])

    def touches(self, tenant_id: str, enrollment_id: str) -> list[Touch]:
        return [Touch(*row) for row in self._all("touches", (tenant_id, enrollment_id))]

    def waits(self, tenant_id: str, contact_id: str, enrollment_id: str) -> list[Wait]:
        rows = self._all("waits", (tenant_id, contact_id, enrollment_id))
        return [Wait(*row) for row in rows]

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _all(self, name: str, arguments: tuple[Any, ...] = ()) -> list[Any]:
        return self._connection.execute(self._sql[name], arguments or None).fetchall()


def _rate(value: Any) -> float | None:
    return None if value is None else float(value)
