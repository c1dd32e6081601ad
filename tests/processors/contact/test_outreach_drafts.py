"""People are added to a draft, or to a paused campaign, and wait until it is active (S4-21, S4-45);
then their plan begins, at once or on the first day of the campaign (C-34)."""

from typing import Any

import pytest

from schemas.base.times import DAY, HOUR, parse_rfc3339
from schemas.internal import messages as m
from schemas.internal.enrollment import Status
from schemas.internal.facts import FactKind
from tests.testing.builders import step, tenant
from tests.testing.outreach import outreach_document
from tests.testing.outreach_desk import (
    OutreachDesk,
    active_desk,
    desk_with_draft,
    publish_version,
)
from tests.testing.outreach_orders import changed, published
from tests.testing.story import new_event, replied, unsubscribed, upserted
from tests.testing.world import START


def combined_document() -> dict[str, Any]:
    """An e-mail, then a message on LinkedIn."""
    steps = [step(), step("b", "linkedin", hours=1)]
    settings = {"on_conversion": "continue"}
    return outreach_document({"channel": "combined"}, settings=settings, steps=steps)


def declined(desk: OutreachDesk) -> list[str | None]:
    """The reasons for which nobody was enrolled."""
    return [fact.reason for fact in desk.facts(FactKind.ENROLLMENT_DECLINED)]


def test_a_person_who_is_added_to_a_draft_waits_without_a_plan() -> None:
    run = desk_with_draft().add("ann").run()
    assert (run.status, run.holds, run.touches) == (Status.FROZEN, ["campaign"], [])
    assert run.due() is None


def test_the_plan_begins_when_the_campaign_is_activated() -> None:
    desk = desk_with_draft(outreach_document(steps=[step(hours=2)])).add("ann")
    desk.now += 9 * DAY
    desk.change("activated")
    run = desk.run()
    assert (run.anchor_at, run.touches[0].scheduled_at) == (desk.now, desk.now + 2 * HOUR)
    assert (run.status, run.holds, run.started_at) == (Status.ACTIVE, [], START)


def test_the_plan_begins_on_the_first_day_if_that_is_later() -> None:
    settings = {"start_date": "2026-03-20", "timezone": "UTC"}
    desk = active_desk(document=outreach_document(settings=settings))
    (touch,) = desk.run().touches
    assert touch.scheduled_at == parse_rfc3339("2026-03-20T00:00:00Z")
    assert desk.requests() == []


def test_a_new_zone_of_the_tenant_moves_the_first_day_of_who_waits_for_it() -> None:
    """Nobody is written to before the first day by the clock of the campaign (C-34)."""
    settings = {"start_date": "2026-03-20", "quiet_hours": "none"}
    desk = active_desk(document=outreach_document(settings=settings))
    assert desk.run().touches[0].due_at == parse_rfc3339("2026-03-20T05:00:00Z")
    for zone, first in (
        ("America/Los_Angeles", "2026-03-20T07:00:00Z"),
        ("Asia/Tokyo", "2026-03-20T05:00:00Z"),  # not before the time for which it was planned
    ):
        desk.deliver(tenant(at=desk.now, timezone=zone))
        assert desk.run().touches[0].due_at == parse_rfc3339(first)
    desk.advance_to(parse_rfc3339(first))
    assert len(desk.requests()) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"late_policy": "shift_by_pause"},
        {"late_policy": "send_now"},
        {"late_policy": "collapse"},
        {"late_policy": "skip_older_than", "late_skip_hours": 1},
    ],
)
def test_no_late_policy_is_about_the_time_before_the_activation(settings: dict[str, Any]) -> None:
    desk = desk_with_draft(outreach_document(settings=settings)).add("ann")
    desk.now += 9 * DAY
    desk.change("activated")
    assert len(desk.requests()) == 1


def test_a_person_who_is_added_while_the_campaign_is_paused_begins_when_it_goes_on() -> None:
    desk = active_desk("bob").change("paused").add("ann")
    assert (desk.run().status, desk.run().touches) == (Status.FROZEN, [])
    desk.now += 3 * HOUR
    desk.change("resumed")
    assert desk.request_of("ann").scheduled_at == desk.now


@pytest.mark.parametrize(
    ("actions", "code"),
    [
        (("completed",), "CAMPAIGN_COMPLETED"),
        (("completed", "archived"), "CAMPAIGN_ARCHIVED"),
        (("deleted",), "CAMPAIGN_DELETED"),
    ],
)
def test_nobody_is_added_to_a_campaign_that_has_ended(actions: tuple[str, ...], code: str) -> None:
    desk = active_desk("bob")
    for action in actions:
        desk.change(action)
    desk.add("ann")
    assert declined(desk) == [code]


