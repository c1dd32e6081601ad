"""The forecast of a channel is what the engine then does, as long as nothing new comes (C-38)."""

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.shared.forecast import forecast
from processors.shared.forecast_plan import plan_of
from schemas.base.times import DAY, HOUR, MINUTE, SECOND, from_datetime
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.limit_terms import LimitTerms
from schemas.internal.messages import Window
from schemas.internal.state_bytes import NEVER, payload_of
from schemas.internal.states import POSITION_KEY
from tests.processors.dispatch.dispatch_log import (
    DispatchLog,
    announced,
    decode_dispatch_state,
)
from tests.processors.dispatch.sender_log import (
    MONDAY,
    OFFICE,
    account,
    announced_limits,
    waiting,
)
from tests.testing.builders import TENANT

small = st.integers(1, 6)
limit_terms = st.builds(
    LimitTerms,
    per_hour=st.none() | small,
    per_day=st.none() | st.integers(2, 12),
    per_week=st.none() | st.integers(10, 40),
    per_month=st.none() | st.integers(10, 60),
    spacing_us=st.sampled_from((0, 0, 30 * SECOND, 15 * MINUTE)),
    jitter_us=st.sampled_from((0, 0, 20 * SECOND)),
    calendar=st.sampled_from(((), (), ("day",), ("week", "month"))),
    domain_per_hour=st.sampled_from((None, None, 1)),
    domain_per_day=st.sampled_from((None, None, 3)),
)
accounts = st.fixed_dictionaries(
    {
        "limits": st.fixed_dictionaries({"": limit_terms}),
        "zone": st.sampled_from(("UTC", "America/New_York", "Asia/Kolkata")),
        "window": st.sampled_from((None, None, OFFICE, StepWindow(22 * 60, 6 * 60, 31))),
        "warm_up": st.sampled_from((None, None, (2, 1, 6))),
        "day_jitter_percent": st.sampled_from((0, 0, 40)),
        "lag_us": st.sampled_from((0, 0, MINUTE)),
        "max_new_per_day": st.sampled_from((None, None, 2)),
        "paused": st.sampled_from((False, False, False, True)),
    }
)
touches = st.fixed_dictionaries(
    {
        "priority": st.integers(0, 2),
        "first": st.booleans(),
        "campaign_id": st.sampled_from(("reviews", "limited")),
        "bound_sender": st.sampled_from(("", "", "a0", "a1", "gone")),
        "recipient": st.sampled_from(("a@one.example", "b@two.example", "c@one.example")),
        "quiet": st.sampled_from((None, None, Window("UTC", 20 * 60, 8 * 60))),
        "scheduled_at": st.integers(0, 3).map(lambda hours: MONDAY - hours * HOUR),
        "emission": st.sampled_from((1, 1, 1, 2)),
        "expires_at": st.sampled_from((MONDAY + 3 * DAY, MONDAY + 900 * DAY)),
    }
)


def plan_from(log: DispatchLog) -> Any:
    """The plan of the states of a log."""
    states = (
        (key, decode_dispatch_state(payload_of(value)))
        for key, value in log.task.store.items()
        if key != POSITION_KEY
    )
    return plan_of(states, TENANT, "email")


def commands_after(log: DispatchLog, place: int) -> list[tuple[str, str, int]]:
    """The commands of a log from the n-th one on: id, account and moment."""
    facts = log.facts(FactKind.TOUCH_COMMANDED)[place:]
    return [
        (fact.command_id or "", (fact.values or {}).get("sender_id", ""), from_datetime(fact.at))
        for fact in facts
    ]


def played(
    log: DispatchLog, terms: list[dict[str, Any]], of_tenant: LimitTerms, wanted: list[Any]
) -> DispatchLog:
    """A log that has got a tenant, a campaign with limits, accounts and requests."""
    requests = [
        msgspec.structs.replace(touch, **changes)
        for touch, changes in zip(waiting(len(wanted)), wanted, strict=True)
    ]
    tenant = announced(None, more_limits={"email": of_tenant})
    log.append(tenant, announced_limits("limited", per_day=4, max_new_per_day=2), at=MONDAY)
    log.append(*(account(f"a{n}", **each) for n, each in enumerate(terms)), at=MONDAY)
    return log.append(*requests, at=MONDAY)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(accounts, max_size=3),
    limit_terms,
    st.lists(touches, min_size=1, max_size=30),
    st.integers(0, 40 * 60),
    st.sampled_from(("active", "active", "paused", "cancelled")),
)
def test_the_forecast_is_what_the_engine_then_does(
    terms: list[dict[str, Any]],
    of_tenant: LimitTerms,
    wanted: list[dict[str, Any]],
    minutes: int,
    status: str,
) -> None:
    log = played(DispatchLog(restarts=False), terms, of_tenant, wanted)
    log.pass_time(MONDAY + minutes * MINUTE)
    log.append(m.CampaignGateAnnounced(TENANT, "limited", status), at=log.task.stream_time)
    before = len(log.facts(FactKind.TOUCH_COMMANDED))
    expected = forecast(plan_from(log), log.task.stream_time)
    log.pass_time(MONDAY + 300 * DAY)
    assert commands_after(log, before) == [
        (each.command_id, each.sender_id, each.at) for each in expected if each.at < NEVER
    ]
    if status != "active":
        reasons = {each.reason for each in expected if each.campaign_id == "limited"}
        assert reasons <= {f"campaign_{status}"}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(accounts, max_size=3),
    limit_terms,
    st.lists(touches, min_size=1, max_size=15),
    st.integers(1, 7),
)
def test_a_task_that_is_restored_after_every_batch_sends_the_same(
    terms: list[dict[str, Any]], of_tenant: LimitTerms, wanted: list[dict[str, Any]], batch: int
) -> None:
    whole = played(DispatchLog(restarts=False), terms, of_tenant, wanted)
    parts = played(DispatchLog(batch=batch), terms, of_tenant, wanted)
    for log in (whole, parts):
        log.pass_time(MONDAY + 6 * DAY)
    assert parts.outputs == whole.outputs
    assert dict(parts.task.store.items()) == dict(whole.task.store.items())
