"""A forecast sends what goes in a row without a look at the rest, and gives the same as one that
looks at everything, and asks every rule, before each command."""

from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.shared import forecast as forecast_module
from processors.shared.forecast import ExpectedSend, forecast
from processors.shared.forecast_plan import Plan, PlannedSender, WaitingTouch
from processors.shared.limit_rules import settle
from processors.shared.memory_rules import MemoryRules
from schemas.base.times import DAY, HOUR, MINUTE, SECOND
from schemas.internal.limit_terms import LimitTerms, SenderTerms
from schemas.internal.messages import Window
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import KnownCampaignLimits
from tests.processors.dispatch.dispatch_log import DispatchLog
from tests.processors.dispatch.sender_log import MONDAY
from tests.processors.dispatch.test_forecast import accounts, commands_after, plan_from, played
from tests.testing.builders import TENANT

limit_terms = st.builds(
    LimitTerms,
    per_hour=st.none() | st.integers(1, 90),
    per_day=st.none() | st.integers(2, 200),
    per_week=st.none() | st.integers(10, 300),
    spacing_us=st.sampled_from((0, 30 * SECOND, 15 * MINUTE)),
    jitter_us=st.sampled_from((0, 20 * SECOND)),
    calendar=st.sampled_from(((), ("day",))),
    domain_per_hour=st.sampled_from((None, None, None, 20)),
)
large_accounts = st.tuples(
    accounts,
    st.fixed_dictionaries(
        {
            "limits": st.fixed_dictionaries(
                {"": limit_terms}, optional={"create_task": limit_terms}
            ),
            "max_new_per_day": st.sampled_from((None, 1, 30)),
            "warm_up": st.sampled_from((None, None, (2, 1, 6), (100, 1, 100))),
        }
    ),
).map(lambda pair: pair[0] | pair[1])
waiting_touches = st.fixed_dictionaries(
    {
        "priority": st.integers(0, 2),
        "first": st.booleans(),
        "campaign_id": st.sampled_from(("reviews", "reviews", "limited")),
        "bound": st.sampled_from(("", "", "a0", "a1")),
        "action": st.sampled_from(("send_message", "send_message", "create_task")),
        "domain": st.sampled_from(("", "one", "two")),
        "window": st.sampled_from((None, None, None, Window("UTC", 20 * 60, 8 * 60))),
        "repeated": st.sampled_from((False, False, False, True)),
        "not_before": st.sampled_from((0, 0, 0, MONDAY + HOUR)),
        "expires_at": st.sampled_from((MONDAY + 2 * DAY, MONDAY + 900 * DAY)),
    }
)


def plan_of_runs(
    terms: list[dict[str, Any]], runs: list[tuple[int, dict[str, Any]]], of_campaign: int | None
) -> Plan:
    """A plan in which so many touches of each kind wait."""
    touches: list[WaitingTouch] = []
    for number, wanted in runs:
        values = wanted.copy()
        rank = values["first"] - 2 * values.pop("priority")
        for _ in range(number):
            command_id = f"c{len(touches):06}"
            ranked = (rank, MONDAY, MONDAY, command_id)
            touches.append(WaitingTouch(command_id=command_id, rank=ranked, **values))
    limits = KnownCampaignLimits(TENANT, "limited", per_day=of_campaign)
    return Plan(
        senders=[PlannedSender(SenderTerms(f"a{n}", **each)) for n, each in enumerate(terms)],
        waiting=touches,
        channel="email",
        campaigns={} if of_campaign is None else {"limited": limits},
    )


def slowly(plan: Plan) -> list[ExpectedSend]:
    """The forecast of a plan without any short cut."""
    with (
        patch.object(forecast_module._Forecast, "_send_stretch"),
        patch.object(MemoryRules, "settle", lambda rules, at: settle(rules._rules, at)),
    ):
        return forecast(plan, MONDAY)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(large_accounts, max_size=3),
    st.lists(st.tuples(st.integers(1, 60), waiting_touches), min_size=1, max_size=5),
    st.sampled_from((None, None, 50)),
)
def test_a_forecast_with_short_cuts_is_the_same(
    terms: list[dict[str, Any]],
    runs: list[tuple[int, dict[str, Any]]],
    of_campaign: int | None,
) -> None:
    quick = forecast(plan_of_runs(terms, runs, of_campaign), MONDAY)
    assert quick == slowly(plan_of_runs(terms, runs, of_campaign))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(large_accounts, min_size=1, max_size=2), st.integers(100, 250), st.integers(1, 4))
def test_the_forecast_of_many_touches_is_what_the_engine_then_does(
    terms: list[dict[str, Any]], number: int, every: int
) -> None:
    wanted = [{"first": n % every == 0, "priority": n % 2} for n in range(number)]
    log = played(DispatchLog(restarts=False), terms, LimitTerms(), wanted)
    before = len(commands_after(log, 0))
    expected = forecast(plan_from(log), log.task.stream_time)
    log.pass_time(MONDAY + 300 * DAY)
    assert commands_after(log, before) == [
        (each.command_id, each.sender_id, each.at) for each in expected if each.at < NEVER
    ]


@pytest.mark.parametrize("max_new", [None, 40])
def test_a_stretch_ends_where_another_queue_comes_first(max_new: int | None) -> None:
    limits = LimitTerms(per_day=100, spacing_us=30 * SECOND, jitter_us=5 * SECOND)
    terms = {"limits": {"": limits}, "zone": "UTC", "max_new_per_day": max_new}
    kinds = [(first, priority) for priority in (2, 1, 0) for first in (False, True)]
    common = {"campaign_id": "reviews", "expires_at": MONDAY + 900 * DAY}
    runs = [(50, {"first": first, "priority": rank} | common) for first, rank in kinds]
    quick = forecast(plan_of_runs([terms], runs, None), MONDAY)
    assert quick == slowly(plan_of_runs([terms], runs, None))
    assert len(quick) == 300
    in_order = [each.command_id for each in quick] == sorted(each.command_id for each in quick)
    assert in_order == (max_new is None)
