"""What becomes of waiting touches when an account is removed, its limits change, or it pauses
itself (C-38)."""

from typing import Any

import msgspec
import pytest

from processors.dispatch.account_queue import BURST
from processors.dispatch.account_removal import HOLD_US
from processors.shared.limit_rules import GATHER_US
from schemas.base.times import DAY, HOUR, MINUTE, SECOND, from_datetime
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.states import Lane, Request
from tests.processors.dispatch.dispatch_log import announced
from tests.processors.dispatch.sender_log import (
    MONDAY,
    SPACED,
    account,
    announced_limits,
    log_of,
    refused,
    senders,
    sent_by,
    times_of,
    waiting,
)
from tests.testing.builders import TENANT

# accounts that are gone


def removed(sender_id: str = "a1", at: int = MONDAY + HOUR, **terms: Any) -> m.SenderAnnounced:
    """The removal of an account."""
    return account(sender_id, removed_at=at, **terms)


def test_another_account_writes_on_where_an_account_rotates() -> None:
    log = log_of(account("a1", **SPACED), account("a2"), *waiting(3, bound_sender="a1"))
    log.append(removed(at=MONDAY + MINUTE), at=MONDAY + MINUTE).pass_time(MONDAY + HOUR)
    assert sent_by(log) == ["a1", "a2", "a2"]


def test_the_touches_of_a_removed_account_are_held_for_a_week_and_then_refused() -> None:
    terms: dict[str, Any] = {"on_gone": "hold", **SPACED}
    log = log_of(account("a1", **terms), account("a2"), *waiting(3, bound_sender="a1"))
    gone_at = MONDAY + MINUTE
    log.append(removed(at=gone_at, **terms), at=gone_at).pass_time(gone_at + HOUR)
    holds = [fact for fact in log.facts(FactKind.TOUCH_DEFERRED) if fact.reason == "no_sender"]
    assert [from_datetime(fact.until) for fact in holds if fact.until] == [gone_at + HOLD_US] * 2
    log.pass_time(gone_at + HOLD_US - 1)
    assert refused(log) == []
    log.pass_time(gone_at + HOLD_US)
    assert refused(log) == [("c000001", "sender_gone"), ("c000002", "sender_gone")]
    late = waiting(4, bound_sender="a1")[3:]
    log.append(*late, at=gone_at + 8 * DAY)
    assert refused(log)[-1] == ("c000003", "sender_gone")
    assert log.states(Request) == []


def test_an_account_that_comes_back_sends_what_was_held() -> None:
    terms: dict[str, Any] = {"on_gone": "hold"}
    log = log_of(account("a1", **terms), removed(at=MONDAY, **terms))
    log.append(*waiting(3, bound_sender="a1"), at=MONDAY + HOUR).pass_time(MONDAY + DAY)
    assert log.commanded() == []
    log.append(account("a1", **terms), at=MONDAY + DAY).pass_time(MONDAY + DAY + SECOND)
    assert sent_by(log) == ["a1"] * 3
    log.pass_time(MONDAY + 9 * DAY)
    assert refused(log) == []


def test_without_any_account_touches_wait_for_a_new_one() -> None:
    log = log_of(account("a1", **SPACED), *waiting(3))
    log.append(removed(at=MONDAY + MINUTE), at=MONDAY + MINUTE).pass_time(MONDAY + HOUR)
    log.append(*waiting(4)[3:], at=MONDAY + HOUR)
    assert [request.wait for request in log.states(Request)] == ["no_sender"] * 3
    log.append(account("a2"), at=MONDAY + 2 * HOUR).pass_time(MONDAY + 2 * HOUR + SECOND)
    assert sent_by(log) == ["a1", "a2", "a2", "a2"]


def test_a_connection_of_an_unknown_account_is_held_and_refused() -> None:
    requests = waiting(1, bound_sender="unknown", must_use_bound=True)
    log = log_of(account("a1"), *requests)
    assert log.states(Request)[0].wait == "no_sender"
    log.pass_time(MONDAY + HOLD_US)
    assert refused(log) == [("c000000", "sender_gone")]


def test_an_unknown_account_that_need_not_send_is_another_one() -> None:
    assert sent_by(log_of(account("a1"), *waiting(1, bound_sender="unknown"))) == ["a1"]


