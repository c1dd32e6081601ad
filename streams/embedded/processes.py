"""A server as a child process: it writes one log file, ends with its parent, and can be stopped."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import randbelow, token_hex

import psutil

from streams.base.disk_space import full_disk
from streams.base.parent_death import with_parent_death_signal
from streams.base.process_end import log_tail

_TAIL_LINES = 25
_POLL_S = 0.03

# The parent-death signal comes when the thread that started the child ends, not its process. So one
# thread starts all children, and it lives as long as the interpreter.
_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedded-starter")


class StartFailed(Exception):
    """A server did not become ready. The message ends with the last lines of its log."""


class Process:
    """One server process. `start` and `stop` may be repeated. `start` first kills a process that an
    earlier one has left in the same directory (`NAME.pid`)."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str] | None = None,
        uid: int | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        parent_death_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        self._command = list(command)
        self._directory = directory
        self._environment = dict(environment or {})
        self._uid = os.getuid() if uid is None else uid
        self._stop_signal = stop_signal
        self._parent_death_signal = parent_death_signal
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

    @property
    def ended(self) -> int | None:
        """The exit status of a server that ended without having been stopped or killed here."""
        return None if self._child is None else self._child.poll()

    @property
    def suspended(self) -> bool:
        """Whether a signal has suspended the running server (SIGSTOP)."""
        try:
            return self.running and psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            return False

    def start(self, is_ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Starts the server and waits until it is ready. Raises StartFailed after `timeout_s`, or
        if the process ends."""
        if self.running:
            return
        self._end_leftover()
        self._child = _STARTER.submit(self._spawn).result()
        self._pid_file.write_text(f"{self.pid} {psutil.Process(self.pid).create_time()}")
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if not self.running or time.monotonic() > deadline:
                outcome = "is not ready in time" if self.running else "ended before it was ready"
                self.kill()
                raise start_failed(f"{self.name} {outcome}", self._directory, log_tail(self.log))
            time.sleep(_POLL_S)

    def stop(self, *, timeout_s: float) -> None:
        """Sends the stop signal; kills the process if it runs after `timeout_s`."""
        if self._child is not None and self.running:
            self._child.send_signal(self._stop_signal)
            try:
                self._child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
        self._clear_pid()

    def kill(self) -> None:
        """Kills the process and its children, and waits until none is left."""
        if self._child is not None and self.running:
            _kill_tree(psutil.Process(self.pid))
            self._child.wait()
        self._clear_pid()

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = with_parent_death_signal(
            self._command, uid=self._uid, death_signal=self._parent_death_signal
        )
        with os.fdopen(_append_privately(self.log), "ab") as log:
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
        """Kills a process that survived its parent. Its start time must be the recorded one,
        because another process may have the same pid."""
        if not self._pid_file.exists():
            return
        pid, created = self._pid_file.read_text().split()
        try:
            leftover = psutil.Process(int(pid))
            if leftover.create_time() == float(created):
                _kill_tree(leftover)
        except psutil.NoSuchProcess:
            pass
        self._clear_pid()

    def _clear_pid(self) -> None:
        self._child = None
        self._pid_file.unlink(missing_ok=True)


def start_failed(what: str, directory: Path, output: str) -> StartFailed:
    """The exception for a server or tool that failed: what happened, the reason if it is known, and
    the last lines of its output."""
    cause = full_disk(directory, output)
    lines = [f"  {line}" for line in output.splitlines()[-_TAIL_LINES:]]
    words = f"{what}: {cause}" if cause is not None else what
    return StartFailed("\n".join([f"{words}; its log ends with:", *lines]))


def private_directory(path: Path) -> None:
    """Creates a folder that only its owner may enter, or closes it to others."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)


def _append_privately(path: Path) -> int:
    """Opens a file that others cannot read, and that is no link to another one."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def persistent_port(path: Path) -> int:
    """Returns the port that is stored in `path`. The first call chooses a free port and stores it,
    so that the address stays the same after a restart.

    The port is outside the ephemeral range of the kernel: a client that keeps connecting to a dead
    server's port in that range can connect to itself, and then the port is not free any more.
    """
    stored = path.read_text() if path.exists() else ""  # empty if the disk was full
    if not stored:
        stored = str(_free_port())
        path.write_text(stored)
    return int(stored)


def persistent_password(path: Path) -> str:
    """Returns the password that is stored in `path`, which only its owner can read. The first call
    makes a random one."""
    stored = path.read_text() if path.exists() else ""  # empty if the disk was full
    if not stored:
        stored = token_hex(16)
        write_private(path, stored)
    return stored


def write_private(path: Path, text: str) -> None:
    """Writes a new file that only its owner can read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def is_listening(port: int) -> bool:
    """Whether a process listens on this loopback port."""
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
    """Kills a process and its descendants: the parent first, so that it starts no more children."""
    processes = [process, *process.children(recursive=True)]
    for member in processes:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    deadline = time.monotonic() + 10
    while not all(_is_gone(member) for member in processes) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _is_gone(process: psutil.Process) -> bool:
    """Whether the process has ended. A zombie counts as ended: in a container there may be no
    process that reaps it."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
