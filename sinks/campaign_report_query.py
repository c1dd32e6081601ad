"""Reads from PostgreSQL what the report of a campaign shows beside its counts: the newest report
that was emitted, and how many people were reached, responded and converted on each day."""

from datetime import date, datetime
from typing import Any, NamedTuple

import psycopg

from sinks.queries import load


class DayCount(NamedTuple):
    """How many people had their first of something on a day by the clock of the campaign: reached,
    responses, conversions, opt_outs or bounces. Of who is part of an experiment, `variant` A or B,
    also tested, when the step of the experiment reached them, and tested_responses since then."""

    day: date
    kind: str
    variant: str
    people: int


class ReportHistory(NamedTuple):
    """The values of the newest fact campaign.report, or None, when it was emitted, and the days."""

    report: dict[str, Any] | None
    reported_at: datetime | None
    days: list[DayCount]


def report_history(
    dsn: str, tenant_id: str, campaign_id: str, zone_name: str, since: datetime | None
) -> ReportHistory:
    """The history of a campaign. `since` is when the campaign ended: its reports are later; None
    for one that goes on. Raises psycopg.Error."""
    ids = {"tenant": tenant_id, "campaign": campaign_id}
    statements = load("report")
    with psycopg.connect(dsn, application_name="touchstream report") as connection:
        connection.read_only = True
        days = connection.execute(statements["days"], {**ids, "zone": zone_name}).fetchall()
        report = None
        if since is not None:
            report = connection.execute(statements["report"], {**ids, "since": since}).fetchone()
    values, at = report or (None, None)
    return ReportHistory(values, at, [DayCount(*row) for row in days])