def test_a_connection_stays_with_its_account_also_where_others_rotate() -> None:
    log = log_of(account("a1"), account("a2"), removed(at=MONDAY))
    log.append(*waiting(1, bound_sender="a1", must_use_bound=True), at=MONDAY + HOUR)
    assert (log.commanded(), log.states(Request)[0].wait) == ([], "no_sender")


@pytest.mark.parametrize("on_gone", ["rotate", "hold"])
def test_an_account_with_a_full_queue_is_removed_in_bursts(on_gone: str) -> None:
    number = 2 * BURST + 100
    terms: dict[str, Any] = {"on_gone": on_gone, **SPACED}
    log = log_of(account("a1", **terms), account("a2"), *waiting(number, bound_sender="a1"))
    log.append(removed(at=MONDAY + MINUTE, **terms), at=MONDAY + MINUTE).pass_time(MONDAY + HOUR)
    if on_gone == "rotate":
        assert sent_by(log) == ["a1"] + ["a2"] * (number - 1)
    else:
        assert {request.wait for request in log.states(Request)} == {"no_sender"}
        log.pass_time(MONDAY + 8 * DAY)
        assert refused(log) == [(f"c{n:06}", "sender_gone") for n in range(1, number)]


# changed limits


def test_a_raised_limit_lets_waiting_touches_go_at_once() -> None:
    log = log_of(account("a1", per_day=2), *waiting(3 * BURST))
    log.append(account("a1"), at=MONDAY + MINUTE).pass_time(MONDAY + MINUTE)
    assert len(log.commanded()) == 3 * BURST


def test_a_lowered_limit_revokes_nothing_and_counts_what_went_out() -> None:
    log = log_of(account("a1", per_hour=5), *waiting(7))
    log.append(account("a1", per_hour=2), at=MONDAY + MINUTE).pass_time(MONDAY + HOUR + MINUTE)
    assert log.sent(m.CommandRevoked) == []
    assert [at - MONDAY for at in times_of(log)[5:]] == [HOUR + GATHER_US] * 2


def test_a_removed_limit_of_a_campaign_opens_its_lane() -> None:
    log = log_of(account("a1"), announced_limits("reviews", per_day=1), *waiting(3))
    assert len(log.commanded()) == 1
    log.append(announced_limits("reviews"), at=MONDAY + HOUR).pass_time(MONDAY + HOUR)
    assert len(log.commanded()) == 3
    log.pass_time(MONDAY + 3 * DAY)
    assert log.states(Lane) == []


def test_a_limit_above_a_thousand_begins_with_what_was_sent_under_a_smaller_one() -> None:
    log = log_of(account("a1", per_day=1_000), *waiting(2_600))
    assert len(log.commanded()) == 1_000
    log.append(account("a1", per_day=2_500), at=MONDAY + HOUR).pass_time(MONDAY + 2 * HOUR)
    assert len(log.commanded()) == 2_500
    log.append(account("a1", per_day=900), at=MONDAY + 3 * HOUR)
    log.pass_time(MONDAY + 25 * HOUR - 1)
    assert len(log.commanded()) == 2_500
    log.pass_time(MONDAY + 25 * HOUR)
    assert len(log.commanded()) == 2_600


def test_what_waits_for_the_limit_of_an_hour_goes_on_with_the_first_account() -> None:
    log = log_of(announced(2), *waiting(5))
    assert len(log.commanded()) == 2
    log.append(account("a1", **SPACED), at=MONDAY + MINUTE).pass_time(MONDAY + 3 * HOUR)
    assert sent_by(log) == [None, None, "a1", "a1", "a1"]
    # The tenant's own limit has counted the two that went out before.
    assert times_of(log)[2] == MONDAY + HOUR + GATHER_US


# withdrawals and amendments


def test_a_waiting_touch_can_be_withdrawn() -> None:
    log = log_of(account("a1", **SPACED), *waiting(3))
    order = m.WithdrawTouch("c000001", TENANT, "p1", "email", "owner_stopped", True)
    log.append(order, at=MONDAY + MINUTE).pass_time(MONDAY + DAY)
    assert log.commanded() == ["c000000", "c000002"]
    assert [answer.command_id for answer in log.sent(m.TouchWithdrawn)] == ["c000001"]


def test_a_touch_with_another_address_waits_for_the_limit_of_that_domain() -> None:
    log = log_of(account("a1", domain_per_day=1), *waiting(2, recipient="p@one.example"))
    amendment = m.AmendTouch("c000001", TENANT, "email", "p@two.example", None, "t", {})
    log.append(amendment, at=MONDAY + HOUR).pass_time(MONDAY + 2 * HOUR)
    assert log.commanded() == ["c000000", "c000001"]


