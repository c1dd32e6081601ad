"""A million timers due in the same second: how fast they fire, how late commits are, and whether
limits hold."""

import time
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

import msgspec

from bench import people
from bench.harness import InputRecord, broker, fill, records, run_pinned, topics
from bench.memory import contact_changelog
from bench.our_engine import run_until_committed
from bench.report import Figure, rounded_median
from schemas.base.times import SECOND
from schemas.internal import messages as m
from schemas.internal.topics import COMMAND_TOPICS, Layout, Topic
from streams.base.settings import Settings
from streams.base.transport import GroupOffset, Partition
from streams.kafka.transport import KafkaTransport
from streams.runtime.role_process import build_worker
from streams.runtime.worker import Worker, raise_gc_threshold

TARGET = 20_000
ROUNDS = 3
LIMIT = 1_000
"""E-mails of a tenant in an hour. With fifty tenants most touches have to wait at dispatch."""


class StormResult(msgspec.Struct):
    """The measurements of one storm."""

    fired: int
    seconds: float
    latest_s: float
    revocations: int
    commits: int
    over_limit: int = 0
    commands: int = 0

    @property
    def per_second(self) -> float:
        return self.fired / self.seconds


def run(quick: bool = False) -> Figure:
    """Measures several storms with new topics. Their requests go through dispatch afterwards."""
    contacts = 50_000 if quick else 1_000_000
    storms = []
    with broker() as settings:
        for _ in range(ROUNDS):
            with topics(settings, Layout()) as named:
                storms.append(_measure(named, contacts, 15 if quick else 90))
                print(f"  {storms[-1]}", flush=True)
    speeds = [storm.per_second for storm in storms]
    return Figure(
        name="storm",
        what=f"{contacts:,} timers due in one second, fired by one worker on one core",
        value=rounded_median(speeds),
        unit="fired/s",
        target=TARGET,
        ratio=rounded_median(speeds) / TARGET,
        of="what is asked for",
        runs=speeds,
        settings={"timers": contacts, "partitions": 4, "limit": f"{LIMIT} an hour and tenant"},
        beside={
            "latest commit, s late (target <= 1)": max(storm.latest_s for storm in storms),
            "partitions taken away": sum(storm.revocations for storm in storms),
            "commits a storm": rounded_median(storm.commits for storm in storms),
            "commands in the first hour": rounded_median(storm.commands for storm in storms),
            "tenants over their limit": sum(storm.over_limit for storm in storms),
        },
    )


def _measure(settings: Settings, contacts: int, notice_s: int) -> StormResult:
    now = time.time_ns() // 1_000
    due = now + notice_s * SECOND
    fill(
        settings,
        Topic.CONTACT_CHANGELOG,
        contact_changelog(range(contacts), now, lambda index: due + index * SECOND // contacts),
    )
    fill(settings, Topic.DISPATCH_LOG, _tenants())
    storm = run_pinned(fire_timers, settings, contacts, due)
    requested = sum(1 for _ in records(settings, Topic.DISPATCH_LOG))
    run_pinned(dispatch_requests, settings, requested)
    sent = Counter(key.partition(b"/")[0] for key, _ in records(settings, COMMAND_TOPICS["email"]))
    storm.commands = sent.total()
    storm.over_limit = sum(count > LIMIT for count in sent.values())
    return storm


def _tenants() -> list[InputRecord]:
    limits: dict[str, int | None] = {"email": LIMIT, "sms": None}
    lines = []
    for index in range(50):
        tenant_id = people.tenant_of(index)
        tenant = m.TenantAnnounced(tenant_id, "active", "UTC", None, 0, (), {}, limits)
        for number in range(4):
            lines.append(InputRecord(tenant_id.encode(), m.encode(tenant), None, number))
    return lines


def fire_timers(settings: Settings, contacts: int, due: int) -> StormResult:
    """Restores the states, waits until the timers are due, and measures until all have fired."""
    raise_gc_threshold()  # as `touchstream run` does
    worker, transport = build_worker("contact", settings)
    commits, revocations = _record_commits(worker, transport)
    while not worker.owned or not all(o.ready for o in worker.owned.values()):
        worker.run_round()
    while time.time_ns() // 1_000 < due:
        worker.run_round()
    began = time.monotonic()
    commits.clear()
    while sum(o.task.store.timers() for o in worker.owned.values()) or any(
        o.task.dirty for o in worker.owned.values()
    ):
        worker.run_round()
    moments = [began, *commits]
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    late = max(gaps) - settings.commit_interval_ms / 1_000
    storm = StormResult(
        contacts, commits[-1] - began, max(0.0, late), len(revocations), len(commits)
    )
    transport.close()
    return storm


def dispatch_requests(settings: Settings, number: int) -> float:
    """Folds all requests by dispatch: some are commanded, and the others wait for the limit."""
    worker, transport = build_worker("dispatch", settings)
    spent = run_until_committed(worker, number)
    transport.close()
    return spent.per_second


def _record_commits(worker: Worker, transport: KafkaTransport) -> tuple[list[float], list[object]]:
    commits: list[float] = []
    revocations: list[object] = []
    commit, revoked = transport.commit, transport.on_revoked

    def timed(offsets: Mapping[Partition, GroupOffset]) -> None:
        commit(offsets)
        commits.append(time.monotonic())

    def counted(partitions: object) -> None:
        revocations.append(partitions)
        revoked(partitions)  # type: ignore[arg-type]

    transport.commit, transport.on_revoked = timed, counted  # type: ignore[method-assign]
    return commits, revocations
