"""How a person is called again: after which outcome, when, how often, and what ends the touch
(S3-22)."""

import pytest

from schemas.base.times import HOUR, MINUTE
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
from tests.testing.story import reasons


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


def test_the_id_of_a_call_is_that_of_the_call_that_counts() -> None:
    desk = redialling()
    first = desk.call("busy", call_id="CA-1")
    desk.advance_to(desk.run().due() or 0)
    desk.grant()
    assert desk.touch().call_id is None
    desk.end(first, "answered", call_id="CA-9", seconds=20)
    assert (desk.touch().phase, desk.touch().call_id) == (Phase.SENT, "CA-9")
    assert (desk.touch().call_outcome, desk.touch().call_seconds) == ("answered", 20)


def test_a_provider_that_never_has_capacity_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processors.contact.calls.UNCOUNTED_MAX", 3)
    desk = ordered(call_world())
    call_until(desk, *["provider_limit"] * 4)
    assert (desk.touch().phase, desk.touch().reason) == (Phase.FAILED, "provider_limit")
