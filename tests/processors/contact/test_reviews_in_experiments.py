"""Reviews as the conversions of an experiment, and beside a campaign of outreach, which asks nobody
for one (C-17, C-23, S4-64)."""

from schemas.base.times import HOUR, MINUTE
from schemas.internal import messages as m
from schemas.internal.enrollment import Status
from schemas.internal.facts import FactKind
from tests.testing.builders import CAMPAIGN, CONTACT, job, publish, step, tenant
from tests.testing.outreach import OUTREACH, experiment, outreach_document
from tests.testing.outreach_desk import OutreachDesk, active_desk
from tests.testing.outreach_orders import account, published
from tests.testing.story import contact_of, event_fields, reviewed


def review_steps() -> list[dict[str, object]]:
    return [
        step(hours=1, template_id=None, experiment=experiment("ask")),
        step("b", hours=48),
    ]


def sent_review_request(desk: OutreachDesk) -> m.RequestTouch:
    """Ann, after her job, was sent the request for a review."""
    desk.deliver(publish(steps=review_steps(), settings={"quiet_hours": "none"}))
    desk.deliver(job(at=desk.now))
    desk.advance_to(desk.now + HOUR)
    touch = desk.send()
    assert touch.campaign_id == CAMPAIGN
    desk.now += MINUTE
    return touch


def conversions(desk: OutreachDesk) -> dict[str, int]:
    counts = desk.counts(CAMPAIGN)
    return {name: number for name, number in counts.items() if name.endswith("conversions")}


def test_a_review_counts_as_the_conversion_of_an_experiment() -> None:
    desk = OutreachDesk()
    desk.deliver(tenant())
    touch = sent_review_request(desk)
    desk.deliver(reviewed(desk, command_id=touch.command_id))
    run = contact_of(desk).enrollments[-1]
    assert run.results is not None
    (assignment,) = run.results.variants
    assert run.converted_at == desk.now
    assert conversions(desk) == {
        "conversions": 1,
        f"ask/50/{assignment.variant}/conversions": 1,
    }


def test_an_earlier_review_is_counted_by_its_own_time() -> None:
    """Before the tested message was sent nothing is a success of it."""
    desk = OutreachDesk()
    desk.deliver(tenant())
    touch = sent_review_request(desk)
    desk.deliver(reviewed(desk, command_id=touch.command_id))
    earlier = event_fields(desk) | {"at": desk.now - 30 * MINUTE}
    desk.deliver(m.ReviewReceived(**earlier, kind="review_clicked", command_id=touch.command_id))
    assert conversions(desk) == {"conversions": 1}


def test_a_review_is_no_conversion_of_outreach() -> None:
    desk = active_desk(document=outreach_document(steps=[step(), step("b", hours=48)]))
    touch = desk.send()
    desk.now += MINUTE
    desk.deliver(reviewed(desk, command_id=touch.command_id))
    desk.deliver(reviewed(desk, campaign_id=OUTREACH), reviewed(desk))
    run = desk.run()
    assert (run.converted_at, run.status) == (None, Status.ACTIVE)
    assert desk.outreach_counts().get("conversions", 0) == 0
    refused = [fact.reason for fact in desk.facts(FactKind.EVENT_REFUSED)]
    assert refused == ["ENROLLMENT_NONE"] * 3


def test_a_review_that_names_nobody_is_one_of_the_campaign_that_asked_for_it() -> None:
    desk = OutreachDesk()
    desk.deliver(tenant())
    sent_review_request(desk)
    desk.deliver(account(), published(outreach_document(steps=[step(), step("b", hours=48)])))
    desk.add(CONTACT).change("activated")
    assert desk.send().campaign_id == OUTREACH
    desk.now += MINUTE
    desk.deliver(reviewed(desk))
    of_reviews, of_outreach = contact_of(desk).enrollments
    assert (of_reviews.conversion, of_reviews.status) == ("review_clicked", Status.STOPPED)
    assert (of_outreach.conversion, of_outreach.status) == (None, Status.ACTIVE)
