"""Keeps the servers of a stack running: notices the end of each, and each that is suspended
(SIGSTOP), reports it with its reason, and starts the server again, later and later, until there is
no hope."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from streams.base.disk_space import full_disk
from streams.base.process_end import last_line, log_tail, status_text
from streams.embedded.jars import WrongFile
from streams.embedded.processes import Process, StartFailed

RESTART_PAUSES_S = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""The pause before a restart, by the number of ends and failed starts in a row. After the last one
the server is given up."""

STABLE_AFTER_S = 60.0
"""A server that ran for longer than this does not count as ended in a row."""

SUSPENDED_MAX_S = 20.0
"""A server that has been suspended for this long is killed. Its clients only wait."""

SUSPENDED_CHECK_S = 1.0
_FAILURES = (StartFailed, WrongFile, OSError)


class ServerLost(Exception):
    """A server ends again and again; the message has the reason, if one is known."""


class KeptServer(Protocol):
    """A server that can be started again. `process` is its running process, or the last one."""

    @property
    def process(self) -> Process: ...
    def restart(self) -> None: ...


class ServerKeeper:
    """Keeps `servers` running. The owner calls `check` often, which never waits: a restart takes
    place in a thread. `report` gets a line for each end and each restart."""

    def __init__(self, servers: Iterable[KeptServer], report: Callable[[str], None]) -> None:
        self._kept = [_Kept(server, report) for server in servers]
        self._threads = ThreadPoolExecutor(len(self._kept), thread_name_prefix="server-restart")

    def check(self) -> None:
        """Restarts the servers that have ended. Raises ServerLost."""
        for kept in self._kept:
            kept.check(self._threads)

    def close(self) -> None:
        """Starts no server any more. A restart under way ends when its server is stopped."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Kept:
    """One server, and its ends and failed starts in a row."""

    def __init__(self, server: KeptServer, report: Callable[[str], None]) -> None:
        self._server, self._report = server, report
        self._name = server.process.name
        self._failures = 0
        self._running_since_s = time.monotonic()
        self._restart_at_s: float | None = None
        self._restart: Future[None] | None = None
        self._checked_s = self._running_since_s
        self._suspended_since_s: float | None = None

    def check(self, threads: ThreadPoolExecutor) -> None:
        if self._restart is not None:
            if self._restart.done():
                self._finish(self._restart)
        elif self._restart_at_s is not None:
            if time.monotonic() >= self._restart_at_s:
                self._restart = threads.submit(self._server.restart)
        elif (status := self._server.process.ended) is not None:
            if time.monotonic() - self._running_since_s > STABLE_AFTER_S:
                self._failures = 0
            self._failed(f"{self._name} ended with {status_text(status)}")
        elif time.monotonic() - self._checked_s >= SUSPENDED_CHECK_S:
            self._check_suspended()

    def _check_suspended(self) -> None:
        """Kills a server that has been suspended for too long, and plans its restart."""
        self._checked_s = now_s = time.monotonic()
        if not self._server.process.suspended:
            self._suspended_since_s = None
        elif self._suspended_since_s is None:
            self._suspended_since_s = now_s
        elif now_s - self._suspended_since_s >= SUSPENDED_MAX_S:
            self._suspended_since_s = None
            self._server.process.kill()
            self._failed(f"{self._name} was suspended for {SUSPENDED_MAX_S:g} s, and was killed")

    def _finish(self, restart: Future[None]) -> None:
        self._restart = self._restart_at_s = None
        try:
            restart.result()
        except _FAILURES as error:
            self._failed(f"{self._name} cannot be started again: {str(error).splitlines()[0]}")
            return
        self._running_since_s = time.monotonic()
        self._report(f"{self._name} is running again")

    def _failed(self, what: str) -> None:
        """Reports, and plans the next restart. Raises ServerLost if there were too many."""
        process = self._server.process
        cause = full_disk(process.log.parent, log_tail(process.log))
        line = last_line(process.log)
        text = f"{what}; the last line of its log: {line}" if line else what
        if cause is not None and cause not in what:
            text += f"\n{cause}"
        if self._failures == len(RESTART_PAUSES_S):
            raise ServerLost(f"{text}\n{self._name} ended or failed to start too often: giving up")
        pause_s = RESTART_PAUSES_S[self._failures]
        self._failures += 1
        self._restart_at_s = time.monotonic() + pause_s
        when = f" in {pause_s:g} s" if pause_s else ""
        self._report(f"{text}\nstarting {self._name} again{when}")
