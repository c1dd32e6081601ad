"""Reads what the demo shows from the tables and views of PostgreSQL, by `sql/demo.sql`."""

from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple, Self

import psycopg

from sinks.queries import load


class BusinessTotals(NamedTuple):
    """The jobs, enrollments and touches of one tenant, as numbers."""

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


class TouchAnalytics(NamedTuple):
    """The counts and rates of one touch number of one campaign (S1-33)."""

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


class ProspectGroup(NamedTuple):
    """The number of prospects of a campaign with the same status and current step, how many of them
    are LinkedIn connections, and how many steps they have completed and skipped in all."""

    tenant_id: str
    campaign_id: str
    status: str
    stop_reason: str
    current_step: int
    prospects: int
    connected: int
    completed: int
    skipped: int


class CallTotals(NamedTuple):
    """The calls of one tenant: slots that were granted, and that are held now; people who wait for
    a call, whom one has reached, and who were called in vain."""

    tenant_id: str
    granted: int
    held: int
    queued: int
    completed: int
    failed: int


class CallCampaignRow(NamedTuple):
    """A call campaign by the names of S3, and how many of its calls led to what they were for."""

    tenant_id: str
    campaign_id: str
    status: str
    total_contacts: int
    completed_calls: int
    successful_calls: int
    reviewed_successful: int
    failed_calls: int


class ReportRow(NamedTuple):
    """A report of a campaign: provisional or final, with the values of its fact."""

    tenant_id: str
    campaign_id: str
    reason: str
    values: dict[str, Any]


class AccountRow(NamedTuple):
    """A sender account with the number of its commands, and the first and the last of them."""

    tenant_id: str
    sender_id: str
    channel: str
    commands: int
    first_at: datetime | None
    last_at: datetime | None


class UnsentTouches(NamedTuple):
    """An enrollment with touches that were not sent: the reasons of these touches, and the reasons
    for which touches of it were deferred or retried."""

    tenant_id: str
    enrollment_id: str
    reasons: list[str]
    put_off: list[str]


class EnrollmentRow(NamedTuple):
    """Status and times of an enrollment."""

    contact_id: str
    campaign_id: str
    version: int
    status: str
    reason: str | None
    started_at: datetime
    ended_at: datetime | None


class StepRow(NamedTuple):
    """A step of an enrollment's version, and the outcome of its touch."""

    number: int
    channel: str
    phase: str
    reason: str | None
    error: str | None
    scheduled_at: datetime | None
    sent_at: datetime | None
    attempt: int | None


class Deferral(NamedTuple):
    """The fact that a touch was deferred or retried: why, when, and until when."""

    touch_number: int
    fact: str
    reason: str
    at: datetime
    until: datetime | None


class DemoQueries:
    """A connection to the demo's database. Each query is a transaction of its own."""

    def __init__(self, dsn: str) -> None:
        self._connection = psycopg.connect(
            dsn, autocommit=True, application_name="touchstream demo"
        )
        self._sql = load("demo")

    def ready(self) -> set[tuple[str, str]]:
        """The campaigns, as (tenant id, campaign id), with a version that every partition knows."""
        return {(row[0], row[1]) for row in self._all("ready")}

    def tenants(self) -> int:
        """The number of tenants."""
        return int(self._all("tenants")[0][0])

    def businesses(self) -> list[BusinessTotals]:
        return [BusinessTotals(*row) for row in self._all("businesses")]

    def waiting(self, now: datetime) -> dict[str, dict[str, int]]:
        """The number of waiting touches by tenant and reason; `now` is stream time."""
        waiting: dict[str, dict[str, int]] = {}
        for tenant_id, reason, number in self._all("waiting", (now,)):
            waiting.setdefault(tenant_id, {})[reason] = number
        return waiting

    def open(self) -> int:
        """The number of live enrollments and unresolved touches."""
        return int(self._all("open")[0][0])

    def totals(self) -> dict[str, int]:
        """The number of facts of each kind."""
        return dict(self._all("totals"))

    def reasons(self) -> list[tuple[str, str, int]]:
        """The decisions as (kind of fact, reason, number)."""
        return self._all("reasons")

    def analytics(self) -> list[TouchAnalytics]:
        return [
            TouchAnalytics(*row[:4], *map(int, row[4:8]), *map(_rate, row[8:]))
            for row in self._all("analytics")
        ]

    def prospects(self) -> list[ProspectGroup]:
        """The prospects of all campaigns, grouped by status and current step."""
        return [ProspectGroup(*row[:5], *map(int, row[5:])) for row in self._all("prospects")]

    def senders(self) -> int:
        """The number of sender accounts."""
        return int(self._all("senders")[0][0])

    def calls(self) -> list[CallTotals]:
        """The calls of each tenant that has some."""
        return [CallTotals(*row) for row in self._all("calls")]

    def call_campaigns(self) -> list[CallCampaignRow]:
        return [
            CallCampaignRow(*row[:3], *map(int, row[3:])) for row in self._all("call_campaigns")
        ]

    def call_outcomes(self) -> list[tuple[str, int]]:
        """The calls by outcome, the most frequent first; `lost` where nobody has reported one."""
        return self._all("call_outcomes")

    def accounts(self) -> list[AccountRow]:
        return [AccountRow(*row) for row in self._all("accounts")]

    def reports(self) -> list[ReportRow]:
        """The reports of campaigns in order of time."""
        return [ReportRow(*row) for row in self._all("reports")]

    def unsent(self) -> list[UnsentTouches]:
        """The enrollments with a touch that was not sent."""
        return [UnsentTouches(*row) for row in self._all("unsent")]

    def enrollment(self, tenant_id: str, enrollment_id: str) -> EnrollmentRow:
        return EnrollmentRow(*self._all("enrollment", (tenant_id, enrollment_id))[0])

    def touches(self, tenant_id: str, enrollment_id: str) -> list[StepRow]:
        return [StepRow(*row) for row in self._all("touches", (tenant_id, enrollment_id))]

    def waits(self, tenant_id: str, contact_id: str, enrollment_id: str) -> list[Deferral]:
        rows = self._all("waits", (tenant_id, contact_id, enrollment_id))
        return [Deferral(*row) for row in rows]

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
