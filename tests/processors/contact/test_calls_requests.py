"""A call of a campaign is a touch: it is requested from its pool, gets a slot, and its end
completes the item (S3-20, F-16, F-17)."""

import pytest

from schemas.base.times import HOUR, SECOND
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from schemas.internal.limit_terms import TenantCallTerms
from tests.testing.call_desk import (
    CHANNEL,
    NUMBER,
    SLOT_US,
    call_world,
    contact_of,
    ordered,
)
from tests.testing.story import START, change_campaign, new_event, reasons


def test_a_call_is_requested_from_its_pool_with_its_terms() -> None:
    calls = {"pool": "night", "agent": "agent-1", "from_number": "+12125550100"}
    known = TenantCallTerms(agents={"agent-1": 1}, numbers={"+12125550100": None})
    desk = ordered(call_world(terms={"calls": known}, calls=calls))
    (touch,) = desk.requests()
    assert desk.keys(m.RequestTouch) == [b"*/night"]
    assert (touch.channel, touch.recipient, touch.rules) == (CHANNEL, NUMBER, 2)
    assert touch.call is not None
    assert (touch.call.pool_id, touch.call.agent_id) == ("night", "agent-1")
    assert touch.call.from_number == "+12125550100"
    assert (touch.call.place_us, touch.call.ring_us) == (60 * SECOND, 45 * SECOND)
    assert touch.call.max_us == 900 * SECOND
    assert (touch.call.direct, touch.call.created_at, touch.call.failure_rate) == (
        False,
        START,
        True,
    )
    assert touch.quiet is None and touch.call.hours is None
    assert touch.first and touch.bound_sender == ""


def test_an_answered_call_completes_the_item_and_the_count() -> None:
    desk = ordered(call_world())
    assert desk.counts() == {"runs": 1, "live": 1}
    touch = desk.grant()
    assert contact_of(desk).calls == {touch.command_id: "calls"}
    desk.now += 100 * SECOND
    desk.end(touch, "answered", seconds=60, call_id="CA-1")
    run = desk.run()
    assert (run.status, run.touches[0].phase) == (Status.COMPLETED, Phase.SENT)
    assert run.touches[0].sent_at == desk.now - 60 * SECOND
    assert (run.touches[0].call_id, run.touches[0].call_seconds) == ("CA-1", 60)
    assert contact_of(desk).calls == {}
    assert desk.counts() == {"runs": 1, "completed": 1}
    (report,) = desk.reports()
    assert (report.state, report.outcome, report.pool_id) == ("ended", "answered", "calls")
    assert desk.keys(m.CallReported) == [b"*/calls"]
    assert len(desk.facts(FactKind.TOUCH_SENT)) == 1


def test_the_statement_that_a_call_was_placed_is_progress_and_no_end() -> None:
    desk = ordered(call_world())
    touch = desk.grant()
    desk.deliver(desk.event(m.TouchSent, touch))
    assert desk.touch().phase is Phase.COMMANDED
    for state in ("ringing", "initiated", "ringing", "in_progress"):
        desk.deliver(desk.event(m.CallProgressed, touch, state=state, call_id="CA-1"))
    assert reasons(desk, FactKind.CALL_PROGRESSED) == ["initiated", "ringing", "in_progress"]
    assert [report.state for report in desk.reports()] == [
        *("initiated", "ringing", "initiated", "ringing", "in_progress")
    ]
    assert desk.touch().call_id == "CA-1"
    desk.end(touch, "call-disconnected")
    assert desk.touch().phase is Phase.SENT


def test_a_call_without_an_end_fails_with_no_outcome_and_is_not_made_again() -> None:
    desk = ordered(call_world())
    touch = desk.grant()
    desk.deliver(desk.event(m.TouchSent, touch))
    desk.now += SLOT_US
    desk.lose(touch)
    assert (desk.touch().phase, desk.touch().reason) == (Phase.FAILED, "no_outcome")
    assert (desk.run().reason, desk.run().last_error) == ("failed", "no_outcome")
    assert desk.counts() == {"runs": 1, "failed": 1}
    assert desk.sent_to_dispatch(m.WithdrawTouch) == []
    assert contact_of(desk).calls == {}