def test_a_touch_that_expires_in_the_queue_is_refused() -> None:
    log = log_of(account("a1", paused=True), *waiting(2, expires_at=MONDAY + HOUR))
    log.pass_time(MONDAY + 2 * HOUR)
    assert refused(log) == [("c000000", "expired"), ("c000001", "expired")]


# accounts that pause themselves


def outcome(kind: str, sender_id: str = "a1") -> m.SenderOutcome:
    """A hard bounce or a complaint."""
    return m.SenderOutcome(TENANT, "email", sender_id, kind)


def test_an_account_with_too_many_hard_bounces_pauses_itself_until_an_order() -> None:
    log = log_of(account("a1"), *waiting(100))
    log.append(*[outcome("bounced")] * 4, at=MONDAY + MINUTE)
    assert senders(log)["a1"].paused_for == ""
    log.append(outcome("bounced"), outcome("nothing"), *waiting(101)[100:], at=MONDAY + HOUR)
    (fact,) = log.facts(FactKind.SENDER_PAUSED)
    assert (fact.reason, fact.values) == (
        "hard_bounces",
        {"sender_id": "a1", "found": 5, "of": 100},
    )
    assert log.states(Request)[0].wait == "sender_paused"
    log.append(account("a1", zone="Asia/Tokyo"), at=MONDAY + 2 * HOUR)
    assert senders(log)["a1"].paused_for  # another zone of the tenant is no order
    log.append(account("a1", zone="Asia/Tokyo"), at=MONDAY + 3 * HOUR)
    log.pass_time(MONDAY + 4 * HOUR)
    assert len(log.commanded()) == 101 and not senders(log)["a1"].paused_for


def test_an_account_is_not_judged_by_less_than_a_hundred_commands() -> None:
    log = log_of(account("a1"), *waiting(60))
    log.append(*[outcome("bounced")] * 20, at=MONDAY + MINUTE)
    assert log.facts(FactKind.SENDER_PAUSED) == []
    log.append(*waiting(100)[60:], at=MONDAY + HOUR).pass_time(MONDAY + 2 * HOUR)
    assert [fact.reason for fact in log.facts(FactKind.SENDER_PAUSED)] == ["hard_bounces"]


def test_three_complaints_about_the_last_thousand_pause_an_account() -> None:
    log = log_of(account("a1"), *waiting(1_000))
    log.append(*[outcome("complained")] * 2, at=MONDAY + MINUTE)
    assert log.facts(FactKind.SENDER_PAUSED) == []
    log.append(outcome("complained"), outcome("complained", "nobody"), at=MONDAY + HOUR)
    assert [fact.reason for fact in log.facts(FactKind.SENDER_PAUSED)] == ["complaints"]


def test_five_blocks_of_the_last_hundred_pause_an_account() -> None:
    log = log_of(account("a1"), *waiting(100))
    log.append(*[outcome("blocked")] * 4, at=MONDAY + MINUTE)
    assert log.facts(FactKind.SENDER_PAUSED) == []
    log.append(outcome("blocked"), at=MONDAY + HOUR)
    assert [fact.reason for fact in log.facts(FactKind.SENDER_PAUSED)] == ["blocks"]


def complained(delivered: int, complaints: int, at: int = MONDAY) -> m.SenderComplained:
    """The report of a provider that names nobody."""
    return m.SenderComplained(TENANT, "email", "a1", delivered, complaints, at, "/p#1")


@pytest.mark.parametrize(
    ("reports", "found"),
    [
        ([(1_000, 3)], (3, 1_000)),
        ([(1_000, 2)], None),
        ([(999, 900)], None),  # too few to judge by
        ([(999, 900), (1, 0)], (900, 1_000)),
        ([(400, 0), (600, 3)], (3, 1_000)),
        ([(5_000, 100), (100_000, 10)], (100, 5_000)),  # by the first report already
        ([(5_000, 14), (2_000, 5)], None),
        ([(5_000, 14), (2_000, 6)], (6, 2_000)),
        ([(0, 50), (0, 50)], None),
    ],
    ids=str,
)
def test_a_provider_that_names_nobody_pauses_an_account_by_the_same_rate(
    reports: list[tuple[int, int]], found: tuple[int, int] | None
) -> None:
    log = log_of(account("a1"))
    for number, report in enumerate(reports):
        log.append(complained(*report, at=MONDAY + number), at=MONDAY + MINUTE)
    paused = [(fact.reason, fact.values) for fact in log.facts(FactKind.SENDER_PAUSED)]
    values = found and {"sender_id": "a1", "found": found[0], "of": found[1]}
    assert paused == ([("complaints", values)] if found else [])
    assert bool(senders(log)["a1"].paused_for) is bool(found)


