"""Calls of campaigns that do not call again: the statement of the sender ends the step, and the
outcome is a signal (X-6)."""

from typing import Any

import pytest

from schemas.base.times import MINUTE
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from tests.testing.builders import publish, step
from tests.testing.call_desk import CallDesk, call_step, contact_of, ordered
from tests.testing.story import reasons, tenant


def desk_with(*steps: dict[str, Any], **settings: Any) -> CallDesk:
    """Ann, enrolled in a campaign of prospecting."""
    desk = CallDesk()
    desk.deliver(tenant())
    rules = {"quiet_hours": "none", **settings}
    desk.deliver(publish(kind="prospecting", steps=list(steps), settings=rules))
    return ordered(desk)


def test_a_call_goes_to_the_pool_that_is_always_there() -> None:
    desk = desk_with(call_step())
    assert desk.keys(m.RequestTouch) == [b"*/calls"]
    (touch,) = desk.requests()
    assert touch.call is not None
    assert (touch.call.pool_id, touch.call.hours, touch.call.failure_rate) == ("calls", None, False)
    assert touch.call.position == 0


def test_the_statement_of_its_sender_ends_the_step() -> None:
    desk = desk_with(call_step())
    touch = desk.grant()
    desk.deliver(desk.event(m.TouchSent, touch))
    assert (desk.touch().phase, desk.run().status) == (Phase.SENT, Status.COMPLETED)
    assert contact_of(desk).calls != {}  # the call is under way, and has its slot
    desk.end(touch)
    assert contact_of(desk).calls == {}
    assert [report.state for report in desk.reports()] == ["initiated", "ended"]


def test_a_call_that_reached_the_person_was_placed() -> None:
    wait = {"event": "call_outcome", "outcomes": ["connected"], "on_event": "complete"}
    desk = desk_with(call_step(wait_for=wait), step("mail"))
    touch = desk.grant()
    desk.end(touch, "answered", raw_status="connected", seconds=10)
    assert (desk.touch().phase, desk.run().status) == (Phase.SENT, Status.COMPLETED)
    assert reasons(desk, FactKind.TRIGGER_MET) == ["call_outcome"]


@pytest.mark.parametrize(
    ("word", "outcome", "raw", "is_met"),
    [
        ("no_answer", "no_answer", "no-answer", True),
        ("no-answer", "no_answer", None, True),
        ("interested", "unknown", "interested", True),
        ("interested", "unknown", "bored", False),
        ("busy", "no_answer", "no-answer", False),
    ],
)
def test_a_wait_names_our_outcome_or_the_word_of_the_provider(
    word: str, outcome: str, raw: str | None, is_met: bool
) -> None:
    wait = {"event": "call_outcome", "outcomes": [word], "on_event": "complete"}
    desk = desk_with(call_step(wait_for=wait))
    touch = desk.grant()
    desk.deliver(desk.event(m.TouchSent, touch))
    desk.end(touch, outcome, raw_status=raw)
    assert (desk.run().status is Status.COMPLETED) is is_met


def test_after_another_end_the_sender_has_a_moment_to_ask_for_another_attempt() -> None:
    desk = desk_with(call_step())
    touch = desk.grant()
    desk.end(touch, "busy")
    assert desk.touch().phase is Phase.COMMANDED
    desk.advance_to(desk.now + 1 * MINUTE)
    assert (desk.touch().phase, desk.run().status) == (Phase.SENT, Status.COMPLETED)
    assert len(desk.requests()) == 1


def test_a_sender_that_asks_for_it_gets_another_attempt() -> None:
    desk = desk_with(call_step())
    touch = desk.grant()
    desk.end(touch, "busy")
    desk.deliver(desk.event(m.TouchFailed, touch, code="busy"))
    assert (desk.touch().phase, desk.touch().wait) == (Phase.SCHEDULED, "retry")
    desk.advance_to(desk.now + 1 * MINUTE)
    assert [touch.attempt for touch in desk.requests()] == [1, 2]


def test_the_end_of_a_slot_leaves_the_step_to_its_answer() -> None:
    desk = desk_with(call_step())
    touch = desk.grant()
    desk.lose(touch)
    assert desk.touch().phase is Phase.COMMANDED
    assert contact_of(desk).calls == {}
    desk.advance_to(desk.now + 30 * MINUTE)
    assert [touch.emission for touch in desk.requests()] == [1, 2]


def test_a_repeat_that_is_out_after_the_end_of_the_call_is_not_kept() -> None:
    desk = desk_with(call_step())
    touch = desk.grant()
    desk.advance_to(desk.now + 30 * MINUTE)
    repeat = desk.requests()[-1]
    desk.end(touch, "answered")
    desk.grant(repeat)
    assert contact_of(desk).calls == {}
    assert desk.touch().phase is Phase.SENT


def test_a_touch_that_an_older_version_has_requested_is_withdrawn_where_it_waits() -> None:
    desk = desk_with(call_step())
    (touch,) = desk.requests()
    for owned in desk.workers["contact"].owned.values():
        store = owned.task.store
        for key, _ in [*store.items()]:
            if key == b"acme/ann":
                contact = store.edit(key, type(contact_of(desk)))
                assert contact is not None
                contact.enrollments[0].touches[0].pool_id = ""
                store.settle()
    desk.deliver(m.ContactStopped("acme", "ann", "stop#1", desk.now))
    (order,) = desk.sent_to_dispatch(m.WithdrawTouch)
    assert (order.command_id, order.pool_id) == (touch.command_id, "")
    assert desk.keys(m.WithdrawTouch) == [b"acme/voice"]


def test_a_short_number_is_called_as_it_was_before_there_were_call_settings() -> None:
    desk = CallDesk()
    desk.deliver(tenant(country="US"))
    desk.deliver(publish(kind="prospecting", steps=[call_step()], settings={"quiet_hours": "none"}))
    ordered(desk, phone="+15551")
    ordered(desk, "bob", phone="+19005550100")
    assert [touch.contact_id for touch in desk.requests()] == ["ann"]
    assert reasons(desk, FactKind.TOUCH_SKIPPED) == ["number_not_allowed"]