def test_a_late_end_corrects_item_and_count() -> None:
    desk = ordered(call_world())
    touch = desk.grant()
    desk.now += SLOT_US
    desk.lose(touch)
    desk.now += HOUR
    desk.end(touch, "answered", seconds=30)
    assert (desk.touch().phase, desk.touch().reason) == (Phase.SENT, "sent_after_no_outcome")
    assert desk.counts() == {"runs": 1, "completed": 1}
    (fact,) = desk.facts(FactKind.TOUCH_CALL_ENDED)
    assert fact.values is not None and fact.values["late_seconds"] == 3_600
    assert desk.run().status is Status.STOPPED  # the run itself is over


def test_without_a_word_of_its_pool_a_call_is_given_up_after_its_slot() -> None:
    desk = ordered(call_world())
    desk.grant()
    desk.advance_to(desk.now + SLOT_US + 301 * SECOND)
    assert (desk.touch().phase, desk.touch().reason) == (Phase.FAILED, "no_outcome")
    assert len(desk.requests()) == 1


@pytest.mark.parametrize("outcome", ["answered", "busy"])
def test_the_end_of_a_call_of_an_erased_person_frees_its_slot(outcome: str) -> None:
    desk = ordered(call_world())
    touch = desk.grant()
    desk.deliver(new_event(desk, m.ContactErased))
    desk.end(touch, outcome)
    desk.deliver(m.TouchRevoked(touch.tenant_id, touch.contact_id, touch.command_id, True))
    assert [report.state for report in desk.reports()] == ["ended"]
    assert contact_of(desk).calls == {}
    status = "completed" if outcome == "answered" else "cancelled"
    assert desk.counts() == {"runs": 1, status: 1}


@pytest.mark.parametrize("how", ["answered", "busy", "failed", "lost"])
def test_a_placed_call_comes_to_its_end_after_a_stop_and_an_erasure(how: str) -> None:
    desk = ordered(call_world())
    touch = desk.grant()
    desk.deliver(desk.event(m.TouchSent, touch), new_event(desk, m.ContactStopped))
    desk.deliver(new_event(desk, m.ContactErased))
    assert desk.counts() == {"runs": 1, "live": 1}
    if how == "lost":
        desk.lose(touch)
    elif how == "failed":
        desk.deliver(desk.event(m.TouchFailed, touch, code="PLACE_UNKNOWN"))
    else:
        desk.end(touch, how)
    status = "completed" if how == "answered" else "cancelled"
    assert desk.counts() == {"runs": 1, status: 1}
    assert contact_of(desk).calls == {}


def test_a_placed_call_of_a_deleted_tenant_comes_to_its_end() -> None:
    desk = ordered(call_world())
    touch = desk.grant()
    desk.deliver(desk.event(m.TouchSent, touch), change_campaign(desk, "cancelled"))
    desk.deliver(m.DeleteTenant("acme", "t#9", desk.now))
    desk.end(touch)
    assert [report.state for report in desk.reports()] == ["initiated", "ended"]
    assert desk.counts() == {"runs": 1, "completed": 1}


def test_a_cancelled_campaign_takes_back_what_waits_and_lets_calls_finish() -> None:
    desk = call_world()
    for name in ("ann", "bob", "cid"):
        ordered(desk, name)
    ann, bob, _ = desk.requests()
    for touch in (ann, bob):
        desk.grant(touch)
    desk.deliver(desk.event(m.TouchSent, ann))
    desk.deliver(change_campaign(desk, "cancelled"))
    withdrawn = desk.sent_to_dispatch(m.WithdrawTouch)
    assert {each.contact_id for each in withdrawn} == {"bob", "cid"}
    assert {each.pool_id for each in withdrawn} == {"calls"}
    assert {*desk.keys(m.WithdrawTouch)} == {b"*/calls"}
    assert desk.run("ann").reason == "campaign_cancelled"
    assert desk.counts() == {"runs": 3, "live": 1, "cancelled": 2}
    desk.end(ann)
    assert desk.touch().reason == "sent_after_campaign_cancelled"
    assert desk.counts() == {"runs": 3, "completed": 1, "cancelled": 2}
