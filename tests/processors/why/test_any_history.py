"""For any history, the explanation agrees with the states of the touches and runs."""

from collections.abc import Callable

import msgspec
import pytest

from processors.why import Explanation, RunExplanation, explain
from schemas.internal import messages as m
from schemas.internal.enrollment import RESOLVED, Enrollment, Phase
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import Contact, ContactState, EndedEnrollment
from tests.testing.faulty_world import FaultyWorld
from tests.testing.history_player import HistoryPlayer
from tests.testing.random_histories import random_history

_decode = msgspec.msgpack.Decoder(ContactState).decode
SEEDS = range(12)


def enrollments_by_contact(world: FaultyWorld) -> dict[tuple[str, str], list[Enrollment]]:
    """The enrollments of every contact, with those that were moved out of its state."""
    runs: dict[tuple[str, str], list[Enrollment]] = {}
    for (_, key), value in world.states("contact").items():
        state = _decode(payload_of(value)) if key[:1] != b"\0" or key[:3] == b"\0e/" else None
        if isinstance(state, Contact):
            tenant_id, _, contact_id = key.decode().partition("/")
            runs.setdefault((tenant_id, contact_id), []).extend(state.enrollments)
        elif isinstance(state, EndedEnrollment):
            runs.setdefault((state.tenant_id, state.contact_id), []).append(state.enrollment)
    return runs


class CheckingPlayer(HistoryPlayer):
    """Runs a check of the world after each event of a history."""

    def __init__(self, check: Callable[[FaultyWorld], None]) -> None:
        super().__init__(FaultyWorld())
        self._check = check

    def _send(self, *messages: m.Message) -> None:
        super()._send(*messages)
        self._check(self.world)


def explained(world: FaultyWorld) -> list[tuple[Enrollment, RunExplanation]]:
    """Every enrollment of every contact with its explanation."""
    facts = world.facts()
    pairs = []
    for contact, runs in enrollments_by_contact(world).items():
        of_contact = [fact for fact in facts if (fact.tenant_id, fact.contact_id) == contact]
        explanation: Explanation = explain(*contact, of_contact, runs)
        by_id = {run.enrollment_id: run for run in runs}
        pairs += [(by_id[run.enrollment_id], run) for run in explanation.runs]
        shown = sum(len(run.timeline) for run in explanation.runs) + len(explanation.besides)
        assert shown == len(of_contact), "every fact is shown once"
    return pairs


@pytest.mark.parametrize("seed", SEEDS)
def test_no_gate_refused_a_sent_touch_and_exactly_one_refused_a_skipped_touch(
    seed: int,
) -> None:
    CheckingPlayer(_gates_agree).play(random_history(seed, 60))


def _gates_agree(world: FaultyWorld) -> None:
    for state, run in explained(world):
        for touch, why in zip(state.touches, run.touches, strict=True):
            results = [gate.result for gate in why.gates]
            if touch.phase is Phase.COMMANDED:
                assert set(results) <= {"passed", "waits"}, why  # a pause does not call it back
            elif touch.phase is Phase.SENT and not touch.reason and touch.attempt == 1:
                assert "refused" not in results, why
            elif touch.phase is Phase.SKIPPED:
                assert results.count("refused") == 1, why
                (closed,) = [gate for gate in why.gates if gate.result == "refused"]
                assert closed.reason == touch.reason, why


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_has_a_wait_exactly_while_it_is_not_over(seed: int) -> None:
    CheckingPlayer(_waits_agree).play(random_history(seed, 60))


def _waits_agree(world: FaultyWorld) -> None:
    for state, run in explained(world):
        open_touch = bool(state.touches) and state.touches[-1].phase not in RESOLVED
        over = state.ended_at is not None and not open_touch
        assert (run.waits is None) is over, run
        if run.waits is not None and (due := state.due()) is not None:
            assert run.waits.until is not None
            assert run.waits.until.timestamp() == pytest.approx(due / 1e6), run
