"""`touchstream up` as a process of its own: ready, stopped within 10 s, and there again."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.cli.conftest import Touchstream

pytestmark = pytest.mark.live

READY_S = 120.0
STOP_S = 10.0


@pytest.fixture
def directory() -> Iterator[Path]:
    """Not pytest's own: PostgreSQL, not being root, could not pass through it."""
    path = Path(tempfile.mkdtemp(prefix="touchstream-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


class Up:
    """One run of it; its children are counted, so that none is left."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.address = directory / "stack.env"
        command = [sys.executable, "-c", "from streams.cli import main; main()", "up"]
        self.process = subprocess.Popen(
            [*command, "--data", str(directory), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

    def ready(self) -> dict[str, str]:
        """What stack.env says."""
        deadline = time.monotonic() + READY_S
        while not self.address.exists():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert self.address.stat().st_mode & 0o777 == 0o600
        lines = self.address.read_text().splitlines()
        return {name: value.strip("'") for name, _, value in (x.partition("=") for x in lines)}

    def stop(self, number: signal.Signals) -> tuple[int, str]:
        """Its code and what it said; nothing of it is left within 10 s."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        assert len(family) >= 3
        asked = time.monotonic()
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=STOP_S)
        _, left = psutil.wait_procs(family, timeout=STOP_S - (time.monotonic() - asked))
        assert not [p for p in left if p.status() != psutil.STATUS_ZOMBIE]
        assert not self.address.exists()
        return self.process.returncode, out


def test_data_and_time_survive_a_restart(
    directory: Path, touchstream: Touchstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Up(directory, "--speed", "60")
    for name, value in first.ready().items():
        monkeypatch.setenv(name, value)
    assert touchstream("tenant", "set", "acme", "--timezone", "America/New_York").code == 0
    before = touchstream("status", "--json").json()["now"]
    code, said = first.stop(signal.SIGINT)
    assert (code, "stack.env" in said) == (0, True)

    second = Up(directory)
    for name, value in second.ready().items():
        monkeypatch.setenv(name, value)
    assert os.environ["TOUCHSTREAM_CLOCK"].endswith(":60.0")
    published = touchstream("campaign", "publish", "examples/reviews.yaml", "--tenant", "acme")
    assert (published.code, "version 1 is live" in published.out) == (0, True)
    assert touchstream("status", "--json").json()["now"] > before
    assert second.stop(signal.SIGTERM)[0] == 0


def test_a_stop_during_the_start_leaves_nothing_behind(directory: Path) -> None:
    up = Up(directory)
    while not (directory / "kafka" / "kafka.pid").exists():
        assert up.process.poll() is None
        time.sleep(0.02)
    up.process.send_signal(signal.SIGINT)
    up.process.communicate(timeout=STOP_S)
    assert not (directory / "stack.env").exists()
    assert not [*directory.glob("*/*.pid")]
