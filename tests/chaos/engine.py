"""One engine of role processes on a shared stack: its own topics, database and logs."""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
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

PUMP_S = 0.05


class Site:
    """`start`, then let time pass with `pause` or `until` alone: they keep the children running."""

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
            "TOUCHSTREAM_POSTGRES_DSN": self._database(),
            "TOUCHSTREAM_TOPIC_PREFIX": self.prefix,
            "TOUCHSTREAM_SESSION_TIMEOUT_MS": "6000",
            **(environment or {}),
        }
        self.supervisors: list[Supervisor] = []

    @property
    def settings(self) -> Settings:
        return load_settings(self.environment)

    def start(self, layout: Layout | None = None) -> None:
        """Topics, tables, and a process for each role and slot."""
        migrate(self.settings.dsn())
        create_topics(self.settings, layout or Layout())
        for role, workers in self.roles.items():
            self.join([role], workers=workers)

    def join(self, roles: Sequence[str], *, workers: int = 1, first_slot: int = 0) -> Supervisor:
        """More processes; `leave` ends them."""
        supervisor = Supervisor(
            roles, self.environment, workers=workers, first_slot=first_slot, log_dir=self.log_dir
        )
        supervisor.start()
        self.supervisors.append(supervisor)
        return supervisor

    def leave(self, supervisor: Supervisor) -> None:
        """These end in good order."""
        self.supervisors.remove(supervisor)
        supervisor.stop()

    def stop(self) -> None:
        """All of them, frozen ones too."""
        for child in self.children():
            if child.process is not None and child.process.poll() is None:
                os.kill(child.process.pid, signal.SIGCONT)
        for supervisor in self.supervisors:
            supervisor.stop()
        self.supervisors.clear()

    def children(self, role: str | None = None) -> list[RoleProcess]:
        """The processes of a role, or all."""
        found = [c for supervisor in self.supervisors for c in supervisor.children]
        return [c for c in found if role in (None, c.role)]

    def pump(self) -> None:
        """Whoever died is started again."""
        for supervisor in self.supervisors:
            supervisor.check()

    def pause(self, seconds: float) -> None:
        """Time passes."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.pump()
            time.sleep(min(PUMP_S, left))

    def until(self, what: str, reached: Callable[[], bool], timeout_s: float = 60) -> None:
        """Until it is so. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while not reached():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {timeout_s} s: {what}")
            self.pause(PUMP_S)

    def said(self, role: str, slot: int, words: str) -> int:
        """How often a child's log has these words."""
        path = self.log_dir / f"{role}-{slot}.log"
        return path.read_text(errors="replace").count(words) if path.exists() else 0

    def _database(self) -> str:
        name = self.prefix.rstrip(".").replace(".", "_")
        with psycopg.connect(self.stack.postgres.dsn, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return conninfo.make_conninfo(self.stack.postgres.dsn, dbname=name)
