"""What becomes of people and commands when a campaign of outreach is completed: waiting requests
are withdrawn, and commands that are out finish, or are revoked if the campaign says so."""

from typing import Any

import pytest

from schemas.base.times import HOUR, MINUTE, SECOND
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
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


def test_a_repeat_that_waits_is_withdrawn_and_its_unanswered_command_revoked() -> None:
    """The campaign is paused while the repeat of an unanswered command waits at dispatch. The time
    for the answer is over, so a sender that comes back must not send it."""
    desk = active_desk()
    touch = desk.command()
    desk.advance_to(desk.run().touches[0].due_at)
    assert desk.request_of("ann").emission == 2
    desk.change("paused")
    desk.change("completed")
    answer(desk, m.TouchWithdrawn)
    assert [revoke for _, revoke in withdrawals(desk)] == [False, True]
    assert desk.run().touches[0].phase is Phase.SKIPPED
    desk.deliver(m.TouchSent(**answer_fields(touch, desk)))
    assert desk.outreach_counts()["reached"] == 1


# a command that nobody answers

ANSWER_TIME = 30 * MINUTE


def failed(desk: OutreachDesk) -> list[tuple[str | None, bool]]:
    """The reasons of the touches that have failed, and whether their commands are revoked."""
    revoked = (order.command_id for order in desk.sent_to_dispatch(m.WithdrawTouch) if order.revoke)
    ids = {*revoked}
    return [(f.reason, f.command_id in ids) for f in desk.facts(FactKind.TOUCH_FAILED)]


def test_a_command_that_nobody_answers_is_given_up_when_its_time_is_over() -> None:
    desk = active_desk("ann", "bob")
    desk.command()
    commanded_at = desk.now
    desk.advance_to(desk.now + 10 * MINUTE)
    desk.send("bob")
    desk.change("completed")
    desk.advance_to(commanded_at + ANSWER_TIME - SECOND)
    assert (failed(desk), desk.outreach_counts()["out"]) == ([], 1)
    assert not desk.facts(FactKind.CAMPAIGN_SETTLED)
    desk.advance_to(commanded_at + ANSWER_TIME + 2 * SECOND)
    assert failed(desk) == [("no_answer", True)]
    assert desk.outreach_counts().get("out") is None
    assert len(desk.facts(FactKind.CAMPAIGN_SETTLED)) == 1
    assert len(desk.requests()) == 2, "nothing is sent after the completion"


def test_a_command_that_was_given_up_counts_if_it_was_sent_after_all() -> None:
    desk = active_desk()
    touch = desk.command()
    desk.change("completed")
    desk.advance_hours(1)
    desk.deliver(m.TouchSent(**answer_fields(touch, desk)))
    assert desk.run().touches[0].reason == "sent_after_no_answer"
    assert desk.outreach_counts()["reached"] == 1
    desk.advance_hours(48)
    assert len(desk.facts(FactKind.CAMPAIGN_SETTLED)) == 1


def test_a_pause_before_the_completion_leaves_the_sender_its_time() -> None:
    desk = active_desk()
    desk.command()
    commanded_at = desk.now
    desk.advance_to(desk.now + 10 * MINUTE)
    desk.change("paused")
    desk.advance_hours(5)
    desk.change("completed")
    due_at = commanded_at + 5 * HOUR + ANSWER_TIME
    assert desk.run().due() == due_at
    desk.advance_to(due_at + 2 * SECOND)
    assert failed(desk) == [("no_answer", True)]


def test_a_command_that_waits_for_its_repeat_is_given_up_at_the_completion() -> None:
    """The whole time for the answer is over, and the repeat waits for the next morning."""
    windowed = step(window={"start": "08:00", "end": "08:20"})
    desk = active_desk(document=outreach_document(steps=[windowed]))
    desk.advance_to(desk.run().touches[0].due_at)
    desk.command()
    desk.advance_hours(2)
    touch = desk.run().touches[0]
    assert (touch.phase, touch.wait) == (Phase.COMMANDED, "quiet_hours")
    desk.change("completed")
    desk.advance_to(desk.now + 2 * SECOND)
    assert failed(desk) == [("no_answer", True)]


def test_a_command_that_went_out_during_the_completion_has_its_own_time() -> None:
    desk = active_desk().change("completed")
    answer(desk, m.TouchRevoked, revoked=False)
    desk.advance_to(desk.now + ANSWER_TIME + 2 * SECOND)
    assert failed(desk) == [("no_answer", True)]
    assert len(desk.facts(FactKind.CAMPAIGN_SETTLED)) == 1


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
