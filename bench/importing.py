"""Throughput of `touchstream contacts import`, start-up included."""

import csv
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bench import prospects
from bench.harness import CLIENT_CORE, InputRecord, broker, fill, topics
from bench.report import Figure, rounded_median
from processors.campaign.broadcast import campaign_key, tenant_key
from schemas.internal.state_bytes import pack
from schemas.internal.states import CampaignRecord, State, TenantRecord
from schemas.internal.topics import Topic
from streams.base.settings import Settings

TARGET = 20_000
ROUNDS = 3
_COMMAND = "from streams.cli import main; main()"


def run(quick: bool = False) -> Figure:
    """Measures the import and the reading of the file alone, in turn."""
    lines = 20_000 if quick else 300_000
    speeds, bare = [], []
    with TemporaryDirectory(prefix="touchstream-bench-") as directory, broker() as settings:
        file = Path(directory) / "people.csv"
        _write_people(file, lines)
        for _ in range(ROUNDS):
            with topics(settings) as named:
                fill(named, Topic.CAMPAIGN_CHANGELOG, _stored())
                speeds.append(lines / _import_seconds(named, file))
            bare.append(lines / _read_seconds(file))
            print(f"  {speeds[-1]:,.0f} lines/s, read alone {bare[-1]:,.0f}/s", flush=True)
    return Figure(
        name="import",
        what="lines of a CSV file validated and published, a person and an enrollment each",
        value=rounded_median(speeds),
        unit="lines/s",
        target=TARGET,
        ratio=rounded_median(a / b for a, b in zip(speeds, bare, strict=True)),
        of="reading the file with Python's csv alone",
        runs=speeds,
        settings={"lines": lines, "columns": 7, "cores": "broker 0, client 1"},
        beside={"csv alone, lines/s": rounded_median(bare)},
    )


def _stored() -> list[InputRecord]:
    """Returns the changelog records of the tenant and the campaign, which the import reads."""
    tenant = TenantRecord("acme", "active", "America/Chicago", None, 0, (), {}, {})
    campaign = CampaignRecord(
        "acme", "outreach", "active", 1, prospects.definition("acme"), b"", [], 0, 0
    )
    states: dict[bytes, State] = {
        tenant_key("acme"): tenant,
        campaign_key("acme", "outreach"): campaign,
    }
    encode = msgspec.msgpack.encode
    return [InputRecord(key, pack(None, 0, encode(state))) for key, state in states.items()]


def _write_people(file: Path, lines: int) -> None:
    with file.open("w") as out:
        out.write("first_name,last_name,email,phone,linkedin_url,timezone,company\n")
        for index in range(lines):
            out.write(
                f"Ann,Lee-{index},ann.lee.{index}@example.com,+1555{index:07},"
                f"https://linkedin.com/in/ann-{index},America/Chicago,Company {index % 999}\n"
            )


def _import_seconds(settings: Settings, file: Path) -> float:
    environment = {
        **os.environ,
        "TOUCHSTREAM_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "TOUCHSTREAM_TOPIC_PREFIX": settings.topic_prefix,
    }
    arguments = ["contacts", "import", str(file), "--tenant", "acme", "--campaign", "outreach"]
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", _COMMAND, *arguments],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {CLIENT_CORE}),
    )
    return time.perf_counter() - began


def _read_seconds(file: Path) -> float:
    began = time.perf_counter()
    with file.open() as lines:
        for _ in csv.reader(lines):
            pass
    return time.perf_counter() - began
