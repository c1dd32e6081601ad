"""What is reported of the first touch of a queue holds it now, and the forecast agrees."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.dispatch.queue_heads import next_try
from processors.shared.forecast import forecast
from schemas.base.times import DAY, HOUR, MINUTE, SECOND, MomentUs
from schemas.campaigns.compiled_definition import StepWindow
from schemas.internal import messages as m
from schemas.internal.facts import FactKind, fact_time
from schemas.internal.limit_terms import LimitTerms
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import Lane, Request
from tests.processors.dispatch.dispatch_log import DispatchLog, announced
from tests.processors.dispatch.sender_log import (
    MONDAY,
    OFFICE,
    account,
    announced_limits,
    log_of,
    waiting,
)
from tests.processors.dispatch.test_forecast import (
    accounts,
    limit_terms,
    plan_from,
    played,
    touches,
)
from tests.testing.builders import TENANT

AT_NIGHT = MONDAY + 9 * HOUR
"""Monday, 18:00 UTC."""


def throttle(until: MomentUs, sender_id: str = "a1") -> m.SenderThrottled:
    return m.SenderThrottled(TENANT, "email", sender_id, "", until, "e#2")


def paused() -> m.SenderAnnounced:
    return account(spacing_us=10 * MINUTE, paused=True)


def reported(log: DispatchLog, number: int) -> tuple[str | None, Any]:
    """The reason and the moment of the last report of a touch's wait."""
    facts = [
        fact for fact in log.facts(FactKind.TOUCH_DEFERRED) if fact.command_id == f"c{number:06}"
    ]
    return facts[-1].reason, facts[-1].until


