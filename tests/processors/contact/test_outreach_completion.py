"""What becomes of people and commands when a campaign of outreach is completed: waiting requests
are withdrawn, and commands that are out finish, or are revoked if the campaign says so."""

from typing import Any

import pytest

from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase, Status
from tests.testing.builders import answer_fields, step
from tests.testing.outreach import outreach_document
from tests.testing.outreach_desk import OutreachDesk, active_desk, desk_with_draft
from tests.testing.story import new_event, unsubscribed, upserted


def withdrawals(desk: OutreachDesk) -> list[tuple[str, bool]]:
    """What dispatch is asked to take back: the reason, and whether a command is revoked."""
    return [(order.reason, order.revoke) for order in desk.sent_to_dispatch(m.WithdrawTouch)]


def answer(desk: OutreachDesk, kind: type[m.DispatchAnswer], **fields: Any) -> None:
    """Dispatch answers about Ann's request."""
    touch = desk.request_of("ann")
    desk.deliver(kind(touch.tenant_id, touch.contact_id, touch.command_id, **fields))


def test_a_command_that_is_out_finishes() -> None:
    desk = active_desk()
    touch = desk.command()
    desk.change("completed")
    assert (desk.run().status, desk.run().touches[0].phase) == (Status.STOPPED, Phase.COMMANDED)
    assert withdrawals(desk) == []
    desk.deliver(m.TouchSent(**answer_fields(touch, desk)))
    assert desk.run().touches[0].reason == "sent_after_campaign_completed"


def test_a_command_that_is_out_is_revoked_if_the_campaign_says_so() -> None:
    desk = active_desk(document=outreach_document(settings={"in_flight": "revoke"}))
    desk.command()
    desk.change("completed")
    assert withdrawals(desk) == [("campaign_completed", True)]


def test_a_campaign_of_another_kind_revokes_as_before() -> None:
    document = {**outreach_document(), "kind": "prospecting"}
    del document["outreach"]
    desk = desk_with_draft(document).add("ann")
    desk.command()
    desk.change("completed")
    assert withdrawals(desk) == [("campaign_completed", True)]


def test_a_waiting_request_is_withdrawn() -> None:
    desk = active_desk().change("completed")
    assert withdrawals(desk) == [("campaign_completed", False)]
    answer(desk, m.TouchWithdrawn)
    assert desk.run().touches[0].phase is Phase.SKIPPED
    assert desk.outreach_counts()["ended_campaign_completed"] == 1


def test_a_request_that_went_out_meanwhile_finishes_too() -> None:
    desk = active_desk().change("completed")
    assert desk.outreach_counts()["out"] == 1
    answer(desk, m.TouchRevoked, revoked=False)
    assert desk.run().touches[0].phase is Phase.COMMANDED
    assert withdrawals(desk) == [("campaign_completed", False)]
    desk.deliver(m.TouchSent(**answer_fields(desk.request_of("ann"), desk)))
    counts = desk.outreach_counts()
    assert (counts["reached"], counts.get("out")) == (1, None)


def test_a_command_that_fails_after_the_completion_is_not_tried_again() -> None:
    desk = active_desk()
    touch = desk.command()
    desk.change("completed")
    desk.deliver(m.TouchFailed(**answer_fields(touch, desk), code="timeout", permanent=False))
    desk.advance_hours(24)
    assert desk.run().touches[0].phase is Phase.SKIPPED
    assert len(desk.requests()) == 1


@pytest.mark.parametrize("event", ["opted_out_email", "contact_erased"])
def test_a_command_that_finishes_is_revoked_by_what_closes_its_channel(event: str) -> None:
    desk = active_desk()
    desk.command()
    desk.change("completed")
    closing = unsubscribed(desk) if event == "opted_out_email" else new_event(desk, m.ContactErased)
    desk.deliver(closing)
    assert withdrawals(desk) == [(event, True)]
    answer(desk, m.TouchRevoked, revoked=True)
    assert desk.run().touches[0].phase is Phase.SKIPPED


def test_a_repeat_that_waits_is_withdrawn_and_its_first_command_finishes() -> None:
    """The campaign is paused while the repeat of an unanswered command waits at dispatch."""
    desk = active_desk()
    touch = desk.command()
    desk.advance_to(desk.run().touches[0].due_at)
    assert desk.request_of("ann").emission == 2
    desk.change("paused")
    desk.change("completed")
    answer(desk, m.TouchWithdrawn)
    assert [revoke for _, revoke in withdrawals(desk)] == [False]
    assert desk.run().touches[0].phase is Phase.SKIPPED
    desk.deliver(m.TouchSent(**answer_fields(touch, desk)))
    assert desk.outreach_counts()["reached"] == 1


def test_late_answers_count_after_the_completion_and_nothing_is_sent() -> None:
    steps = [step(), step("b", hours=1)]
    desk = active_desk("ann", "bob", document=outreach_document(steps=steps))
    desk.send("ann")
    desk.change("completed")
    desk.now += HOUR
    conversion = {"conversion_type": "interview", "entity_id": "i-1", "rules": 1}
    desk.deliver(
        new_event(desk, m.ContactReplied, channel="email"),
        new_event(desk, m.ConversionRecorded, **conversion),
        upserted(desk, email="new@example.com"),
    )
    desk.advance_hours(48)
    counts = desk.outreach_counts()
    assert (counts["responses"], counts["conversions"]) == (1, 1)
    assert len(desk.requests()) == 2
