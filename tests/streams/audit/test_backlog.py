"""For any history, the forecast has every waiting touch once."""

import pytest

from schemas.base.times import MINUTE
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import POSITION_KEY, Request
from streams.audit.backlog import BacklogRow, backlog, call_backlog, is_of_backlog
from streams.audit.call_backlog import is_of_calls
from tests.processors.why.test_any_history import CheckingPlayer
from tests.streams.audit.test_dispatch_queue import decode_state
from tests.testing.faulty_world import FaultyWorld
from tests.testing.random_histories import random_history

SEEDS = range(6)


def rows_of(world: FaultyWorld) -> tuple[list[BacklogRow], list[Request]]:
    """The rows of all tasks, with calls of two minutes, and the waiting requests."""
    tasks: dict[int, dict[bytes, bytes]] = {}
    for (partition, key), value in world.states("dispatch").items():
        if key != POSITION_KEY:
            tasks.setdefault(partition.number, {})[key] = value
    rows: list[BacklogRow] = []
    waiting: list[Request] = []
    for states in tasks.values():
        messages = {key: value for key, value in states.items() if is_of_backlog(value)}
        calls = {key: value for key, value in states.items() if is_of_calls(value)}
        rows += backlog(messages, world.now, None, None)
        rows += call_backlog(calls, world.now, 2 * MINUTE)
        decoded = [decode_state(payload_of(value)) for value in states.values()]
        waiting += [each for each in decoded if isinstance(each, Request)]
    return rows, waiting


def _forecast_agrees(world: FaultyWorld) -> None:
    rows, waiting = rows_of(world)
    assert sum(row.waiting for row in rows) == len(waiting)
    places = {(each.touch.tenant_id, each.touch.channel) for each in waiting}
    assert {(row.tenant_id, row.channel) for row in rows} == places
    for row in rows:
        assert sum(row.binds.values()) <= row.waiting
        if row.clears_at is None:
            assert row.binds, "what is lost has a reason"
        else:
            assert row.first_at is not None and world.now <= row.first_at <= row.clears_at


@pytest.mark.parametrize("seed", SEEDS)
def test_the_forecast_of_any_history_has_every_touch_once(seed: int) -> None:
    CheckingPlayer(_forecast_agrees).play(random_history(seed, 60))
