"""A server as a child: it logs to one file, dies with its parent and is gone when told."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import randbelow

import psutil

from streams.base.parent_death import with_parent_death_signal

_TAIL_LINES = 25
_POLL_S = 0.03

# The kernel's leash is tied to the thread that starts the child, not to the process. So one thread
# starts them all, and it lives as long as the interpreter.
_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedded-starter")


class StartFailed(Exception):
    """A server did not become ready; the message ends with the tail of its log."""


class Process:
    """One server process. `start` and `stop` may be repeated; whatever is left of an earlier one
    in the same directory (`NAME.pid`) is ended first."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str] | None = None,
        uid: int | None = None,
        signal_to_stop: signal.Signals = signal.SIGTERM,
        signal_of_parents_death: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        self._command = list(command)
        self._directory = directory
        self._environment = dict(environment or {})
        self._uid = os.getuid() if uid is None else uid
        self._signal_to_stop = signal_to_stop
        self._signal_of_parents_death = signal_of_parents_death
        self._pid_file = directory / f"{name}.pid"
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._child is None:
            raise RuntimeError(f"{self.name} is not running")
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self, is_ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Return when the server is ready; otherwise end it and say why it was not."""
        if self.running:
            return
        self._end_leftover()
        self._child = _STARTER.submit(self._spawn).result()
        self._pid_file.write_text(f"{self.pid} {psutil.Process(self.pid).create_time()}")
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if not self.running or time.monotonic() > deadline:
                outcome = "is not ready in time" if self.running else "ended at once"
                self.kill()
                raise StartFailed(f"{self.name} {outcome}; its log ends with:\n{self._tail()}")
            time.sleep(_POLL_S)

    def stop(self, *, timeout_s: float) -> None:
        """Ask it to end; when the time is up, do not ask."""
        if self._child is not None and self.running:
            self._child.send_signal(self._signal_to_stop)
            try:
                self._child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
        self._forget()

    def kill(self) -> None:
        """SIGKILL, to its own children too; return when none is left."""
        if self._child is not None and self.running:
            _kill_tree(psutil.Process(self.pid))
            self._child.wait()
        self._forget()

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = with_parent_death_signal(
            self._command, uid=self._uid, death_signal=self._signal_of_parents_death
        )
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self._directory,
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C in the terminal is for the parent
            )

    def _end_leftover(self) -> None:
        """After a crash of the parent, or where there is no leash. The start time tells it from a
        stranger who got the same pid."""
        if not self._pid_file.exists():
            return
        pid, created = self._pid_file.read_text().split()
        try:
            leftover = psutil.Process(int(pid))
            if leftover.create_time() == float(created):
                _kill_tree(leftover)
        except psutil.NoSuchProcess:
            pass
        self._forget()

    def _forget(self) -> None:
        self._child = None
        self._pid_file.unlink(missing_ok=True)

    def _tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:])


def kept_port(path: Path) -> int:
    """A free port, chosen once and kept in `path`, so that a restart has the same address.

    Not one that the kernel hands out: a client that keeps dialling a dead server's port from that
    range can end up connected to itself, and the server cannot have its port back.
    """
    if not path.exists():
        path.write_text(str(_free_port()))
    return int(path.read_text())


def accepts(port: int) -> bool:
    """Whether someone listens on this loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    for _ in range(100):
        port = 20_000 + randbelow(10_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port between 20000 and 29999")


def _kill_tree(process: psutil.Process) -> None:
    """The parent first, so that it starts no more; its children may be in other sessions."""
    family = [process, *process.children(recursive=True)]
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    deadline = time.monotonic() + 10
    while not all(_is_gone(member) for member in family) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _is_gone(process: psutil.Process) -> bool:
    """A zombie is: in a container perhaps nobody will ever reap it."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
