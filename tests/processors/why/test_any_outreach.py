"""For any history of outreach, the explanation agrees with the states of the touches and runs."""

from collections.abc import Sequence

import msgspec
from hypothesis import given, settings

from processors.why import Gate, RunExplanation
from schemas.internal.enrollment import RESOLVED, Enrollment, Phase, Touch
from tests.processors.contact.test_outreach_recounts import HISTORY, NAMES, play
from tests.testing.builders import TENANT
from tests.testing.explanations import explanation_of
from tests.testing.outreach_desk import OutreachDesk
from tests.testing.story import contact_of


def explained(desk: OutreachDesk, name: str) -> list[tuple[Enrollment, RunExplanation]]:
    """The runs of a person that are in the state, each with its explanation. Every fact of the
    person is shown once."""
    facts = [f for f in desk.facts() if (f.tenant_id, f.contact_id) == (TENANT, name)]
    try:
        explanation = explanation_of(desk, name)
    except LookupError:  # nobody has added the person
        return []
    shown = sum(len(run.timeline) for run in explanation.runs) + len(explanation.besides)
    assert shown == len(facts)
    assert msgspec.json.encode(explanation)
    by_id = {run.enrollment_id: run for run in contact_of(desk, name).enrollments}
    return [(by_id[run.enrollment_id], run) for run in explanation.runs]


@settings(max_examples=60, deadline=None)
@given(HISTORY)
def test_gates_waits_and_variants_agree_with_the_states(
    history: list[tuple[str, str, int]],
) -> None:
    desk = play(history)
    for name in NAMES:
        for state, run in explained(desk, name):
            for touch, why in zip(state.touches, run.touches, strict=True):
                _gates_agree(touch, why.gates)
            _wait_agrees(state, run)
            assert state.results is not None
            known = {each.experiment_id: each.variant for each in run.experiments}
            for each in state.results.variants:
                if each.assigned_by != "winner":  # who has not come to the step has no fact of it
                    assert known[each.experiment_id] == each.variant


def _gates_agree(touch: Touch, gates: Sequence[Gate]) -> None:
    results = [gate.result for gate in gates]
    if touch.phase is Phase.COMMANDED:
        assert set(results) <= {"passed", "waits", "not asked"}
    elif touch.phase is Phase.SENT and not touch.reason:
        assert "refused" not in results
    elif touch.phase is Phase.SKIPPED:
        assert results.count("refused") == 1
        (closed,) = [gate for gate in gates if gate.result == "refused"]
        assert closed.reason == touch.reason


def _wait_agrees(state: Enrollment, run: RunExplanation) -> None:
    open_touch = bool(state.touches) and state.touches[-1].phase not in RESOLVED
    over = state.ended_at is not None and not open_touch
    assert (run.waits is None) is over, run