def test_nobody_is_added_twice_to_a_draft() -> None:
    desk = desk_with_draft().add("ann")
    desk.order("ann")
    assert declined(desk) == ["ENROLLMENT_ALREADY_ACTIVE"]


def test_a_draft_with_many_people_that_is_activated_twice_begins_once() -> None:
    """Both orders are under way at once, and a third one comes later."""
    names = [f"c-{number}" for number in range(250)]
    desk = desk_with_draft(outreach_document()).add(*names)
    desk.append(changed("activated"), changed("activated"))
    desk.settle()
    desk.change("activated")
    assert sorted(touch.contact_id for touch in desk.requests()) == sorted(names)
    active = [f.reason for f in desk.facts(FactKind.CAMPAIGN_STATUS_CHANGED)]
    refused = [f.reason for f in desk.facts(FactKind.EVENT_REFUSED)]
    assert (active, refused) == (["active"], ["CAMPAIGN_ALREADY_ACTIVE"] * 2)


def test_a_draft_of_another_kind_refuses_people_as_before() -> None:
    document = {**outreach_document(), "kind": "prospecting", "status": "draft"}
    del document["outreach"]
    assert declined(desk_with_draft(document).add("ann")) == ["CAMPAIGN_DRAFT"]


def test_people_of_a_draft_begin_with_the_version_that_is_activated() -> None:
    desk = desk_with_draft(outreach_document()).add("ann")
    publish_version(desk, steps=[step("b", template_id="newer")])
    assert desk.run().version == 2
    desk.change("activated")
    assert [(t.step_id, t.template_id) for t in desk.requests()] == [("b", "newer")]
    (moved,) = desk.facts(FactKind.ENROLLMENT_MOVED)
    assert moved.values == {"from": 1, "to": 2}


@pytest.mark.parametrize("on_edit", ["stay", "follow"])
def test_a_draft_may_be_edited_whatever_becomes_of_people_on_their_way(on_edit: str) -> None:
    settings = {"on_edit": on_edit}
    desk = desk_with_draft(outreach_document(settings=settings)).add("ann")
    publish_version(desk, steps=[step("b")], settings=settings)
    desk.change("activated")
    assert [touch.step_id for touch in desk.requests()] == ["b"]


def test_a_person_who_waits_may_reply_opt_out_and_change() -> None:
    """A run without a plan has no touch that such an event could be about."""
    desk = desk_with_draft(combined_document()).add("ann")
    desk.deliver(upserted(desk, timezone="Europe/Paris", email="ann@example.org"))
    desk.deliver(replied(desk), new_event(desk, m.ConnectionAccepted))
    desk.deliver(new_event(desk, m.ConversionRecorded, conversion_type="interview", rules=1))
    desk.deliver(unsubscribed(desk, "linkedin"))
    run = desk.run()
    assert run.status is Status.FROZEN
    assert run.holds[0] == "campaign"
    desk.deliver(unsubscribed(desk, "email"))
    assert (desk.run().status, desk.run().reason) == (Status.STOPPED, "opted_out_email")


def test_a_hold_of_the_person_outlasts_the_activation() -> None:
    desk = desk_with_draft().add("ann")
    desk.deliver(new_event(desk, m.ContactPaused))
    desk.change("activated")
    assert desk.run().holds == ["person"]
    desk.now += HOUR
    desk.deliver(new_event(desk, m.ContactResumed))
    assert desk.run().anchor_at == desk.now
    assert len(desk.requests()) == 1


def test_a_person_who_waits_is_stopped_when_the_draft_is_deleted() -> None:
    desk = desk_with_draft().add("ann").change("deleted")
    assert desk.run().reason == "campaign_deleted"
    assert desk.requests() == []


def test_an_erased_person_of_a_draft_gets_nothing() -> None:
    desk = desk_with_draft().add("ann", "bob")
    desk.deliver(new_event(desk, m.ContactErased))
    desk.change("activated")
    assert [touch.contact_id for touch in desk.requests()] == ["bob"]


def test_a_second_campaign_does_not_begin_with_the_first() -> None:
    desk = desk_with_draft().add("ann")
    desk.deliver(published(outreach_document(campaign_id="other")))
    desk.order("ann", "other")
    desk.change("activated")
    assert [run.status for run in (desk.run(),)] == [Status.FROZEN]