def test_reports_from_before_an_account_was_opened_again_count_no_more() -> None:
    log = log_of(account("a1"))
    log.append(complained(2_000, 60), at=MONDAY + MINUTE)
    assert senders(log)["a1"].paused_for == "complaints"
    log.append(account("a1"), at=MONDAY + HOUR)
    log.append(complained(2_000, 60, at=MONDAY + 2), at=MONDAY + 2 * HOUR)
    assert senders(log)["a1"].paused_for == ""
    log.append(complained(2_000, 60, at=MONDAY + 2 * HOUR), at=MONDAY + 3 * HOUR)
    assert senders(log)["a1"].paused_for == "complaints"


def test_a_report_about_an_account_that_nobody_knows_changes_nothing() -> None:
    log = log_of(account("a1"))
    log.append(msgspec.structs.replace(complained(9_000, 900), sender_id="b"), at=MONDAY + MINUTE)
    assert log.facts(FactKind.SENDER_PAUSED) == []


@pytest.mark.parametrize(
    "change",
    [{"calendar": ("day",)}, {"calendar": ("day",), "zone": "Asia/Tokyo"}, {"zone": "Asia/Tokyo"}],
)
@pytest.mark.parametrize("per_day", [10, 1_200])
def test_another_kind_of_day_or_another_zone_forgets_nothing(
    change: dict[str, Any], per_day: int
) -> None:
    log = log_of(account("a1", per_day=per_day), *waiting(2 * per_day))
    assert len(log.commanded()) == per_day
    log.append(account("a1", per_day=per_day, **change), at=MONDAY + MINUTE)
    log.pass_time(MONDAY + 2 * HOUR)
    assert len(log.commanded()) == per_day
    log.pass_time(MONDAY + DAY + HOUR)
    assert len(log.commanded()) == 2 * per_day


def test_a_limit_of_a_week_that_is_added_counts_the_day_before() -> None:
    log = log_of(account("a1", per_day=20), *waiting(20))
    log.append(account("a1", per_day=20, per_week=20), at=MONDAY + HOUR)
    log.append(*waiting(40)[20:], at=MONDAY + 2 * HOUR).pass_time(MONDAY + 7 * DAY)
    assert len(log.commanded()) == 20
    log.pass_time(MONDAY + 7 * DAY + MINUTE)
    assert len(log.commanded()) == 40


def test_a_repeat_that_a_pause_has_held_waits_for_no_limit_after_it() -> None:
    log = log_of(account("a1", per_day=1), *waiting(1))
    log.append(account("a1", per_day=1, paused=True), at=MONDAY + MINUTE)
    log.append(*waiting(2)[1:], *waiting(1, emission=2, bound_sender="a1"), at=MONDAY + HOUR)
    assert len(log.commanded()) == 1
    log.append(account("a1", per_day=1), at=MONDAY + 2 * HOUR).pass_time(MONDAY + 2 * HOUR)
    assert log.commanded() == ["c000000", "c000000"]


@pytest.mark.parametrize("gone", ["a1", "never-there"])
def test_the_repeat_of_a_command_goes_to_no_other_account(gone: str) -> None:
    log = log_of(account("a1"), account("a2"), removed(at=MONDAY))
    log.append(*waiting(1, emission=2, bound_sender=gone), at=MONDAY + HOUR)
    assert (log.commanded(), refused(log)) == ([], [("c000000", "sender_gone")])


def test_a_lane_ends_with_its_last_request() -> None:
    touches = waiting(3, expires_at=MONDAY + HOUR)
    log = log_of(account("a1", paused=True), announced_limits("reviews", per_day=5), *touches)
    assert len(log.states(Lane)) == 1
    order = m.WithdrawTouch("c000001", TENANT, "p1", "email", "owner_stopped", False)
    log.append(order, at=MONDAY + MINUTE).pass_time(MONDAY + 2 * HOUR)
    assert (log.states(Lane), log.states(Request)) == ([], [])
