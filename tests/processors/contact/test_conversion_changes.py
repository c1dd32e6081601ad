"""What changes the credit of a conversion, and what a conversion stops (S4-77, promise 9)."""

from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.enrollment import Status
from schemas.internal.facts import FactKind
from tests.testing.builders import answer_fields, publish, step
from tests.testing.conversions import (
    FOLLOW_UP,
    JAVA,
    RUST,
    converted,
    credited,
    run_of,
    two_campaigns,
    values_of,
)
from tests.testing.outreach import OUTREACH, outreach_document
from tests.testing.outreach_desk import active_desk
from tests.testing.story import enroll_by_hand, replied, seen

ATTRIBUTED, UNATTRIBUTED = FactKind.CONVERSION_ATTRIBUTED, FactKind.CONVERSION_UNATTRIBUTED
MOVED = FactKind.CONVERSION_REATTRIBUTED

# late events


def test_a_send_that_is_reported_late_gets_the_credit_of_nobody() -> None:
    desk = active_desk(document=outreach_document())
    touch = desk.command()
    sent_at = desk.now
    desk.now += HOUR
    desk.deliver(converted(desk))
    desk.now += HOUR
    desk.deliver(m.TouchSent(**answer_fields(touch, desk), sent_at=sent_at))
    assert credited(desk) == {OUTREACH: "interview"}
    (fact,) = desk.facts(MOVED)
    run = desk.run()
    assert values_of(fact, "before", "after") == {
        "before": {},
        "after": {run.enrollment_id: 1_000_000},
    }
    assert run.results is not None and run.results.implied
    assert desk.outreach_counts()["conversions"] == 1


def test_a_run_keeps_another_conversion_of_the_same_moment_and_type() -> None:
    """Systems that know days only report all of a day at one moment."""
    desk, java, rust = two_campaigns(settings={"on_conversion": "continue"})
    desk.deliver(seen(desk, java, "clicked"))
    desk.now += HOUR
    desk.deliver(converted(desk, campaign_id=JAVA), converted(desk, entity_id="i-2"))
    assert credited(desk) == {JAVA: "interview"}
    desk.deliver(seen(desk, rust, "clicked"))
    assert credited(desk) == {JAVA: "interview", RUST: "interview"}
    assert [desk.counts(name)["conversions"] for name in (JAVA, RUST)] == [1, 1]
    entities = [run_of(desk, name).results for name in (JAVA, RUST)]
    assert [each and each.entity_id for each in entities] == ["i-1", "i-2"]


def test_of_two_conversions_of_one_moment_the_same_one_counts_in_either_order() -> None:
    for entities in (("i-1", "i-2"), ("i-2", "i-1")):
        desk, _, _ = two_campaigns()
        desk.deliver(*(converted(desk, entity_id=entity) for entity in entities))
        results = run_of(desk, RUST).results
        assert results is not None and results.entity_id == "i-1"
        assert len(desk.facts(FactKind.TOUCH_CONVERTED)) == 1
        assert desk.facts(FactKind.TOUCH_REDATED) == []


def test_a_late_click_moves_the_credit_and_the_counts() -> None:
    desk, java, _ = two_campaigns()
    clicked_at = desk.now
    desk.now += HOUR
    desk.deliver(converted(desk))
    assert desk.counts(RUST)["conversions"] == 1
    desk.now += HOUR
    desk.deliver(seen(desk, java, "clicked", at=clicked_at))
    assert credited(desk) == {JAVA: "interview"}
    (fact,) = desk.facts(MOVED)
    before, after = run_of(desk, RUST).enrollment_id, run_of(desk, JAVA).enrollment_id
    assert values_of(fact, "model", "before", "after") == {
        "model": "last_touch",
        "before": {before: 1_000_000},
        "after": {after: 1_000_000},
    }
    assert "conversions" not in desk.counts(RUST)
    assert desk.counts(JAVA)["conversions"] == 1
    assert len(desk.facts(FactKind.TOUCH_CONVERTED)) == 1


def test_a_late_reply_moves_the_credit() -> None:
    desk, java, _ = two_campaigns()
    replied_at = desk.now
    desk.now += HOUR
    desk.deliver(replied(desk, rules=1), converted(desk))
    assert credited(desk) == {RUST: "interview"}
    desk.now += HOUR
    late = replied(desk, at=replied_at + HOUR - 1, command_id=java.command_id, rules=1)
    desk.deliver(late)
    assert credited(desk) == {RUST: "interview"}  # the other reply was later
    last = replied(desk, "linkedin", at=replied_at + HOUR, command_id=java.command_id, rules=1)
    desk.deliver(last)
    assert credited(desk) == {RUST: "interview"}  # at one moment the later mail counts


