"""For any history, the view of the queue has every waiting touch and every slot once."""

import msgspec
import pytest

from schemas.internal import messages as m
from schemas.internal.call_states import ACTIVE, Lease
from schemas.internal.messages import pool_key
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import POSITION_KEY, DispatchState, Request
from schemas.internal.topics import Layout
from streams.audit.dispatch_queue import QueueView, is_of_queue, merged, queue_view
from streams.base.partitioner import partition_of
from tests.processors.why.test_any_history import CheckingPlayer
from tests.testing.direct_calls import report_call, request_call, world_that_calls
from tests.testing.faulty_world import FaultyWorld
from tests.testing.random_histories import random_history
from tests.testing.world import World

SEEDS = range(8)
decode_state = msgspec.msgpack.Decoder(DispatchState).decode


def stored(world: World | FaultyWorld) -> dict[int, dict[bytes, bytes]]:
    """The states of each task of the dispatch processor."""
    tasks: dict[int, dict[bytes, bytes]] = {}
    for (partition, key), value in world.states("dispatch").items():
        if key != POSITION_KEY and is_of_queue(value):
            tasks.setdefault(partition.number, {})[key] = value
    return tasks


def view_of(world: World | FaultyWorld, layout: Layout) -> QueueView:
    tasks = stored(world)
    return merged(
        queue_view(
            states,
            world.now,
            lambda pool, number=number: (  # type: ignore[misc]
                partition_of(pool_key(pool), layout.dispatch) == number
            ),
        )
        for number, states in tasks.items()
    )


def _view_agrees(world: World | FaultyWorld) -> None:
    states = [decode_state(payload_of(v)) for task in stored(world).values() for v in task.values()]
    leases = [each for each in states if isinstance(each, Lease) and each.state in ACTIVE]
    waiting = [each for each in states if isinstance(each, Request)]
    view = view_of(world, world.layout)
    assert sorted(row.command_id for row in view.calls) == sorted(
        lease.touch.command_id for lease in leases
    )
    assert sum(row.waiting for row in view.waiting) == len(waiting)
    pools = [row for row in view.slots if row.scope == "pool"]
    assert len({row.name for row in pools}) == len(pools)
    assert sum(row.used for row in pools) == len(leases)
    for row in view.slots:
        assert row.used or row.scope == "pool", row
    known = {each.touch.command_id for each in waiting}
    assert all(row.first_command_id in known and row.reason for row in view.waiting)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_view_of_any_history_agrees_with_its_states(seed: int) -> None:
    CheckingPlayer(_view_agrees).play(random_history(seed, 60))


def test_the_view_agrees_while_calls_come_and_end() -> None:
    world = world_that_calls(slots=2)
    for number in range(101, 108):
        request_call(world, number)
        _view_agrees(world)
    for index in range(4):
        report_call(world, m.CallEnded, index, outcome="answered", seconds=5)
        _view_agrees(world)
    world.advance_hours(2)
    _view_agrees(world)
    assert view_of(world, world.layout).calls == []
