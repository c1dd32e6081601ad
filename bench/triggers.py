"""Throughput of triggers: a million people wait, and a hundred thousand triggers come at once."""

import time
from collections.abc import Iterator

import msgspec
import psutil

from bench import people, prospects
from bench.harness import InputRecord, broker, fill, run_pinned, topics
from bench.memory import known_states
from bench.report import Figure, rounded_median
from processors.shared.tenant_lookup import campaign_key
from schemas.base.ids import command_id, enrollment_id
from schemas.base.times import HOUR
from schemas.internal.enrollment import Enrollment, Phase, Touch, Waiting
from schemas.internal.messages import encode
from schemas.internal.state_bytes import pack
from schemas.internal.states import (
    POSITION_KEY,
    Contact,
    KnownCampaign,
    Profile,
    State,
    TaskPosition,
)
from schemas.internal.topics import Layout, Topic
from streams.base.settings import Settings
from streams.runtime.role_process import build_worker
from streams.runtime.worker import raise_gc_threshold

TARGET = 30_000
ROUNDS = 3
_encode = msgspec.msgpack.Encoder().encode


class AdvanceResult(msgspec.Struct):
    """The measurements of one round."""

    per_second: float
    rss_gb: float


def run(quick: bool = False) -> Figure:
    """Measures rounds with new topics: the states are restored, then the triggers are folded."""
    waiting, triggers = (50_000, 5_000) if quick else (1_000_000, 100_000)
    rounds = []
    with broker() as settings:
        for _ in range(ROUNDS):
            with topics(settings, Layout(contact=1)) as named:
                now = time.time_ns() // 1_000
                fill(named, Topic.CONTACT_CHANGELOG, _changelog(waiting, now))
                fill(named, Topic.CONTACT_LOG, _triggers(waiting, triggers, now))
                rounds.append(run_pinned(advance_runs, named, triggers))
                print(f"  {rounds[-1]}", flush=True)
    speeds = [each.per_second for each in rounds]
    return Figure(
        name="triggers",
        what=f"runs advanced by {triggers:,} triggers at once, {waiting:,} people waiting",
        value=rounded_median(speeds),
        unit="advanced/s",
        target=TARGET,
        ratio=rounded_median(speeds) / TARGET,
        of="what is asked for",
        runs=speeds,
        settings={"waiting": waiting, "triggers": triggers, "cores": "broker 0, client 1"},
        beside={"RSS, GB (target <= 1.5)": rounded_median(each.rss_gb for each in rounds)},
    )


def advance_runs(settings: Settings, triggers: int) -> AdvanceResult:
    """Measures from the first trigger that is folded to the commit of the last one."""
    raise_gc_threshold()  # as `touchstream run` does
    worker, transport = build_worker("contact", settings)
    while not worker.owned or not all(o.ready for o in worker.owned.values()):
        worker.run_round()
    (owned,) = worker.owned.values()
    began = time.perf_counter()
    while owned.task.next_offset < triggers or owned.task.dirty:
        worker.run_round()
    seconds = time.perf_counter() - began
    rss = psutil.Process().memory_info().rss / 1e9
    transport.close()
    return AdvanceResult(triggers / seconds, rss)


def _changelog(waiting: int, now: int) -> Iterator[InputRecord]:
    for index in range(50):
        tenant_id = people.tenant_of(index)
        definition = prospects.definition(tenant_id)
        campaign = KnownCampaign(tenant_id, prospects.CAMPAIGN, "active", 1, {1: definition})
        states = [
            *known_states(tenant_id, now),
            (campaign_key(tenant_id, prospects.CAMPAIGN), campaign),
        ]
        yield from (_line(key, state) for key, state in states)
    yield InputRecord(POSITION_KEY, pack(None, 0, _encode(TaskPosition(0, now, 0, None))), None, 0)
    for index in range(waiting):
        yield _line(people.key_of(index), _contact(index, now))


def _line(key: bytes, state: State) -> InputRecord:
    return InputRecord(key, pack(state.due(), 0, _encode(state)), None, 0)


def _contact(index: int, now: int) -> Contact:
    """Returns a contact whose connection request is sent, and whose run waits for the answer."""
    tenant, own = people.tenant_of(index), people.contact_of(index)
    run = Enrollment(
        enrollment_id(tenant, prospects.CAMPAIGN, own, 1),
        prospects.CAMPAIGN,
        1,
        1,
        None,
        None,
        now,
        now,
    )
    touch = Touch("request", 1, "linkedin", now, now, Phase.SENT, sent_at=now, resolved_at=now)
    touch.command_id = command_id(tenant, prospects.CAMPAIGN, own, 1, "request", 1)
    run.touches, run.waiting = [touch], Waiting(now, now + 72 * HOUR + index)
    profile = Profile("Ann", f"Lee-{index}", timezone="America/Chicago", reported_at=[now] * 4)
    profile.addresses = {
        "email": (f"ann.lee.{index}@example.com", now),
        "phone": (f"+1555{index:07}", now),
        "linkedin_url": (f"https://linkedin.com/in/a-{index}", now),
    }
    return Contact(
        profile,
        cycles={prospects.CAMPAIGN: 1},
        enrollments=[run],
        created_at=now,
        updated_at=now,
    )


def _triggers(waiting: int, triggers: int, now: int) -> Iterator[InputRecord]:
    step = waiting // triggers
    for index in range(0, waiting, step):
        yield InputRecord(
            people.key_of(index), encode(prospects.connection_accepted(index, now)), None, 0
        )
