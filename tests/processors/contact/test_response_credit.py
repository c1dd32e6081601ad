"""A reply counts for one run: that of the touch which it answers; automatic replies, opt-outs and
people who have left are no responses (S4-54, S4-112)."""

from typing import Any

import pytest

from processors.contact.response_credit import REPLIES_MAX
from schemas.base.times import DAY, HOUR, MINUTE
from schemas.internal import messages as m
from schemas.internal.enrollment import Status
from schemas.internal.facts import FactKind
from tests.testing.builders import answer_fields, publish, step
from tests.testing.conversions import JAVA, RUST, run_of, two_campaigns
from tests.testing.outreach import outreach_document
from tests.testing.outreach_desk import OutreachDesk, active_desk
from tests.testing.story import contact_of, enroll_by_hand, new_event, unsubscribed

GO_ON: dict[str, Any] = {"settings": {"on_reply": "continue"}}


def replied(desk: OutreachDesk, channel: str = "email", **fields: Any) -> m.ExternalEvent:
    """Ann writes back."""
    fields.setdefault("rules", m.RESPONSE_RULES)
    return new_event(desk, m.ContactReplied, channel=channel, **fields)


def responses(desk: OutreachDesk) -> dict[str, int | None]:
    """When Ann first responded to each of her campaigns."""
    runs = contact_of(desk).enrollments
    return {run.campaign_id: run.results.responded_at for run in runs if run.results is not None}


def test_a_reply_counts_for_the_run_whose_command_it_names() -> None:
    desk, java, _ = two_campaigns(**GO_ON)
    desk.deliver(replied(desk, command_id=java.command_id))
    assert responses(desk) == {JAVA: desk.now, RUST: None}
    assert desk.counts(JAVA)["responses"] == 1
    assert "responses" not in desk.counts(RUST)


def test_a_reply_without_a_command_answers_the_last_touch_on_its_channel() -> None:
    desk, _, _ = two_campaigns(**GO_ON)
    desk.deliver(replied(desk))
    assert responses(desk) == {JAVA: None, RUST: desk.now}
    (fact,) = desk.facts(FactKind.CONTACT_REPLIED)
    assert (fact.campaign_id, fact.touch_number, fact.channel) == (RUST, 1, "email")


def test_a_reply_on_a_channel_without_a_touch_answers_the_last_touch() -> None:
    desk, _, _ = two_campaigns(**GO_ON)
    desk.deliver(replied(desk, "linkedin"))
    assert responses(desk) == {JAVA: None, RUST: desk.now}
    (fact,) = desk.facts(FactKind.CONTACT_REPLIED)
    assert (fact.campaign_id, fact.touch_number, fact.channel) == (RUST, None, "linkedin")


def test_a_reply_on_another_channel_answers_an_earlier_touch_there() -> None:
    steps = [step(), step("b", "linkedin", hours=1)]
    document = outreach_document({"channel": "combined"}, GO_ON["settings"], steps)
    desk = active_desk(document=document)
    desk.send()
    desk.advance_hours(1)
    desk.send()
    desk.now += HOUR
    desk.deliver(replied(desk))
    (fact,) = desk.facts(FactKind.CONTACT_REPLIED)
    assert fact.touch_number == 1


def test_every_run_is_paused_by_a_reply_that_counts_for_one() -> None:
    desk, _, _ = two_campaigns()
    desk.deliver(replied(desk))
    assert {run_of(desk, name).status for name in (JAVA, RUST)} == {Status.FROZEN}


def test_a_reply_before_any_send_answers_nothing() -> None:
    desk = active_desk(document=outreach_document())
    desk.deliver(replied(desk))
    assert [*responses(desk).values()] == [None]


@pytest.mark.parametrize(
    "event",
    [
        lambda desk: replied(desk, automatic=True),
        lambda desk: replied(desk, gone=True),
        lambda desk: unsubscribed(desk, method="reply"),
        lambda desk: replied(desk, at=desk.now - DAY),
    ],
    ids=["automatic", "gone", "unsubscribe", "before"],
)
def test_what_is_no_response(event: Any) -> None:
    desk, _, _ = two_campaigns()
    desk.deliver(event(desk))
    assert responses(desk) == {JAVA: None, RUST: None}


def test_of_several_replies_the_first_counts_in_any_order() -> None:
    for turned in (False, True):
        desk, _, _ = two_campaigns(**GO_ON)
        first_at = desk.now
        desk.now += HOUR
        events = [replied(desk, at=first_at), replied(desk)]
        desk.deliver(*(reversed(events) if turned else events))
        desk.deliver(*events)
        assert responses(desk) == {JAVA: None, RUST: first_at}
        redated = [fact.reason for fact in desk.facts(FactKind.TOUCH_REDATED)]
        assert redated == (["replied"] if turned else [])


def test_a_reply_that_comes_before_the_report_of_the_send_counts_for_that_send() -> None:
    desk, _, _ = two_campaigns(**GO_ON)
    desk.advance_hours(72)
    touch = [touch for touch in desk.requests() if touch.campaign_id == JAVA][-1]
    desk.deliver(m.TouchCommanded(touch.tenant_id, touch.contact_id, touch.command_id, 1))
    sent_at = desk.now
    desk.now += MINUTE
    desk.deliver(replied(desk))
    assert responses(desk) == {JAVA: None, RUST: desk.now}
    desk.deliver(m.TouchSent(**answer_fields(touch, desk), sent_at=sent_at))
    assert responses(desk) == {JAVA: desk.now, RUST: None}
    counts = {name: desk.counts(name).get("responses", 0) for name in (JAVA, RUST)}
    assert counts == {JAVA: 1, RUST: 0}
    assert [fact.reason for fact in desk.facts(FactKind.TOUCH_REDATED)] == ["replied"]


def test_a_send_after_the_reply_changes_nothing() -> None:
    desk, _, _ = two_campaigns(**GO_ON)
    desk.deliver(replied(desk))
    at = desk.now
    desk.advance_hours(80)
    desk.send()
    assert responses(desk) == {JAVA: None, RUST: at}


def test_a_contact_remembers_its_last_replies() -> None:
    desk, _, _ = two_campaigns(**GO_ON)
    first_at = desk.now
    for _ in range(REPLIES_MAX + 5):
        desk.deliver(replied(desk))
        desk.now += 1
    assert len(contact_of(desk).replies) == REPLIES_MAX
    assert responses(desk) == {JAVA: None, RUST: first_at}


def test_a_reply_of_an_older_version_counts_where_responses_are_counted() -> None:
    desk, _, _ = two_campaigns(**GO_ON)
    desk.deliver(replied(desk, rules=0))
    assert responses(desk) == {JAVA: None, RUST: desk.now}


def test_it_is_not_kept_where_they_are_not() -> None:
    desk = active_desk(document=outreach_document()).add()
    desk.deliver(publish(kind="prospecting", campaign_id="leads", steps=[step()]))
    other = {"contact_id": "bob"}
    person = m.Person("Bob", email="bob@example.com")
    desk.deliver(new_event(desk, m.ContactUpserted, **other, person=person))
    order = enroll_by_hand(desk, "leads")
    desk.deliver(m.ContactEnrolled(order.tenant_id, "bob", order.cause, order.at, "leads"))
    desk.deliver(replied(desk, rules=0, **other))
    assert contact_of(desk, "bob").replies == []
    desk.deliver(replied(desk, at=desk.now + 1, **other))
    assert len(contact_of(desk, "bob").replies) == 1
