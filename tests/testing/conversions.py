"""Conversions for tests: a person of several campaigns, and to which of them one is credited."""

from typing import Any

from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.enrollment import Enrollment
from schemas.internal.facts import Fact
from tests.testing.builders import CONTACT, step
from tests.testing.outreach import outreach_document
from tests.testing.outreach_desk import OutreachDesk, desk_with_draft
from tests.testing.outreach_orders import changed, published
from tests.testing.story import contact_of, event_fields

JAVA, RUST = "java-q2", "rust-q1"
ANN = m.Person("Ann", email="ann@example.com")


def converted(desk: OutreachDesk, **fields: Any) -> m.ConversionRecorded:
    """Ann has an interview."""
    usual = {"conversion_type": "interview", "entity_id": "i-1", "rules": m.CONVERSION_RULES}
    return m.ConversionRecorded(**{**event_fields(desk), **usual, **fields})


FOLLOW_UP = [step(), step("b", hours=72)]


def enter(desk: OutreachDesk, campaign_id: str, **changes: Any) -> m.RequestTouch:
    """Ann is added to another campaign, which begins, and is sent its first mail."""
    changes.setdefault("steps", FOLLOW_UP)
    desk.deliver(published(outreach_document(campaign_id=campaign_id, **changes)))
    desk.order(CONTACT, campaign_id)
    desk.deliver(changed("activated", campaign_id))
    touch = desk.send()
    assert touch.campaign_id == campaign_id
    desk.now += HOUR
    return touch


def two_campaigns(**changes: Any) -> tuple[OutreachDesk, m.RequestTouch, m.RequestTouch]:
    """Ann was sent the mail of one campaign, and an hour later that of another one; both have a
    follow-up after three days."""
    desk = desk_with_draft().add()
    desk.deliver(m.ContactUpserted(**event_fields(desk), person=ANN))
    return desk, enter(desk, JAVA, **changes), enter(desk, RUST, **changes)


def run_of(desk: OutreachDesk, campaign_id: str) -> Enrollment:
    """Ann's newest run in a campaign."""
    runs = contact_of(desk).enrollments
    return [run for run in runs if run.campaign_id == campaign_id][-1]


def credited(desk: OutreachDesk) -> dict[str, str | None]:
    """The conversion of each of Ann's campaigns that is credited with one."""
    runs = contact_of(desk).enrollments
    return {run.campaign_id: run.conversion for run in runs if run.converted_at is not None}


def values_of(fact: Fact, *names: str) -> dict[str, Any]:
    """Some values of a fact."""
    assert fact.values is not None
    return {name: fact.values[name] for name in names}
