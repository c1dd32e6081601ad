"""Calls of a pool: slots, whose turn it is, and what each of the others waits for (C-20, F-15)."""

from schemas.base.times import HOUR, MINUTE, SECOND
from schemas.internal import messages as m
from schemas.internal.call_states import NumberUse
from schemas.internal.facts import FactKind
from schemas.internal.states import Request
from tests.processors.dispatch.calls_log import (
    LONGEST,
    PLACE,
    CallsLog,
    call,
    pool,
    reported,
    tenant_calls,
)
from tests.testing.world import START


def test_a_tenant_has_two_slots_unless_it_sets_others() -> None:
    log = CallsLog(*[call(n) for n in range(4)])
    assert log.commanded() == ["c000", "c001"]
    assert log.waits()["c002"] == "call_slots_tenant"
    log.append(tenant_calls(slots=3))
    log.append(m.Tick())
    assert log.commanded() == ["c000", "c001", "c002"]


def test_the_end_of_a_call_gives_its_slot_to_the_next_one() -> None:
    calls = [call(n) for n in range(4)]
    log = CallsLog(*calls)
    log.append(reported(calls[1]))
    assert log.under_way() == ["c000", "c002"]
    log.append(reported(calls[1]))
    assert log.under_way() == ["c000", "c002"]


def test_a_command_names_until_when_the_call_may_be_placed() -> None:
    log = CallsLog(call(1))
    (due,) = log.sent(m.CommandDue)
    assert due.place_by == START + PLACE
    assert due.send_before == due.touch.expires_at
    (commanded,) = log.sent(m.TouchCommanded)
    assert commanded.slot_until == START + LONGEST
    (granted,) = log.facts(FactKind.CALL_SLOT_GRANTED)
    assert granted.values is not None
    assert granted.values["limits"]["call_slots_pool"] == {"used": 0, "limit": 10}
    assert log.states(Request) == []


def test_a_call_that_is_never_reported_frees_its_slot() -> None:
    log = CallsLog(tenant_calls(slots=1), call(1), call(2))
    assert log.under_way() == ["c001"]
    log.pass_time(START + LONGEST - SECOND)
    assert log.under_way() == ["c001"]
    log.pass_time(START + LONGEST)
    assert log.under_way() == ["c002"]
    assert [lost.command_id for lost in log.sent(m.CallLost)] == ["c001"]
    log.pass_time(START + 3 * LONGEST)
    assert log.under_way() == []


def test_a_pool_is_shared_and_its_slots_can_be_raised() -> None:
    log = CallsLog(pool(3))
    for tenant in "abc":
        log.append(*[call(n, tenant_id=tenant, command_id=f"{tenant}{n}") for n in range(3)])
    assert log.under_way() == ["a0", "a1", "b0"]
    log.append(pool(5), at=START + MINUTE).append(m.Tick(), at=START + MINUTE)
    assert log.under_way() == ["a0", "a1", "b0", "b1", "c0"]
    log.append(pool(1), at=START + MINUTE)
    assert len(log.under_way()) == 5
    assert log.waits()["c1"] == "call_slots_pool"


def test_direct_calls_go_first_then_priority_position_and_age() -> None:
    first = call(0)
    log = CallsLog(tenant_calls(slots=1), first)
    calls = [
        call(1, priority=5),
        call(2, priority=9, position=8),
        call(3, priority=9, position=7),
        call(4, priority=9, position=7, created_at=-1),
        call(5, direct=True, campaign_id="direct-calls", priority=-9),
    ]
    log.append(*calls)
    order = []
    previous = first
    for _ in calls:
        log.append(reported(previous))
        previous = log.sent(m.CommandDue)[-1].touch
        order.append(previous.command_id)
    assert order == ["c005", "c004", "c003", "c002", "c001"]


def test_a_full_agent_blocks_only_its_own_calls() -> None:
    log = CallsLog(tenant_calls(slots=5, agents={"a": 1, "b": None}))
    log.append(*[call(n, agent_id="a") for n in range(3)], call(7, agent_id="b", priority=-5))
    assert log.under_way() == ["c000", "c007"]
    assert log.waits()["c001"] == "call_slots_agent"


def test_a_number_is_never_called_twice_at_a_time() -> None:
    one, other = call(1), call(2, recipient="+12125550001")
    log = CallsLog(one, other)
    assert log.under_way() == ["c001"]
    assert log.waits() == {"c002": "number_busy"}
    log.append(reported(one), at=START + MINUTE).append(m.Tick(), at=START + MINUTE)
    assert log.under_way() == ["c002"]


def test_a_number_has_a_gap_and_a_number_of_calls_a_day() -> None:
    rules = {"recipient": "+12125550001", "min_gap_us": HOUR, "max_per_number_per_day": 2}
    first, second, third = (call(n, **rules) for n in range(3))
    log = CallsLog(first).append(reported(first)).append(second)
    assert log.waits() == {"c001": "number_gap"}
    log.pass_time(START + HOUR)
    assert log.under_way() == ["c001"]
    log.append(reported(second)).append(third, at=START + 3 * HOUR)
    assert log.waits()["c002"] == "number_day"
    direct = call(9, recipient="+12125550001", direct=True)
    log.append(direct)
    assert log.under_way() == ["c009"]


def test_a_call_to_the_number_of_a_lost_one_follows_the_end_of_its_lease() -> None:
    log = CallsLog(call(1), call(2, recipient="+12125550001"))
    log.pass_time(START + LONGEST)
    assert log.under_way() == ["c002"]


def test_a_call_of_an_agent_or_number_that_its_tenant_has_removed_is_refused() -> None:
    log = CallsLog(tenant_calls(slots=1, agents={"x": 1}), call(1, agent_id="x"))
    log.append(call(2, agent_id="x"), call(3, from_number="+12125550100"))
    log.append(tenant_calls(slots=5, agents={"y": 1}, numbers={"+12125550199": 1}))
    log.append(m.Tick())
    refused = {each.command_id: each.reason for each in log.sent(m.TouchRefused)}
    assert refused == {"c002": "agent_unknown", "c003": "number_unknown"}


def test_a_caller_number_has_its_limit_in_every_spelling() -> None:
    log = CallsLog(tenant_calls(slots=5, numbers={"+12125550100": 1}))
    log.append(*[call(n, from_number="+1 (212) 555-0100") for n in range(2)])
    assert log.waits() == {"c001": "call_slots_number"}


def test_a_repeated_command_counts_its_number_once() -> None:
    log = CallsLog(call(1))
    log.pass_time(START + LONGEST)
    log.append(call(1, emission=2), at=START + LONGEST)
    assert log.under_way() == ["c001"]
    assert [len(use.calls) for use in log.states(NumberUse)] == [1]
