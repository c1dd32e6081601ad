"""Explanations: the status and the wait of a run, and facts beside its gates."""

import msgspec
import pytest

from processors.why import GATE_ORDER, NOT_ASKED, explain
from schemas.internal import messages as m
from schemas.internal.facts import Fact, FactKind
from tests.testing.builders import CONTACT, TENANT, step
from tests.testing.explanations import TWO_STEPS, at, explanation_of, gates_of
from tests.testing.story import (
    change_campaign,
    contact_of,
    deliver,
    enrolled,
    event_fields,
    failing_sender,
    make_sender,
    prospecting,
    reviewed,
    seen,
    sent,
    unsubscribed,
    working_senders,
)
from tests.testing.story import job as finished


def test_an_ended_run_has_a_reason_and_no_wait() -> None:
    world = enrolled(steps=TWO_STEPS)
    review = reviewed(world)
    deliver(world, review)
    (run,) = explanation_of(world).runs
    assert (run.status, run.reason, run.waits) == ("stopped", "review_clicked", None)
    closed = gates_of(world)["enrollment"]
    assert (closed.result, closed.reason, closed.cause) == (
        "refused",
        "review_clicked",
        review.cause,
    )


def test_a_run_that_waits_for_a_trigger_has_its_events_and_its_end() -> None:
    waiting = {**step("a", hours=1), "wait_for": {"event": "open", "max_wait_hours": 10}}
    world = prospecting(waiting, step("b", hours=1))
    world.advance_hours(2, working_senders())
    waits = explanation_of(world).runs[0].waits
    assert waits is not None
    assert (waits.reason, waits.since, waits.until) == ("trigger", at(1), at(11))
    assert waits.values == {"events": ["open"]}


def test_a_branch_is_shown_with_the_event_that_led_to_it() -> None:
    wait = {"event": "open", "max_wait_hours": 10, "on_event": {"branch": "c"}}
    world = prospecting(
        {**step("a", hours=1), "wait_for": wait}, step("b", hours=1), step("c", hours=1)
    )
    world.advance_hours(2, working_senders())
    deliver(world, seen(world, world.commanded_touches()[0]))
    (run,) = explanation_of(world).runs
    assert (run.touches[0].awaited, run.touches[0].outcome) == ("open", "branch")
    assert [touch.step_id for touch in run.touches] == ["a", "c"]


def test_a_command_without_an_answer_waits_until_its_timeout() -> None:
    world = enrolled(steps=TWO_STEPS)
    world.advance_hours(24.1)
    waits = explanation_of(world).runs[0].waits
    assert waits is not None and (waits.reason, waits.until) == ("answer", at(24.5))


def test_all_gates_are_checked_again_for_a_retry_with_another_command() -> None:
    world = enrolled(steps=TWO_STEPS)
    world.advance_hours(24, [failing_sender("503")])
    touch = explanation_of(world).runs[0].touches[0]
    assert {gate.result for gate in touch.gates} == {NOT_ASKED}
    waits = explanation_of(world).runs[0].waits
    assert waits is not None and waits.reason == "retry"
    world.advance_hours(1, [make_sender(sent, world)])
    assert len(explanation_of(world).runs[0].touches[0].commands) == 2


def test_a_declined_enrollment_is_shown_with_its_reason() -> None:
    world = enrolled(settings={"repeat_job": "ignore"})
    world.advance_hours(1)
    deliver(world, finished("j2", world.now))
    (declined,) = [
        f for f in explanation_of(world).besides if f.fact is FactKind.ENROLLMENT_DECLINED
    ]
    assert declined.reason == "ENROLLMENT_ALREADY_ACTIVE"


def test_one_enrollment_is_shown_with_the_facts_about_the_contact_during_it() -> None:
    world = enrolled(steps=TWO_STEPS)
    deliver(world, reviewed(world))
    world.advance_hours(1)
    deliver(world, finished("j2", world.now), unsubscribed(world))
    first, second = explanation_of(world).runs
    assert [
        run.enrollment_id for run in explanation_of(world, enrollment_id=first.enrollment_id).runs
    ] == [first.enrollment_id]
    kinds = {f.fact for f in explanation_of(world, enrollment_id=second.enrollment_id).besides}
    assert FactKind.CONTACT_OPTED_OUT in kinds
    assert explanation_of(world, campaign_id="another").runs == []


def test_a_revocation_is_in_the_timeline_of_the_run_of_its_command() -> None:
    world = enrolled(steps=TWO_STEPS)
    world.advance_hours(24)
    deliver(world, m.ContactStopped(**event_fields(world)))
    assert FactKind.TOUCH_REVOKED in [fact.fact for fact in explanation_of(world).runs[0].timeline]


def test_facts_without_values_give_gates_without_values() -> None:
    world = enrolled(steps=TWO_STEPS)
    world.advance_hours(25, working_senders())
    old: list[Fact] = [msgspec.structs.replace(fact, values=None) for fact in world.facts()]
    run = explain(TENANT, CONTACT, old, contact_of(world).enrollments).runs[0]
    assert {gate.result for gate in run.touches[0].gates} == {"passed"}
    assert run.touches[0].gates[GATE_ORDER.index("window")].values == {}


@pytest.mark.parametrize("secret", ["ann@example.com", "+15550100", "Ann"])
def test_an_explanation_has_no_address_and_no_name(secret: str) -> None:
    world = enrolled(steps=TWO_STEPS)
    world.advance_hours(100, working_senders())
    assert secret.encode() not in msgspec.json.encode(explanation_of(world))


def test_a_pause_that_began_during_one_touch_makes_the_next_wait() -> None:
    world = enrolled(steps=TWO_STEPS)
    world.advance_hours(24)
    (touch,) = world.commanded_touches()
    pause = change_campaign(world, "paused")
    deliver(world, pause)
    deliver(world, *sent(world, touch))
    held = gates_of(world, 1)["campaign"]
    assert (held.result, held.reason, held.cause) == ("waits", "campaign_paused", pause.cause)
    deliver(world, change_campaign(world, "resumed"))
    assert gates_of(world, 1)["campaign"].result != "waits"
