"""What changes around a call that waits, is out, or is to be made again: versions of its campaign,
pauses, and the time that was ordered (C-31, C-36)."""

import pytest

from schemas.base.times import DAY, HOUR, MINUTE, parse_rfc3339
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase
from tests.testing.builders import CAMPAIGN, publish
from tests.testing.call_desk import CallDesk, call_step, call_world, ordered, usual_redial
from tests.testing.story import START, change_campaign


def publish_again(desk: CallDesk, *steps: dict[str, object], **settings: object) -> None:
    """A new version that all runs follow."""
    settings = {"on_edit": "follow", **settings}
    desk.deliver(publish(kind="calls", steps=list(steps), settings=settings))


def test_a_call_that_is_out_ends_by_the_rules_of_the_new_version() -> None:
    desk = ordered(call_world(call_step(redial=usual_redial())))
    touch = desk.grant()
    publish_again(desk, call_step(redial=usual_redial(outcomes={"busy": [7]})))
    assert desk.run().version == 2
    desk.end(touch, "busy")
    due = desk.run().due()
    assert due is not None and due - desk.now == 7 * MINUTE


def test_a_redial_keeps_its_time_and_the_number_of_calls() -> None:
    desk = ordered(call_world(call_step(redial=usual_redial(max_attempts=3))))
    desk.call("busy")
    due = desk.run().due()
    publish_again(desk, call_step(redial=usual_redial(max_attempts=2)))
    assert desk.run().due() == due
    desk.advance_to(due or 0)
    desk.call("busy")
    assert (desk.touch().phase, len(desk.requests())) == (Phase.FAILED, 2)


def test_a_call_that_waits_for_its_slot_is_amended_to_the_new_terms() -> None:
    desk = ordered(call_world(call_step(redial=usual_redial()), calls={"agent": "agent-1"}))
    publish_again(desk, call_step(redial=usual_redial()), calls={"agent": "agent-2"})
    amendment = desk.sent_to_dispatch(m.AmendTouch)[-1]
    assert amendment.call is not None
    assert amendment.call.agent_id == "agent-2"


def test_a_call_stays_with_the_pool_that_it_waits_at() -> None:
    desk = ordered(call_world(call_step(redial=usual_redial()), calls={"pool": "day"}))
    publish_again(desk, call_step(redial=usual_redial()), calls={"pool": "night"})
    assert {*desk.keys(m.AmendTouch)} == {b"*/day"}
    desk.deliver(change_campaign(desk, "cancelled"))
    assert {*desk.keys(m.WithdrawTouch)} == {b"*/day"}


def test_the_next_call_goes_to_the_pool_of_the_new_version() -> None:
    desk = ordered(call_world(call_step(redial=usual_redial()), calls={"pool": "day"}))
    desk.call("busy")
    publish_again(desk, call_step(redial=usual_redial()), calls={"pool": "night"})
    desk.advance_hours(1)
    assert desk.keys(m.RequestTouch) == [b"*/day", b"*/night"]
    desk.call("answered")
    assert [report.pool_id for report in desk.reports()] == ["day", "night"]


def test_a_call_whose_step_is_gone_stays_until_its_end() -> None:
    desk = ordered(call_world(call_step("a"), call_step("b")))
    touch = desk.grant()
    publish_again(desk, call_step("b"))
    assert desk.run().version == 1
    desk.end(touch, "answered")
    assert [each.step_id for each in desk.run().touches] == ["a", "b"]


@pytest.mark.parametrize(
    ("paused_days", "called_at"), [(1, "2026-03-05T12:00:00Z"), (5, "2026-03-07T15:00:00Z")]
)
def test_an_ordered_time_stands_through_a_pause(paused_days: int, called_at: str) -> None:
    desk = ordered(call_world(), scheduled_for="2026-03-05T12:00:00Z")
    desk.deliver(change_campaign(desk, "paused"))
    desk.now += paused_days * DAY
    desk.deliver(change_campaign(desk, "resumed"))
    desk.advance_hours(24 * 10)
    (touch,) = desk.requests()
    assert touch.due_at == parse_rfc3339(called_at)


def test_a_first_day_stands_through_a_pause() -> None:
    desk = ordered(call_world(start_date="2026-03-10"))
    desk.deliver(change_campaign(desk, "paused"))
    desk.now += 2 * DAY
    desk.deliver(change_campaign(desk, "resumed"))
    desk.advance_hours(24 * 10)
    assert desk.requests()[0].due_at == parse_rfc3339("2026-03-10T05:00:00Z")


def test_a_delay_stands_still_during_a_pause() -> None:
    desk = ordered(call_world(call_step(hours=48)))
    desk.deliver(change_campaign(desk, "paused"))
    desk.now += 10 * HOUR
    desk.deliver(change_campaign(desk, "resumed"))
    desk.advance_hours(72)
    assert desk.requests()[0].due_at == START + 58 * HOUR


def test_a_call_under_way_goes_on_through_a_pause_and_is_followed_after_it() -> None:
    desk = ordered(call_world(call_step(redial=usual_redial())))
    touch = desk.grant()
    desk.deliver(desk.event(m.CallProgressed, touch, state="in_progress"))
    desk.deliver(change_campaign(desk, "paused"))
    assert desk.sent_to_dispatch(m.WithdrawTouch) == []
    desk.end(touch, "no_answer")
    desk.advance_hours(24)
    assert len(desk.requests()) == 1
    assert desk.counts() == {"runs": 1, "live": 1}
    desk.deliver(change_campaign(desk, "resumed"))
    desk.advance_hours(2)
    assert len(desk.requests()) == 2


def test_a_call_of_a_deleted_campaign_is_revoked_also_if_it_was_placed() -> None:
    desk = ordered(call_world())
    touch = desk.grant()
    desk.deliver(desk.event(m.TouchSent, touch))
    desk.deliver(change_campaign(desk, "deleted"))
    (order,) = desk.sent_to_dispatch(m.WithdrawTouch)
    assert (order.revoke, order.reason) == (True, "campaign_deleted")
    assert touch.campaign_id == CAMPAIGN
