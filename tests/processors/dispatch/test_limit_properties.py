"""What holds for every limit and every history: no window has more commands than its limit, gaps
are kept, a raised limit delays nothing, a lowered one revokes nothing (C-38)."""

from collections import Counter
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.dispatch.send_logs import CHUNK_MAX, Counting, log_key
from processors.fold.store import Store
from processors.shared.forecast_plan import MemoryLog
from processors.shared.limit_rules import (
    Concurrent,
    LoggedRule,
    Rolling,
    Spacing,
    settle,
)
from processors.shared.memory_rules import MemoryRules, Tally
from processors.shared.sender_rules import EXACT, WINDOWS_US, tenant_rules
from schemas.base.times import DAY, HOUR, MINUTE, SECOND
from schemas.internal import messages as m
from schemas.internal.limit_terms import LimitTerms
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import DispatchState, SendLog
from tests.processors.dispatch.dispatch_log import DispatchLog
from tests.processors.dispatch.sender_log import MONDAY, account, times_of, waiting

limits = st.fixed_dictionaries(
    {},
    optional={
        "per_hour": st.integers(1, 8),
        "per_day": st.integers(1, 20),
        "per_week": st.integers(5, 40),
        "spacing_us": st.sampled_from((SECOND, MINUTE, 20 * MINUTE)),
    },
)
arrivals = st.lists(st.integers(0, 3 * 24 * 60), min_size=1, max_size=40).map(sorted)
"""Minutes after the beginning at which requests come."""


def sent_under(terms: dict[str, Any], minutes: list[int], **change: Any) -> list[int]:
    """The times of the commands of an account. With `change` its limits change after a day."""
    log = DispatchLog(restarts=False).append(account(**terms), at=MONDAY)
    is_changed = not change
    for minute, touch in zip(minutes, waiting(len(minutes)), strict=True):
        if not is_changed and minute > 24 * 60:
            log.pass_time(MONDAY + DAY).append(account(**change), at=MONDAY + DAY)
            is_changed = True
        at = MONDAY + minute * MINUTE
        log.pass_time(at).append(touch, at=at)
    if not is_changed:
        log.pass_time(MONDAY + DAY).append(account(**change), at=MONDAY + DAY)
    log.pass_time(MONDAY + 90 * DAY)
    assert log.sent(m.CommandRevoked) == []
    return times_of(log)


def assert_kept(times: list[int], terms: dict[str, Any]) -> None:
    """No window of a limit has more commands than it, and no gap is shorter than the spacing."""
    for unit, window_us in WINDOWS_US.items():
        n = terms.get(f"per_{unit}")
        if n is not None:
            assert all(b - a >= window_us for a, b in zip(times, times[n:], strict=False))
    assert all(b - a >= terms.get("spacing_us", 0) for a, b in pairwise(times))


@settings(max_examples=60, deadline=None)
@given(limits, arrivals)
def test_no_window_has_more_commands_than_its_limit(
    terms: dict[str, Any], minutes: list[int]
) -> None:
    times = sent_under(terms, minutes)
    assert len(times) == len(minutes)
    assert_kept(times, terms)


@settings(max_examples=40, deadline=None)
@given(limits, limits, arrivals)
def test_a_raised_limit_delays_nothing(
    terms: dict[str, Any], more: dict[str, Any], minutes: list[int]
) -> None:
    """Each limit is raised by a number, or the spacing shortened."""
    raised = {
        name: value // 2 if name == "spacing_us" else value + more.get(name, 0)
        for name, value in terms.items()
    }
    before, after = sent_under(terms, minutes), sent_under(terms, minutes, **raised)
    assert all(b <= a for a, b in zip(before, after, strict=True))


@settings(max_examples=40, deadline=None)
@given(limits, arrivals, st.integers(1, 3))
def test_a_lowered_limit_counts_what_went_out_before(
    terms: dict[str, Any], minutes: list[int], less: int
) -> None:
    lowered = {name: max(1, value - less) for name, value in terms.items()}
    times = sent_under(terms, minutes, **lowered)
    assert len(times) == len(minutes)
    later = [at for at in times if at > MONDAY + DAY]
    for unit, window_us in WINDOWS_US.items():
        n = lowered.get(f"per_{unit}")
        for at in later if n is not None else ():
            assert sum(at - window_us < each <= at for each in times) <= max(
                n or 0, sum(at - window_us < each <= MONDAY + DAY for each in times)
            )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=3), st.integers(2, 12), st.integers(1, 40))
def test_campaigns_together_get_no_more_than_their_account(
    of_campaigns: list[int], per_day: int, number: int
) -> None:
    log = DispatchLog(restarts=False).append(account(per_day=per_day), at=MONDAY)
    for place, n in enumerate(of_campaigns):
        limit = m.CampaignLimitsAnnounced("acme", f"c{place}", n)
        log.append(limit, at=MONDAY)
    touches = [
        msgspec.structs.replace(touch, campaign_id=f"c{place % len(of_campaigns)}")
        for place, touch in enumerate(waiting(number))
    ]
    log.append(*touches, at=MONDAY).pass_time(MONDAY + 90 * DAY)
    times, campaign_of = times_of(log), {t.command_id: t.campaign_id for t in touches}
    assert len(times) == number
    assert_kept(times, {"per_day": per_day})
    for place, n in enumerate(of_campaigns):
        own = [
            at
            for at, sent in zip(times, log.commanded(), strict=True)
            if campaign_of[sent] == f"c{place}"
        ]
        assert_kept(own, {"per_day": n})


