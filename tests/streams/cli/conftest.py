"""Commands in the test's process, and a real engine for the tests that need one."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import conninfo

from schemas.internal.topics import Layout
from sinks.migrate import migrate
from streams.base.settings import load_settings
from streams.embedded.stack import Stack
from streams.kafka import topics
from streams.runtime.role_process import ROLES
from streams.runtime.supervisor import Supervisor
from tests.testing.command_line import clean_environment, touchstream, wait_until

__all__ = ["clean_environment", "touchstream"]


@pytest.fixture
def deployment(
    stack: Stack, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """A topic prefix and a migrated database of the test's own, set in the environment."""
    name = f"cli{uuid4().hex[:8]}"
    with psycopg.connect(stack.postgres.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    dsn = conninfo.make_conninfo(stack.postgres.dsn, dbname=name)
    environment = {
        **stack.environment(),
        "TOUCHSTREAM_POSTGRES_DSN": dsn,
        "TOUCHSTREAM_TOPIC_PREFIX": topic_prefix,
    }
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    migrate(dsn)
    yield environment


@pytest.fixture
def engine(deployment: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """The deployment with topics and one process of each role, which has its partitions."""
    topics.create_topics(
        load_settings(), Layout(public=1, contact=2, dispatch=2, commands=1, facts=1)
    )
    supervisor = Supervisor(ROLES, deployment, log_dir=tmp_path / "logs")
    supervisor.start()
    try:
        # A command waits for an answer for 30 s, of which the start of a process could take most.
        wait_until(lambda: all(map(_is_assigned, tmp_path.glob("logs/*.log"))))
        yield deployment
    finally:
        supervisor.stop()


def _is_assigned(log: Path) -> bool:
    """Whether the process of a log has got its partitions; a projector does not report it."""
    return log.name.startswith("projector") or '"message":"assigned"' in log.read_text("utf-8")
