"""All servers that touchstream needs, with their data in one directory. One process at a time can
use a directory."""

import fcntl
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import IO, Protocol, Self

from streams.base.settings import kafka_variables
from streams.embedded.kafka import EmbeddedKafka
from streams.embedded.kafka_cluster import KafkaCluster
from streams.embedded.keeper import KeptServer, ServerKeeper
from streams.embedded.postgres import EmbeddedPostgres
from streams.embedded.postgres_user import open_for_server
from streams.embedded.registry import EmbeddedRegistry


def heap_mb(brokers: int) -> int:
    """The heap of each of so many brokers, in megabytes."""
    return 512 if brokers == 1 else 320


class StackInUse(Exception):
    """Another process uses the directory."""


class EmbeddedServer(KeptServer, Protocol):
    def start(self) -> None: ...
    def stop(self) -> None: ...


class Stack:
    """Kafka, PostgreSQL and, if `registry` is set, a schema registry.

    They start at the same time, stop within 10 s, and write nothing outside `data_dir`. With
    `long_running` the broker optimizes itself, which pays off after some minutes. Kafka may have
    several `brokers`; `kafka` is the first of them. They have the further `jvm_options`.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        registry: bool = False,
        long_running: bool = False,
        brokers: int = 1,
        jvm_options: Sequence[str] = (),
    ) -> None:
        self._directory = data_dir.resolve()
        self._lock: IO[str] | None = None
        names = ["kafka", *(f"kafka-{number}" for number in range(2, brokers + 1))]
        cluster = KafkaCluster([self._directory / name for name in names])
        self.brokers = [
            EmbeddedKafka(
                self._directory / name,
                long_running=long_running,
                heap_mb=heap_mb(brokers),
                cluster=cluster,
                number=number,
                jvm_options=jvm_options,
            )
            for number, name in enumerate(names, 1)
        ]
        self.kafka = self.brokers[0]
        self.postgres = EmbeddedPostgres(self._directory / "postgres")
        self.registry = EmbeddedRegistry(self._directory / "registry") if registry else None

    def start(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        open_for_server(self._directory)
        self._lock = _lock(self._directory / "stack.lock")
        try:
            self._call_all("start")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self._lock is None:
            return
        try:
            self._call_all("stop")
        finally:
            self._lock.close()
            self._lock = None

    def keeper(self, report: Callable[[str], None]) -> ServerKeeper:
        """Restarts the servers of the running stack that end; `report` gets a line for each."""
        return ServerKeeper(self._servers, report)

    def environment(self) -> dict[str, str]:
        """Returns the environment variables with which a worker finds the servers and is let
        in."""
        variables = {
            "TOUCHSTREAM_BOOTSTRAP_SERVERS": self.kafka.bootstrap,
            **kafka_variables(self.kafka.credentials),
            "TOUCHSTREAM_POSTGRES_DSN": self.postgres.dsn,
        }
        return variables if self.registry is None else variables | self.registry.environment

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _servers(self) -> list[EmbeddedServer]:
        servers: list[EmbeddedServer] = [self.postgres, *self.brokers]
        return servers if self.registry is None else [*servers, self.registry]

    def _call_all(self, method: str) -> None:
        """Calls a method of all servers at the same time. Raises the first error after all calls
        have ended."""
        servers = self._servers
        with ThreadPoolExecutor(max_workers=2 * len(servers)) as pool:
            calls = [pool.submit(getattr(server, method)) for server in servers]
            try:
                wait(calls)
            except BaseException:  # after Ctrl-C: do not wait until all are ready
                wait([pool.submit(server.stop) for server in servers if method == "start"])
                raise
        for call in calls:
            call.result()


def _lock(path: Path) -> IO[str]:
    """Locks the file until it is closed or the process ends. Raises StackInUse."""
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read().strip()
        file.close()
        raise StackInUse(
            f"{path.parent} is in use by process {owner}: stop that process first"
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
