"""How a person is called again: after which outcome, when, how often, and what ends the touch
(S3-22)."""

import pytest

from schemas.base.times import DAY, HOUR, MINUTE, SECOND
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from tests.testing.call_desk import (
    CallDesk,
    call_step,
    call_world,
    contact_of,
    minutes_between,
    ordered,
    usual_redial,
)
from tests.testing.story import reasons, upserted


def redialling(**changes: object) -> CallDesk:
    return ordered(call_world(call_step(redial=usual_redial(**changes))))


def call_until(desk: CallDesk, *outcomes: str) -> None:
    """Calls end with these outcomes, each as soon as its call is requested."""
    for outcome in outcomes:
        desk.call(outcome)
        due = desk.run().due()
        if due is not None:
            desk.advance_to(due)


def test_without_a_setting_a_person_is_called_once() -> None:
    desk = ordered(call_world())
    desk.call("busy")
    desk.advance_hours(48)
    assert len(desk.requests()) == 1
    assert (desk.touch().phase, desk.touch().reason) == (Phase.FAILED, "busy")
    assert (desk.run().reason, desk.run().last_error) == ("failed", "busy")
    assert desk.counts() == {"runs": 1, "failed": 1}


def test_each_outcome_has_its_delays_in_turn() -> None:
    desk = redialling()
    call_until(desk, "busy", "busy", "busy")
    assert minutes_between(desk) == [15, 60]
    assert [touch.attempt for touch in desk.requests()] == [1, 2, 3]
    assert len({touch.command_id for touch in desk.requests()}) == 3
    assert (desk.touch().phase, desk.touch().reason) == (Phase.FAILED, "busy")
    assert reasons(desk, FactKind.TOUCH_RETRIED) == ["busy", "busy"]
    assert desk.touch().ends == {1: "busy", 2: "busy", 3: "busy"}


def test_the_delays_of_an_outcome_count_its_own_calls() -> None:
    desk = redialling()
    call_until(desk, "busy", "no_answer", "busy")
    assert minutes_between(desk) == [15, 60]


def test_the_last_delay_holds_for_all_further_calls() -> None:
    desk = redialling(max_attempts=5)
    call_until(desk, *["busy"] * 5)
    assert minutes_between(desk) == [15, 60, 60, 60]


def test_an_answer_ends_the_calls() -> None:
    desk = redialling()
    call_until(desk, "no_answer", "answered")
    assert (desk.touch().phase, desk.run().status) == (Phase.SENT, Status.COMPLETED)
    assert desk.counts() == {"runs": 1, "completed": 1}


def test_a_voicemail_is_called_again_while_there_are_attempts_and_completes_then() -> None:
    desk = redialling(max_attempts=2)
    call_until(desk, "voicemail", "no_answer")
    assert minutes_between(desk) == [1_440]
    assert (desk.touch().phase, desk.run().status) == (Phase.SENT, Status.COMPLETED)
    assert desk.counts() == {"runs": 1, "completed": 1}


def test_a_voicemail_without_a_rule_completes_at_once() -> None:
    desk = redialling(outcomes={"voicemail": []})
    call_until(desk, "voicemail")
    assert (len(desk.requests()), desk.touch().phase) == (1, Phase.SENT)


def test_what_the_provider_had_no_capacity_for_is_no_attempt() -> None:
    desk = ordered(call_world())
    call_until(desk, "provider_limit", "provider_limit", "answered")
    assert minutes_between(desk) == [1, 1]
    assert desk.touch().ends == {3: "answered"}
    assert desk.touch().phase is Phase.SENT


@pytest.mark.parametrize("code", ["429", "balance_low", "too_many_requests"])
def test_a_sender_that_the_provider_limits_is_no_attempt_either(code: str) -> None:
    desk = ordered(call_world())
    touch = desk.grant()
    desk.deliver(desk.event(m.TouchFailed, touch, code=code))
    assert desk.touch().wait == "redial"
    desk.advance_to(desk.now + 1 * MINUTE)
    assert [touch.attempt for touch in desk.requests()] == [1, 2]
    assert [report.outcome for report in desk.reports()] == ["provider_limit"]


def test_a_call_that_may_have_been_placed_is_not_made_again() -> None:
    desk = redialling()
    touch = desk.grant()
    desk.deliver(desk.event(m.TouchFailed, touch, code="PLACE_UNKNOWN"))
    assert (desk.touch().phase, desk.touch().call_outcome) == (Phase.FAILED, "unknown")
    assert [report.outcome for report in desk.reports()] == ["unknown"]


