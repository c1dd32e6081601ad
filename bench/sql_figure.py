"""Our engine beside the design of its sources in PostgreSQL (`sql_peer.py`), on the same machine.

The peer is saturated: all its touches are due, and workers and a consumer of signals go as fast as
they can. Each sent touch is answered by one signal, as each command is answered in `end-to-end`;
the consumer applies them in batches. Its clock is set to a moment without quiet hours. Sending is a
call that does nothing, and signals come through the memory of this machine and not through a
broker, both in favour of the peer. Without rules there are no signals either.
"""

import multiprocessing
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import Empty, Full
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from bench import flow, sql_peer
from bench.engine import CpuSplit
from bench.report import Figure, read, rounded_median
from bench.sql_peer import TouchSignal
from streams.embedded.postgres import EmbeddedPostgres

ENROLLMENTS, ENROLLMENTS_QUICK = 1_000_000, 40_000
SECONDS, SECONDS_QUICK = 20.0, 2.0
ROUNDS = 3
ZONE = "America/Chicago"
NOON = 18
"""The hour in UTC at which it is about noon in ZONE: a moment without quiet hours."""

QUEUED_BATCHES = 16
DUE_QUERIES = 200
CAMPAIGN_LOOK_S = 1.0


class PeerDesign(NamedTuple):
    """How the peer works: with the rules of the sources or none, a statement for each touch or one
    for all touches of a claim, and how many workers claim."""

    rules: bool
    one_by_one: bool
    workers: int

    def name(self) -> str:
        """A name for a row of the report."""
        rules = "with rules" if self.rules else "bare"
        how = "a statement a row" if self.one_by_one else "batched"
        return f"{rules}, {how}, {self.workers} worker{'s' if self.workers > 1 else ''}"


DESIGNS = tuple(
    PeerDesign(rules, one_by_one, workers)
    for rules in (True, False)
    for one_by_one in (False, True)
    for workers in (1, 2)
)


class PeerRun(NamedTuple):
    """One run: touches a second whose signals are applied too, and milliseconds of processor that a
    touch costs, by process."""

    per_second: float
    cpu_ms: dict[str, float]


def run(quick: bool = False) -> Figure:
    """Measures the peer, then the engine. A quick run compares with the stored figure of
    `end-to-end`."""
    number = ENROLLMENTS_QUICK if quick else ENROLLMENTS
    runs: dict[PeerDesign, list[PeerRun]] = {design: [] for design in DESIGNS}
    with TemporaryDirectory(prefix="touchstream-bench-") as directory:
        postgres = EmbeddedPostgres(Path(directory))
        postgres.start()
        try:
            noon = datetime.now(UTC).replace(hour=NOON, minute=0)
            sql_peer.load(postgres.dsn, number, noon, ZONE)
            due_ms = _due_query_ms(postgres.dsn, noon)
            for _ in range(1 if quick else ROUNDS):
                for design in DESIGNS:
                    noon += timedelta(days=1)  # the windows of the throttle are empty
                    seconds = SECONDS_QUICK if quick else SECONDS
                    runs[design].append(_measure(postgres, design, noon, seconds))
                    print(f"  {design.name()}: {runs[design][-1].per_second:,.0f}/s", flush=True)
        finally:
            postgres.stop()
    ours, cores = _stored() if quick else _measured()
    return _figure(number, runs, due_ms, ours, cores)


def _figure(
    number: int,
    runs: dict[PeerDesign, list[PeerRun]],
    due_ms: dict[str, float],
    ours: list[float],
    cores: dict[str, float],
) -> Figure:
    speeds = {d: rounded_median(run.per_second for run in found) for d, found in runs.items()}
    peer = max(speed for design, speed in speeds.items() if design.rules)
    value = rounded_median(ours)
    cpu = {d.name(): found[-1].cpu_ms for d, found in runs.items() if not d.one_by_one}
    return Figure(
        name="sql",
        what="touches end to end of ours; the target is the sources' own design with its rules",
        value=value,
        unit="touches/s",
        target=peer,
        ratio=value / peer,
        of="a claim with row locks in PostgreSQL, with the sources' rules, the best of its forms",
        runs=ours,
        settings={
            "enrollments": number,
            "a claim": f"at most {sql_peer.CLAIM_MAX} touches of each of four positions",
            "throttle": f"{sql_peer.THROTTLE} an hour, business and channel",
            "enrollments of a business": sql_peer.BUSINESS_ENROLLMENTS,
            "signals": "one for each touch, with rules",
        },
        beside={f"{design.name()}, touches/s": speed for design, speed in speeds.items()}
        | {f"due query, ms, {when}": ms for when, ms in due_ms.items()}
        | {f"ms of processor a touch, {name}": split for name, split in cpu.items()}
        | {
            "ms of processor a touch, ours": {
                name: round(used * 1e3 / value, 3) for name, used in cores.items()
            }
        },
    )


