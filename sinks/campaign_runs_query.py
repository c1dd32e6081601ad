"""Reads the live enrollments of a campaign from PostgreSQL, for the plan of a migration."""

from typing import NamedTuple

import psycopg

from sinks.queries import load


class LiveRun(NamedTuple):
    """A live enrollment. `visited` are the ids of its steps in order, the current one last; `out`
    is true while a request or command of the current step is under way."""

    contact_id: str
    version: int
    visited: list[str]
    out: bool


class CampaignRuns(NamedTuple):
    """The steps of each version in their order, as (step id, channel, action), and the live
    enrollments."""

    steps: dict[int, list[tuple[str, str, str]]]
    live: list[LiveRun]


def campaign_runs(dsn: str, tenant_id: str, campaign_id: str) -> CampaignRuns:
    """The live enrollments of a campaign. Raises psycopg.Error."""
    parameters = (tenant_id, campaign_id)
    statements = load("runs")
    steps: dict[int, list[tuple[str, str, str]]] = {}
    with psycopg.connect(dsn) as connection:
        for version, *step in connection.execute(statements["steps"], parameters):
            steps.setdefault(version, []).append(tuple(step))
        rows = connection.execute(statements["runs"], parameters).fetchall()
    return CampaignRuns(steps, [LiveRun(*row) for row in rows])
