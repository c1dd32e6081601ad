"""The rows a second that one projection brings into PostgreSQL with exact offsets, with decoding.

The records are those of review campaigns: contacts are enrolled, then each touch is requested,
commanded, sent and opened. Every change is a changelog record and a fact.
"""

from collections.abc import Iterator
from time import perf_counter

import msgspec

from schemas.base.ids import command_id, enrollment_id
from schemas.base.times import HOUR, SECOND
from schemas.internal import facts
from schemas.internal.enrollment import Enrollment, Phase, Touch
from schemas.internal.state_bytes import pack
from schemas.internal.states import Contact, Profile
from schemas.internal.topics import Topic
from sinks.batch import Batch
from sinks.projection import Projection, rebuild
from sinks.state_rows import ProjectedRecord

START = 1_790_000_000 * SECOND
TENANTS = 3
STAGES = ("scheduled", "requested", "commanded", "sent", "opened")

_encode = msgspec.msgpack.Encoder().encode


def traffic(contacts: int, batch: int, partition: int = 0) -> Iterator[list[ProjectedRecord]]:
    """Yields batches of records: a group of contacts after the other goes through all stages."""
    offset = 0
    for first in range(0, contacts, batch):
        states = [_contact(partition, index) for index in range(first, first + batch)]
        for number in (1, 2):
            for stage in STAGES:
                records: list[ProjectedRecord] = []
                for tenant, contact, state in states:
                    key = f"{tenant}/{contact}".encode()
                    at = START + first * SECOND + number * 24 * HOUR
                    fact = _advance_touch(tenant, contact, state, number, stage, at)
                    value = pack(state.due(), 0, _encode(state))
                    log = Topic.CONTACT_CHANGELOG
                    records.append(ProjectedRecord(log, partition, offset, key, value))
                    records.append(
                        ProjectedRecord(Topic.FACTS, partition, offset, key, facts.encode(fact))
                    )
                    offset += 1
                yield records


def _contact(partition: int, index: int) -> tuple[str, str, Contact]:
    tenant, contact = f"tenant-{index % TENANTS}", f"customer-{partition}-{index:08}"
    profile = Profile("Ada", "Lovelace", timezone="UTC")
    profile.addresses = {"email": (f"ada{index}@example.com", START)}
    profile.addresses["phone"] = (f"+1555{index:07}", START)
    own = enrollment_id(tenant, "reviews", contact, 1)
    run = Enrollment(own, "reviews", 1, 1, f"job-{index}", "hvac", START, START)
    state = Contact(
        profile, enrollments=[run], jobs={f"job-{index}": ("completed", "hvac")}, created_at=START
    )
    return tenant, contact, state


def _advance_touch(
    tenant: str, contact: str, state: Contact, number: int, stage: str, at: int
) -> facts.Fact:
    run = state.enrollments[0]
    state.updated_at = at
    if stage == "scheduled":
        run.touches = [*run.touches, Touch(f"step-{number}", number, "email", at, at)]
    touch = run.touches[-1]
    if stage == "requested":
        touch.phase, touch.requested_at, touch.template_id = Phase.REQUESTED, at, "template-1"
        touch.command_id = command_id(tenant, "reviews", contact, 1, touch.step_id, 1)
    elif stage == "commanded":
        touch.phase, touch.commanded_at = Phase.COMMANDED, at
    elif stage == "sent":
        touch.phase, touch.sent_at, touch.resolved_at = Phase.SENT, at, at
    elif stage == "opened":
        touch.opened_at = at
    return facts.Fact(
        fact=facts.FactKind(f"touch.{stage}"),
        at=facts.fact_time(at),
        tenant_id=tenant,
        contact_id=contact,
        campaign_id="reviews",
        version=1,
        enrollment_id=run.enrollment_id,
        job_id=run.job_id,
        step_id=touch.step_id,
        touch_number=number,
        channel="email",
        command_id=touch.command_id,
        attempt=1,
        cause=f"sender#{contact}-{stage}",
    )


def measure(dsn: str, contacts: int = 6_000, batch: int = 1_000) -> tuple[int, int, float]:
    """Merges the records into an empty database. Returns the rows of the records, how many of them
    were written, because they were not as they were before, and the seconds."""
    rebuild(dsn)
    projection = Projection(dsn, "bench")
    batches = list(traffic(contacts, batch))
    rows = sum(len(table) for records in batches for table in Batch(records).rows.values())
    partitions = [(Topic.CONTACT_CHANGELOG, 0), (Topic.FACTS, 0)]
    for topic, partition in partitions:
        projection.claim(topic, partition)
    written = 0
    began = perf_counter()
    for records in batches:
        after = records[-1].offset + 1
        written += projection.apply(records, dict.fromkeys(partitions, after))
    seconds = perf_counter() - began
    projection.close()
    return rows, written, seconds