def _measured() -> tuple[list[float], dict[str, float]]:
    flows = flow.measure_rounds(ROUNDS, flow.SECONDS)
    return [each.per_second for each in flows], flows[-1].cores


def _stored() -> tuple[list[float], dict[str, float]]:
    for figure in read():
        if figure.name == "end-to-end":
            return figure.runs, figure.beside["cores used by"]
    raise RuntimeError("measure end-to-end first")


def _due_query_ms(dsn: str, now: datetime) -> dict[str, float]:
    """The median time of the due query where touches are due, and where none is."""
    times: dict[str, float] = {}
    with sql_peer.connect(dsn) as connection:
        for when, moment in (("all due", now), ("none due", now - timedelta(days=99))):
            spent = []
            for _ in range(DUE_QUERIES):
                began = time.perf_counter()
                connection.execute(sql_peer.DUE, {"now": moment}).fetchone()
                spent.append((time.perf_counter() - began) * 1e3)
            times[when] = rounded_median(spent)
    return times


# one run


def _measure(
    postgres: EmbeddedPostgres, design: PeerDesign, now: datetime, seconds: float
) -> PeerRun:
    """Runs workers and a consumer in processes of their own. What a full queue of signals holds
    back is not counted."""
    context = multiprocessing.get_context("spawn")
    signals = context.Queue(QUEUED_BATCHES)
    sent, applied = context.Value("q", 0), context.Value("q", 0)
    stop, ready = context.Event(), context.Barrier(design.workers + design.rules + 1)
    shared = (signals, sent, stop, ready)
    dsn = postgres.dsn
    processes: list[BaseProcess] = [
        context.Process(target=_work, args=(dsn, design, now, shared), name=f"worker {n + 1}")
        for n in range(design.workers)
    ]
    if design.rules:
        shared = (signals, applied, stop, ready)
        processes.append(
            context.Process(target=_consume, args=(dsn, design, now, shared), name="consumer")
        )
    for process in processes:
        process.start()
    ready.wait(60)
    counted = applied if design.rules else sent
    split = CpuSplit({"postgres": postgres.pid} | {p.name: p.pid or 0 for p in processes})
    before, began = counted.value, time.monotonic()
    while time.monotonic() < began + seconds or counted.value == before:
        if not all(process.is_alive() for process in processes):
            break
        time.sleep(0.05)
    done, elapsed = counted.value - before, time.monotonic() - began
    cores = split.since(elapsed)
    stop.set()
    for process in processes:
        process.join(30)
        if process.exitcode != 0:
            process.kill()
            raise RuntimeError(f"{process.name} of {design.name()} ended with {process.exitcode}")
    if not done:
        raise RuntimeError(f"{design.name()} has sent nothing")
    per_second = done / elapsed
    cpu_ms = {name: round(used * 1e3 / per_second, 3) for name, used in cores.items()}
    return PeerRun(per_second, cpu_ms)


def _work(dsn: str, design: PeerDesign, now: datetime, shared: Sequence[Any]) -> None:
    """Claims and sends until it is stopped; looks at the numbers of a campaign now and then."""
    signals, sent, stop, ready = shared
    began, looked = time.monotonic(), 0.0
    with sql_peer.connect(dsn) as connection:
        ready.wait(60)
        while not stop.is_set():
            moment = now + timedelta(seconds=time.monotonic() - began)
            claimed = sql_peer.claim_and_send(
                connection, moment, rules=design.rules, one_by_one=design.one_by_one
            )
            went = [each for each in claimed if each.outcome == "sent"]
            with sent.get_lock():
                sent.value += len(went)
            if design.rules and went:
                _put(signals, [(each.enrollment, each.touch) for each in went], stop)
                if time.monotonic() - looked > CAMPAIGN_LOOK_S:
                    looked = time.monotonic()
                    campaign = {"campaign": went[0].enrollment // sql_peer.BUSINESS_ENROLLMENTS}
                    connection.execute(sql_peer.ANALYTICS, campaign).fetchall()
    signals.cancel_join_thread()


def _put(signals: Any, touches: list[tuple[int, int]], stop: Any) -> None:
    """Waits for room in the queue, so that workers are not ahead of the consumer."""
    while not stop.is_set():
        try:
            signals.put(touches, timeout=0.1)
            return
        except Full:
            continue


def _consume(dsn: str, design: PeerDesign, now: datetime, shared: Sequence[Any]) -> None:
    """Applies the signals of sent touches, by batches or one by one, until it is stopped."""
    signals, applied, stop, ready = shared
    with sql_peer.connect(dsn) as connection:
        ready.wait(60)
        while not stop.is_set():
            try:
                touches = signals.get(timeout=0.1)
            except Empty:
                continue
            batch = [
                TouchSignal(f"delivered-{enrollment}-{touch}", "delivered", enrollment, touch)
                for enrollment, touch in touches
            ]
            size = 1 if design.one_by_one else len(batch)
            for first in range(0, len(batch), size):
                sql_peer.apply_signals(connection, batch[first : first + size], now)
                applied.value += size
