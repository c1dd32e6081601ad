"""Calls have the limits of every channel too: of the tenant's channel and of the campaign, in a
time (C-38). First calls and redials are counted apart."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base.times import DAY, HOUR, MINUTE
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.limit_terms import LimitTerms
from tests.processors.dispatch.calls_log import CallsLog, call, pool, reported, tenant_calls
from tests.testing.builders import TENANT
from tests.testing.world import START


def limited(campaign_id: str = "offers", **limits: Any) -> m.CampaignLimitsAnnounced:
    return m.CampaignLimitsAnnounced(TENANT, campaign_id, **limits)


def tenant(per_hour: int | None = None, **more: Any) -> m.TenantAnnounced:
    """A tenant with 50 slots, and limits of its calls in a time."""
    announced = tenant_calls(slots=50)
    limits = {} if per_hour is None else {"voice": per_hour}
    more_limits = {"voice": LimitTerms(**more)} if more else {}
    return msgspec.structs.replace(announced, limits=limits, more_limits=more_limits)


def a_day(*messages: m.Message) -> CallsLog:
    """A log with a pool of 50 slots."""
    return CallsLog().append(pool(50), *messages)


def ended(log: CallsLog, at: int) -> CallsLog:
    """The log after the ends of all calls under way."""
    return log.append(*(reported(lease.touch, at=at) for lease in log.leases()), at=at)


def test_the_calls_of_a_campaign_in_any_24_hours_are_limited() -> None:
    log = a_day(tenant(), limited(per_day=3), *(call(n) for n in range(5)))
    assert log.under_way() == ["c000", "c001", "c002"]
    assert log.waits() == {"c003": "campaign_day", "c004": "campaign_day"}
    ended(log, START + MINUTE)
    assert log.under_way() == []  # a free slot changes nothing
    log.pass_time(START + DAY - 1)
    assert log.under_way() == []
    log.pass_time(START + DAY)
    assert log.under_way() == ["c003", "c004"]


def test_other_campaigns_and_direct_calls_go_on_while_one_has_used_up_its_day() -> None:
    log = a_day(tenant(), limited(per_day=1), call(1), call(2))
    log.append(call(3, campaign_id="other"), call(4, campaign_id="direct-calls", direct=True))
    assert log.under_way() == ["c001", "c003", "c004"]
    assert log.waits() == {"c002": "campaign_day"}


def test_redials_go_on_while_the_first_calls_of_a_day_are_used_up() -> None:
    first = {"first": True}
    log = a_day(tenant(), limited(max_new_per_day=2), *(call(n, **first) for n in range(4)))
    assert log.under_way() == ["c000", "c001"]
    assert set(log.waits().values()) == {"campaign_new_day"}
    log.append(call(9, attempt=2, **first))  # behind the first calls, and not held by them
    assert log.under_way() == ["c000", "c001", "c009"]
    log.append(call(8, first=False))
    assert log.under_way() == ["c000", "c001", "c008", "c009"]


def test_a_limit_that_the_tenant_has_set_holds_for_all_its_calls() -> None:
    log = a_day(tenant(per_hour=2), *(call(n, campaign_id=f"campaign-{n}") for n in range(4)))
    assert log.under_way() == ["c000", "c001"]
    assert set(log.waits().values()) == {"tenant_channel"}
    ended(log, START + MINUTE).pass_time(START + HOUR)
    assert log.under_way() == ["c002", "c003"]


def test_the_default_of_100_an_hour_does_not_hold_in_a_pool() -> None:
    log = CallsLog().append(pool(150), msgspec.structs.replace(tenant(), limits={}))
    log.append(tenant_calls(slots=100), *(call(n) for n in range(120)))
    assert len(log.under_way()) == 100  # the slots of the tenant
    ended(log, START + MINUTE)
    assert len(log.under_way()) == 20


def test_a_raised_limit_lets_calls_go_at_once() -> None:
    log = a_day(tenant(per_day=1), limited(per_day=1), *(call(n) for n in range(3)))
    assert log.under_way() == ["c000"]
    log.append(limited(per_day=2))
    assert log.under_way() == ["c000"]
    log.append(tenant())
    assert log.under_way() == ["c000", "c001"]
    log.append(limited())
    assert log.under_way() == ["c000", "c001", "c002"]


def test_a_repeated_command_counts_once() -> None:
    log = a_day(tenant(), limited(per_day=2), call(1))
    log.append(msgspec.structs.replace(call(1), emission=2), call(2), call(3))
    assert log.under_way() == ["c001", "c002"]


def test_the_facts_have_every_limit_with_its_use() -> None:
    log = a_day(tenant(per_hour=5), limited(per_day=1), call(1), call(2))
    (granted,) = log.facts(FactKind.CALL_SLOT_GRANTED)
    limits = (granted.values or {})["limits"]
    assert limits["campaign_day"]["used"] == 0
    assert limits["tenant_channel_hour"]["limit"] == 5
    (deferred,) = [f for f in log.facts(FactKind.TOUCH_DEFERRED) if f.reason == "campaign_day"]
    limits = (deferred.values or {})["limits"]
    assert (limits["campaign_day"]["used"], limits["campaign_day"]["limit"]) == (1, 1)
    assert limits["call_slots_tenant"] == {"used": 1, "limit": 50}


def test_two_tenants_and_two_pools_never_share_a_quota() -> None:
    other = msgspec.structs.replace(tenant(per_hour=1), tenant_id="bolt")
    log = a_day(tenant(per_hour=1), other, pool(50, "night"))
    log.append(call(1), call(2), call(3, tenant_id="bolt"), call(4, pool_id="night"))
    assert log.under_way() == ["c001", "c003", "c004"]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5 * HOUR), st.booleans(), st.sampled_from(["offers", "other"])),
        max_size=25,
    ),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 5),
)
def test_no_window_has_more_calls_than_its_limit_and_every_call_goes_in_the_end(
    asked: list[tuple[int, bool, str]], per_hour: int, per_day: int, slots: int
) -> None:
    log = CallsLog().append(pool(slots), tenant(per_hour), limited(per_day=per_day))
    touches = [
        call(n, first=first, campaign_id=campaign, expires_at=START + 90 * DAY)
        for n, (_, first, campaign) in enumerate(asked)
    ]
    for touch, (after, _, _) in sorted(zip(touches, asked, strict=True), key=lambda x: x[1][0]):
        log.append(touch, at=START + after)
        if after % 3 == 0:
            ended(log, START + after)
    log.pass_time(START + 40 * DAY)
    assert sorted(log.commanded()) == sorted(touch.command_id for touch in touches)
    times = dict(zip(log.commanded(), log.commanded_at, strict=True))
    every = sorted(times.values())
    offers = sorted(times[t.command_id] for t in touches if t.campaign_id == "offers")
    for found, limit, window in ((every, per_hour, HOUR), (offers, per_day, DAY)):
        assert all(later - at >= window for at, later in zip(found, found[limit:], strict=False))