WARM_UP = (2, 1, 50)
SITUATIONS: dict[str, tuple[list[m.Message], list[m.Message], str]] = {
    "spacing": ([account(spacing_us=HOUR)], [], "sender_spacing"),
    "hour": ([account(per_hour=1)], [], "sender_hour"),
    "day": ([account(per_day=1)], [], "sender_day"),
    "warm-up": ([account(warm_up=WARM_UP)], [], "warm_up"),
    "window": ([account(window=StepWindow(0, 9 * 60 + 1), spacing_us=HOUR)], [], "sender_window"),
    "domain": ([account(domain_per_day=1)], [], "recipient_domain"),
    "campaign": ([announced_limits("reviews", per_day=1), account()], [], "campaign_day"),
    "tenant": (
        [announced(None, more_limits={"email": LimitTerms(per_day=1)}), account()],
        [],
        "tenant_channel",
    ),
    "throttled": (
        [account(spacing_us=10 * MINUTE)],
        [throttle(MONDAY + 6 * HOUR)],
        "sender_throttled",
    ),
    "throttled beside a lane": (
        [announced_limits("reviews", per_day=1), account()],
        [throttle(MONDAY + 3 * DAY)],
        "sender_throttled",
    ),
    "paused": ([account(spacing_us=10 * MINUTE)], [paused()], "sender_paused"),
    "a new limit": (
        [account(spacing_us=10 * MINUTE)],
        [account(spacing_us=10 * MINUTE, per_day=1)],
        "sender_day",
    ),
    "removed": (
        [account(spacing_us=10 * MINUTE)],
        [account(removed_at=MONDAY + MINUTE)],
        "no_sender",
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_facts_and_forecast_have_the_same_reason_and_moment(name: str) -> None:
    before, then, reason = SITUATIONS[name]
    log = log_of(*before, *waiting(3))
    log.pass_time(MONDAY + MINUTE)
    log.append(*then, at=MONDAY + MINUTE).pass_time(MONDAY + 2 * MINUTE)
    sent = len(log.facts(FactKind.TOUCH_COMMANDED))
    first = forecast(plan_from(log), log.task.stream_time)[0]
    assert first.command_id == f"c{sent:06}"
    assert first.reason == reason
    reported_reason, until = reported(log, sent)
    assert reported_reason == reason
    if first.at < NEVER:
        assert until == fact_time(first.at)


def test_a_throttled_account_reports_only_the_first_of_its_queue() -> None:
    log = log_of(account(spacing_us=10 * MINUTE), *waiting(200))
    log.pass_time(MONDAY + MINUTE)
    before = len(log.facts(FactKind.TOUCH_DEFERRED))
    log.append(throttle(MONDAY + 6 * HOUR), at=MONDAY + MINUTE).pass_time(MONDAY + 5 * HOUR)
    new = log.facts(FactKind.TOUCH_DEFERRED)[before:]
    assert [(fact.command_id, fact.reason) for fact in new] == [("c000001", "sender_throttled")]
    assert [answer.reason for answer in log.sent(m.TouchDeferred)][-1] == "sender_throttled"


def test_a_first_touch_has_one_report_for_each_command_before_it() -> None:
    log = log_of(account(spacing_us=10 * MINUTE), *waiting(5))
    before = len(log.facts(FactKind.TOUCH_DEFERRED))
    log.pass_time(MONDAY + HOUR)
    new = log.facts(FactKind.TOUCH_DEFERRED)[before:]
    assert [fact.command_id for fact in new] == ["c000002", "c000003", "c000004"]
    assert {fact.reason for fact in new} == {"sender_spacing"}


def test_an_account_that_pauses_itself_is_reported_at_once() -> None:
    log = log_of(account(spacing_us=MINUTE), *waiting(120))
    log.pass_time(MONDAY + 110 * MINUTE)
    for number in range(20):
        log.append(
            m.SenderOutcome(TENANT, "email", "a1", "bounced", f"c{number:06}"),
            at=MONDAY + 110 * MINUTE,
        )
    log.pass_time(MONDAY + 111 * MINUTE)
    sent = len(log.facts(FactKind.TOUCH_COMMANDED))
    assert log.facts(FactKind.SENDER_PAUSED)
    assert reported(log, sent)[0] == "sender_paused"


def test_the_reason_of_an_account_is_not_that_of_another_one() -> None:
    """The account whose window opens takes the touches of both; those of the other one have waited
    for its provider."""
    opens = account("ben", window=OFFICE, zone="America/Chicago", spacing_us=20 * MINUTE)
    log = log_of(account("ann", spacing_us=20 * MINUTE), opens, *waiting(6), at=AT_NIGHT + 8 * HOUR)
    log.append(throttle(MONDAY + 2 * DAY, "ann"), at=AT_NIGHT + 9 * HOUR)
    log.pass_time(AT_NIGHT + 9 * HOUR + SECOND)
    expected = forecast(plan_from(log), log.task.stream_time)
    of_ann = {each.reason for each in expected if each.sender_id == "ann"}
    assert "sender_window" not in of_ann
    assert {each.reason for each in expected if each.sender_id == "ben"} == {
        "sender_window",
        "sender_spacing",
    }


def test_the_rest_of_a_warm_up_waits_for_it_also_in_the_forecast() -> None:
    log = log_of(account(warm_up=WARM_UP), *waiting(8))
    expected = forecast(plan_from(log), log.task.stream_time)
    assert [each.reason for each in expected] == ["warm_up"] * 6


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(accounts, min_size=1, max_size=3),
    limit_terms,
    st.lists(touches, min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(1, 600), st.integers(0, 2), st.integers(1, 900)), max_size=4),
)
def test_no_first_touch_of_a_queue_has_a_moment_that_has_passed(
    terms: list[dict[str, Any]],
    of_tenant: LimitTerms,
    wanted: list[dict[str, Any]],
    changes: list[tuple[int, int, int]],
) -> None:
    log = played(DispatchLog(restarts=False), terms, of_tenant, wanted)
    now = MONDAY + MINUTE
    for minutes, number, length in changes:
        now += minutes * MINUTE
        log.pass_time(now)
        log.append(throttle(now + length * MINUTE, f"a{number}"), at=now)
        log.pass_time(now + SECOND)
        for head in heads(log):
            assert head.next_try_at > log.task.stream_time or head.wait == "no_sender", head


def heads(log: DispatchLog) -> list[Request]:
    """The first requests of the queues of accounts; lanes that are behind others have none."""
    store, found = log.task.store, []
    queues = {each.lane.partition("\0\0")[0] for each in log.states(Request) if each.lane}
    for queue in sorted(queues):
        key = store.first(queue.encode())
        first = None if key is None else store.read(key, Request)
        if isinstance(first, Lane):
            key = store.first(first.name.encode())
            first = None if key is None else store.read(key, Request)
        if first is not None:
            found.append(first)
    return found


def test_the_moment_of_a_wait_without_end_is_the_expiry() -> None:
    touch = waiting(1)[0]
    choice: Any = type("Held", (), {"at": NEVER})()
    assert next_try(touch, choice) == touch.expires_at
