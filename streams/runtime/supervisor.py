"""The supervisor: keeps one process running for each role and slot, and stops all of them together.

The processes end with the supervisor, whatever ends it. A restarted process has the same slot and
so the same identity: Kafka aborts the open transaction of its predecessor at once, and does not
move its partitions to other members.
"""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from streams.base.exit_status import EXIT_SETTINGS_WRONG
from streams.base.parent_death import with_parent_death_signal

log = logging.getLogger("touchstream.supervisor")

STOP_TIMEOUT_S = 8.0
RESTART_PAUSES_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
"""The pause before a restart, by the number of times that the process has ended in a row."""

STABLE_AFTER_S = 30.0
"""A process that ran for longer than this does not count as ended in a row."""


class RoleProcess:
    """The process of one role in one slot. `process` is None while it waits for its restart."""

    def __init__(
        self, role: str, slot: int, environment: Mapping[str, str], log_file: IO[bytes] | None
    ) -> None:
        self.role, self.slot = role, slot
        self._environment = {**os.environ, **environment, "TOUCHSTREAM_SLOT": str(slot)}
        self._log_file = log_file
        self._ends_in_a_row = 0
        self._started_at_s = 0.0
        self._restart_at_s = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process. Must be called in the main thread: the kernel sends the parent death
        signal when the thread that started the process ends."""
        command = [sys.executable, "-m", "streams.runtime.role_main", self.role]
        self.process = subprocess.Popen(
            with_parent_death_signal(command, uid=os.getuid()),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stderr=self._log_file,
            start_new_session=True,
        )
        self._started_at_s = time.monotonic()

    def check(self) -> int | None:
        """Restarts the process if it has ended and its pause is over. Returns the exit status once
        after each end."""
        if self.process is None:
            if time.monotonic() >= self._restart_at_s:
                self.start()
            return None
        status = self.process.poll()
        if status is None:
            return None
        if time.monotonic() - self._started_at_s > STABLE_AFTER_S:
            self._ends_in_a_row = 0
        pause_s = RESTART_PAUSES_S[min(self._ends_in_a_row, len(RESTART_PAUSES_S) - 1)]
        self._restart_at_s = time.monotonic() + pause_s
        self._ends_in_a_row += 1
        self.process = None
        return status


class Supervisor:
    """The processes of `roles`, in `workers` slots each from `first_slot` on. Their log lines go to
    files in `log_dir`, or to stderr without it."""

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
            RoleProcess(role, slot, environment, _log_file(log_dir, role, slot))
            for role in roles
            for slot in range(first_slot, first_slot + workers)
        ]

    def start(self) -> None:
        """Starts all processes."""
        for child in self.children:
            child.start()

    def check(self) -> None:
        """Restarts processes that have ended; the owner calls it often. Raises RuntimeError if a
        process has ended because it cannot start, which no restart can change."""
        for child in self.children:
            status = child.check()
            if status is None:
                continue
            log.warning(
                "process ended", extra={"role": child.role, "slot": child.slot, "status": status}
            )
            if status == EXIT_SETTINGS_WRONG:
                raise RuntimeError(f"{child.role} cannot start as it is set up: see its log")

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Sends SIGTERM to all processes, and SIGKILL to those that still run after `timeout_s`
        seconds."""
        running = [c.process for c in self.children if c.process is not None]
        for process in running:
            process.terminate()
        deadline_s = time.monotonic() + timeout_s
        for process in running:
            try:
                process.wait(max(0.05, deadline_s - time.monotonic()))
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