def test_a_click_after_the_conversion_moves_nothing() -> None:
    desk, java, _ = two_campaigns()
    desk.deliver(converted(desk))
    desk.now += HOUR
    desk.deliver(seen(desk, java, "clicked"))
    assert credited(desk) == {RUST: "interview"}
    assert desk.facts(MOVED) == []


def test_a_conversion_that_named_its_run_is_moved_by_nothing() -> None:
    desk, java, _ = two_campaigns()
    clicked_at = desk.now
    desk.now += HOUR
    desk.deliver(converted(desk, campaign_id=RUST))
    desk.deliver(seen(desk, java, "clicked", at=clicked_at))
    assert credited(desk) == {RUST: "interview"}


def test_a_run_that_loses_its_conversion_keeps_another_one() -> None:
    desk, java, _ = two_campaigns()
    clicked_at = desk.now
    desk.now += HOUR
    desk.deliver(converted(desk))
    desk.now += HOUR
    desk.deliver(converted(desk, entity_id="i-2", campaign_id=RUST))
    desk.deliver(seen(desk, java, "clicked", at=clicked_at))
    assert credited(desk) == {JAVA: "interview", RUST: "interview"}
    run = run_of(desk, RUST)
    assert run.converted_at == desk.now
    assert run.results is not None and run.results.entity_id == "i-2"


# what it stops


def test_a_command_that_is_out_is_revoked_everywhere() -> None:
    desk, java, _ = two_campaigns()
    desk.advance_hours(72)
    desk.command()
    desk.deliver(converted(desk, command_id=java.command_id))
    orders = desk.sent_to_dispatch(m.WithdrawTouch)
    assert {(order.reason, order.revoke) for order in orders} == {("converted", True)}
    assert len(orders) == 2


def test_a_campaign_that_goes_on_after_a_conversion_is_left_alone() -> None:
    desk, _, _ = two_campaigns(settings={"on_conversion": "continue"})
    desk.deliver(converted(desk))
    assert run_of(desk, RUST).status is Status.ACTIVE
    assert credited(desk) == {RUST: "interview"}


def test_a_condition_holds_in_every_run_that_an_unnamed_conversion_concerns() -> None:
    steps = [step(), step("b", hours=72, skip_when=["converted"])]
    desk, _, _ = two_campaigns(settings={"on_conversion": "continue"}, steps=steps)
    desk.deliver(converted(desk))
    desk.advance_hours(80)
    skipped = desk.facts(FactKind.TOUCH_SKIPPED)
    assert sorted(fact.campaign_id or "" for fact in skipped) == [JAVA, RUST]
    assert {fact.reason for fact in skipped} == {"converted"}


def test_a_conversion_of_a_backfill_is_credited_and_stops_nothing() -> None:
    desk, _, _ = two_campaigns()
    event = converted(desk)
    names = (event.tenant_id, event.contact_id, event.cause, event.at)
    desk.deliver(m.BackfilledEvent(*names, m.encode(event)))
    assert credited(desk) == {RUST: "interview"}
    assert run_of(desk, RUST).status is Status.ACTIVE


def test_a_conversion_of_before_the_rules_is_credited_to_every_run_as_it_was() -> None:
    desk, _, _ = two_campaigns()
    desk.deliver(converted(desk, rules=0))
    assert [*credited(desk)] == [JAVA, RUST]
    assert desk.facts(ATTRIBUTED, UNATTRIBUTED) == []
    assert run_of(desk, RUST).status is Status.ACTIVE


def test_a_run_of_another_kind_of_campaign_takes_every_type() -> None:
    desk = active_desk(document=outreach_document())
    desk.send()
    desk.now += HOUR
    desk.deliver(publish(kind="prospecting", campaign_id="leads", steps=FOLLOW_UP))
    desk.deliver(enroll_by_hand(desk, "leads"))
    desk.advance_hours(1)
    assert desk.send().campaign_id == "leads"
    desk.deliver(converted(desk, conversion_type="signed"))
    assert credited(desk) == {"leads": "signed"}
    assert run_of(desk, "leads").status is Status.ACTIVE
