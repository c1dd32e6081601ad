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
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from streams.base.exit_status import EXIT_IDENTITY_TAKEN, EXIT_SETTINGS_WRONG
from streams.base.heartbeat import HeartbeatListener
from streams.base.parent_death import with_parent_death_signal
from streams.base.process_end import last_line, status_text

log = logging.getLogger("touchstream.supervisor")

STOP_TIMEOUT_S = 8.0
RESTART_PAUSES_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
"""The pause before a restart, by the number of times that the process has ended in a row."""

STABLE_AFTER_S = 30.0
"""A process that ran for longer than this does not count as ended in a row."""

SILENT_MAX_S = 60.0
"""A process whose loop gives no sign of life for this long is killed and restarted. No call of the
loop may take so long."""

TAKEN_MAX, TAKEN_WITHIN_S = 3, 300.0
"""A process may lose its identity to another one this often within this time; then another engine
runs under the same identity, and a restart would take it back, again and again."""


class ProcessEnd(NamedTuple):
    """The end of a role process. As a text it is one line."""

    role: str
    slot: int
    status: int
    silent_s: float
    last_line: str

    def __str__(self) -> str:
        how = f"ended with {status_text(self.status)}"
        if self.silent_s:
            how = f"gave no sign of life for {self.silent_s:g} s, and was killed"
        words = f"; the last line of its log: {self.last_line}" if self.last_line else ""
        return f"{self.role} (slot {self.slot}) {how}{words}"


class RoleProcess:
    """The process of one role in one slot. `process` is None while it waits for its restart."""

    def __init__(
        self,
        role: str,
        slot: int,
        environment: Mapping[str, str],
        log_dir: Path | None,
        silent_max_s: float = SILENT_MAX_S,
    ) -> None:
        self.role, self.slot = role, slot
        self._environment = {**os.environ, **environment, "TOUCHSTREAM_SLOT": str(slot)}
        self._log = None if log_dir is None else log_dir / f"{role}-{slot}.log"
        self.silent_max_s = silent_max_s
        self._listener: HeartbeatListener | None = None
        self._killed_after_s = 0.0
        self._ends_in_a_row = 0
        self._started_at_s = 0.0
        self._restart_at_s = 0.0
        self._taken_at_s: deque[float] = deque(maxlen=TAKEN_MAX)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process. Must be called in the main thread: the kernel sends the parent death
        signal when the thread that started the process ends."""
        self._listener, self._killed_after_s = HeartbeatListener(), 0.0
        descriptor = self._listener.child_descriptor
        command = [sys.executable, "-m", "streams.runtime.role_main", self.role, str(descriptor)]
        with ExitStack() as starting:
            starting.callback(self._listener.child_started)
            log_file = None if self._log is None else starting.enter_context(self._log.open("ab"))
            self.process = subprocess.Popen(
                with_parent_death_signal(command, uid=os.getuid()),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stderr=log_file,
                start_new_session=True,
                pass_fds=[descriptor],
            )
        self._started_at_s = time.monotonic()

    def check(self) -> ProcessEnd | None:
        """Restarts the process if it has ended and its pause is over, and kills it if it is silent
        for too long. Returns the end once after each end."""
        if self.process is None:
            if time.monotonic() >= self._restart_at_s:
                self._restart()
            return None
        status = self.process.poll()
        if status is None:
            self._kill_if_silent(self.process)
            return None
        if time.monotonic() - self._started_at_s > STABLE_AFTER_S:
            self._ends_in_a_row = 0
        pause_s = RESTART_PAUSES_S[min(self._ends_in_a_row, len(RESTART_PAUSES_S) - 1)]
        self._restart_at_s = time.monotonic() + pause_s
        self._ends_in_a_row += 1
        if status == EXIT_IDENTITY_TAKEN:
            self._taken_at_s.append(time.monotonic())
        self.ended()
        words = last_line(self._log)
        return ProcessEnd(self.role, self.slot, status, self._killed_after_s, words)

    def ended(self) -> None:
        """Frees what belongs to a process that is not running any more."""
        self.process = None
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    @property
    def identity_lost(self) -> bool:
        """Whether another process has taken this identity too often."""
        taken = self._taken_at_s
        return len(taken) == TAKEN_MAX and taken[-1] - taken[0] < TAKEN_WITHIN_S

    def _restart(self) -> None:
        try:
            self.start()
        except OSError as error:  # no memory, no process, no disk: perhaps later
            self.ended()
            self._restart_at_s = time.monotonic() + RESTART_PAUSES_S[-1]
            fields = {"role": self.role, "slot": self.slot}
            log.warning("cannot start a process: %s; trying again", error, extra=fields)

    def _kill_if_silent(self, process: subprocess.Popen[bytes]) -> None:
        if self._listener is not None and self._listener.silent_s() > self.silent_max_s:
            self._killed_after_s = self.silent_max_s
            process.kill()  # also ends a process that is stopped by a signal


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
        silent_max_s: float = SILENT_MAX_S,
    ) -> None:
        if log_dir is not None:
            log_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.children = [
            RoleProcess(role, slot, environment, log_dir, silent_max_s)
            for role in roles
            for slot in range(first_slot, first_slot + workers)
        ]

    def start(self) -> None:
        """Starts all processes."""
        for child in self.children:
            child.start()

    def check(self) -> None:
        """Restarts processes that have ended or are silent; the owner calls it often. Raises
        RuntimeError if a process has ended for a reason that no restart can change."""
        for child in self.children:
            end = child.check()
            if end is None:
                continue
            log.warning("%s", end, extra={"role": end.role, "slot": end.slot, "status": end.status})
            if end.status == EXIT_SETTINGS_WRONG:
                raise RuntimeError(f"{end}\nit cannot start as it is set up")
            if child.identity_lost:
                raise RuntimeError(
                    f"{end}\nanother engine runs under the same identity (role {end.role}, slot "
                    f"{end.slot}): stop one of them, or give each its own TOUCHSTREAM_INSTANCE or "
                    "--first-slot, or TOUCHSTREAM_TOPIC_PREFIX if they are to share nothing"
                )

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
            child.ended()