def test_a_setting_can_call_again_after_an_unknown_outcome() -> None:
    desk = redialling(outcomes={"unknown": [30]})
    touch = desk.grant()
    desk.now += 20 * MINUTE
    desk.lose(touch)
    desk.advance_to(desk.now + 30 * MINUTE)
    assert minutes_between(desk) == [50]


def test_a_sender_that_fails_is_tried_again_like_others_and_then_the_call_has_failed() -> None:
    """One, five and fifteen minutes (F-7); after that the rule of `failed` holds."""
    desk = redialling(max_attempts=2)
    for _ in range(5):
        desk.deliver(desk.event(m.TouchFailed, desk.grant(), code="503"))
        due = desk.run().due()
        if due is not None:
            desk.advance_to(due)
    assert minutes_between(desk) == [1, 5, 15, 5]
    assert (desk.touch().phase, desk.touch().reason) == (Phase.FAILED, "503")


def test_a_final_failure_of_the_sender_fails_the_item() -> None:
    desk = redialling()
    desk.deliver(desk.event(m.TouchFailed, desk.grant(), code="no_agent_app", permanent=True))
    assert (desk.touch().phase, desk.run().reason) == (Phase.FAILED, "failed")


@pytest.mark.parametrize(("outcome", "closed"), [("invalid_number", 1), ("blocked", 0)])
def test_an_outcome_closes_the_number(outcome: str, closed: int) -> None:
    """A number that does not exist is closed for texts too."""
    desk = redialling()
    touch = desk.call(outcome)
    assert (desk.touch().phase, desk.touch().reason) == (Phase.FAILED, outcome)
    (order,) = desk.sent_to_dispatch(m.SuppressAddress)
    assert (order.channel, order.recipient) == (touch.channel, touch.recipient)
    assert desk.keys(m.SuppressAddress) == [b"acme/voice"]
    assert len(contact_of(desk).bounced) == closed


def test_no_call_is_made_that_is_too_long_after_the_first() -> None:
    desk = redialling(max_attempts=20, max_age_days=1, outcomes={"no_answer": [600]})
    call_until(desk, *["no_answer"] * 3)
    assert minutes_between(desk) == [600, 600]
    assert (desk.touch().phase, desk.touch().reason) == (Phase.FAILED, "no_answer")


@pytest.mark.parametrize(
    ("exit_", "status", "steps"),
    [
        ("fail", Status.STOPPED, 1),
        ("stop", Status.STOPPED, 1),
        ("complete", Status.COMPLETED, 1),
        ("advance", Status.ACTIVE, 2),
        ("skip", Status.ACTIVE, 2),
    ],
)
def test_used_up_calls_leave_the_step_as_it_says(exit_: str, status: Status, steps: int) -> None:
    rule = usual_redial(max_attempts=1, on_exhausted=exit_)
    desk = ordered(call_world(call_step("a", redial=rule), call_step("b")))
    desk.call("no_answer")
    assert (desk.run().status, len(desk.run().touches)) == (status, steps)
    assert desk.run().touches[0].reason == "no_answer"


def test_an_item_counts_as_failed_whatever_the_exit_of_its_step_is() -> None:
    rule = usual_redial(max_attempts=1, on_exhausted="complete")
    desk = ordered(call_world(call_step(redial=rule)))
    desk.call("no_answer")
    assert desk.counts() == {"runs": 1, "failed": 1}


def test_the_rules_of_a_number_go_with_the_request() -> None:
    rule = usual_redial(max_per_number_per_day=2, min_gap_minutes=60)
    (touch,) = ordered(call_world(call_step(redial=rule))).requests()
    assert touch.call is not None
    assert (touch.call.max_per_number_per_day, touch.call.min_gap_us) == (2, HOUR)


def test_a_provider_that_never_has_capacity_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processors.contact.calls.UNCOUNTED_MAX", 3)
    desk = ordered(call_world())
    call_until(desk, *["provider_limit"] * 4)
    assert (desk.touch().phase, desk.touch().reason) == (Phase.FAILED, "provider_limit")


# pause, stop, and what changes while a call waits


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


def _paused(desk: CallDesk) -> m.Message:
    return m.ContactPaused("acme", "ann", f"pause#{desk.now}", desk.now)


def _resumed(desk: CallDesk) -> m.Message:
    return m.ContactResumed("acme", "ann", f"resume#{desk.now}", desk.now)


def _stopped(desk: CallDesk) -> m.Message:
    return m.ContactStopped("acme", "ann", f"stop#{desk.now}", desk.now)
