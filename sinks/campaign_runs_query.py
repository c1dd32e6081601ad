"""The runs of a campaign as PostgreSQL has them: where each stands, and what it has come by."""

from typing import NamedTuple

import psycopg

from sinks.queries import load


class Standing(NamedTuple):
    """A live run: the steps it has been to, the last one it stands at; `out` says that a command
    of it is."""

    contact_id: str
    version: int
    visited: list[str]
    out: bool


class Runs(NamedTuple):
    """The steps of each version in their order, with channel and action, and the live runs."""

    steps: dict[int, list[tuple[str, str, str]]]
    standing: list[Standing]


def runs(dsn: str, tenant_id: str, campaign_id: str) -> Runs:
    """Raises psycopg.Error."""
    asked = (tenant_id, campaign_id)
    statements = load("runs")
    steps: dict[int, list[tuple[str, str, str]]] = {}
    with psycopg.connect(dsn) as connection:
        for version, *step in connection.execute(statements["steps"], asked):
            steps.setdefault(version, []).append(tuple(step))
        found = connection.execute(statements["runs"], asked).fetchall()
    return Runs(steps, [Standing(*row) for row in found])
