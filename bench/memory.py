"""A million active enrollments in one task: what they weigh, how they come back, how the next one
is found."""

import time
from collections.abc import Callable, Iterator
from timeit import timeit

import msgspec
import psutil

from bench import people
from bench.harness import Line, alone, broker, fill, topics
from bench.report import Figure, middle
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
RESTORE_TARGET_S = 15.0
ROUNDS = 3
_encode = msgspec.msgpack.Encoder().encode


class Held(msgspec.Struct):
    """What a process with the states in it says of itself."""

    states: int
    rss_gb: float
    restore_s: float
    next_due_us: float


def run(quick: bool = False) -> Figure:
    """Filled once, restored by a new process each time."""
    contacts = 50_000 if quick else 1_000_000
    layout = Layout(contact=1)
    with broker() as settings, topics(settings, layout) as named:
        now = time.time_ns() // 1_000
        lines = changelog(range(contacts), now, lambda index: now + 24 * HOUR + index, (0,))
        fill(named, Topic.CONTACT_CHANGELOG, lines)
        helds = [alone(hold, named, contacts) for _ in range(ROUNDS)]
    sizes, times = [held.rss_gb for held in helds], [held.restore_s for held in helds]
    return Figure(
        name="million",
        what=f"memory of one task with {contacts:,} active enrollments, restored from Kafka",
        value=middle(sizes),
        unit="GB RSS",
        target=TARGET_GB,
        at_most=True,
        ratio=middle(sizes) / TARGET_GB,
        of="the memory allowed",
        runs=sizes,
        settings={"enrollments": contacts, "partitions": 1, "cores": "broker 0, client 1"},
        beside={
            "cold restore, s (target <= 15)": middle(times),
            "cold restore, runs": times,
            "next due of all, us": middle(held.next_due_us for held in helds),
        },
    )


def hold(settings: Settings, contacts: int) -> Held:
    """Restores and looks at itself."""
    worker, transport = build_worker("contact", settings)
    begun = time.perf_counter()
    while not worker.owned or not all(o.ready for o in worker.owned.values()):
        if not worker.owned:
            begun = time.perf_counter()  # the group is still being joined
        worker.run_round()
    seconds = time.perf_counter() - begun
    (owned,) = worker.owned.values()
    assert len(owned.task.store) >= contacts
    look = timeit(owned.task.next_due, number=100_000) / 100_000 * 1e6
    held = Held(len(owned.task.store), psutil.Process().memory_info().rss / 1e9, seconds, look)
    transport.close()
    return held


def changelog(
    who: range, now: int, due: Callable[[int], int], partitions: tuple[int, ...] = (0, 1, 2, 3)
) -> Iterator[Line]:
    """The states of contacts whose first touch waits, as a contact task writes them down."""
    for number in partitions:
        for index in range(50):
            for key, state in known(people.tenant_of(index), now):
                yield Line(key, pack(state.due(), 0, _encode(state)), None, number)
        place = TaskPosition(0, now, 0, None)
        yield Line(POSITION_KEY, pack(None, 0, _encode(place)), None, number)
    for index in who:
        state = contact(index, now, due(index))
        number = partitions[0] if len(partitions) == 1 else -1
        yield Line(people.key_of(index), pack(state.due(), 0, _encode(state)), None, number)


def contact(index: int, now: int, due: int) -> Contact:
    """Enrolled, with the first touch scheduled."""
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


def known(tenant_id: str, now: int) -> Iterator[tuple[bytes, State]]:
    """What a partition knows of a tenant and its review campaign."""
    definition = validate_definition(people.document(tenant_id, 24))
    assert isinstance(definition, Definition)
    quiet = people.quiet_far_from(now)
    limits: dict[str, int | None] = {"email": None, "sms": None}
    tenant = KnownTenant(
        tenant_id, "active", quiet.zone, quiet, quiet.start, (), {}, limits, {"*": people.CAMPAIGN}
    )
    yield tenant_key(tenant_id), tenant
    campaign = KnownCampaign(tenant_id, people.CAMPAIGN, "active", 1, {1: definition})
    yield campaign_key(tenant_id, people.CAMPAIGN), campaign
