"""What stops, pauses and changes around calls, and reports that have no effect (F-4, C-32)."""

import pytest

from schemas.base.times import DAY, HOUR, MINUTE, SECOND
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase
from schemas.internal.facts import FactKind
from tests.testing.call_desk import (
    CallDesk,
    call_step,
    call_world,
    ordered,
    usual_redial,
)
from tests.testing.story import reasons, tenant, upserted


def redialling(**changes: object) -> CallDesk:
    return ordered(call_world(call_step(redial=usual_redial(**changes))))


def _paused(desk: CallDesk) -> m.Message:
    return m.ContactPaused("acme", "ann", f"pause#{desk.now}", desk.now)


def _resumed(desk: CallDesk) -> m.Message:
    return m.ContactResumed("acme", "ann", f"resume#{desk.now}", desk.now)


def _stopped(desk: CallDesk) -> m.Message:
    return m.ContactStopped("acme", "ann", f"stop#{desk.now}", desk.now)


def test_a_redial_waits_longer_by_a_pause() -> None:
    desk = redialling()
    desk.call("no_answer")
    desk.now += 20 * MINUTE
    desk.deliver(_paused(desk))
    desk.now += 5 * HOUR
    desk.deliver(_resumed(desk))
    due = desk.run().due()
    assert due is not None
    assert due - desk.now == 40 * MINUTE
    desk.advance_to(due)
    assert len(desk.requests()) == 2


def test_a_call_that_ends_during_a_pause_is_called_again_after_it() -> None:
    desk = redialling()
    touch = desk.grant()
    desk.deliver(_paused(desk))
    desk.now += MINUTE
    desk.end(touch, "no_answer")
    desk.now += 10 * HOUR
    desk.deliver(_resumed(desk))
    due = desk.run().due()
    assert due is not None
    assert due - desk.now == 60 * MINUTE


def test_a_pause_takes_back_a_call_that_waits_for_its_slot() -> None:
    desk = redialling()
    (touch,) = desk.requests()
    desk.deliver(_paused(desk))
    (order,) = desk.sent_to_dispatch(m.WithdrawTouch)
    assert (order.pool_id, order.revoke) == ("calls", False)
    desk.deliver(m.TouchWithdrawn(touch.tenant_id, touch.contact_id, touch.command_id))
    assert desk.counts() == {"runs": 1, "live": 1}
    desk.deliver(_resumed(desk))
    assert len(desk.requests()) == 2


def test_a_stop_while_a_redial_waits_cancels_the_item() -> None:
    desk = redialling()
    desk.call("no_answer")
    desk.deliver(_stopped(desk))
    assert (desk.touch().phase, desk.touch().reason) == (Phase.SKIPPED, "owner_stopped")
    assert desk.counts() == {"runs": 1, "cancelled": 1}


def test_a_stop_revokes_a_command_that_nobody_has_reported_as_placed() -> None:
    desk = redialling()
    touch = desk.grant()
    desk.deliver(_stopped(desk))
    (order,) = desk.sent_to_dispatch(m.WithdrawTouch)
    assert (order.revoke, order.pool_id) == (True, "calls")
    desk.deliver(m.TouchRevoked(touch.tenant_id, touch.contact_id, touch.command_id, True))
    assert desk.counts() == {"runs": 1, "cancelled": 1}
    desk.end(touch, "answered")
    assert desk.touch().reason == "sent_after_owner_stopped"
    assert desk.counts() == {"runs": 1, "completed": 1}


@pytest.mark.parametrize("outcome", ["busy", "failed", "unknown"])
def test_a_call_of_a_stopped_run_is_not_made_again(outcome: str) -> None:
    desk = redialling(outcomes={"busy": [15], "failed": [5], "unknown": [5]})
    touch = desk.grant()
    desk.deliver(desk.event(m.CallProgressed, touch, state="in_progress"))
    desk.deliver(_stopped(desk))
    assert desk.counts() == {"runs": 1, "live": 1}
    desk.end(touch, outcome)
    desk.advance_hours(24)
    assert (len(desk.requests()), desk.touch().phase) == (1, Phase.SKIPPED)
    assert desk.counts() == {"runs": 1, "cancelled": 1}


def test_the_lost_call_of_a_stopped_run_is_over() -> None:
    desk = redialling()
    touch = desk.grant()
    desk.deliver(desk.event(m.TouchSent, touch))
    desk.deliver(_stopped(desk))
    desk.lose(touch)
    assert (desk.touch().phase, desk.counts()) == (Phase.SKIPPED, {"runs": 1, "cancelled": 1})


def test_a_number_that_changes_while_a_redial_waits_is_called() -> None:
    desk = redialling()
    desk.call("no_answer")
    desk.deliver(upserted(desk, phone="+12125550199"))
    desk.advance_to(desk.run().due() or 0)
    assert [touch.recipient for touch in desk.requests()] == ["+12125550123", "+12125550199"]


def test_a_number_that_changes_while_a_call_waits_for_its_slot_is_amended() -> None:
    desk = redialling()
    desk.deliver(upserted(desk, phone="+12125550199"))
    (amendment,) = desk.sent_to_dispatch(m.AmendTouch)
    assert (amendment.recipient, amendment.pool_id) == ("+12125550199", "calls")
    assert amendment.call == desk.requests()[0].call
    assert desk.keys(m.AmendTouch) == [b"*/calls"]


