"""`touchstream up` as a process of its own: ready, stopped within 10 s, and there again."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg
import pytest
from confluent_kafka import Consumer, Producer

from tests.streams.cli.conftest import Touchstream

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

    second = Up(directory, "--speed", "7200")
    for name, value in second.ready().items():
        monkeypatch.setenv(name, value)
    assert os.environ["TOUCHSTREAM_CLOCK"].endswith(":7200.0")
    published = touchstream("campaign", "publish", "examples/reviews.yaml", "--tenant", "acme")
    assert (published.code, "version 1 is live" in published.out) == (0, True)
    assert touchstream("status", "--json").json()["now"] > before
    _walk_through_the_readme(published.out)
    assert second.stop(signal.SIGTERM)[0] == 0


def _walk_through_the_readme(published: str) -> None:
    """Its event through a client that knows nothing of us, with the words that stand there; the
    command on its topic, and the row by plain SQL."""
    page = Path("README.md").read_text()
    event, headers = _event_of(page)
    servers = os.environ["TOUCHSTREAM_BOOTSTRAP_SERVERS"]
    producer = Producer({"bootstrap.servers": servers})
    producer.produce("jobs", event, headers=headers)
    assert producer.flush(30) == 0
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "somebody",
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe(["commands.email"])
    query, _ = re.findall(r"psql .* -c '([^']+)'", page)  # and one for prospects
    command, deadline = None, time.monotonic() + READY_S
    while command is None:
        assert time.monotonic() < deadline, published
        command = consumer.poll(1.0)
    consumer.close()
    assert json.loads(command.value() or b"")["recipient"] == "ann@example.com"
    with psycopg.connect(os.environ["TOUCHSTREAM_POSTGRES_DSN"], autocommit=True) as connection:
        while not (rows := connection.execute(query.encode()).fetchall()):
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert "j-1" in rows[0]


def _event_of(page: str) -> tuple[str, list[tuple[str, str | bytes | None]]]:
    """What README has one type into kcat."""
    (typed,) = re.findall(r"echo '(.*?)' \| tr", page, re.DOTALL)
    moment = datetime.now(UTC).strftime("%FT%TZ")
    text = typed.replace("'$(date -u +%FT%TZ)'", moment).replace("\n", "")
    headers: list[tuple[str, str | bytes | None]] = re.findall(r"-H ([\w-]+)=(\S+)", page)
    return text, headers


def test_a_stop_during_the_start_leaves_nothing_behind(directory: Path) -> None:
    up = Up(directory)
    while not (directory / "kafka" / "kafka.pid").exists():
        assert up.process.poll() is None
        time.sleep(0.02)
    up.process.send_signal(signal.SIGINT)
    up.process.communicate(timeout=STOP_S)
    assert not (directory / "stack.env").exists()
    assert not [*directory.glob("*/*.pid")]
