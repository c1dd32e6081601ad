"""The whole engine on this machine, with broker and PostgreSQL: touches become due, are commanded,
sent and projected."""

import os
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import psycopg

from bench import engine, people
from bench.harness import InputRecord, fill, topics
from bench.memory import contact_changelog
from bench.report import Figure, rounded_median
from schemas.base.times import SECOND
from schemas.internal import messages as m
from schemas.internal.topics import ONE_MACHINE, Topic
from sinks.migrate import migrate
from sinks.projection import rebuild
from streams.base.settings import Settings
from streams.embedded.stack import Stack

TARGET = 2_000
OFFERED = 2_100
ROUNDS = 3
SECONDS = 60
WARM_UP = 1
"""Rounds that are not counted: a new JVM compiles its code for a minute on the shared cores."""

LEAD_S = 5
"""Seconds at the start of a round that are not counted."""

ROLES = ("intake", "contact", "dispatch", "campaign", "projector")
_SENDS = "SELECT coalesce(sum(sends), 0) FROM touchstream.touch_metrics"
_PROJECTION_LAG = """
SELECT extract(epoch FROM clock_timestamp() - min(stream_time))
FROM touchstream.tasks WHERE topic = 'contact-changelog'
"""


class FlowMeasurement(NamedTuple):
    """The measurement of one round."""

    per_second: float
    lag_s: float
    answer_s: float
    cores: dict[str, float]


def run(quick: bool = False) -> Figure:
    """Measures several rounds, each with new topics and empty tables."""
    seconds = 15 if quick else SECONDS
    flows = measure_rounds(ROUNDS, seconds)
    speeds = [flow.per_second for flow in flows]
    return Figure(
        name="end-to-end",
        what=f"touches due, commanded, sent and projected, all on this machine, for {seconds} s",
        value=rounded_median(speeds),
        unit="touches/s",
        target=TARGET,
        ratio=rounded_median(speeds) / OFFERED,
        of=f"what falls due, {OFFERED} a second",
        runs=speeds,
        settings={
            "seconds": seconds,
            "offered": OFFERED,
            "roles": ", ".join(ROLES),
            "warm-up": WARM_UP,
            "partitions of a log": ONE_MACHINE.contact,
        },
        beside={
            "projection lag p99, s (target <= 1)": rounded_median(flow.lag_s for flow in flows),
            "projection lag p99, runs": [flow.lag_s for flow in flows],
            "sender's answer to its row p99, s": rounded_median(flow.answer_s for flow in flows),
            "cores used by": flows[-1].cores,
        },
    )


def measure_rounds(rounds: int, seconds: int) -> list[FlowMeasurement]:
    """Measures so many rounds, after WARM_UP others."""
    with servers() as (settings, pids):
        flows = [_measure_round(settings, pids, seconds) for _ in range(WARM_UP + rounds)]
    return flows[WARM_UP:]


@contextmanager
def servers() -> Iterator[tuple[Settings, dict[str, int]]]:
    """Runs Kafka and PostgreSQL with our tables within the context. Yields settings for them, and
    their pids."""
    with (
        TemporaryDirectory(prefix="touchstream-bench-") as directory,
        Stack(Path(directory), long_running=True) as st,
    ):
        settings = Settings.model_validate(
            {
                "bootstrap_servers": st.kafka.bootstrap,
                "kafka": st.kafka.credentials,
                "postgres_dsn": st.postgres.dsn,
            }
        )
        migrate(st.postgres.dsn)
        yield settings, {"kafka": st.kafka.pid, "postgres": st.postgres.pid}


def _measure_round(settings: Settings, pids: dict[str, int], seconds: int) -> FlowMeasurement:
    dsn = settings.dsn()
    rebuild(dsn)
    number = OFFERED * (seconds + 2 * LEAD_S)
    with topics(settings, ONE_MACHINE) as named:
        begin = time.time_ns() // 1_000 + (25 + number // 3_000) * SECOND
        fill_waiting(named, number, begin, OFFERED)
        with (
            engine.run_roles(named, ROLES) as supervisor,
            engine.run_sender(named, ONE_MACHINE.commands) as (answered, sender),
            psycopg.connect(dsn, autocommit=True) as connection,
        ):
            wait_for_rows(connection, number)
            wait_s = begin / 1e6 - time.time()
            print(f"  {wait_s:.0f} s until the first touch is due", flush=True)
            time.sleep(max(0.0, wait_s) + LEAD_S)
            others = {"bench": os.getpid(), "sender": sender}
            split = engine.CpuSplit(pids | engine.pids(supervisor) | others)
            flow = _measure(connection, answered, seconds)
            flow = flow._replace(cores=split.since(seconds))
    print(f"  {flow}", flush=True)
    return flow


def unlimited_tenants(partitions: int) -> list[InputRecord]:
    """Returns fifty tenants without limits for every partition of dispatch-log."""
    limits: dict[str, int | None] = {"email": None, "sms": None}
    lines = []
    for index in range(50):
        tenant_id = people.tenant_of(index)
        message = m.TenantAnnounced(tenant_id, "active", "UTC", None, 0, (), {}, limits)
        for number in range(partitions):
            lines.append(InputRecord(tenant_id.encode(), m.encode(message), None, number))
    return lines


def fill_waiting(settings: Settings, number: int, begin: int, per_second: int) -> None:
    """Writes contacts whose touches are due from `begin` on, and tenants without limits."""
    states = contact_changelog(
        range(number),
        begin - SECOND,
        lambda index: begin + index * SECOND // per_second,
        tuple(range(ONE_MACHINE.contact)),
    )
    fill(settings, Topic.CONTACT_CHANGELOG, states)
    fill(settings, Topic.DISPATCH_LOG, unlimited_tenants(ONE_MACHINE.dispatch))


def wait_for_rows(connection: psycopg.Connection, number: int) -> None:
    """Waits until so many contacts are projected."""
    deadline = time.monotonic() + 300
    while True:
        row = connection.execute("SELECT count(*) FROM touchstream.contacts").fetchone()
        if row is not None and int(row[0]) >= number:
            return
        if time.monotonic() > deadline:
            raise RuntimeError(f"the projection has {row} contacts instead of {number}")
        time.sleep(0.5)


def _measure(
    connection: psycopg.Connection, answered: "Synchronized[int]", seconds: int
) -> FlowMeasurement:
    """Queries PostgreSQL ten times a second for the projected sends and the projection lag."""
    lags, answers = [], []
    history: list[tuple[float, int]] = []
    before, begun = _number(connection, _SENDS), time.monotonic()
    while time.monotonic() < begun + seconds:
        time.sleep(0.1)
        history.append((time.monotonic(), answered.value))
        lags.append(_number(connection, _PROJECTION_LAG))
        shown = projected_sends(connection)
        at = bisect_left(history, shown, key=lambda seen: seen[1])
        answers.append(time.monotonic() - history[min(at, len(history) - 1)][0])
    elapsed_s = time.monotonic() - begun
    sends = _number(connection, _SENDS) - before
    return FlowMeasurement(sends / elapsed_s, _p99(lags), _p99(answers), {})


def projected_sends(connection: psycopg.Connection) -> int:
    """How many sends the projection shows."""
    return int(_number(connection, _SENDS))


def _number(connection: psycopg.Connection, query: str) -> float:
    row = connection.execute(query.encode()).fetchone()
    return float(row[0] or 0) if row is not None else 0.0


def _p99(values: list[float]) -> float:
    return round(sorted(values)[int(len(values) * 0.99)], 3)
