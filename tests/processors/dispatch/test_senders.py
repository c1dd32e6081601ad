"""Sender accounts in the owner of a tenant's channel: which account sends a touch, and for which
limit a touch waits (C-38)."""

from itertools import pairwise
from typing import Any

import pytest

from processors.shared.limit_rules import GATHER_US
from schemas.base.times import DAY, HOUR, MINUTE, SECOND, to_datetime
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.limit_terms import LimitTerms
from schemas.internal.states import Lane, Request
from tests.processors.dispatch.dispatch_log import announced
from tests.processors.dispatch.sender_log import (
    MONDAY,
    OFFICE,
    SPACED,
    account,
    announced_limits,
    ids,
    log_of,
    sent_by,
    times_of,
    waiting,
)
from tests.testing.builders import TENANT


def throttled(until: int, action: str = "", sender_id: str = "a1") -> m.SenderThrottled:
    """A provider's order to slow down."""
    return m.SenderThrottled(TENANT, "email", sender_id, action, until, "e#2")


# who sends


def test_the_command_and_the_answer_name_the_account() -> None:
    log = log_of(account("a1"), *waiting(1))
    (command,) = log.sent(m.CommandDue)
    (answer,) = log.sent(m.TouchCommanded)
    assert (command.touch.sender_id, answer.sender_id) == ("a1", "a1")
    (fact,) = log.facts(FactKind.TOUCH_COMMANDED)
    assert fact.values is not None and fact.values["sender_id"] == "a1"


def test_new_people_are_shared_by_the_accounts_in_turn() -> None:
    log = log_of(account("a1", per_day=10), account("a2", per_day=10), *waiting(6))
    assert sent_by(log) == ["a1", "a2"] * 3


def test_the_account_with_the_smallest_share_of_its_limit_is_next() -> None:
    log = log_of(account("a1", per_day=100), account("a2", per_day=10), *waiting(11))
    assert sorted(map(str, sent_by(log))) == ["a1"] * 10 + ["a2"]


def test_the_account_that_may_send_first_is_chosen() -> None:
    terms: dict[str, Any] = {"a1": {"spacing_us": HOUR}, "a2": {"spacing_us": 10 * MINUTE}}
    log = log_of(*(account(name, **each) for name, each in terms.items()), *waiting(4))
    log.pass_time(MONDAY + 45 * MINUTE)
    assert sent_by(log) == ["a1", "a2", "a2", "a2"]


def test_a_person_keeps_the_account_that_has_written_before() -> None:
    log = log_of(account("a1", **SPACED), account("a2"), *waiting(3, bound_sender="a1"))
    log.pass_time(MONDAY + DAY)
    assert sent_by(log) == ["a1"] * 3


def test_a_touch_of_a_bound_account_goes_before_a_later_one_that_any_may_send() -> None:
    bound = waiting(2, bound_sender="a1")[1:]
    free = waiting(1, priority=-1)
    log = log_of(account("a1", **SPACED), account("a2", **SPACED), *free, *bound)
    assert dict(zip(log.commanded(), sent_by(log), strict=True)) == {
        "c000001": "a1",
        "c000000": "a2",
    }


def test_follow_ups_go_before_first_touches_of_the_same_priority() -> None:
    first, follow_up = waiting(1, first=True), waiting(2)[1:]
    log = log_of(account("a1", **SPACED), *first, *follow_up).pass_time(MONDAY + HOUR)
    assert log.commanded() == ["c000001", "c000000"]


def test_a_higher_priority_goes_before_a_follow_up() -> None:
    first, follow_up = waiting(1, first=True, priority=1), waiting(2)[1:]
    log = log_of(account("a1", **SPACED), *follow_up, *first).pass_time(MONDAY + HOUR)
    assert log.commanded() == ["c000000", "c000001"]


# limits beside those of an account


def test_first_touches_have_a_limit_of_their_own_and_follow_ups_go_on() -> None:
    first, follow_ups = waiting(5, first=True), waiting(10)[5:]
    log = log_of(account("a1", max_new_per_day=2), *first, *follow_ups)
    assert log.commanded() == [*ids(follow_ups), "c000000", "c000001"]
    fact = log.facts(FactKind.TOUCH_DEFERRED)[0]
    assert (fact.reason, fact.until) == ("sender_new_day", to_datetime(MONDAY + DAY + GATHER_US))
    log.pass_time(MONDAY + 3 * DAY)
    assert len(log.commanded()) == 10


