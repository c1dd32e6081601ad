"""Versions, pauses and migrations that come while sweeps are under way: whatever happens to the
workers, a new fold of the logs leads to the same, and nothing goes out during a pause."""

from unittest.mock import patch

import pytest

from processors.contact import paced_sweeps
from tests.crash.fold_check import differences
from tests.histories.sweeps_story import commanded_in_pauses, pauses, sweeps
from tests.testing.faulty_world import Fault, FaultPlan, FaultyWorld, loop_sizes

TURN_SIZE = 15


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.UNKNOWN_AFTER])
def test_crashes_between_sweeps_lose_no_change_and_send_nothing_in_a_pause(fault: Fault) -> None:
    plan = FaultPlan(faults=dict.fromkeys(range(9, 200_000, 9), fault))
    world = FaultyWorld(plan)
    with loop_sizes(plan), patch.object(paced_sweeps, "turn_size", lambda *_: TURN_SIZE):
        sweeps(world)
        assert differences(world) == []
    assert world.faults_raised > 20
    assert len(pauses(world)) > 3
    assert commanded_in_pauses(world) == []
