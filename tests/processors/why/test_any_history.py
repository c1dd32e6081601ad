"""Whatever happened, the explanation agrees with what became of it."""

from collections.abc import Callable

import msgspec
import pytest

from processors.why import Explanation, RunExplanation, explain
from schemas.internal import messages as m
from schemas.internal.enrollment import RESOLVED, Enrollment, Phase
from schemas.internal.state_bytes import payload_of
from schemas.internal.states import Contact, ContactState, EndedEnrollment
from tests.testing.faulty_world import FaultyWorld
from tests.testing.random_histories import chance
from tests.testing.history_player import Player

_decode = msgspec.msgpack.Decoder(ContactState).decode
SEEDS = range(12)


def people(world: FaultyWorld) -> dict[tuple[str, str], list[Enrollment]]:
    """Every contact's enrollments, those included that its state has let go."""
    found: dict[tuple[str, str], list[Enrollment]] = {}
    for (_, key), value in world.states("contact").items():
        state = _decode(payload_of(value)) if key[:1] != b"\0" or key[:3] == b"\0e/" else None
        if isinstance(state, Contact):
            tenant_id, _, contact_id = key.decode().partition("/")
            found.setdefault((tenant_id, contact_id), []).extend(state.enrollments)
        elif isinstance(state, EndedEnrollment):
            found.setdefault((state.tenant_id, state.contact_id), []).append(state.enrollment)
    return found


class Looking(Player):
    """Looks at everybody each time something was said and done."""

    def __init__(self, look: Callable[[FaultyWorld], None]) -> None:
        super().__init__(FaultyWorld())
        self._look = look

    def _say(self, *messages: m.Message) -> None:
        super()._say(*messages)
        self._look(self.world)


def explained(world: FaultyWorld) -> list[tuple[Enrollment, RunExplanation]]:
    facts = world.facts()
    pairs = []
    for who, runs in people(world).items():
        of_them = [fact for fact in facts if (fact.tenant_id, fact.contact_id) == who]
        found: Explanation = explain(*who, of_them, runs)
        by_id = {run.enrollment_id: run for run in runs}
        pairs += [(by_id[run.enrollment_id], run) for run in found.runs]
        told = sum(len(run.timeline) for run in found.runs) + len(found.besides)
        assert told == len(of_them), "every fact is told once"
    return pairs


@pytest.mark.parametrize("seed", SEEDS)
def test_no_gate_refused_a_sent_touch_and_exactly_one_refused_a_skipped_touch(
    seed: int,
) -> None:
    Looking(_gates_agree).play(chance(seed, 60))


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
    Looking(_waits_agree).play(chance(seed, 60))


def _waits_agree(world: FaultyWorld) -> None:
    for state, run in explained(world):
        open_touch = bool(state.touches) and state.touches[-1].phase not in RESOLVED
        over = state.ended_at is not None and not open_touch
        assert (run.waits is None) is over, run
        if run.waits is not None and (due := state.due()) is not None:
            assert run.waits.until is not None
            assert run.waits.until.timestamp() == pytest.approx(due / 1e6), run