def test_a_campaign_with_a_limit_blocks_itself_only() -> None:
    limited = waiting(5, campaign_id="limited", priority=5)
    others = waiting(10)[5:]
    log = log_of(account("a1"), announced_limits("limited", per_day=2), *limited, *others)
    assert log.commanded() == ["c000000", "c000001", *ids(others)]
    assert {fact.reason for fact in log.facts(FactKind.TOUCH_DEFERRED)} == {"campaign_day"}
    log.pass_time(MONDAY + 2 * DAY + HOUR)
    assert [(at - MONDAY) // DAY for at in times_of(log)[-3:]] == [1, 1, 2]


def test_a_campaign_has_a_limit_also_where_the_tenant_has_no_accounts() -> None:
    log = log_of(announced_limits("reviews", per_day=2), *waiting(3))
    assert (log.commanded(), sent_by(log)) == (["c000000", "c000001"], [None, None])


@pytest.mark.parametrize("of_account", [True, False])
def test_a_mail_domain_has_a_limit_and_the_others_go_on(of_account: bool) -> None:
    limits: dict[str, Any] = {"domain_per_hour": 1}
    more = {} if of_account else {"email": LimitTerms(**limits)}
    domains = ["one.example", "One.example", "two.example", "one.example"]
    touches = [
        touch
        for n, domain in enumerate(domains)
        for touch in waiting(n + 1, recipient=f"p{n}@{domain}")[n:]
    ]
    tenant = announced(None, more_limits=more)
    log = log_of(tenant, account("a1", **(limits if of_account else {})), *touches)
    assert log.commanded() == ["c000000", "c000002"]
    assert {fact.reason for fact in log.facts(FactKind.TOUCH_DEFERRED)} == {"recipient_domain"}
    log.pass_time(MONDAY + 3 * HOUR)
    assert log.commanded() == ["c000000", "c000002", "c000001", "c000003"]
    assert log.states(Lane) == []


def test_the_default_of_a_channel_does_not_hold_beside_accounts_and_a_set_limit_does() -> None:
    log = log_of(account("a1"), *waiting(150))
    assert len(log.commanded()) == 150
    log = log_of(announced(40), account("a1"), *waiting(150))
    assert len(log.commanded()) == 40
    assert {fact.reason for fact in log.facts(FactKind.TOUCH_DEFERRED)} == {"tenant_channel"}


def test_a_fact_has_all_limits_with_what_is_used_and_when_they_open() -> None:
    log = log_of(account("a1", per_hour=2, per_day=10, **SPACED, window=OFFICE), *waiting(3))
    fact = log.facts(FactKind.TOUCH_DEFERRED)[0]
    sent_at = MONDAY + GATHER_US
    assert fact.values is not None and fact.values["sender_id"] == "a1"
    limits = fact.values["limits"]
    assert limits["sender_spacing"]["opens_at"] == to_datetime(sent_at + 10 * MINUTE)
    assert (limits["sender_hour"]["used"], limits["sender_hour"]["limit"]) == (1, 2)
    assert (limits["sender_day"]["used"], limits["sender_day"]["limit"]) == (1, 10)
    assert limits["sender_window"] == {
        "used": None,
        "limit": None,
        "opens_at": to_datetime(sent_at),
    }


# repeats


@pytest.mark.parametrize("with_account", [True, False])
def test_the_repeat_of_a_command_is_not_counted_again(with_account: bool) -> None:
    repeat = waiting(2, emission=2, bound_sender="a1" if with_account else "")[1:]
    limits = account("a1", per_day=1) if with_account else announced(1)
    log = log_of(limits, *waiting(1), *repeat, *waiting(3)[2:])
    assert sorted(log.commanded()) == ["c000000", "c000001"]  # and c2 waits for the limit
    log.append(*waiting(1, emission=2), at=MONDAY + MINUTE)
    assert log.commanded()[-1] == "c000000"


def test_a_paused_account_holds_a_repeat_too() -> None:
    repeat = waiting(1, emission=2, bound_sender="a1")
    log = log_of(account("a1", paused=True, per_day=1), *repeat)
    assert (log.commanded(), log.states(Request)[0].wait) == ([], "sender_paused")
    log.append(account("a1", per_day=1), at=MONDAY + HOUR).pass_time(MONDAY + 2 * HOUR)
    assert sent_by(log) == ["a1"]


def test_an_older_request_that_repeats_its_command_counts_as_it_did() -> None:
    log = log_of(announced(1), *waiting(1, rules=1), *waiting(2, rules=1, emission=2)[1:])
    assert log.commanded() == ["c000000"]


# closed accounts


def test_a_provider_that_wants_less_of_one_action_does_not_stop_the_others() -> None:
    requests = [
        *waiting(1, channel="linkedin", action="send_connection_request"),
        *waiting(2, channel="linkedin")[1:],
    ]
    order = m.SenderThrottled(
        TENANT, "linkedin", "a1", "send_connection_request", MONDAY + 5 * HOUR, "e#2"
    )
    log = log_of(account("a1", "linkedin"), order, *requests)
    assert log.commanded() == ["c000001"]
    fact = log.facts(FactKind.TOUCH_DEFERRED)[0]
    assert (fact.reason, fact.until) == ("sender_throttled", to_datetime(MONDAY + 5 * HOUR))
    log.pass_time(MONDAY + 5 * HOUR)
    assert times_of(log)[-1] == MONDAY + 5 * HOUR


def test_a_shorter_stop_of_the_provider_opens_the_account_earlier() -> None:
    log = log_of(account("a1"), throttled(MONDAY + 5 * HOUR), *waiting(1))
    log.append(throttled(MONDAY + HOUR), at=MONDAY + MINUTE).pass_time(MONDAY + 2 * HOUR)
    assert times_of(log) == [MONDAY + HOUR]


def test_what_people_have_sent_by_hand_counts_too() -> None:
    used = m.SenderUsed(TENANT, "email", "a1", "send_message", MONDAY - 30 * MINUTE, 3, "e#2")
    log = log_of(account("a1", per_hour=4), used, *waiting(3)).pass_time(MONDAY + 2 * HOUR)
    assert [at - MONDAY for at in times_of(log)] == [GATHER_US, 30 * MINUTE, 30 * MINUTE]


def test_use_that_is_reported_late_or_of_an_unknown_account_changes_nothing_else() -> None:
    late = m.SenderUsed(TENANT, "email", "a1", "send_message", MONDAY - 9 * DAY, 9, "e#2")
    unknown = m.SenderUsed(TENANT, "email", "nobody", "send_message", MONDAY, 9, "e#3")
    log = log_of(account("a1", per_hour=2), *waiting(1), late, unknown, *waiting(2)[1:])
    assert len(log.commanded()) == 2


def test_a_command_ends_with_the_window_of_its_account() -> None:
    log = log_of(account("a1", window=OFFICE), *waiting(1))
    assert log.sent(m.CommandDue)[0].send_before == MONDAY + 8 * HOUR


def test_a_lag_widens_the_windows_and_ends_the_command() -> None:
    log = log_of(account("a1", per_hour=1, lag_us=MINUTE), *waiting(2)).pass_time(MONDAY + DAY)
    assert times_of(log)[1] - times_of(log)[0] == HOUR + MINUTE
    ends = [command.send_before for command in log.sent(m.CommandDue)]
    assert ends == [at + MINUTE for at in times_of(log)]


def test_jitter_lengthens_a_gap_by_a_hash_and_never_shortens_it() -> None:
    terms: dict[str, Any] = {"spacing_us": MINUTE, "jitter_us": 30 * SECOND}
    times = times_of(log_of(account("a1", **terms), *waiting(40)).pass_time(MONDAY + 2 * HOUR))
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) == 40
    assert all(MINUTE <= gap <= MINUTE + 30 * SECOND for gap in gaps)
    assert len({*gaps}) > 20


def test_the_limit_of_a_day_varies_below_and_never_above_itself() -> None:
    log = log_of(account("a1", per_day=20, day_jitter_percent=50), *waiting(300))
    log.pass_time(MONDAY + 12 * DAY)
    times = times_of(log)
    assert all(later - earlier >= DAY for earlier, later in zip(times, times[20:], strict=False))
    per_day = [sum(at // DAY == MONDAY // DAY + day for at in times) for day in range(12)]
    assert len({*per_day}) > 3 and max(per_day) <= 20


def test_an_action_that_the_channel_does_not_have_waits_like_the_first_one() -> None:
    log = log_of(account("a1", **SPACED), *waiting(2, action="send")).pass_time(MONDAY + HOUR)
    assert log.commanded() == ["c000000", "c000001"]
