"""A million active enrollments in one task: memory, time to restore, time to find the next
timer."""

import time
from collections.abc import Callable, Iterator
from timeit import timeit

import msgspec
import psutil

from bench import people
from bench.harness import InputRecord, broker, fill, run_pinned, topics
from bench.report import Figure, rounded_median
from processors.shared.tenant_lookup import campaign_key, tenant_key
from schemas.base.ids import enrollment_id
from schemas.base.times import HOUR
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.internal.enrollment import Enrollment, Touch
from schemas.internal.state_bytes import pack
from schemas.internal.states import (
    POSITION_KEY,
    Contact,
    KnownCampaign,
    KnownTenant,
    Profile,
    State,
    TaskPosition,
)
from schemas.internal.topics import Layout, Topic
from streams.base.settings import Settings
from streams.runtime.role_process import build_worker

TARGET_GB = 1.5
ROUNDS = 3
_encode = msgspec.msgpack.Encoder().encode


class RestoredTask(msgspec.Struct):
    """The measurements of a process that has restored the states."""

    states: int
    rss_gb: float
    restore_s: float
    next_due_us: float


def run(quick: bool = False) -> Figure:
    """Fills the changelog once and restores it in a new process for each round."""
    contacts = 50_000 if quick else 1_000_000
    layout = Layout(contact=1)
    with broker() as settings, topics(settings, layout) as named:
        now = time.time_ns() // 1_000
        lines = contact_changelog(range(contacts), now, lambda index: now + 24 * HOUR + index, (0,))
        fill(named, Topic.CONTACT_CHANGELOG, lines)
        rounds = [run_pinned(restore_and_measure, named, contacts) for _ in range(ROUNDS)]
    sizes, times = (
        [each.rss_gb for each in rounds],
        [each.restore_s for each in rounds],
    )
    return Figure(
        name="million",
        what=f"memory of one task with {contacts:,} active enrollments, restored from Kafka",
        value=rounded_median(sizes),
        unit="GB RSS",
        target=TARGET_GB,
        at_most=True,
        ratio=rounded_median(sizes) / TARGET_GB,
        of="the memory allowed",
        runs=sizes,
        settings={"enrollments": contacts, "partitions": 1, "cores": "broker 0, client 1"},
        beside={
            "cold restore, s (target <= 15)": rounded_median(times),
            "cold restore, runs": times,
            "next due of all, us": rounded_median(each.next_due_us for each in rounds),
        },
    )


def restore_and_measure(settings: Settings, contacts: int) -> RestoredTask:
    """Restores all states and measures this process."""
    worker, transport = build_worker("contact", settings)
    began = time.perf_counter()
    while not worker.owned or not all(o.ready for o in worker.owned.values()):
        if not worker.owned:
            began = time.perf_counter()  # the worker is still joining the group
        worker.run_round()
    seconds = time.perf_counter() - began
    (owned,) = worker.owned.values()
    assert len(owned.task.store) >= contacts
    next_due_us = timeit(owned.task.next_due, number=100_000) / 100_000 * 1e6
    restored = RestoredTask(
        len(owned.task.store), psutil.Process().memory_info().rss / 1e9, seconds, next_due_us
    )
    transport.close()
    return restored


def contact_changelog(
    who: range, now: int, due: Callable[[int], int], partitions: tuple[int, ...] = (0, 1, 2, 3)
) -> Iterator[InputRecord]:
    """Yields the changelog records of contacts whose first touch waits, and of the tenants and
    campaigns of their partitions."""
    for number in partitions:
        for index in range(50):
            for key, state in known_states(people.tenant_of(index), now):
                yield InputRecord(key, pack(state.due(), 0, _encode(state)), None, number)
        place = TaskPosition(0, now, 0, None)
        yield InputRecord(POSITION_KEY, pack(None, 0, _encode(place)), None, number)
    for index in who:
        state = scheduled_contact(index, now, due(index))
        number = partitions[0] if len(partitions) == 1 else -1
        yield InputRecord(people.key_of(index), pack(state.due(), 0, _encode(state)), None, number)


def scheduled_contact(index: int, now: int, due: int) -> Contact:
    """Returns a contact that is enrolled, with its first touch scheduled at `due`."""
    tenant, own = people.tenant_of(index), people.contact_of(index)
    run_id = enrollment_id(tenant, people.CAMPAIGN, own, 1)
    job_id = f"job-{index:08}"
    anchor = due - 24 * HOUR
    run = Enrollment(run_id, people.CAMPAIGN, 1, 1, job_id, "hvac", anchor, now)
    run.touches = [Touch("mail-1", 1, "email", due, due, wait="delay")]
    profile = Profile("Ann", f"Lee-{index}", timezone="America/Chicago", region="IL")
    profile.reported_at = [now] * 4
    profile.addresses = {
        "email": (f"ann.lee.{index}@example.com", now),
        "phone": (f"+1555{index:07}", now),
    }
    return Contact(
        profile,
        jobs={job_id: ("completed", "hvac")},
        cycles={people.CAMPAIGN: 1},
        enrollments=[run],
        created_at=now,
        updated_at=now,
    )


def known_states(tenant_id: str, now: int) -> Iterator[tuple[bytes, State]]:
    """Yields the states of a partition about a tenant and its review campaign."""
    definition = validate_definition(people.document(tenant_id, 24))
    assert isinstance(definition, Definition)
    quiet = people.quiet_hours_far_from(now)
    limits: dict[str, int | None] = {"email": None, "sms": None}
    tenant = KnownTenant(
        tenant_id, "active", quiet.zone, quiet, quiet.start, (), {}, limits, {"*": people.CAMPAIGN}
    )
    yield tenant_key(tenant_id), tenant
    campaign = KnownCampaign(tenant_id, people.CAMPAIGN, "active", 1, {1: definition})
    yield campaign_key(tenant_id, people.CAMPAIGN), campaign
