"""Many rebalances in a row, and one contact with half of all traffic: the same results."""

from collections.abc import Sequence

import pytest

from processors.fold.store import STATE_MAX_BYTES
from schemas.internal import messages as m
from schemas.internal.messages import contact_key
from schemas.internal.topics import Topic
from streams.base.transport import Partition
from streams.runtime.roles import PROCESSORS
from tests.crash.fold_check import differences
from tests.testing.builders import TENANT, job, publish, tenant
from tests.testing.faulty_world import FaultPlan, FaultyWorld, loop_sizes
from tests.testing.history_player import HistoryPlayer, play, visible_results
from tests.testing.random_histories import random_history
from tests.testing.world import START

IN_A_ROW = 10
EVENTS = 600
HOT = "hot"


class RebalancingWorld(FaultyWorld):
    """Four workers of each role. The first one has all partitions; each move is ten in a row, after
    which another worker has all of the role's: some own nothing, as where workers come and go."""

    def _initial_assignment(self, name: str) -> list[Partition]:
        role, _, number = name.partition("#")
        topic = PROCESSORS[role][0]
        numbers = range(self.layout.partitions(topic)) if number == "0" else ()
        return [Partition(topic, each) for each in numbers]

    def move_partition(self, role: str, number: int) -> None:
        for each in range(IN_A_ROW):
            super().move_partition(role, number + each)


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_ten_rebalances_in_a_row_change_no_result(seed: int) -> None:
    history = random_history(seed, 30)
    plan = FaultPlan(workers_per_role=4, restore_records_max=5, steps_max=7, commit_every=2)
    world = HistoryPlayer(RebalancingWorld(plan)).play(history, [*range(6)])
    assert differences(world) == []
    assert visible_results(world) == visible_results(play(history))
    hurried = HistoryPlayer(RebalancingWorld(plan)).play(history, [*range(6)], hurried=True)
    assert differences(hurried) == []


def test_half_of_the_traffic_about_one_contact_changes_nothing_for_the_others() -> None:
    alone, crowded = loaded(is_hot=False), loaded(is_hot=True)
    assert differences(crowded) == []
    others = [contact_key(TENANT, f"p{number}") for number in range(5)]
    states, expected = states_of(crowded, others), states_of(alone, others)
    assert len(states) == len(others)
    assert states == expected
    (hot,) = states_of(crowded, [contact_key(TENANT, HOT)])
    assert len(hot) < STATE_MAX_BYTES / 10
    commands = [
        (each.command_id, each.emission)
        for each in crowded.commanded_touches()
        if each.contact_id == HOT
    ]
    assert len({*commands}) == len(commands) > 0


def loaded(*, is_hot: bool) -> FaultyWorld:
    """A world with EVENTS events about five people, and as many about one more if `is_hot`."""
    world = FaultyWorld(FaultPlan(steps_max=7, commit_every=3))
    with loop_sizes(world.plan):
        for message in (tenant(), publish()):
            world.append(message)
            world.settle()
        for number in range(EVENTS):
            world.append(*events(f"p{number % 5}", number))
            if is_hot:
                world.append(*events(HOT, EVENTS + number))
            if number % 10 == 9:
                world.run_round()
        world.settle()
        world.advance_hours(24 * 30)
    return world


def events(contact_id: str, number: int) -> Sequence[m.Message]:
    """An event about a contact: every tenth is a job, and the others are new fields."""
    if number % 10 == 0:
        return [job(f"j{number}", START, contact_id=contact_id, cause=f"load#{number}")]
    person = m.Person(first_name=f"Ann-{number}", email=f"{contact_id}@example.com")
    return [m.ContactUpserted(TENANT, contact_id, f"load#{number}", START + number, person)]


def states_of(world: FaultyWorld, keys: Sequence[bytes]) -> list[bytes]:
    """The stored states of these contacts."""
    stored = {
        key: value
        for (partition, key), value in world.states("contact").items()
        if partition.topic is Topic.CONTACT_LOG
    }
    return [stored[key] for key in keys if key in stored]
