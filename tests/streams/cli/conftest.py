"""A command run as a person would, in this process, and the real engine for those that need it."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import psycopg
import pytest
from psycopg import conninfo

from schemas.internal.topics import Layout
from sinks.migrate import migrate
from streams import cli
from streams.base.settings import load_settings
from streams.embedded.stack import Stack
from streams.kafka import topics
from streams.runtime.role_process import ROLES
from streams.runtime.supervisor import Supervisor

WAIT_S = 40.0


class CommandResult(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Touchstream = Callable[..., CommandResult]


@pytest.fixture
def touchstream(capfd: pytest.CaptureFixture[str]) -> Touchstream:
    """`touchstream(*arguments)`; the environment is monkeypatch's."""

    def run(*arguments: object) -> CommandResult:
        capfd.readouterr()
        code = cli.execute([str(argument) for argument in arguments])
        return CommandResult(code, *capfd.readouterr())

    return run


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests gets in."""
    import os

    for name in [n for n in os.environ if n.startswith("TOUCHSTREAM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")


@pytest.fixture
def deployment(
    stack: Stack, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """An own corner of the stack, set in the environment: a prefix and an empty database."""
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
    """Topics, tables, and one process of each role."""
    topics.create_topics(load_settings(), Layout(public=1, contact=2, dispatch=2, commands=1, facts=1))
    supervisor = Supervisor(ROLES, deployment, log_dir=tmp_path / "logs")
    supervisor.start()
    yield deployment
    supervisor.stop()


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.3)
