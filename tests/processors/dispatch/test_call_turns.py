"""Whose turn it is in a pool: tenants share its slots fairly, also inside one moment (S3-15)."""

from collections import Counter
from typing import Any

import msgspec
import pytest

from schemas.base.times import HOUR, MINUTE, SECOND
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from tests.processors.dispatch.calls_log import CallsLog, call, pool, reported, tenant_calls
from tests.testing.world import START


def queue_of(tenant: str, number: int, **changes: Any) -> list[m.RequestTouch]:
    """Requests of a tenant that wait for slots."""
    return [
        call(
            n, tenant_id=tenant, command_id=f"{tenant}{n:03}", contact_id=f"{tenant}{n}", **changes
        )
        for n in range(number)
    ]


def granted(log: CallsLog, seen: int = 0) -> list[str]:
    """The tenants of the commands, in order."""
    return [due.touch.tenant_id for due in log.sent(m.CommandDue)[seen:]]


def closed_pool(*tenants: str, each: int, slots: int = 100, **changes: Any) -> CallsLog:
    """A pool without a free slot, for which calls of these tenants wait."""
    log = CallsLog(pool(1, **changes), call(0, tenant_id="z", command_id="z"))
    log.append(*[tenant_calls(tenant, slots=slots) for tenant in tenants])
    return log.append(*[touch for tenant in tenants for touch in queue_of(tenant, each)])


def test_weights_3_2_1_over_60_grants_give_30_20_and_10() -> None:
    log = closed_pool("a", "b", "c", each=60, weights={"a": 3, "b": 2, "c": 1})
    log.append(pool(61, weights={"a": 3, "b": 2, "c": 1})).append(m.Tick())
    assert Counter(granted(log, 1)) == {"a": 30, "b": 20, "c": 10}


def test_three_tenants_get_equal_turns_inside_one_moment() -> None:
    """By the time of the last turn, one of them would get 320 of 400."""
    log = closed_pool("a", "b", "c", each=400)
    calls = {touch.command_id: touch for t in "abc" for touch in queue_of(t, 400)}
    log.append(pool(6)).append(m.Tick())
    while len(granted(log, 1)) < 400:
        log.append(*[reported(calls[name]) for name in log.under_way() if name != "z"])
    counts = Counter(granted(log, 1)[:400])
    assert sorted(counts.values()) == [133, 133, 134]


def test_a_tenant_that_joins_is_served_in_its_first_round() -> None:
    log = closed_pool("a", "b", each=30)
    log.append(pool(21)).append(m.Tick())
    log.append(*queue_of("c", 5), tenant_calls("c", slots=5))
    before = len(granted(log))
    log.append(pool(24)).append(m.Tick())
    assert sorted(granted(log, before)) == ["a", "b", "c"]


def test_a_tenant_whose_hours_were_closed_is_not_paid_for_its_turns() -> None:
    """It would else take every slot until it had caught up."""
    hours = m.Window("UTC", 0, 0, only=StepWindow(16 * 60, 20 * 60))
    log = closed_pool("a", "b", each=200)
    log.append(tenant_calls("n", slots=100), *queue_of("n", 50, hours=hours))
    assert log.waits()["n000"] == "call_hours"
    log.append(pool(101)).append(m.Tick())
    assert Counter(granted(log, 1)) == {"a": 50, "b": 50}
    log.pass_time(START + HOUR + SECOND)
    before = len(granted(log))
    log.append(pool(131)).append(m.Tick())
    counts = Counter(granted(log, before))
    assert max(counts.values()) - min(counts.values()) <= 1


def test_reserved_slots_are_kept_free_for_their_tenant() -> None:
    log = CallsLog(pool(4, reserved={"r": 2}), tenant_calls("a", slots=9), tenant_calls("r"))
    log.append(*queue_of("a", 9))
    assert granted(log) == ["a", "a"]
    assert log.waits()["a002"] == "call_slots_pool"
    log.append(*queue_of("r", 3))
    assert Counter(granted(log)) == {"a": 2, "r": 2}


def test_a_tenant_can_have_a_smaller_limit_of_the_whole_pool() -> None:
    """The smaller of both limits counts (C-20)."""
    log = CallsLog(pool(5), tenant_calls("a", slots=9, pool_slots=2), tenant_calls("b", slots=9))
    log.append(*queue_of("b", 2), *queue_of("a", 2))
    assert granted(log) == ["b", "b"]
    log.append(*queue_of("b", 3)[2:])
    assert granted(log) == ["b", "b", "b"]
    calls = queue_of("b", 3)
    log.append(reported(calls[0]), reported(calls[1]))
    assert granted(log) == ["b", "b", "b", "a"]


