"""Any history of outreach: the counts of each partition and campaign equal a recount of all runs,
nobody is written to who may not be, and the sizes of batches and crashes change nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.contact import result_counts
from schemas.internal.enrollment import Assignment, Enrollment, RunResults
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import CampaignState, Contact, ContactState, Sweeps
from tests.crash.fold_check import differences
from tests.testing.faulty_world import Fault, FaultPlan, FaultyWorld
from tests.testing.history_player import visible_results
from tests.testing.outreach_histories import (
    Happening,
    easy_decisions,
    outreach_histories,
    play_outreach,
    random_happenings,
)
from tests.testing.outreach_recount import broken

EXPLORES = not settings().derandomize
"""Whether `make explore` runs: many more histories then."""


def examples(most: int) -> settings:
    """So many histories, which are the same in each run of the tests."""
    number = 25 * most if EXPLORES else most
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=number, deadline=None, suppress_health_check=slow)


plans = st.builds(
    FaultPlan,
    steps_max=st.sampled_from((3, 2_000)),
    records_max=st.sampled_from((3, 1_000)),
    restore_records_max=st.sampled_from((20, 20_000)),
    commit_every=st.integers(1, 3),
    faults=st.dictionaries(st.integers(1, 300), st.sampled_from(Fault), max_size=30),
    workers_per_role=st.just(1),
    redeliver_every=st.just(0),
)


def problems(world: FaultyWorld) -> list[str]:
    """The promises that an engine in memory has broken, and where its states or outputs differ from
    those that its logs lead to when they are folded again; none if all is well."""
    with easy_decisions():
        return broken(world) + differences(world)


def comparable(world: FaultyWorld) -> dict[str, Any]:
    """What a history leaves behind, without the pace of its sweeps: states are compared by their
    fields, because the reports of two partitions may come in either order."""
    results = visible_results(world)
    kinds: Mapping[str, Any] = {"contact": ContactState, "campaign": CampaignState}
    for role, kind in kinds.items():
        states = {
            name: msgspec.msgpack.decode(payload_of(value), type=kind)
            for name, value in results[role].items()
        }
        for state in states.values():
            if isinstance(state, Contact):
                state.swept = 0
        results[role] = {n: state for n, state in states.items() if not isinstance(state, Sweeps)}
    return results


@examples(25)
@given(outreach_histories)
def test_the_counts_equal_a_recount_and_nobody_is_written_to_who_may_not_be(
    history: Sequence[Happening],
) -> None:
    assert problems(play_outreach(history)) == []


@examples(10)
@given(outreach_histories, plans)
def test_the_sizes_of_batches_and_crashes_change_no_count_and_no_decision(
    history: Sequence[Happening], plan: FaultPlan
) -> None:
    world = play_outreach(history, plan)
    assert problems(world) == []
    assert comparable(world) == comparable(play_outreach(history))


@pytest.mark.parametrize("seed", range(25 if EXPLORES else 1))
def test_a_long_history_until_everything_is_archived(seed: int) -> None:
    """Also people with more runs than their states keep."""
    assert problems(play_outreach(random_happenings(seed, 150), days=130)) == []


def test_a_count_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recount is worth something: one that is never taken back differs from it."""
    of_assignment = result_counts.of_assignment

    def never_less(run: Enrollment, results: RunResults, assignment: Assignment) -> int:
        return assignment.counted | of_assignment(run, results, assignment)

    monkeypatch.setattr(result_counts, "of_assignment", never_less)
    worlds = (play_outreach(random_happenings(seed, 30)) for seed in range(10))
    assert any(broken(world) for world in worlds)
