"""An outreach campaign with an experiment, a winner that the rest is switched to, and a completion
by its target: the same, whatever happens to the workers, and as a new fold of the logs has it."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import pytest

from processors.contact import paced_sweeps
from schemas.internal.facts import FactKind
from tests.crash.fold_check import differences
from tests.histories.outreach_story import JAVA, outreach
from tests.testing.faulty_world import Fault, FaultPlan, FaultyWorld, loop_sizes
from tests.testing.history_player import visible_results

DECISIONS = (
    FactKind.EXPERIMENT_DECIDED,
    FactKind.EXPERIMENT_SWITCHED,
    FactKind.CAMPAIGN_STATUS_CHANGED,
    FactKind.CAMPAIGN_REPORT,
)


def played(plan: FaultPlan, turn_size: int = 1_000) -> FaultyWorld:
    """The story. A sweep visits so many people in a turn, and the counts are reported after it."""
    world = FaultyWorld(plan)
    with loop_sizes(plan), sweeps_of(turn_size):
        outreach(world)
    return world


def sweeps_of(turn_size: int) -> AbstractContextManager[object]:
    return patch.object(paced_sweeps, "turn_size", lambda *_: turn_size)


@pytest.fixture(scope="module")
def undisturbed() -> FaultyWorld:
    return played(FaultPlan())


def test_a_new_fold_of_the_logs_leads_to_the_same_decisions(undisturbed: FaultyWorld) -> None:
    with sweeps_of(1_000):
        assert differences(undisturbed) == []
    decided = [fact for fact in undisturbed.facts(*DECISIONS) if fact.campaign_id == JAVA]
    assert {fact.fact for fact in decided} == set(DECISIONS)


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("every", [7, 40])
def test_crashes_change_no_decision(undisturbed: FaultyWorld, fault: Fault, every: int) -> None:
    """A crash loses the open batch and the states in memory, which come back from the changelog:
    counts that were increments would be counted twice."""
    faults = dict.fromkeys(range(every, 200_000, every), fault)
    world = played(FaultPlan(faults=faults))
    assert world.faults_raised > 20
    with sweeps_of(1_000):
        assert differences(world) == []
    assert visible_results(world) == visible_results(undisturbed)
    kinds = world.facts(*DECISIONS)
    assert [f.values for f in kinds] == [f.values for f in undisturbed.facts(*DECISIONS)]


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.UNKNOWN_AFTER])
def test_crashes_between_the_turns_of_a_sweep_change_nothing_about_people(
    undisturbed: FaultyWorld, fault: Fault
) -> None:
    """The counts of the campaign are reported after each turn, so only their times depend on it."""
    world = played(FaultPlan(faults=dict.fromkeys(range(7, 200_000, 7), fault)), 20)
    with sweeps_of(20):
        assert differences(world) == []
    assert about_people(world) == about_people(undisturbed)


def about_people(world: FaultyWorld) -> dict[str, Any]:
    """The commands, and the facts that name an enrollment."""
    return {
        name: value
        for name, value in visible_results(world).items()
        if name == "commands" or (name.startswith("facts of ") and not name.endswith(" "))
    }