def test_what_waits_is_served_in_bursts_when_a_limit_is_raised() -> None:
    log = closed_pool(*"abcdef", each=150, slots=1000)
    log.append(pool(900))
    log.append(m.Tick())
    assert len(granted(log)) == 900


def test_a_call_of_an_unknown_pool_waits_until_the_pool_is_announced() -> None:
    log = CallsLog(call(1, pool_id="odd"))
    assert log.waits() == {"c001": "pool_unknown"}
    log.append(pool(1, "odd")).append(m.Tick())
    assert log.under_way() == ["c001"]


def test_a_call_that_expires_in_its_queue_is_refused() -> None:
    log = CallsLog(tenant_calls(slots=1), call(1), call(2, expires_at=START + MINUTE))
    log.pass_time(START + 2 * MINUTE)
    (refused,) = log.sent(m.TouchRefused)
    assert (refused.command_id, refused.reason) == ("c002", "expired")


@pytest.mark.parametrize(("minute", "is_open"), [(15 * 60, True), (15 * 60 + 1, False)])
def test_calls_are_placed_inside_the_hours_of_their_campaign(minute: int, is_open: bool) -> None:
    """START is 15:00 in UTC."""
    hours = m.Window("UTC", 0, 0, only=StepWindow(minute, 15 * 60 + 2))
    log = CallsLog(call(1, hours=hours))
    if is_open:
        (due,) = log.sent(m.CommandDue)
        assert due.send_before == START + 2 * MINUTE
    else:
        assert log.waits() == {"c001": "call_hours"}
        deferred = log.sent(m.TouchDeferred)[-1]
        assert (deferred.reason, deferred.until) == ("call_hours", START + MINUTE)
        log.pass_time(START + MINUTE)
        assert log.under_way() == ["c001"]


def test_the_place_of_a_call_ends_with_its_hours() -> None:
    hours = m.Window("UTC", 0, 0, only=StepWindow(14 * 60, 15 * 60 + 1))
    log = CallsLog()
    log.append(call(1, hours=hours), at=START + 30 * SECOND)
    (due,) = log.sent(m.CommandDue)
    assert due.place_by == due.send_before == START + MINUTE


def test_hours_that_never_open_refuse_a_call() -> None:
    hours = m.Window("UTC", 0, 0, only=StepWindow(60, 120, days=0))
    log = CallsLog(call(1, hours=hours))
    assert [refused.reason for refused in log.sent(m.TouchRefused)] == ["no_window"]


def test_a_wait_is_reported_once_for_one_reason() -> None:
    log = CallsLog(tenant_calls(slots=1), *[call(n) for n in range(3)])
    log.append(reported(call(0)))
    facts = log.facts(FactKind.TOUCH_DEFERRED)
    reasons = [fact.reason for fact in facts if fact.command_id == "c002"]
    assert reasons == ["suppressions_pending", "call_slots_tenant"]
    values = facts[-1].values
    assert values is not None
    assert values["limits"]["call_slots_tenant"] == {"used": 1, "limit": 1}


def test_many_full_agents_hold_no_call_of_another_one() -> None:
    """All queues are looked at, and none of them twice in a row without an end."""
    agents = {"free": None} | {f"x{n}": 1 for n in range(600)}
    log = CallsLog(pool(1_000), tenant_calls(slots=1_000, agents=agents))
    for place in range(2):
        log.append(*[call(place * 600 + n, agent_id=f"x{n}") for n in range(600)])
    assert len(log.under_way()) == 600
    log.append(call(5_000, agent_id="free", priority=-9))
    assert len(log.under_way()) == 601


def test_all_calls_that_wait_for_the_suppressions_of_their_tenant_go_on() -> None:
    """More of them than one step looks at, of which the first ones wait for a full campaign."""
    waiting = [call(n) for n in range(1_200)]
    log = CallsLog(pool(1_000), tenant_calls(slots=1_000))
    limits = m.CampaignLimitsAnnounced("acme", "offers", calls_at_once=3)
    log.append(limits, *waiting).append(m.Tick()).append(m.Tick())
    assert Counter(log.waits().values()) == {"call_slots_campaign": 1_197}


def test_no_slot_is_kept_free_that_its_tenant_cannot_use() -> None:
    log = CallsLog(pool(4, reserved={"r": 3, "gone": 1}), tenant_calls("r", slots=1))
    gone = msgspec.structs.replace(tenant_calls("gone"), status="deleted")
    log.append(gone, tenant_calls("a", slots=9), *queue_of("a", 9))
    assert granted(log) == ["a", "a", "a"]
    log.append(*queue_of("r", 2))
    assert granted(log) == ["a", "a", "a", "r"]
