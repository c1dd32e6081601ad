"""Call pools in the campaign processor: one record, announced to every partition of dispatch."""

from typing import Any

from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.states import PoolRecord
from tests.testing.administered import administered, announced, codes, record_of
from tests.testing.world import START


def pool(at: int = START, **changes: Any) -> m.UpsertPool:
    fields: dict[str, Any] = {"pool_id": "calls", "slots": 10, "cause": f"p#{at}", "at": at}
    return m.UpsertPool(**{**fields, **changes})


def test_a_pool_is_announced_to_every_partition_of_dispatch() -> None:
    world = administered(pool(weights={"acme": 3}, reserved={"acme": 2}))
    record = record_of(world, "p/calls", PoolRecord)
    assert (record.slots, record.weights, record.reserved) == (10, {"acme": 3}, {"acme": 2})
    assert len(announced(world, m.PoolAnnounced)) == world.layout.dispatch == 2
    (fact,) = world.facts(FactKind.POOL_UPDATED)
    assert (fact.tenant_id, fact.values) == (
        m.PLATFORM,
        {"pool_id": "calls", "slots": 10, "weights": 1, "reserved": 2},
    )


def test_only_a_changed_pool_is_announced_again() -> None:
    world = administered(pool(), pool(START + 1), pool(START + 2, slots=4))
    assert [each.slots for each in announced(world, m.PoolAnnounced)] == [10, 4] * 2


def test_an_older_order_about_a_pool_is_refused() -> None:
    world = administered(pool(), pool(START - 1, slots=1))
    assert codes(world.facts(FactKind.EVENT_REFUSED)) == ["POOL_UPDATE_STALE"]
    assert record_of(world, "p/calls", PoolRecord).slots == 10
