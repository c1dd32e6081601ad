"""Everything that touchstream needs, in one directory, for one process at a time."""

import fcntl
import os
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import IO, Protocol, Self

from streams.embedded.kafka import EmbeddedKafka
from streams.embedded.postgres import EmbeddedPostgres
from streams.embedded.registry import EmbeddedRegistry


class Taken(Exception):
    """Another process runs the stack in this directory."""


class Server(Protocol):
    def start(self) -> None: ...
    def stop(self) -> None: ...


class Stack:
    """Starts all at once, ends all within 10 s, and writes nothing outside `data_dir`. `lasting`:
    it stays for longer than some minutes."""

    def __init__(self, data_dir: Path, *, registry: bool = False, lasting: bool = False) -> None:
        self._directory = data_dir.resolve()
        self._lock: IO[str] | None = None
        self.kafka = EmbeddedKafka(self._directory / "kafka", lasting=lasting)
        self.postgres = EmbeddedPostgres(self._directory / "postgres")
        self.registry = EmbeddedRegistry(self._directory / "registry") if registry else None

    def start(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self._directory / "stack.lock")
        try:
            self._each("start")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self._lock is None:
            return
        try:
            self._each("stop")
        finally:
            self._lock.close()
            self._lock = None

    def environment(self) -> dict[str, str]:
        """What a worker needs to find it all."""
        found = {
            "TOUCHSTREAM_BOOTSTRAP_SERVERS": self.kafka.bootstrap,
            "TOUCHSTREAM_POSTGRES_DSN": self.postgres.dsn,
        }
        if self.registry is not None:
            found["TOUCHSTREAM_REGISTRY_URL"] = self.registry.url
        return found

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _each(self, order: str) -> None:
        """To all at the same time; the first failure is raised when all have answered."""
        servers: list[Server] = [self.postgres, self.kafka]
        if self.registry is not None:
            servers.append(self.registry)
        with ThreadPoolExecutor(max_workers=2 * len(servers)) as pool:
            answers = [pool.submit(getattr(server, order)) for server in servers]
            try:
                wait(answers)
            except BaseException:  # a Ctrl-C does not wait until all are ready
                wait([pool.submit(server.stop) for server in servers if order == "start"])
                raise
        for answer in answers:
            answer.result()


def _lock(path: Path) -> IO[str]:
    """Held until closed, so also gone with the process that held it."""
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read().strip()
        file.close()
        raise Taken(f"{path.parent} is in use by process {owner}: stop that one first") from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
