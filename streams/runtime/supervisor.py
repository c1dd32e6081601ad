"""Keeps a process running for each role and slot: starts, restarts with a pause, and stops them
together.

A child dies with this process, whatever ends it. A slot keeps its number over restarts, and with it
the identity that Kafka knows: the dead twin's transaction is aborted at once and its partitions are
not handed around.
"""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from streams.base.parent_death import with_parent_death_signal

log = logging.getLogger("touchstream.supervisor")

STOP_S = 8.0
PAUSES_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
STEADY_S = 30.0
SETTINGS_WRONG = 2


class Child:
    """One role in one slot."""

    def __init__(
        self, role: str, slot: int, environment: Mapping[str, str], log_to: IO[bytes] | None
    ):
        self.role, self.slot = role, slot
        self._environment = {**os.environ, **environment, "TOUCHSTREAM_SLOT": str(slot)}
        self._log = log_to
        self._deaths = 0
        self._started_at = 0.0
        self._again_at = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it. From the main thread: the leash ends with the thread that ties it."""
        command = [sys.executable, "-m", "streams.runtime.role_main", self.role]
        self.process = subprocess.Popen(
            with_parent_death_signal(command, uid=os.getuid()),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stderr=self._log,
            start_new_session=True,
        )
        self._started_at = time.monotonic()

    def watch(self) -> int | None:
        """Restart it if it died and its pause is over; its exit status when it just died."""
        if self.process is None:
            if time.monotonic() >= self._again_at:
                self.start()
            return None
        status = self.process.poll()
        if status is None:
            return None
        if time.monotonic() - self._started_at > STEADY_S:
            self._deaths = 0
        self._again_at = time.monotonic() + PAUSES_S[min(self._deaths, len(PAUSES_S) - 1)]
        self._deaths += 1
        self.process = None
        return status


class Supervisor:
    """Children for `roles`, `workers` slots each; `log_dir` takes their log lines, else stderr
    does."""

    def __init__(
        self,
        roles: Sequence[str],
        environment: Mapping[str, str],
        *,
        workers: int = 1,
        first_slot: int = 0,
        log_dir: Path | None = None,
    ) -> None:
        self.children = [
            Child(role, slot, environment, _log_file(log_dir, role, slot))
            for role in roles
            for slot in range(first_slot, first_slot + workers)
        ]

    def start(self) -> None:
        """All of them."""
        for child in self.children:
            child.start()

    def watch(self) -> None:
        """To be called often. Raises RuntimeError where settings are wrong: no restart mends
        that."""
        for child in self.children:
            status = child.watch()
            if status is None:
                continue
            log.warning(
                "child ended", extra={"role": child.role, "slot": child.slot, "status": status}
            )
            if status == SETTINGS_WRONG:
                raise RuntimeError(f"{child.role} cannot start with these settings: see its log")

    def stop(self, patience_s: float = STOP_S) -> None:
        """SIGTERM to all, and to whoever is there after `patience_s` SIGKILL."""
        running = [c.process for c in self.children if c.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + patience_s
        for process in running:
            try:
                process.wait(max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for child in self.children:
            child.process = None


def _log_file(directory: Path | None, role: str, slot: int) -> IO[bytes] | None:
    if directory is None:
        return None
    directory.mkdir(parents=True, exist_ok=True)
    return (directory / f"{role}-{slot}.log").open("ab")
