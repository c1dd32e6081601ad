"""A million timers due in the same second: how fast they fire, whether a commit is late, whether a
limit holds."""

import time
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

import msgspec

from bench import people
from bench.harness import Line, alone, broker, fill, records, topics
from bench.memory import changelog
from bench.our_engine import drain
from bench.report import Figure, middle
from schemas.base.times import SECOND
from schemas.internal import messages as m
from schemas.internal.topics import COMMAND_TOPICS, Layout, Topic
from streams.base.settings import Settings
from streams.base.transport import Partition
from streams.kafka.transport import KafkaTransport
from streams.runtime.role_process import build_worker
from streams.runtime.worker import Worker

TARGET = 20_000
LATE_TARGET_S = 1.0
ROUNDS = 3
LIMIT = 1_000
"""E-mails an hour and tenant: fifty tenants, so most of the storm has to wait at dispatch."""


class Storm(msgspec.Struct):
    """How one storm went."""

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
    """A new storm each time; its requests then go through dispatch."""
    contacts = 50_000 if quick else 1_000_000
    storms = []
    with broker() as settings:
        for _ in range(ROUNDS):
            with topics(settings, Layout()) as named:
                storms.append(_one(named, contacts, 15 if quick else 90))
                print(f"  {storms[-1]}", flush=True)
    speeds = [storm.per_second for storm in storms]
    return Figure(
        name="storm",
        what=f"{contacts:,} timers due in one second, fired by one worker on one core",
        value=middle(speeds),
        unit="fired/s",
        target=TARGET,
        ratio=middle(speeds) / TARGET,
        of="what is asked for",
        runs=speeds,
        settings={"timers": contacts, "partitions": 4, "limit": f"{LIMIT} an hour and tenant"},
        beside={
            "latest commit, s late (target <= 1)": max(storm.latest_s for storm in storms),
            "partitions taken away": sum(storm.revocations for storm in storms),
            "commits a storm": middle(storm.commits for storm in storms),
            "commands in the first hour": middle(storm.commands for storm in storms),
            "tenants over their limit": sum(storm.over_limit for storm in storms),
        },
    )


def _one(settings: Settings, contacts: int, notice_s: int) -> Storm:
    now = time.time_ns() // 1_000
    due = now + notice_s * SECOND
    fill(
        settings,
        Topic.CONTACT_CHANGELOG,
        changelog(range(contacts), now, lambda index: due + index * SECOND // contacts),
    )
    fill(settings, Topic.DISPATCH_LOG, _tenants())
    storm = alone(fire, settings, contacts, due)
    requested = sum(1 for _ in records(settings, Topic.DISPATCH_LOG))
    alone(dispatch, settings, requested)
    sent = Counter(key.partition(b"/")[0] for key, _ in records(settings, COMMAND_TOPICS["email"]))
    storm.commands = sent.total()
    storm.over_limit = sum(count > LIMIT for count in sent.values())
    return storm


def _tenants() -> list[Line]:
    limits: dict[str, int | None] = {"email": LIMIT, "sms": None}
    lines = []
    for index in range(50):
        tenant_id = people.tenant_of(index)
        tenant = m.TenantAnnounced(tenant_id, "active", "UTC", None, 0, (), {}, limits)
        for number in range(4):
            lines.append(Line(tenant_id.encode(), m.encode(tenant), None, number))
    return lines


def fire(settings: Settings, contacts: int, due: int) -> Storm:
    """Restores, waits for the storm, and lives through it."""
    worker, transport = build_worker("contact", settings)
    commits, revocations = _watched(worker, transport)
    while not worker.owned or not all(o.ready for o in worker.owned.values()):
        worker.run_round()
    while time.time_ns() // 1_000 < due:
        worker.run_round()
    begun = time.monotonic()
    commits.clear()
    while sum(o.task.store.timers() for o in worker.owned.values()) or any(
        o.task.dirty for o in worker.owned.values()
    ):
        worker.run_round()
    moments = [begun, *commits]
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    late = max(gaps) - settings.commit_interval_ms / 1_000
    storm = Storm(contacts, commits[-1] - begun, max(0.0, late), len(revocations), len(commits))
    transport.close()
    return storm


def dispatch(settings: Settings, number: int) -> float:
    """All requests through dispatch: what the limit lets through goes, the rest waits."""
    worker, transport = build_worker("dispatch", settings)
    spent = drain(worker, number)
    transport.close()
    return spent.per_second


def _watched(worker: Worker, transport: KafkaTransport) -> tuple[list[float], list[object]]:
    commits: list[float] = []
    revocations: list[object] = []
    commit, revoked = transport.commit, transport.on_revoked

    def timed(offsets: Mapping[Partition, int]) -> None:
        commit(offsets)
        commits.append(time.monotonic())

    def counted(partitions: object) -> None:
        revocations.append(partitions)
        revoked(partitions)  # type: ignore[arg-type]

    transport.commit, transport.on_revoked = timed, counted  # type: ignore[method-assign]
    return commits, revocations
