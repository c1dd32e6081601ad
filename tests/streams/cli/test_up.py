"""`touchstream up` as a process: it gets ready, stops within 10 s, and survives a restart."""

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
from pathlib import Path

import psutil
import psycopg
import pytest
from confluent_kafka import Consumer, Producer

from schemas.base.times import to_datetime
from streams.base.settings import load_settings
from tests.testing.command_line import Touchstream

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

READY_S = 120.0
RECOVERED_S = 300.0
"""Until everything agrees again after two servers were killed, with other tests on the machine."""
STOP_S = 30.0
"""`touchstream up` stops within 10 s, unless the machine is loaded."""


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that does not exist yet, outside pytest's, which PostgreSQL, not running as
    root, could not enter."""
    path = Path(tempfile.mkdtemp(prefix="touchstream-")) / "data"
    path.parent.chmod(0o711)
    yield path
    shutil.rmtree(path.parent, ignore_errors=True)


class Up:
    """One run of `touchstream up`. `stop` checks that no child process is left. `messages` is what
    it wrote on stderr."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self.address = directory / "stack.env"
        self._stderr = directory.with_name(directory.name + ".stderr").open("w+")
        command = [sys.executable, "-c", "from streams.cli import main; main()", "up"]
        self.process = subprocess.Popen(
            [*command, "--data", str(directory), *options],
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            start_new_session=True,
            text=True,
        )

    def ready(self) -> dict[str, str]:
        """Waits until stack.env exists, and returns its variables."""
        deadline = time.monotonic() + READY_S
        while not self.address.exists():
            assert self.process.poll() is None, self.messages()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert self.address.stat().st_mode & 0o777 == 0o600
        lines = self.address.read_text().splitlines()
        return {name: value.strip("'") for name, _, value in (x.partition("=") for x in lines)}

    def messages(self) -> str:
        return Path(self._stderr.name).read_text()

    def logs(self) -> str:
        """The last lines of each process of the engine."""
        paths = sorted((self.directory / "logs").glob("*.log"))
        return "\n".join(f"{path.name}:\n{path.read_text()[-2_000:]}" for path in paths)

    def stop(self, number: signal.Signals) -> tuple[int, str]:
        """Sends the signal and returns the exit code and stdout. Nothing may be left then."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        assert len(family) >= 3
        stopped_at_s = time.monotonic()
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=STOP_S)
        _, left = psutil.wait_procs(family, timeout=STOP_S - (time.monotonic() - stopped_at_s))
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
    code, out = first.stop(signal.SIGINT)
    assert (code, "stack.env" in out) == (0, True)

    second = Up(directory, "--speed", "7200")
    for name, value in second.ready().items():
        monkeypatch.setenv(name, value)
    assert os.environ["TOUCHSTREAM_CLOCK"].endswith(":7200.0")
    published = touchstream("campaign", "publish", "examples/reviews.yaml", "--tenant", "acme")
    assert (published.code, "version 1 is live" in published.out) == (0, True)
    assert touchstream("status", "--json").json()["now"] > before
    _follow_the_readme(published.out)
    _refuse_a_second_engine(directory)
    _kill_the_servers(second, touchstream)
    assert second.stop(signal.SIGTERM)[0] == 0


def _refuse_a_second_engine(directory: Path) -> None:
    """A second `up` on the same directory ends at once, and disturbs nothing."""
    other = Up(directory)
    assert other.process.wait(READY_S) == 2
    assert f"{directory} is in use by process" in other.messages()
    assert other.address.exists()


def _kill_the_servers(up: Up, touchstream: Touchstream) -> None:
    """Killed servers are started again, and the engine goes on."""
    names = ("kafka", "postgres")
    for name in names:
        pid = int((up.directory / name / f"{name}.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + READY_S
    while not all(f"{name} is running again" in up.messages() for name in names):
        assert time.monotonic() < deadline, up.messages()
        time.sleep(0.1)
    assert all(f"{name} ended with SIGKILL" in up.messages() for name in names)
    deadline = time.monotonic() + RECOVERED_S
    while (result := touchstream("verify")).code:  # the engine recovers meanwhile
        assert time.monotonic() < deadline, (result, up.logs())
    named = touchstream("tenant", "set", "acme", "--timezone", "Europe/Berlin")
    assert named.code == 0, named


def _follow_the_readme(published: str) -> None:
    """Publishes the event of README with a plain Kafka client, and expects the command on its topic
    and a row of README's query."""
    page = Path("README.md").read_text()
    event, headers = _readme_event(page)
    options = _kcat_options()
    producer = Producer(options)
    producer.produce("jobs", event, headers=headers)
    assert producer.flush(30) == 0
    consumer = Consumer(
        {
            **options,
            "group.id": "somebody",
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe(["commands.email"])
    query, _ = re.findall(r"psql .* -c '([^']+)'", page)  # the other query is for prospects
    command, deadline = None, time.monotonic() + READY_S
    while command is None:
        assert time.monotonic() < deadline, published
        found = consumer.poll(1.0)
        command = None if found is None or found.error() else found
    consumer.close()
    assert json.loads(command.value() or b"")["recipient"] == "ann@example.com"
    with psycopg.connect(os.environ["TOUCHSTREAM_POSTGRES_DSN"], autocommit=True) as connection:
        while not (rows := connection.execute(query.encode()).fetchall()):
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert "j-1" in rows[0]


def _kcat_options() -> dict[str, str]:
    """The options in the file that stack.env names for kcat."""
    file = Path(os.environ["KCAT_CONFIG"])
    assert file.stat().st_mode & 0o777 == 0o600
    return {n: value for n, _, value in (x.partition("=") for x in file.read_text().splitlines())}


def _readme_event(page: str) -> tuple[str, list[tuple[str, str | bytes | None]]]:
    """The event and the headers that README pipes into kcat. The time is that of the lapse: at this
    speed a job of now is too old after some seconds."""
    (typed,) = re.findall(r"echo '(.*?)' \| tr", page, re.DOTALL)
    moment = to_datetime(load_settings().scaled_clock().now()).strftime("%FT%TZ")
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
