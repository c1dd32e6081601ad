"""An outreach campaign with an experiment, a winner that the rest is switched to, and a completion
by its target: the same, whatever happens to the workers, and as a new fold of the logs has it."""

import pytest

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


def played(plan: FaultPlan) -> FaultyWorld:
    world = FaultyWorld(plan)
    with loop_sizes(plan):
        outreach(world)
    return world


@pytest.fixture(scope="module")
def undisturbed() -> FaultyWorld:
    return played(FaultPlan())


def test_a_new_fold_of_the_logs_leads_to_the_same_decisions(undisturbed: FaultyWorld) -> None:
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
    assert differences(world) == []
    assert visible_results(world) == visible_results(undisturbed)
    kinds = world.facts(*DECISIONS)
    assert [f.values for f in kinds] == [f.values for f in undisturbed.facts(*DECISIONS)]
