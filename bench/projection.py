"""Rows per second that one projection writes into PostgreSQL with exact places, decoding included.

The traffic is what the engine says of review requests: contacts that are enrolled, then each touch
requested, commanded, sent, opened; every change a changelog record and a fact, in batches as they
come from the log.
"""

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import msgspec

from schemas.base.ids import command_id, enrollment_id
from schemas.base.times import HOUR, SECOND
from schemas.internal import facts
from schemas.internal.enrollment import Enrollment, Phase, Touch
from schemas.internal.state_bytes import pack
from schemas.internal.states import Contact, Profile
from schemas.internal.topics import Topic
from sinks.migrate import migrate
from sinks.projection import Projection, rebuild
from sinks.state_rows import ProjectedRecord
from streams.embedded.postgres import EmbeddedPostgres

START = 1_790_000_000 * SECOND
TENANTS = 3
STAGES = ("scheduled", "requested", "commanded", "sent", "opened")

_encode = msgspec.msgpack.Encoder().encode


def traffic(contacts: int, batch: int, partition: int = 0) -> Iterator[list[ProjectedRecord]]:
    """Batches of records: contacts, a group at a time, go through every stage."""
    offset = 0
    for first in range(0, contacts, batch):
        states = [_contact(partition, index) for index in range(first, first + batch)]
        for number in (1, 2):
            for stage in STAGES:
                records: list[ProjectedRecord] = []
                for tenant, contact, state in states:
                    key = f"{tenant}/{contact}".encode()
                    at = START + first * SECOND + number * 24 * HOUR
                    fact = _move(tenant, contact, state, number, stage, at)
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


def _move(
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


def measure(dsn: str, contacts: int = 6_000, batch: int = 1_000) -> tuple[int, float]:
    """Rows merged into an empty database, and the seconds it took."""
    rebuild(dsn)
    projection = Projection(dsn, "bench")
    batches = list(traffic(contacts, batch))
    places = [(Topic.CONTACT_CHANGELOG, 0), (Topic.FACTS, 0)]
    for topic, partition in places:
        projection.claim(topic, partition)
    rows = 0
    begun = perf_counter()
    for records in batches:
        after = records[-1].offset + 1
        rows += projection.apply(records, dict.fromkeys(places, after))
    seconds = perf_counter() - begun
    projection.close()
    return rows, seconds


def run(dsn: str | None = None, repeat: int = 3) -> dict[str, object]:
    """The median of `repeat` runs; without a DSN in an embedded PostgreSQL of its own."""
    if dsn is None:
        with TemporaryDirectory(prefix="touchstream-") as directory:
            postgres = EmbeddedPostgres(Path(directory))
            postgres.start()
            try:
                return run(postgres.dsn, repeat)
            finally:
                postgres.stop()
    migrate(dsn)
    results = [measure(dsn) for _ in range(repeat)]
    speeds = [rows / seconds for rows, seconds in results]
    return {
        "name": "projection",
        "value": round(statistics.median(speeds)),
        "unit": "rows/s",
        "target": 30_000,
        "runs": [round(speed) for speed in speeds],
        "rows": results[0][0],
    }


if __name__ == "__main__":
    print(run(sys.argv[1] if sys.argv[1:] else None))
