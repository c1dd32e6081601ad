"""Explanations of a contact in a world, and the gates of its touches."""

from typing import Any

from processors.why import NOT_ASKED, Explanation, Gate, explain, gate_order
from schemas.internal.facts import fact_time
from tests.testing.builders import CONTACT, TENANT, step
from tests.testing.story import HOUR, START, World, contact_of

TWO_STEPS = [step("a", hours=24), step("b", "sms", hours=24)]


def explanation_of(world: World, contact_id: str = CONTACT, **selection: Any) -> Explanation:
    """The explanation of a contact, from the facts and states of a world."""
    facts = [f for f in world.facts() if (f.tenant_id, f.contact_id) == (TENANT, contact_id)]
    runs = contact_of(world, contact_id).enrollments
    return explain(TENANT, contact_id, facts, runs, **selection)


def gates_of(world: World, touch: int = 0, contact_id: str = CONTACT) -> dict[str, Gate]:
    """The gates, by name, of a touch of the contact's newest run."""
    explained = explanation_of(world, contact_id).runs[-1].touches[touch]
    gates = explained.gates
    assert [gate.name for gate in gates] == list(gate_order(explained.channel))
    return {gate.name: gate for gate in gates}


def results_of(gates: dict[str, Gate]) -> dict[str, str]:
    """The result of each gate."""
    return {name: gate.result for name, gate in gates.items()}


def at(hours: float) -> Any:
    """The time so many hours after the start of a world."""
    return fact_time(START + round(hours * HOUR))


def assert_first_refusal(refused: str, gates: dict[str, Gate]) -> None:
    """Asserts that all gates before one have passed, that it refused, and that no gate after it was
    checked."""
    index = [*gates].index(refused)
    results = [gate.result for gate in gates.values()]
    not_checked = len(gates) - index - 1
    assert results == ["passed"] * index + ["refused"] + [NOT_ASKED] * not_checked
