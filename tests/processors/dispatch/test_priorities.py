"""Priority decides among all requests that may go at one moment, however their records lie in the
log (C-35)."""

from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.dispatch.limits import AT_ONCE
from processors.shared.limit_rules import GATHER_US
from schemas.base.times import DAY, HOUR, MILLISECOND, MINUTE, to_datetime
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.messages import Window
from schemas.internal.states import Account, Request
from tests.processors.dispatch.dispatch_log import DispatchLog, announced, request
from tests.testing.builders import TENANT, publish, step
from tests.testing.story import (
    START,
    World,
    deliver,
    job,
    tenant,
    world_with_campaign,
)

PATIENT = {"answer_timeout_minutes": 10_080}
LOW, HIGH = request(1, priority=0), request(2, priority=9)


@st.composite
def requests_of_one_moment(draw: st.DrawFn) -> list[m.RequestTouch]:
    """Requests in the order of their records, all due now."""
    number = draw(st.integers(1, 25))
    touches = [
        request(
            n,
            priority=draw(st.integers(0, 3)),
            scheduled_at=START - draw(st.integers(0, 3)) * HOUR,
        )
        for n in range(number)
    ]
    return draw(st.permutations(touches))


@settings(max_examples=150, deadline=None)
@given(requests_of_one_moment(), st.integers(1, 10), st.integers(1, 30), st.data())
def test_the_same_commands_go_first_in_every_order_of_the_records(
    touches: list[m.RequestTouch], limit: int, batch: int, data: st.DataObject
) -> None:
    log = DispatchLog(announced(limit), batch=batch)
    at = START
    for touch in touches:
        log.append(touch, at=at)
        at += data.draw(st.sampled_from((0, 0, MILLISECOND)))
    log.pass_time(START + HOUR)
    ranked = sorted(touches, key=lambda t: (-t.priority, t.scheduled_at, t.command_id))
    expected = [touch.command_id for touch in ranked]
    assert log.commanded() == expected[:limit]
    log.pass_time(START + 2 * DAY)
    assert log.commanded() == expected


@pytest.mark.parametrize("order", [(LOW, HIGH), (HIGH, LOW)])
@pytest.mark.parametrize("limit", [1, 2, AT_ONCE])
def test_the_higher_priority_goes_first_whichever_came_first(
    order: tuple[m.RequestTouch, ...], limit: int
) -> None:
    log = DispatchLog(announced(limit), *order).pass_time(START + MINUTE)
    assert log.commanded() == [HIGH.command_id, LOW.command_id][:limit]


def test_among_equal_priorities_who_has_been_due_longest_goes_first() -> None:
    touches = [
        request(1, scheduled_at=START - HOUR),
        request(2, scheduled_at=START - DAY),
        request(3, scheduled_at=START - DAY, due_at=START - 1),
    ]
    for order in permutations(touches):
        log = DispatchLog(announced(1), *order).pass_time(START + 3 * HOUR)
        assert log.commanded() == ["c003", "c002", "c001"]


def test_a_gathered_request_has_no_fact_and_its_contact_hears_nothing() -> None:
    log = DispatchLog(announced(1), LOW)
    (waiting,) = log.states(Request)
    assert (waiting.wait, waiting.until) == ("gathering", None)
    assert log.outputs == []
    log.pass_time(START + GATHER_US)
    (fact,) = log.facts(FactKind.TOUCH_COMMANDED)
    assert fact.at == to_datetime(START + GATHER_US)
    assert log.facts(FactKind.TOUCH_DEFERRED) == []
    assert log.states(Request) == []


def test_a_gathered_request_without_a_slot_is_held_by_the_limit_and_says_so() -> None:
    log = DispatchLog(announced(1), LOW, HIGH).pass_time(START + GATHER_US)
    (fact,) = log.facts(FactKind.TOUCH_DEFERRED)
    assert (fact.command_id, fact.reason) == (LOW.command_id, "throttled")
    assert fact.values == {"used": 1, "limit": 1, "window": "1h sliding"}
    assert fact.until == to_datetime(START + HOUR + 2 * GATHER_US)
    (answer,) = log.sent(m.TouchDeferred)
    assert (answer.reason, answer.until) == ("throttled", START + HOUR + 2 * GATHER_US)


