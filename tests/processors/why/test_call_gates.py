"""Explanations of calls: the gates of a call with their values, and its slot."""

from datetime import timedelta

from processors.why import NOT_ASKED, CallSlot
from schemas.internal import messages as m
from tests.testing.direct_calls import report_call, request_call, world_that_calls
from tests.testing.explanations import assert_first_refusal, at, explanation_of, gates_of
from tests.testing.world import World

SECOND = timedelta(seconds=1)


def slot_of(world: World, contact_id: str) -> CallSlot:
    (slot,) = explanation_of(world, contact_id).runs[-1].touches[0].slots
    return slot


def test_a_call_that_is_out_has_passed_every_gate_with_its_limits() -> None:
    world = world_that_calls(slots=1, agents={"agent-7": 1}, numbers={"+12125550100": 3})
    ann = request_call(world, 101, agent_id="agent-7", from_number="+12125550100")
    gates = gates_of(world, contact_id=ann)
    assert {gate.result for gate in gates.values()} == {"passed"}
    assert [*gates][-6:] == ["call_hours", "reach", "expiry", "number", "slots", "priority"]
    slots = gates["slots"].values
    assert slots["pool_id"] == "calls"
    assert slots["limits"] == {
        "call_slots_tenant": {"used": 0, "limit": 1},
        "call_slots_pool": {"used": 0, "limit": 10},
        "call_slots_campaign": {"used": 0, "limit": None},
        "call_slots_agent": {"used": 0, "limit": 1},
        "call_slots_number": {"used": 0, "limit": 3},
    }
    assert gates["call_hours"].values["place_by"]


def test_the_slot_of_a_call_is_explained_from_its_grant_to_its_end() -> None:
    world = world_that_calls()
    ann = request_call(world, 101)
    slot = slot_of(world, ann)
    assert (slot.state, slot.pool_id, slot.until) == ("placing", "calls", at(0) + 1_065 * SECOND)
    report_call(world, m.CallProgressed, state="in_progress")
    slot = slot_of(world, ann)
    assert slot.state == "live" and slot.until is not None
    assert slot.until < at(0) + 1_065 * SECOND
    world.advance_hours(0.01)
    report_call(world, m.CallEnded, outcome="answered", seconds=30)
    slot = slot_of(world, ann)
    assert (slot.state, slot.outcome, slot.seconds) == ("freed", "answered", 30)
    assert slot.held_seconds == 36 and slot.cause is not None and slot.late_seconds is None
    report_call(world, m.CallReviewed, success=True)
    assert slot_of(world, ann).success is True


def test_a_call_whose_end_nobody_has_reported_has_an_expired_slot() -> None:
    world = world_that_calls()
    ann = request_call(world, 101)
    world.advance_hours(1)
    slot = slot_of(world, ann)
    assert (slot.state, slot.ended_at, slot.outcome) == ("expired", at(0) + 1_065 * SECOND, None)
    report_call(world, m.CallEnded, outcome="answered", seconds=30)
    slot = slot_of(world, ann)
    assert (slot.state, slot.outcome) == ("expired", "answered")
    assert slot.late_seconds is not None and slot.late_seconds > 2_000


def test_a_call_that_waits_for_a_slot_shows_every_limit_and_the_end() -> None:
    world = world_that_calls(slots=1)
    request_call(world, 101)
    ben = request_call(world, 102)
    gate = gates_of(world, contact_id=ben)["slots"]
    assert (gate.result, gate.reason) == ("waits", "call_slots_tenant")
    assert gate.values["limits"]["call_slots_tenant"] == {"used": 1, "limit": 1}
    assert gate.until == at(0) + 1_065 * SECOND
    waits = explanation_of(world, ben).runs[0].waits
    assert waits is not None and waits.reason == "call_slots_tenant"
    assert waits.then.startswith("a slot comes free, which the next in turn gets; ")
    assert "see `touchstream queue`" in waits.then


def test_a_call_under_way_waits_for_its_end() -> None:
    world = world_that_calls()
    ann = request_call(world, 101)
    report_call(world, m.CallProgressed, state="ringing")
    waits = explanation_of(world, ann).runs[0].waits
    assert waits is not None and waits.reason == "call", waits
    assert "the call ends" in waits.then


def test_an_unknown_agent_or_number_is_refused_with_its_gate() -> None:
    world = world_that_calls(agents={"agent-7": None}, numbers={"+12125550100": None})
    for number, fields, gate_name in (
        (101, {"agent_id": "stranger"}, "agent"),
        (102, {"from_number": "+12125550199"}, "caller_number"),
    ):
        contact_id = request_call(world, number, **fields)
        gates = gates_of(world, contact_id=contact_id)
        assert_first_refusal(gate_name, gates)
        assert gates[gate_name].values["known"] == 1


def test_a_number_that_must_not_be_called_is_refused_with_its_kind() -> None:
    world = world_that_calls()
    contact_id = request_call(world, 101, phone="+19005550101")
    gates = gates_of(world, contact_id=contact_id)
    refused = [gate for gate in gates.values() if gate.result == "refused"]
    assert [(gate.name, gate.reason) for gate in refused] == [("number_kind", "number_not_allowed")]
    assert refused[0].values["kind"] == "premium_rate"
    assert gates["slots"].result == NOT_ASKED
