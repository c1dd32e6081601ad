"""The same commands, facts and states, whatever happens to the workers (promises 1, 4 and 9)."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.crash.fold_check import differences
from tests.testing.faulty_world import Fault, FaultPlan, FaultyWorld
from tests.testing.history_player import HistoryPlayer, play, play_without_ticks, visible_results
from tests.testing.random_histories import Action, histories, random_history

few_examples = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

sized_plans = st.builds(
    FaultPlan,
    steps_max=st.sampled_from((1, 2, 7, 2_000)),
    records_max=st.sampled_from((1, 2, 1_000)),
    restore_records_max=st.sampled_from((1, 5, 20_000)),
    commit_every=st.integers(1, 4),
    faults=st.just({}),
    workers_per_role=st.just(1),
    redeliver_every=st.just(0),
)
partition_moves = st.lists(st.integers(0, 30), min_size=1, max_size=10)
faults = st.dictionaries(st.integers(1, 250), st.sampled_from(Fault), min_size=1, max_size=60)


@few_examples
@given(histories)
def test_a_new_fold_of_the_logs_leads_to_the_recorded_results(history: Sequence[Action]) -> None:
    assert differences(play(history)) == []


TWO_WRITERS = [Action(0, 0, 0, 0.0)] * 2 + [
    Action(n, 0, v, 0.0) for n, v in ((19, 5), (20, 0), (19, 0))
]
"""A campaign's migration and dispatch's answer reach one contact at one moment."""


@few_examples
@given(histories, sized_plans)
@example(TWO_WRITERS, FaultPlan(steps_max=1, records_max=1, restore_records_max=1))
def test_the_sizes_of_batches_change_no_result(history: Sequence[Action], plan: FaultPlan) -> None:
    world = play(history, plan)
    assert differences(world) == []
    assert visible_results(world) == visible_results(play(history))


@few_examples
@given(histories, sized_plans, faults)
def test_a_crash_changes_no_visible_result(
    history: Sequence[Action], plan: FaultPlan, faults: Mapping[int, Fault]
) -> None:
    world = play(history, plan._replace(faults=faults))
    assert differences(world) == []
    assert visible_results(world) == visible_results(play(history))


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("every", [3, 5])
def test_frequent_failures_of_commits_change_no_result(fault: Fault, every: int) -> None:
    history = random_history(every, 40)
    world = play(history, FaultPlan(faults=dict.fromkeys(range(every, 5_000, every), fault)))
    assert world.faults_raised > 20
    assert differences(world) == []
    assert visible_results(world) == visible_results(play(history))


@few_examples
@given(histories, partition_moves, sized_plans, faults)
def test_partitions_that_move_between_workers_change_no_result(
    history: Sequence[Action],
    moves: Sequence[int],
    plan: FaultPlan,
    faults: Mapping[int, Fault],
) -> None:
    world = HistoryPlayer(FaultyWorld(plan._replace(workers_per_role=2, faults=faults))).play(
        history, moves
    )
    assert differences(world) == []
    assert visible_results(world) == visible_results(play(history))


@few_examples
@given(histories, partition_moves, sized_plans, faults)
def test_batches_of_many_moments_that_are_lost_and_move_agree_with_their_logs(
    history: Sequence[Action],
    moves: Sequence[int],
    plan: FaultPlan,
    faults: Mapping[int, Fault],
) -> None:
    world = HistoryPlayer(FaultyWorld(plan._replace(workers_per_role=2, faults=faults))).play(
        history, moves, hurried=True
    )
    assert differences(world) == []


def test_a_worker_that_crashes_before_its_assignment_is_reported_never_owns_the_partition() -> None:
    """The assignment of its successor is reported together with the revocation of a part of it."""
    plan = FaultPlan(
        steps_max=1,
        records_max=1,
        restore_records_max=1,
        workers_per_role=2,
        faults={23: Fault.CRASH_BEFORE},
    )
    world = HistoryPlayer(FaultyWorld(plan)).play([Action(0, 0, 0, 0.0)] * 2, [0], hurried=True)
    assert differences(world) == []


@few_examples
@given(histories, st.integers(1, 5), faults)
def test_a_record_that_is_delivered_again_is_not_folded_again(
    history: Sequence[Action], redeliver_every: int, faults: Mapping[int, Fault]
) -> None:
    world = play(history, FaultPlan(redeliver_every=redeliver_every, faults=faults))
    assert differences(world) == []
    assert visible_results(world) == visible_results(play(history))


@few_examples
@given(histories, st.integers(0, 3), sized_plans, faults)
def test_a_tight_limit_is_kept_through_crashes(
    history: Sequence[Action], limit: int, plan: FaultPlan, faults: Mapping[int, Fault]
) -> None:
    """Which request gets a slot depends on which comes first, so only the logs are compared."""
    world = HistoryPlayer(FaultyWorld(plan._replace(faults=faults)), limit=limit).play(history)
    assert differences(world) == []


@few_examples
@given(histories, sized_plans, faults)
def test_a_timer_that_is_long_overdue_fires_in_order(
    history: Sequence[Action], plan: FaultPlan, faults: Mapping[int, Fault]
) -> None:
    assert differences(play_without_ticks(history, plan._replace(faults=faults))) == []


@few_examples
@given(histories, st.sampled_from((1, 3, 9)))
def test_an_event_that_is_repeated_in_a_row_ends_in_the_same_state(
    history: Sequence[Action], times: int
) -> None:
    assert differences(play([action for action in history for _ in range(times)])) == []
