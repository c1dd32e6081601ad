"""An engine of role processes on a shared stack, with its own topics, database and log files."""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self
from uuid import uuid4

import psycopg
from psycopg import conninfo

from schemas.internal.topics import Layout
from sinks.migrate import migrate
from streams.base.settings import Settings, load_settings
from streams.embedded.stack import Stack
from streams.kafka.topics import create_topics
from streams.runtime.role_process import ROLES
from streams.runtime.supervisor import RoleProcess, Supervisor
from tests.testing.waiting import WAIT_TIMEOUT_S

POLL_INTERVAL_S = 0.05


class LiveEngine:
    """The role processes of one engine. After `start` a test lets time pass with `pause` and
    `wait_until` alone, because they restart processes that have ended. As a context manager it is
    stopped at the end, also by a failure: the tests after it need the machine."""

    def __init__(
        self,
        stack: Stack,
        log_dir: Path,
        *,
        prefix: str = "",
        roles: Mapping[str, int] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.stack = stack
        self.prefix = prefix or f"c{uuid4().hex[:8]}."
        self.log_dir = log_dir
        self.roles = dict(roles or dict.fromkeys(ROLES, 1))
        self.environment = {
            **stack.environment(),
            "TOUCHSTREAM_POSTGRES_DSN": self._create_database(),
            "TOUCHSTREAM_TOPIC_PREFIX": self.prefix,
            "TOUCHSTREAM_SESSION_TIMEOUT_MS": "6000",
            **(environment or {}),
        }
        self.supervisors: list[Supervisor] = []

    @property
    def settings(self) -> Settings:
        return load_settings(self.environment)

    def start(self, layout: Layout | None = None) -> None:
        """Creates topics and tables, and starts a process for each role and slot."""
        migrate(self.settings.dsn())
        create_topics(self.settings, layout or Layout())
        for role, workers in self.roles.items():
            self.add_processes([role], workers=workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def add_processes(
        self, roles: Sequence[str], *, workers: int = 1, first_slot: int = 0
    ) -> Supervisor:
        """Starts more processes, which `remove_processes` ends."""
        supervisor = Supervisor(
            roles, self.environment, workers=workers, first_slot=first_slot, log_dir=self.log_dir
        )
        supervisor.start()
        self.supervisors.append(supervisor)
        return supervisor

    def remove_processes(self, supervisor: Supervisor) -> None:
        """Stops these processes."""
        self.supervisors.remove(supervisor)
        supervisor.stop()

    def stop(self) -> None:
        """Stops all processes, also those that a SIGSTOP has suspended."""
        for child in self.children():
            if child.process is not None and child.process.poll() is None:
                os.kill(child.process.pid, signal.SIGCONT)
        for supervisor in self.supervisors:
            supervisor.stop()
        self.supervisors.clear()

    def children(self, role: str | None = None) -> list[RoleProcess]:
        """The processes of a role, or all processes."""
        children = [c for supervisor in self.supervisors for c in supervisor.children]
        return [c for c in children if role in (None, c.role)]

    def restart_ended(self) -> None:
        """Restarts the processes that have ended."""
        for supervisor in self.supervisors:
            supervisor.check()

    def pause(self, seconds: float) -> None:
        """Waits, and keeps the processes running meanwhile."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.restart_ended()
            time.sleep(min(POLL_INTERVAL_S, left))

    def wait_until(
        self, description: str, reached: Callable[[], bool], timeout_s: float = WAIT_TIMEOUT_S
    ) -> None:
        """Waits until `reached` returns true: what a test asserts of a running engine must be part
        of it. Raises TimeoutError with the description."""
        deadline = time.monotonic() + timeout_s
        while not reached():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {timeout_s} s: {description}")
            self.pause(POLL_INTERVAL_S)

    def log_count(self, role: str, slot: int, text: str) -> int:
        """How often a text is in the log file of a process."""
        path = self.log_dir / f"{role}-{slot}.log"
        return path.read_text(errors="replace").count(text) if path.exists() else 0

    def _create_database(self) -> str:
        name = self.prefix.rstrip(".").replace(".", "_")
        with psycopg.connect(self.stack.postgres.dsn, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return conninfo.make_conninfo(self.stack.postgres.dsn, dbname=name)
