"""People from a CSV file, validated and published: the command itself, start-up included."""

import csv
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bench import prospects
from bench.harness import CLIENT_CORE, Line, broker, fill, topics
from bench.report import Figure, middle
from processors.campaign.broadcast import campaign_key
from schemas.internal.state_bytes import pack
from schemas.internal.states import CampaignRecord
from schemas.internal.topics import Topic
from streams.base.settings import Settings

TARGET = 20_000
ROUNDS = 3
_COMMAND = "from streams.cli import main; main()"


def run(quick: bool = False) -> Figure:
    """The import and a bare reading of the file in turn."""
    lines = 20_000 if quick else 300_000
    speeds, bare = [], []
    with TemporaryDirectory(prefix="touchstream-bench-") as directory, broker() as settings:
        file = Path(directory) / "people.csv"
        _write(file, lines)
        for _ in range(ROUNDS):
            with topics(settings) as named:
                fill(named, Topic.CAMPAIGN_CHANGELOG, [_running()])
                speeds.append(lines / _import(named, file))
            bare.append(lines / _read(file))
            print(f"  {speeds[-1]:,.0f} lines/s, read alone {bare[-1]:,.0f}/s", flush=True)
    return Figure(
        name="import",
        what="lines of a CSV file validated and published, a person and an enrollment each",
        value=middle(speeds),
        unit="lines/s",
        target=TARGET,
        ratio=middle(a / b for a, b in zip(speeds, bare, strict=True)),
        of="reading the file with Python's csv alone",
        runs=speeds,
        settings={"lines": lines, "columns": 7, "cores": "broker 0, client 1"},
        beside={"csv alone, lines/s": middle(bare)},
    )


def _running() -> Line:
    """The campaign, as its processor has written it down: the import asks for it."""
    campaign = CampaignRecord(
        "acme", "outreach", "active", 1, prospects.definition("acme"), b"", [], 0, 0
    )
    state = msgspec.msgpack.encode(campaign)
    return Line(campaign_key("acme", "outreach"), pack(None, 0, state))


def _write(file: Path, lines: int) -> None:
    with file.open("w") as out:
        out.write("first_name,last_name,email,phone,linkedin_url,timezone,company\n")
        for index in range(lines):
            out.write(
                f"Ann,Lee-{index},ann.lee.{index}@example.com,+1555{index:07},"
                f"https://linkedin.com/in/ann-{index},America/Chicago,Company {index % 999}\n"
            )


def _import(settings: Settings, file: Path) -> float:
    environment = {
        **os.environ,
        "TOUCHSTREAM_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "TOUCHSTREAM_TOPIC_PREFIX": settings.topic_prefix,
    }
    order = ["contacts", "import", str(file), "--tenant", "acme", "--campaign", "outreach"]
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", _COMMAND, *order],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {CLIENT_CORE}),
    )
    return time.perf_counter() - begun


def _read(file: Path) -> float:
    begun = time.perf_counter()
    with file.open() as lines:
        for _ in csv.reader(lines):
            pass
    return time.perf_counter() - begun
