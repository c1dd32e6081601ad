"""A message whose mailbox cannot take it is sent again after 8 and after 24 hours; the third bounce
within 48 hours closes the address, and one that arrives resets the count (C-25, S4-82)."""

from typing import Any

import pytest

from schemas.base.times import DAY, HOUR, MINUTE
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from tests.testing.builders import step
from tests.testing.conversions import JAVA, converted, enter
from tests.testing.soft_bounces import (
    FOLLOW_UP,
    came_back,
    closed_for,
    desk_of,
    hours_of_requests,
    send_and_lose,
)
from tests.testing.story import (
    contact_of,
    new_event,
    replied,
    unsubscribed,
    upserted,
)


def test_a_message_is_sent_again_after_8_and_24_hours_and_then_its_address_is_closed() -> None:
    desk = desk_of(FOLLOW_UP)
    touches = [send_and_lose(desk)]
    for hours in (8, 24):
        desk.advance_hours(hours - 1 / 6)
        assert len(desk.requests()) == len(touches)
        desk.advance_hours(1 / 6)
        assert len(desk.requests()) == len(touches) + 1
        touches.append(send_and_lose(desk))
    assert hours_of_requests(desk) == [("a", 0), ("a", 8), ("a", 32)]
    assert [touch.attempt for touch in touches] == [1, 2, 3]
    assert len({touch.command_id for touch in touches}) == 3
    assert closed_for(desk) == ["soft_bounces"]
    run = desk.run()
    assert (run.touches[0].phase, run.touches[0].reason) == (Phase.FAILED, "soft_bounces")
    assert run.results is not None and run.results.bounced_at == desk.now
    assert (run.errors, contact_of(desk).soft_bounces) == (0, {})
    assert [*contact_of(desk).bounced.values()] == [desk.now]
    values = [fact.values for fact in desk.facts(FactKind.TOUCH_BOUNCED)]
    assert values == [{"soft": number, "most": 3} for number in (1, 2, 3)]
    retried = desk.facts(FactKind.TOUCH_RETRIED)
    assert [fact.reason for fact in retried] == ["soft_bounce"] * 2
    desk.advance_hours(72)
    assert [fact.reason for fact in desk.facts(FactKind.TOUCH_SKIPPED)] == ["address_bounced"]
    assert desk.outreach_counts()["sent_email"] == 3
    assert desk.outreach_counts()["reached"] == desk.outreach_counts()["bounces"] == 1


def test_an_address_is_open_again_by_order_and_counts_anew() -> None:
    desk = desk_of([*FOLLOW_UP, step("c", hours=72)])
    send_and_lose(desk)
    for hours in (8, 24):
        desk.advance_hours(hours)
        send_and_lose(desk)
    desk.deliver(m.ReopenAddress("acme", "email", "ann@example.com", "", "o#reopen", desk.now))
    assert contact_of(desk).bounced == {}
    desk.advance_hours(72)
    send_and_lose(desk)
    assert desk.run().touches[-1].phase is Phase.SCHEDULED


def test_what_was_planned_next_is_taken_back_and_planned_anew() -> None:
    desk = desk_of(FOLLOW_UP)
    assert send_and_lose(desk).step_id == "a"
    run = desk.run()
    assert [each.step_id for each in run.touches] == ["a"]
    assert (run.touches[0].phase, run.touches[0].wait) == (Phase.SCHEDULED, "soft_bounce")
    assert run.touches[0].sent_at is not None  # it was sent all the same
    (fact,) = desk.facts(FactKind.TOUCH_WITHDRAWN)
    assert (fact.step_id, fact.reason) == ("b", "soft_bounce")
    desk.advance_hours(8)
    desk.send()
    sent_at = desk.now
    touches = desk.run().touches
    assert [each.step_id for each in touches] == ["a", "b"]
    assert touches[1].scheduled_at == sent_at + 72 * HOUR
    assert touches[1].number == 2


def test_a_run_that_the_message_had_completed_goes_on() -> None:
    desk = desk_of()  # Ann is still to be written to, so the campaign goes on
    desk.deliver(upserted(desk, "bob", email="bob@example.com"))
    desk.order("bob", job_title="Lead")
    touch = desk.send("bob")
    assert desk.run("bob").status is Status.COMPLETED
    desk.now += MINUTE
    desk.deliver(came_back(desk, touch))
    run = desk.run("bob")
    assert (run.status, run.ended_at, run.reason) == (Status.ACTIVE, None, None)
    (fact,) = desk.facts(FactKind.ENROLLMENT_REOPENED)
    assert (fact.contact_id, fact.reason) == ("bob", "soft_bounce")
    assert desk.outreach_counts()["live"] == 2
    desk.advance_hours(8)
    again = desk.send("bob")
    assert (again.variables, again.attempt) == (touch.variables, 2)
    assert again.variables["job_title"] == "Lead"
    assert desk.run("bob").status is Status.COMPLETED
    counts = desk.outreach_counts()
    assert (counts["live"], counts["ended_completed"], counts["reached"]) == (1, 1, 1)