def test_a_number_that_must_not_be_called_takes_a_waiting_call_back() -> None:
    desk = redialling()
    (touch,) = desk.requests()
    desk.deliver(upserted(desk, phone="+19005550100"))
    (order,) = desk.sent_to_dispatch(m.WithdrawTouch)
    assert order.reason == "number_not_allowed"
    desk.deliver(m.TouchWithdrawn(touch.tenant_id, touch.contact_id, touch.command_id))
    assert (desk.touch().phase, desk.touch().reason) == (Phase.SKIPPED, "number_not_allowed")
    assert desk.counts() == {"runs": 1, "skipped": 1}


def test_an_opt_out_takes_a_call_back_and_what_follows_is_skipped() -> None:
    desk = redialling()
    desk.call("no_answer")
    desk.deliver(m.ContactUnsubscribed("acme", "ann", "out#1", desk.now, "voice"))
    desk.advance_hours(24)
    assert len(desk.requests()) == 1
    assert desk.run().reason == "opted_out_voice"


def test_what_a_call_led_to_is_recorded_and_changes_nothing_else() -> None:
    desk = ordered(call_world())
    touch = desk.call("answered")
    before = desk.counts()
    reviews = [
        desk.event(m.CallReviewed, touch, success=success, result="callback", at=desk.now + at)
        for success, at in ((True, 2), (False, 1))
    ]
    desk.deliver(*reviews)
    assert (desk.touch().reviewed, desk.counts()) == (True, before)
    desk.deliver(reviews[0])
    assert len(desk.facts(FactKind.CALL_REVIEWED)) == 1
    assert [report.state for report in desk.reports()] == ["ended"]


def test_absurd_seconds_do_not_move_a_call_before_its_command() -> None:
    desk = ordered(call_world())
    touch = desk.grant()
    granted_at = desk.now
    desk.now += 30 * SECOND
    desk.end(touch, "answered", seconds=1_000_000_000)
    assert desk.touch().sent_at == granted_at


def test_an_end_of_a_call_that_never_had_a_slot_is_refused() -> None:
    desk = ordered(call_world())
    (touch,) = desk.requests()
    desk.end(touch, "answered")
    assert reasons(desk, FactKind.EVENT_REFUSED) == ["COMMAND_UNKNOWN"]
    assert desk.touch().phase is Phase.REQUESTED


def test_the_fact_of_an_end_has_the_ids_and_codes_of_the_provider_and_no_text() -> None:
    desk = ordered(call_world())
    words = {"raw_status": "no-answer", "answered_by": "somebody said +1 212 555 0123"}
    desk.call("no_answer", call_id="CA" + 32 * "0", **words)
    (fact,) = desk.facts(FactKind.TOUCH_CALL_ENDED)
    assert fact.values == {
        "outcome": "no_answer",
        "seconds": 0,
        "call_id": "CA" + 32 * "0",
        "raw_status": "no-answer",
    }


@pytest.mark.parametrize("call_id", ["sip:+12125550123@example.com", "212-555-0123", "12125550123"])
def test_no_fact_has_an_id_that_may_be_an_address(call_id: str) -> None:
    desk = ordered(call_world())
    touch = desk.grant()
    desk.deliver(desk.event(m.CallProgressed, touch, state="ringing", call_id=call_id))
    desk.end(touch, "answered", call_id=call_id)
    assert desk.touch().call_id == call_id
    values = [fact.values for fact in desk.facts() if fact.values]
    assert call_id not in repr(values)


def test_the_end_of_a_call_of_another_tenants_person_changes_nothing() -> None:
    desk = ordered(call_world())
    touch = desk.grant()
    desk.deliver(tenant(tenant_id="rival", cause="t#2"))
    rival = m.ContactUpserted("rival", "ann", "r#1", desk.now, m.Person(phone="+12125550123"))
    desk.deliver(rival, desk.ended(touch, tenant_id="rival"))
    assert desk.touch().phase is Phase.COMMANDED
    assert [report.tenant_id for report in desk.reports()] == ["rival"]
    assert reasons(desk, FactKind.EVENT_REFUSED) == ["COMMAND_UNKNOWN"]


def test_an_erasure_while_a_redial_waits_cancels_the_item() -> None:
    desk = redialling()
    desk.call("no_answer")
    desk.deliver(m.ContactErased("acme", "ann", "erase#1", desk.now))
    desk.advance_hours(24)
    assert len(desk.requests()) == 1
    assert desk.counts() == {"runs": 1, "cancelled": 1}


def test_another_tenants_end_changes_nothing() -> None:
    desk = ordered(call_world())
    touch = desk.grant()
    desk.deliver(desk.ended(touch, tenant_id="rival"))
    assert desk.touch().phase is Phase.COMMANDED
    assert desk.reports() == []
    assert reasons(desk, FactKind.EVENT_REFUSED) == ["TENANT_UNKNOWN"]


def test_an_expired_run_still_reports_the_end_of_its_call_to_the_pool() -> None:
    desk = ordered(call_world())
    touch = desk.grant()
    desk.now += 15 * DAY
    desk.end(touch, "busy")
    desk.end(touch, "busy")
    assert [report.state for report in desk.reports()] == ["ended", "ended"]
    assert desk.counts() == {"runs": 1, "failed": 1}
