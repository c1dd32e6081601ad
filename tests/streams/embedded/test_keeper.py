"""The keeper starts a server again that has ended, reports why, and gives up in the end."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from streams.base import disk_space
from streams.embedded import keeper
from streams.embedded.keeper import ServerKeeper, ServerLost
from streams.embedded.processes import Process

SERVER = """
import pathlib, time
print("up", flush=True)
pathlib.Path("ready").touch()
time.sleep(99)
"""


class Server:
    """A server in a directory. With `broken` it ends before it is ready."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.broken = ""
        self.process = Process("server", [], directory=directory)

    def restart(self) -> None:
        ready = self.directory / "ready"
        ready.unlink(missing_ok=True)
        program = f"import sys; sys.exit({self.broken!r})" if self.broken else SERVER
        self.process = Process("server", [sys.executable, "-c", program], directory=self.directory)
        self.process.start(ready.exists, timeout_s=30)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    server.restart()
    yield server
    server.process.kill()


def check_until(keeper: ServerKeeper, lines: list[str], text: str) -> None:
    """Checks the servers until a line with the text was reported."""
    deadline = time.monotonic() + 30
    while not any(text in line for line in lines):
        assert time.monotonic() < deadline, lines
        keeper.check()
        time.sleep(0.01)


def test_a_killed_server_runs_again(server: Server) -> None:
    lines: list[str] = []
    kept = ServerKeeper([server], lines.append)
    kept.check()
    assert lines == []
    psutil.Process(server.process.pid).kill()
    check_until(kept, lines, "server is running again")
    assert "server ended with SIGKILL; the last line of its log: up" in lines[0]
    assert server.process.running
    kept.close()


def test_a_suspended_server_is_killed_and_runs_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "SUSPENDED_CHECK_S", 0.05)
    monkeypatch.setattr(keeper, "SUSPENDED_MAX_S", 0.2)
    lines: list[str] = []
    kept = ServerKeeper([server], lines.append)
    suspended = psutil.Process(server.process.pid)
    suspended.suspend()
    check_until(kept, lines, "server is running again")
    assert "server was suspended for 0.2 s, and was killed; the last line of its log" in lines[0]
    assert not suspended.is_running()
    assert server.process.running
    kept.close()


def test_a_server_that_does_not_start_is_given_up_with_its_reason(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "RESTART_PAUSES_S", (0.0, 0.01))
    lines: list[str] = []
    kept = ServerKeeper([server], lines.append)
    server.broken = "FATAL: could not write: No space left on device"
    psutil.Process(server.process.pid).kill()
    with pytest.raises(ServerLost) as lost:
        check_until(kept, lines, "never")
    message = str(lost.value)
    assert "giving up" in message
    assert "No space left on device" in message
    assert f"the disk is full: {disk_space.free_bytes(server.directory) // 10**10}" in message
    assert f"MB are free in {server.directory}" in message.replace(",", "")
    assert "starting server again in 0.01 s" in lines[-1]
    kept.close()


def test_a_disk_without_space_is_full_whatever_the_log_contains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert disk_space.full_disk(tmp_path / "not" / "yet") is None
    monkeypatch.setattr(disk_space, "FREE_MIN_BYTES", 2**62)
    assert str(tmp_path) in str(disk_space.full_disk(tmp_path))