# logs


def decode(value: bytes) -> Any:
    """Any state of dispatch."""
    return msgspec.msgpack.decode(value, type=DispatchState)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40 * 60), st.integers(1, 30)), min_size=1, max_size=200),
    st.integers(1, 400),
    st.integers(0, 24 * 60),
)
def test_a_stored_log_counts_like_a_plain_list(
    commands: list[tuple[int, int]], n: int, minutes: int
) -> None:
    """Also where commands are reported late."""
    store = Store(decode)
    counting = Counting(
        store, "acme", "email", "t", tenant_rules(LimitTerms(per_day=1), None, "UTC")
    )
    plain: list[int] = []
    now = MONDAY
    for minute, count in commands:
        at = MONDAY + minute * MINUTE
        now = max(now, at)
        counting.add(at, now, count)
        store.settle()
        plain = sorted([*plain, *[at] * count])
    (logged,) = counting.logged()
    log = logged[1]
    recent = [at for at in plain if at > now - DAY]
    if len(recent) >= n and n <= 1_000:
        assert log.nth_last(n) == plain[-n]
    after = now - minutes * MINUTE
    if sum(at > after for at in plain) <= 1_000:
        assert log.count_since(after) == sum(at > after for at in plain)


def test_a_log_forgets_what_no_limit_looks_at() -> None:
    log = DispatchLog(restarts=False).append(account(per_hour=5), *waiting(300), at=MONDAY)
    log.pass_time(MONDAY + 90 * HOUR)
    of_account = [state for state in log.states(SendLog) if len(state.chunks) > 1]
    assert all(len(state.chunks) <= DAY // HOUR * 5 // CHUNK_MAX + 2 for state in of_account)
    log.pass_time(MONDAY + 100 * DAY)
    assert log.states(SendLog) == []


def test_the_state_of_an_account_is_small_and_a_command_rewrites_little_of_it() -> None:
    of_actions = {"": LimitTerms(per_day=1_000), "send_inmail": LimitTerms(per_week=100)}
    order = account(channel="linkedin", limits=of_actions)
    messages = waiting(1_100, channel="linkedin")
    inmails = [
        msgspec.structs.replace(touch, action="send_inmail", command_id=f"i{place}")
        for place, touch in enumerate(waiting(120, channel="linkedin"))
    ]
    log = DispatchLog(restarts=False).append(order, at=MONDAY)
    for place, touch in enumerate((*messages, *inmails)):
        log.append(touch, at=MONDAY + place * MINUTE)
    log.pass_time(MONDAY + 1_220 * MINUTE)
    assert len(log.commanded()) == 1_100
    states = {key: value for key, value in log.task.store.items() if key[:1] == b"\x04"}
    assert sum(map(len, states.values())) <= 16_000
    log.pass_time(MONDAY + DAY + MINUTE)
    changed = {
        key: value for key, value in log.task.store.items() if states.get(key, value) != value
    }
    assert len(log.commanded()) == 1_101
    assert sum(map(len, changed.values())) <= 2_000


# rules


@given(
    st.integers(1, 5), st.lists(st.integers(0, 200), max_size=30).map(sorted), st.integers(0, 300)
)
def test_rules_in_memory_are_settled_like_any_others(n: int, times: list[int], at: int) -> None:
    log = MemoryLog()
    log.times = [MONDAY + each * MINUTE for each in times]
    log.last_at = log.times[-1] if times else 0
    log.last_hash = 7 * SECOND
    rules: list[LoggedRule] = [
        (Rolling("hour", "hour", n, HOUR), log),
        (Spacing("gap", "gap", 20 * MINUTE, 30 * SECOND), log),
        (Rolling("day", "day", 3 * n, DAY), log),
    ]
    moment = MONDAY + at * MINUTE
    assert MemoryRules(rules, Tally()).settle(moment) == settle(rules, moment)


def test_a_number_of_states_is_a_limit_too() -> None:
    rule = Concurrent("slots", "slots", 2)
    assert [rule.opens(used, MONDAY) for used in (0, 1, 2, 3)] == [MONDAY, MONDAY, NEVER, NEVER]
    assert (rule.used(3, MONDAY), rule.limit(3, MONDAY)) == (3, 2)
    assert settle([(rule, 2)], MONDAY) == (NEVER, "slots")


@pytest.mark.parametrize("n", [0, -1])
def test_a_limit_of_nothing_never_opens(n: int) -> None:
    assert settle([(Rolling("hour", "hour", n, HOUR), MemoryLog())], MONDAY) == (NEVER, "hour")


def test_a_log_has_a_key_for_each_scope() -> None:
    keys = Counter(log_key("acme", "email", scope, EXACT) for scope in ("t", "s\0a\0", "n\0a"))
    assert len(keys) == 3
