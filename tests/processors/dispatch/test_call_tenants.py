"""Tenants share the slots of a pool and nothing else (promise 7): neither command ids, agents,
caller numbers and campaigns nor the numbers that they call."""

import msgspec

from schemas.internal import messages as m
from schemas.internal.call_states import CallCampaign, NumberUse
from schemas.internal.states import POSITION_KEY
from tests.processors.dispatch.calls_log import POOL, CallsLog, call, pool, reported, tenant_calls
from tests.testing.world import START

SHARED = {"agent_id": "x", "from_number": "+12125550100", "failure_rate": True}
LIMITS = {"agents": {"x": 1}, "numbers": {"+12125550100": 1}}


def both() -> CallsLog:
    """Two tenants whose calls have the same ids, agents, numbers, campaigns and people."""
    log = CallsLog(pool(9), tenant_calls("acme", **LIMITS), tenant_calls("bolt", **LIMITS))
    return log.append(*[call(1, tenant_id=tenant, **SHARED) for tenant in ("acme", "bolt")])


def test_equal_ids_of_two_tenants_are_two_calls() -> None:
    log = both()
    assert [lease.touch.tenant_id for lease in log.leases()] == ["acme", "bolt"]
    log.append(reported(call(1, tenant_id="bolt", **SHARED), outcome="failed"))
    assert [lease.touch.tenant_id for lease in log.leases()] == ["acme"]
    (campaign,) = log.states(CallCampaign)
    assert (campaign.tenant_id, len(campaign.ends)) == ("bolt", 1)
    assert [use.under_way for use in log.states(NumberUse)] == [["c001"], []]


def test_the_full_agent_of_one_tenant_holds_no_call_of_another() -> None:
    log = both()
    log.append(call(2, tenant_id="acme", **SHARED), call(3, tenant_id="zeta", **SHARED))
    assert log.waits() == {"c002": "call_slots_agent"}
    assert [lease.touch.tenant_id for lease in log.leases()] == ["acme", "bolt", "zeta"]


def test_an_order_about_a_call_of_another_tenant_changes_nothing_of_it() -> None:
    log = both()
    before = leases(log)
    ids = ("c001", "zeta", "p1", "voice")
    log.append(m.WithdrawTouch(*ids, "stopped", True, POOL))
    log.append(m.AmendTouch("c001", "zeta", "voice", "+1", None, "t", {}, pool_id=POOL))
    log.append(msgspec.structs.replace(reported(call(1)), tenant_id="zeta"))
    assert leases(log) == before
    assert all(each.tenant_id == "zeta" for each in log.sent(m.CommandRevoked))


def test_every_state_of_a_tenant_has_the_tenant_in_its_key() -> None:
    log = both().append(call(2, tenant_id="acme", **SHARED))
    keys = [key for key, _ in log.task.store.items() if key != POSITION_KEY]
    others = [key for key in keys if b"acme" not in key and b"bolt" not in key]
    assert others == [b"\x10" + POOL.encode()]


def leases(log: CallsLog) -> list[tuple[str, int]]:
    return [(lease.touch.tenant_id, lease.until - START) for lease in log.leases()]


def test_a_waiting_call_is_amended_with_the_terms_of_its_new_version() -> None:
    log = CallsLog(tenant_calls(slots=5, agents={"x": 1, "y": 1}), call(1, agent_id="x"))
    log.append(call(2, agent_id="x"))
    terms = call(2, agent_id="y").call
    ids = ("c002", "acme", "voice", "+12125550002")
    log.append(m.AmendTouch(*ids, None, "t2", {}, pool_id=POOL, call=terms))
    log.append(m.Tick())
    assert log.under_way() == ["c001", "c002"]
    assert log.sent(m.CommandDue)[-1].touch.template_id == "t2"


def test_a_lease_has_neither_the_number_nor_the_variables_of_a_person() -> None:
    log = CallsLog(call(1, variables={"first_name": "Ann"}, spelling="0212 555 0001"))
    log.append(call(1, emission=2, variables={"first_name": "Ann"}))
    values = [value for key, value in log.task.store.items() if key != POSITION_KEY]
    assert not any(text in value for value in values for text in (b"Ann", b"5550001", b"0001"))
    assert [due.touch.variables for due in log.sent(m.CommandDue)] == 2 * [{"first_name": "Ann"}]
