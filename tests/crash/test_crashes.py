"""Same commands, facts and states, whatever happens to the workers (design 2.1, 2.4, 2.9)."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.crash.faulty_world import Fault, Plan, Rig
from tests.crash.histories import Move, chance, histories
from tests.crash.history_player import Player, play, sleep, world_sees
from tests.crash.refold import differences

few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

sized = st.builds(
    Plan,
    steps_max=st.sampled_from((1, 2, 7, 2_000)),
    records_max=st.sampled_from((1, 2, 1_000)),
    restore_records_max=st.sampled_from((1, 5, 20_000)),
    commit_every=st.integers(1, 4),
    faults=st.just({}),
    crew=st.just(1),
    rewind_every=st.just(0),
)
moving = st.lists(st.integers(0, 30), min_size=1, max_size=10)
faults = st.dictionaries(st.integers(1, 250), st.sampled_from(Fault), min_size=1, max_size=60)


@few
@given(histories)
def test_a_log_folded_afresh_says_what_was_said(history: Sequence[Move]) -> None:
    assert differences(play(history)) == []


@few
@given(histories, sized)
def test_the_size_of_batches_changes_nothing(history: Sequence[Move], plan: Plan) -> None:
    rig = play(history, plan)
    assert differences(rig) == []
    assert world_sees(rig) == world_sees(play(history))


@few
@given(histories, sized, faults)
def test_a_crash_changes_nothing_the_world_can_see(
    history: Sequence[Move], plan: Plan, faults: Mapping[int, Fault]
) -> None:
    rig = play(history, plan._replace(faults=faults))
    assert differences(rig) == []
    assert world_sees(rig) == world_sees(play(history))


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("every", [3, 5])
def test_every_few_commits_fail_and_nothing_changes(fault: Fault, every: int) -> None:
    history = chance(every, 40)
    rig = play(history, Plan(faults=dict.fromkeys(range(every, 5_000, every), fault)))
    assert rig.deaths > 20
    assert differences(rig) == []
    assert world_sees(rig) == world_sees(play(history))


@few
@given(histories, moving, sized, faults)
def test_partitions_move_between_workers_and_nothing_changes(
    history: Sequence[Move],
    moves: Sequence[int],
    plan: Plan,
    faults: Mapping[int, Fault],
) -> None:
    rig = Player(Rig(plan._replace(crew=2, faults=faults))).play(history, moves)
    assert differences(rig) == []
    assert world_sees(rig) == world_sees(play(history))


@few
@given(histories, moving, sized, faults)
def test_batches_of_many_moments_are_lost_and_move_and_nothing_changes(
    history: Sequence[Move],
    moves: Sequence[int],
    plan: Plan,
    faults: Mapping[int, Fault],
) -> None:
    rig = Player(Rig(plan._replace(crew=2, faults=faults))).play(history, moves, hurried=True)
    assert differences(rig) == []


def test_a_worker_that_dies_before_it_hears_of_a_partition_never_has_it() -> None:
    """Its successor is told of its share, and at once that a part of that is another's."""
    plan = Plan(
        steps_max=1, records_max=1, restore_records_max=1, crew=2, faults={23: Fault.DIE_BEFORE}
    )
    rig = Player(Rig(plan)).play([Move(0, 0, 0, 0.0)] * 2, [0], hurried=True)
    assert differences(rig) == []


@few
@given(histories, st.integers(1, 5), faults)
def test_what_was_folded_and_comes_again_is_not_folded_again(
    history: Sequence[Move], rewind_every: int, faults: Mapping[int, Fault]
) -> None:
    rig = play(history, Plan(rewind_every=rewind_every, faults=faults))
    assert differences(rig) == []
    assert world_sees(rig) == world_sees(play(history))


@few
@given(histories, st.integers(0, 3), sized, faults)
def test_a_tight_limit_is_kept_through_every_crash(
    history: Sequence[Move], limit: int, plan: Plan, faults: Mapping[int, Fault]
) -> None:
    """Who gets the slot depends on who asks first, so here the logs alone are the judge."""
    rig = Player(Rig(plan._replace(faults=faults)), limit=limit).play(history)
    assert differences(rig) == []


@few
@given(histories, sized, faults)
def test_what_is_long_overdue_fires_in_its_place(
    history: Sequence[Move], plan: Plan, faults: Mapping[int, Fault]
) -> None:
    assert differences(sleep(history, plan._replace(faults=faults))) == []


@few
@given(histories, st.sampled_from((1, 3, 9)))
def test_an_event_told_several_times_in_a_row_ends_in_the_same_state(
    history: Sequence[Move], times: int
) -> None:
    assert differences(play([move for move in history for _ in range(times)])) == []