def test_far_from_the_limit_nothing_waits() -> None:
    touches = [request(n) for n in range(AT_ONCE)]
    log = DispatchLog(announced(100), *touches)
    assert log.commanded() == [touch.command_id for touch in touches]


def test_a_flood_is_gathered_even_far_from_the_limit() -> None:
    touches = [request(n, priority=n) for n in range(60)]
    log = DispatchLog(announced(100), *touches)
    assert len(log.commanded()) == AT_ONCE
    log.pass_time(START + GATHER_US)
    assert log.commanded()[AT_ONCE:] == [f"c{n:03}" for n in range(59, AT_ONCE - 1, -1)]


def test_near_the_limit_the_rest_goes_by_priority() -> None:
    first = [request(n) for n in range(80)]
    log = DispatchLog(announced(100))
    for place, touch in enumerate(first):
        log.append(touch, at=START + place * GATHER_US // 10)
    at = START + 60 * GATHER_US
    log.append(*(request(n, priority=n) for n in range(100, 130)), at=at)
    log.pass_time(at + GATHER_US)
    assert log.commanded()[80:] == [f"c{n}" for n in range(129, 109, -1)]


def test_without_a_limit_nothing_is_gathered() -> None:
    touches = [request(n) for n in range(50)]
    log = DispatchLog(announced(None), *touches)
    assert len(log.commanded()) == 50
    assert log.states(Request) == []


@pytest.mark.parametrize("limit", [None, 5])
def test_a_limit_that_is_removed_or_raised_lets_the_gathered_go_at_once(limit: int | None) -> None:
    log = DispatchLog(announced(1), LOW, HIGH, announced(limit))
    assert log.commanded() == [HIGH.command_id, LOW.command_id]


def test_a_limit_of_zero_holds_what_was_gathered() -> None:
    log = DispatchLog(announced(1), LOW, announced(0)).pass_time(START + MINUTE)
    assert (log.commanded(), log.states(Request)[0].wait) == ([], "throttled")


def test_a_gathered_request_can_be_withdrawn() -> None:
    order = m.WithdrawTouch(
        HIGH.command_id, TENANT, HIGH.contact_id, "email", "owner_stopped", True
    )
    log = DispatchLog(announced(1), LOW, HIGH, order).pass_time(START + MINUTE)
    assert log.commanded() == [LOW.command_id]
    assert [answer.command_id for answer in log.sent(m.TouchWithdrawn)] == [HIGH.command_id]


def test_a_gathered_request_is_sent_with_the_data_of_its_send_time() -> None:
    amendment = m.AmendTouch(LOW.command_id, TENANT, "email", "new@example.com", None, "t2", {})
    log = DispatchLog(announced(1), LOW, amendment).pass_time(START + MINUTE)
    (command,) = log.sent(m.CommandDue)
    assert (command.touch.recipient, command.touch.template_id) == ("new@example.com", "t2")


def test_an_address_that_is_closed_while_its_request_is_gathered_gets_nothing() -> None:
    closing = m.SuppressAddress(TENANT, "email", LOW.recipient, "opted_out_email", "e#1")
    log = DispatchLog(announced(1), LOW, closing).pass_time(START + MINUTE)
    assert log.commanded() == []
    assert [answer.reason for answer in log.sent(m.TouchRefused)] == ["opted_out_email"]


def test_a_request_that_expires_while_it_is_gathered_is_refused() -> None:
    touch = request(1, expires_at=START + GATHER_US // 2)
    log = DispatchLog(announced(1), touch).pass_time(START + MINUTE)
    assert [answer.reason for answer in log.sent(m.TouchRefused)] == ["expired"]


def test_a_window_that_closes_while_a_request_is_gathered_holds_it() -> None:
    quiet = Window("UTC", 15 * 60, 16 * 60)  # the world starts at 15:00
    log = DispatchLog(announced(1))
    touch = request(1, quiet=quiet, due_at=START - 10 * MILLISECOND)
    log.append(touch, at=START - 10 * MILLISECOND).pass_time(START + MINUTE)
    assert (log.commanded(), log.states(Request)[0].wait) == ([], "quiet_hours")


def test_windows_that_dispatch_holds_open_in_the_order_of_priority() -> None:
    quiet = Window("UTC", 15 * 60, 16 * 60)
    held = [request(n, quiet=quiet, priority=n) for n in range(1, 4)]
    log = DispatchLog(announced(1), *held)
    # One that comes from its contact at the opening, a little later than the timers of dispatch.
    log.append(request(9, priority=9), at=START + HOUR + 20 * MILLISECOND)
    log.pass_time(START + HOUR + MINUTE)
    assert log.commanded() == ["c009"]
    log.pass_time(START + 6 * HOUR)
    assert log.commanded() == ["c009", "c003", "c002", "c001"]


def test_an_account_at_rest_has_no_timer() -> None:
    log = DispatchLog(announced(5), LOW, HIGH).pass_time(START + MINUTE)
    (account,) = log.states(Account)
    assert account.next_slot_at is None


def two_services(hours: float, first: tuple[str, int], second: tuple[str, int]) -> World:
    """A world with a limit of one, and two people whose touches are due at one moment: each in the
    campaign of a service with its priority."""
    world = world_with_campaign(
        steps=[step("a", hours=hours)], settings=PATIENT | {"priority": first[1]}
    )
    settings = PATIENT | {"priority": second[1]}
    deliver(
        world,
        publish(
            campaign_id="b",
            service_type="plumbing",
            steps=[step("a", hours=hours)],
            settings=settings,
        ),
        tenant(limits={"email": 1}),
    )
    return deliver(
        world,
        job("j1", contact_id=first[0]),
        job("j2", contact_id=second[0], service_type="plumbing"),
    )


@pytest.mark.parametrize("hours", [1, 12.5])  # at once, and when the quiet hours end
@pytest.mark.parametrize("people", [("ann", "bob"), ("bob", "ann"), ("zoe", "abe")])
def test_priority_decides_and_not_the_name_of_the_person(hours: float, people: Any) -> None:
    low, high = people
    world = two_services(hours, (low, 0), (high, 9))
    world.advance_hours(30)
    order = [fact.contact_id for fact in world.facts(FactKind.TOUCH_COMMANDED)]
    assert order[:2] == [high, low]


# requests of older versions


@pytest.mark.parametrize("order", [(LOW, HIGH), (HIGH, LOW)])
def test_requests_of_an_older_version_are_decided_as_it_did(
    order: tuple[m.RequestTouch, ...],
) -> None:
    """First come, first served: so a recorded log leads to its commands."""
    touches = [msgspec.structs.replace(touch, rules=0) for touch in order]
    log = DispatchLog(announced(1), *touches)
    assert log.commanded() == [order[0].command_id]
    assert [answer.reason for answer in log.sent(m.TouchDeferred)] == ["throttled"]
    log.pass_time(START + 2 * HOUR)
    assert log.commanded() == [touch.command_id for touch in order]


def test_requests_of_both_versions_share_a_queue() -> None:
    before = [request(n, rules=0, due_at=START - n) for n in range(1, 4)]
    log = DispatchLog(announced(1), *before, request(4, priority=1), request(5))
    log.pass_time(START + 6 * HOUR)
    assert log.commanded() == ["c001", "c004", "c003", "c002", "c005"]


def test_a_request_of_the_moment_of_a_slot_is_compared_with_those_that_wait() -> None:
    log = DispatchLog(announced(1), LOW).pass_time(START + GATHER_US)
    log.append(request(8))
    slot_at = START + GATHER_US + HOUR
    log.pass_time(slot_at)
    log.append(request(9, priority=9), at=slot_at)
    log.pass_time(slot_at + GATHER_US)
    assert log.commanded()[-1] == "c009"