def test_a_completed_run_does_not_go_on_beside_another_one_of_its_exclusive_group() -> None:
    desk = desk_of(exclusive="java")
    touch = desk.send()
    more = {"exclusive": "java", "quiet_hours": "none"}
    enter(desk, JAVA, settings=more)
    desk.deliver(came_back(desk, touch))
    first, second = contact_of(desk).enrollments
    assert (first.status, second.status) == (Status.COMPLETED, Status.ACTIVE)
    assert desk.facts(FactKind.ENROLLMENT_REOPENED) == []


def test_a_run_of_a_paused_campaign_is_paused_and_goes_on_with_it() -> None:
    desk = desk_of()
    touch = desk.send()
    desk.change("paused").now += MINUTE
    desk.deliver(came_back(desk, touch))
    run = desk.run()
    assert (run.status, run.holds, run.touches[0].phase) == (
        Status.FROZEN,
        ["campaign"],
        Phase.SCHEDULED,
    )
    desk.advance_hours(48)
    assert len(desk.requests()) == 1
    desk.change("resumed")
    desk.advance_hours(7.9)
    assert len(desk.requests()) == 1  # the pause does not count
    desk.advance_hours(0.2)
    assert len(desk.requests()) == 2


def test_a_frozen_run_keeps_its_hold() -> None:
    desk = desk_of(FOLLOW_UP)
    touch = desk.send()
    desk.now += MINUTE
    desk.deliver(new_event(desk, m.ContactPaused))
    desk.deliver(came_back(desk, touch))
    desk.advance_hours(20)
    assert len(desk.requests()) == 1
    desk.deliver(new_event(desk, m.ContactResumed))
    desk.advance_hours(8)
    assert [touch.attempt for touch in desk.requests()] == [1, 2]


@pytest.mark.parametrize("action", ["completed", "archived"])
def test_nothing_is_sent_again_after_the_end_of_the_campaign(action: str) -> None:
    desk = desk_of()
    touch = desk.send()
    desk.change("completed")
    if action == "archived":
        desk.change(action)
    desk.deliver(came_back(desk, touch))
    desk.advance_hours(48)
    assert len(desk.requests()) == 1
    assert desk.run().touches[0].phase is Phase.SENT
    assert desk.facts(FactKind.ENROLLMENT_REOPENED) == []


def test_nothing_is_sent_again_if_something_later_is_out() -> None:
    desk = desk_of(FOLLOW_UP, soft_bounces={"window_hours": 100})
    touch = desk.send()
    desk.advance_hours(72)
    desk.command()
    desk.deliver(came_back(desk, touch))
    assert [each.phase for each in desk.run().touches] == [Phase.SENT, Phase.COMMANDED]
    assert desk.facts(FactKind.TOUCH_RETRIED) == []


def test_a_later_step_that_was_skipped_is_taken_back_too() -> None:
    steps = [step(), step("b", hours=0, skip_when=["not_clicked"])]
    desk = desk_of(steps)
    touch = desk.send()
    assert (desk.run().status, len(desk.run().touches)) == (Status.COMPLETED, 2)
    desk.deliver(came_back(desk, touch))
    assert [each.step_id for each in desk.run().touches] == ["a"]
    desk.advance_hours(8)
    desk.send()
    assert [each.phase for each in desk.run().touches] == [Phase.SENT, Phase.SKIPPED]
    assert desk.run().status is Status.COMPLETED


def test_a_bounce_that_comes_late_counts_and_nothing_is_sent_again() -> None:
    desk = desk_of(FOLLOW_UP)
    touch = desk.send()
    desk.now += 2 * DAY + 1
    desk.deliver(came_back(desk, touch))
    assert [each.phase for each in desk.run().touches] == [Phase.SENT, Phase.SCHEDULED]
    assert [*contact_of(desk).soft_bounces.values()] == [[desk.now]]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (unsubscribed, "opted_out_email"),
        (converted, "converted"),
        (lambda desk: new_event(desk, m.ContactStopped), "owner_stopped"),
    ],
    ids=["opt_out", "conversion", "stop"],
)
def test_nothing_is_sent_again_to_who_wants_nothing_more(event: Any, reason: str) -> None:
    for before in (False, True):
        desk = desk_of(FOLLOW_UP)
        touch = desk.send()
        desk.now += MINUTE
        events = [event(desk), came_back(desk, touch)]
        desk.deliver(*(events if before else reversed(events)))
        desk.advance_hours(100)
        assert (len(desk.requests()), desk.run().reason) == (1, reason)


def test_a_wait_ends_with_the_bounce_and_begins_with_the_next_send() -> None:
    wait = {"event": "reply", "max_wait_hours": 24}
    desk = desk_of([step(wait_for=wait), step("b")])
    send_and_lose(desk)
    assert (desk.run().waiting, desk.run().touches[0].phase) == (None, Phase.SCHEDULED)
    desk.advance_hours(8)
    desk.send()
    waiting = desk.run().waiting
    assert waiting is not None and waiting.since == desk.now
    desk.advance_hours(24)
    assert [touch.step_id for touch in desk.requests()] == ["a", "a", "b"]


def test_who_has_answered_the_message_is_not_written_to_again() -> None:
    desk = desk_of(FOLLOW_UP, on_reply="continue")
    touch = desk.send()
    desk.now += MINUTE
    desk.deliver(replied(desk, command_id=touch.command_id), came_back(desk, touch))
    assert desk.run().touches[0].phase is Phase.SENT
