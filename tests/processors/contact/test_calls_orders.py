"""Whatever the order in which reports of calls arrive, twice or late: the item has the same status
in the end (promise 9)."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base.call_outcomes import CALL_OUTCOMES, NO_ATTEMPT, REACHED, UNKNOWN
from schemas.base.times import MINUTE
from schemas.internal import messages as m
from schemas.internal.enrollment import RESOLVED
from schemas.internal.facts import FactKind
from schemas.internal.item_status import item_status
from tests.testing.call_desk import CallDesk, call_step, call_world, ordered, usual_redial
from tests.testing.story import contact_of, reasons

OUTCOMES = sorted({*CALL_OUTCOMES} - NO_ATTEMPT)


def reports(desk: CallDesk, touch: m.RequestTouch, outcomes: list[str]) -> list[m.Message]:
    """Everything that can be reported of one call, one end for each outcome, and the loss of its
    slot."""
    return [
        desk.event(m.TouchSent, touch),
        desk.event(m.CallProgressed, touch, state="ringing", call_id="CA-1"),
        desk.event(m.CallReviewed, touch, success=True),
        m.CallLost(touch.tenant_id, touch.contact_id, touch.command_id),
        *(
            desk.ended(touch, outcome, at=desk.now + number, cause=f"end#{number}")
            for number, outcome in enumerate(outcomes)
        ),
    ]


def expected(outcomes: list[str]) -> dict[str, int]:
    status = "completed" if any(outcome in REACHED for outcome in outcomes) else "failed"
    return {"runs": 1, status: 1}


@pytest.mark.parametrize("outcome", ["answered", "busy", "unknown"])
def test_the_reports_of_a_call_may_come_in_any_order(outcome: str) -> None:
    for order in permutations(range(5)):
        desk = ordered(call_world())
        events = reports(desk, desk.grant(), [outcome])
        desk.deliver(*(events[place] for place in order))
        assert desk.counts() == expected([outcome]), order
        assert desk.touch().call_outcome == outcome


@given(
    st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=3),
    st.lists(st.integers(0, 6), max_size=14),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_reports_in_any_order_and_twice_lead_to_the_same_status(
    outcomes: list[str], drawn: list[int], is_stopped: bool
) -> None:
    desk = ordered(call_world())
    touch = desk.grant()
    desk.deliver(desk.event(m.TouchSent, touch))
    if is_stopped:
        desk.deliver(m.ContactStopped("acme", "ann", "stop#1", desk.now))
    events = reports(desk, touch, outcomes)
    places = [place for place in drawn if place < len(events)]
    places += [place for place in range(len(events)) if place not in places]
    for place in places:
        desk.now += MINUTE
        desk.deliver(events[place])
    counts = expected(outcomes)
    if is_stopped and "failed" in counts:
        counts = {"runs": 1, "cancelled": 1}
    assert desk.counts() == counts
    assert desk.touch().phase in RESOLVED
    assert len(desk.requests()) == 1
    assert len(desk.facts(FactKind.TOUCH_SENT)) == ("completed" in counts)


@given(st.lists(st.sampled_from(OUTCOMES), min_size=3, max_size=3), st.data())
@settings(max_examples=150, deadline=None)
def test_late_and_doubled_ends_of_earlier_calls_change_nothing(
    outcomes: list[str], data: st.DataObject
) -> None:
    """The same outcomes of the same calls, once in order and once with repeats of what is past."""
    plain, disturbed = (ordered(call_world(call_step(redial=usual_redial()))) for _ in range(2))
    past: list[m.Message] = []
    for outcome in outcomes:
        for desk in (plain, disturbed):
            due = desk.run().due()
            if due is not None and desk.touch().phase not in RESOLVED:
                desk.advance_to(due)
        if plain.touch().phase in RESOLVED:
            break
        plain.grant()
        touch = disturbed.grant()
        for event in data.draw(st.lists(st.sampled_from(past), max_size=3)) if past else []:
            disturbed.deliver(event)
        end = disturbed.ended(touch, outcome)
        past += [end, disturbed.event(m.TouchSent, touch)]
        disturbed.deliver(end)
        plain.end(plain.requests()[-1], outcome)
    disturbed.deliver(*past)
    assert disturbed.counts() == plain.counts()
    assert disturbed.touch().ends == plain.touch().ends
    assert [t.attempt for t in disturbed.requests()] == [t.attempt for t in plain.requests()]
    assert item_status(disturbed.run()) == item_status(plain.run())


def test_an_earlier_call_that_reached_the_person_after_all_ends_the_calls() -> None:
    desk = ordered(call_world(call_step(redial=usual_redial(outcomes={"unknown": [5]}))))
    first = desk.grant()
    desk.lose(first)
    desk.advance_to(desk.now + 5 * MINUTE)
    second = desk.grant()
    desk.end(first, "answered")
    assert desk.counts() == {"runs": 1, "completed": 1}
    (order,) = desk.sent_to_dispatch(m.WithdrawTouch)
    assert (order.command_id, order.revoke) == (second.command_id, True)
    assert desk.touch().ends == {1: "answered"}


def test_an_end_that_comes_twice_is_one_fact() -> None:
    desk = ordered(call_world())
    touch = desk.call("busy")
    desk.end(touch, "busy")
    desk.end(touch, "rejected")
    assert reasons(desk, FactKind.TOUCH_CALL_ENDED) == ["busy"]
    assert len(desk.facts(FactKind.TOUCH_FAILED)) == 1


@pytest.mark.parametrize("outcome", ["busy", UNKNOWN])
def test_a_late_end_takes_the_place_of_what_was_not_known(outcome: str) -> None:
    desk = ordered(call_world())
    touch = desk.grant()
    desk.lose(touch)
    desk.end(touch, outcome)
    reason = "no_outcome" if outcome == UNKNOWN else outcome
    assert (desk.touch().reason, desk.run().last_error) == (reason, reason)
    assert desk.counts() == {"runs": 1, "failed": 1}


def test_a_call_that_the_provider_refused_at_last_is_reported_once() -> None:
    desk = ordered(call_world())
    touch = desk.grant()
    desk.lose(touch)
    desk.end(touch, "provider_limit")
    desk.end(touch, "provider_limit")
    assert reasons(desk, FactKind.TOUCH_CALL_ENDED) == ["provider_limit"]
    assert desk.counts() == {"runs": 1, "failed": 1}


def test_the_number_of_an_erased_person_is_not_kept_as_a_closed_one() -> None:
    desk = ordered(call_world())
    touch = desk.grant()
    desk.deliver(m.ContactErased("acme", "ann", "erase#1", desk.now))
    desk.end(touch, "invalid_number")
    assert contact_of(desk).bounced == {}
