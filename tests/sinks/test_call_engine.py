"""A call campaign of the real processors, as PostgreSQL shows it while it runs and at its end."""

from collections import Counter

import msgspec
import pytest

from schemas.internal.call_states import ACTIVE, LEASE_PREFIX, Lease
from schemas.internal.facts import FactKind
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import CampaignRecord, CampaignState
from sinks.recount import COMPARED_TABLES, Recount
from tests.processors.contact.test_calls_together import (
    NAMES,
    Dialler,
    campaign_of,
    run,
    statuses,
)
from tests.testing.projected import project, select
from tests.testing.world import World

OUTCOMES: dict[str, list[str | None]] = {
    "p01": ["busy", "answered"],
    "p02": ["no_answer", "no_answer", "busy"],
    "p03": [None],
    "p04": ["voicemail", "answered"],
    "p05": ["failed", "rejected"],
    "p06": ["invalid_number"],
}

ITEMS = "SELECT contact_id, status, failure_reason, call_outcome FROM calls.call_queue ORDER BY 1"


decode_lease = msgspec.msgpack.Decoder(Lease).decode
decode_campaign = msgspec.msgpack.Decoder(CampaignState).decode


def shown_statuses(dsn: str) -> Counter[object]:
    return Counter(row[0] for row in select(dsn, "SELECT status FROM calls.call_queue"))


def equals_a_recount(world: World, dsn: str) -> None:
    """Projects a world, and compares the tables with a recount of the last state of each key."""
    records = project(world, dsn)
    last = {(r.topic, r.partition, r.key): r for r in records if r.topic != "facts"}
    with Recount(dsn) as recount:
        recount.add(last.values())
        recount.add(record for record in records if record.topic == "facts")
        assert recount.differences(COMPARED_TABLES) == []


@pytest.mark.parametrize("hours", [0.03, 0.2, 3.0])
def test_the_queue_in_postgresql_is_that_of_the_engine_at_any_moment(
    dsn: str, hours: float
) -> None:
    world = campaign_of(*NAMES, max_attempts=3)
    run(world, Dialler(world, OUTCOMES), hours)
    equals_a_recount(world, dsn)
    assert shown_statuses(dsn) == statuses(world, *NAMES)
    assert select(dsn, "SELECT calls.count_active_calls('acme')") == [(active_calls(world),)]
    made = world.facts(FactKind.CALL_SLOT_GRANTED)
    assert select(dsn, "SELECT count(*) FROM calls.calls") == [(len(made),)]


def test_a_campaign_that_has_ended_has_its_counts_and_its_reasons(dsn: str) -> None:
    world = campaign_of(*NAMES, max_attempts=3)
    run(world, Dialler(world, OUTCOMES), 30)
    equals_a_recount(world, dsn)
    assert select(dsn, ITEMS) == [
        *[(name, "completed", None, "answered") for name in ("p00", "p01")],
        ("p02", "failed", "busy", "busy"),
        ("p03", "failed", "no_outcome", "unknown"),
        ("p04", "completed", None, "answered"),
        ("p05", "failed", "rejected", "rejected"),
        ("p06", "failed", "invalid_number", "invalid_number"),
        *[(name, "completed", None, "answered") for name in NAMES[7:]],
    ]
    counts = """SELECT status, total_contacts, completed_calls, successful_calls, failed_calls
        FROM calls.call_campaigns"""
    assert select(dsn, counts) == [("completed", 12, 8, 8, 4)]
    outcomes = "SELECT outcome, calls FROM calls.call_campaign_analytics"
    assert {str(name): calls for name, calls in select(dsn, outcomes)} == {
        "answered": 8,
        "busy": 2,
        "failed": 1,
        "invalid_number": 1,
        "no_answer": 2,
        "rejected": 1,
        "unknown": 1,
        "voicemail": 1,
    }
    assert counts_of(world) == {"runs": 12, "completed": 8, "failed": 4}


def active_calls(world: World) -> int:
    """The calls that have a slot."""
    states = (
        decode_lease(payload_of(value))
        for (_, key), value in world.states("dispatch").items()
        if key.startswith(LEASE_PREFIX)
    )
    return sum(lease.state in ACTIVE for lease in states)


def counts_of(world: World) -> dict[str, int]:
    """The counts by which the campaign completed itself, without those that are 0."""
    total: Counter[str] = Counter()
    for (_, key), value in world.states("campaign").items():
        if key.startswith(b"c/"):
            record = decode_campaign(payload_of(value))
            assert isinstance(record, CampaignRecord)
            for _, counts in record.counts.values():
                total.update(counts)
    return {name: number for name, number in total.items() if number}
