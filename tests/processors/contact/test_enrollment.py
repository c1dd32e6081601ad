"""Who is enrolled when a job is finished, and why somebody is not (S1-8, X-9, F-10)."""

from typing import Any

import pytest

from schemas.base.times import DAY
from schemas.internal.enrollment import LIVE, Status
from schemas.internal.facts import FactKind
from schemas.internal.messages import JobDeleted, Person
from tests.testing.builders import CAMPAIGN, publish, step
from tests.testing.story import (
    HOUR,
    START,
    World,
    change_campaign,
    contact_of,
    deliver,
    enrolled,
    enrollment_of,
    event_fields,
    job,
    reasons,
    scheduled_steps,
    tenant,
    touch_of,
    unsubscribed,
    working_senders,
    world_with_campaign,
)

DECLINED = FactKind.ENROLLMENT_DECLINED


def test_a_job_that_is_published_twice_enrolls_once_and_records_the_reason() -> None:
    world = deliver(enrolled(), job())
    assert len(contact_of(world).enrollments) == 1
    assert reasons(world, DECLINED) == ["JOB_DUPLICATE"]


def test_a_job_that_declines_enrolls_nobody() -> None:
    world = enrolled(changes={"enroll": False})
    assert contact_of(world).enrollments == []
    assert reasons(world, DECLINED) == ["ENROLLMENT_DECLINED_BY_JOB"]


def test_a_declined_job_still_updates_the_profile() -> None:
    world = enrolled(changes={"enroll": False})
    assert contact_of(world).profile.address("email") == "ann@example.com"


def two_campaigns(**changes: Any) -> World:
    """One campaign for hvac, one for everything."""
    world = world_with_campaign(service_type="hvac")
    everything = publish(campaign_id="everything", service_type=None, **changes)
    return deliver(world, everything)


def test_a_campaign_may_take_all_jobs_also_those_of_another_campaign() -> None:
    world = deliver(two_campaigns(settings={"jobs": "all"}), job("j1"))
    assert [e.campaign_id for e in contact_of(world).enrollments] == [CAMPAIGN, "everything"]
    deliver(world, job("j1"), job("j2", world.now))
    assert reasons(world, DECLINED) == ["JOB_DUPLICATE"]
    assert reasons(world, FactKind.ENROLLMENT_STOPPED) == ["repeat_job", "repeat_job"]
    ends = [(e.job_id, e.campaign_id) for e in contact_of(world).enrollments if e.status in LIVE]
    assert ends == [("j2", CAMPAIGN), ("j2", "everything")]


def test_of_two_exclusive_campaigns_only_the_one_of_the_service_type_takes_a_job() -> None:
    group = {"exclusive": "reviews"}
    world = world_with_campaign(service_type="hvac", settings=group)
    deliver(world, publish(campaign_id="everything", settings={**group, "jobs": "all"}))
    deliver(world, job("j1"), job("j2", world.now))
    assert reasons(world, DECLINED) == ["ENROLLMENT_EXCLUSIVE", "ENROLLMENT_EXCLUSIVE"]
    assert [
        (e.job_id, e.campaign_id) for e in contact_of(world).enrollments if e.status in LIVE
    ] == [("j2", CAMPAIGN)]


def test_the_campaign_of_the_service_type_is_preferred() -> None:
    world = deliver(two_campaigns(), job(service_type="hvac"))
    assert [e.campaign_id for e in contact_of(world).enrollments] == [CAMPAIGN]


def test_the_all_services_campaign_is_the_fallback() -> None:
    world = deliver(two_campaigns(), job(service_type="roofing"))
    assert [e.campaign_id for e in contact_of(world).enrollments] == ["everything"]


def test_a_job_of_a_service_type_without_campaign_is_declined() -> None:
    world = deliver(world_with_campaign(service_type="hvac"), job(service_type="roofing"))
    assert reasons(world, DECLINED) == ["CAMPAIGN_NONE_FOR_SERVICE"]


def test_a_completed_campaign_makes_room_for_the_fallback() -> None:
    world = two_campaigns()
    deliver(world, change_campaign(world, "completed"))
    deliver(world, job(service_type="hvac"))
    assert enrollment_of(world).campaign_id == "everything"


def test_a_business_may_set_the_first_delay_of_a_service_type() -> None:
    world = world_with_campaign()
    deliver(world, tenant(delay_by_service={"roofing": 48 * HOUR}))
    deliver(world, job(service_type="roofing"))
    world.advance_hours(200, working_senders())
    assert scheduled_steps(world) == [("mail-1", 48), ("mail-2", 120)]


def test_a_long_first_delay_of_a_service_type_does_not_make_the_job_too_old() -> None:
    world = world_with_campaign()
    deliver(world, tenant(delay_by_service={"roofing": 240 * HOUR}))
    world.advance_hours(120)
    deliver(world, job(at=START, service_type="roofing"))
    assert touch_of(world).scheduled_at == START + 240 * HOUR


def test_a_paused_campaign_enrolls_nobody() -> None:
    world = world_with_campaign()
    deliver(world, change_campaign(world, "paused"))
    deliver(world, job())
    assert reasons(world, DECLINED) == ["CAMPAIGN_PAUSED"]


def test_a_draft_enrolls_nobody_until_it_is_activated() -> None:
    world = deliver(world_with_campaign(status="draft"), job())
    assert reasons(world, DECLINED) == ["CAMPAIGN_NONE_FOR_SERVICE"]
    deliver(world, change_campaign(world, "activated"))
    deliver(world, job("j2"))
    assert enrollment_of(world).job_id == "j2"


@pytest.mark.parametrize(
    ("hours_late", "declined"),
    [(23, []), (95.9, []), (96, ["JOB_TOO_OLD"]), (999, ["JOB_TOO_OLD"])],
)
def test_a_job_reported_after_its_second_touch_is_too_old(
    hours_late: float, declined: list[str]
) -> None:
    world = world_with_campaign()
    world.advance_hours(hours_late)
    deliver(world, job(at=START))
    assert reasons(world, DECLINED) == declined


@pytest.mark.parametrize(("hours_late", "sent_at"), [(24.5, [24.5, 25]), (25, []), (48, [])])
def test_a_second_touch_counted_from_the_job_makes_no_burst(
    hours_late: float, sent_at: list[float]
) -> None:
    world = world_with_campaign(
        steps=[step("a", hours=24), {**step("b", hours=25), "anchor": "enrollment"}]
    )
    world.advance_hours(hours_late)
    deliver(world, job(at=START))
    world.advance_hours(10, working_senders())
    assert [at for _, at in scheduled_steps(world)] == sent_at


def test_a_job_whose_touches_are_all_ahead_is_not_too_old() -> None:
    world = world_with_campaign(
        steps=[step("a", hours=48), {**step("b", hours=25), "anchor": "enrollment"}]
    )
    world.advance_hours(26)
    deliver(world, job(at=START))
    world.advance_hours(22.1, working_senders())
    assert [at for _, at in scheduled_steps(world)] == [48, 48]


def test_a_late_job_keeps_its_own_times() -> None:
    world = world_with_campaign()
    world.advance_hours(48)
    deliver(world, job(at=START))
    world.advance_hours(60, working_senders())
    assert scheduled_steps(world) == [("mail-1", 48), ("mail-2", 96)]


def test_a_job_completed_more_than_a_day_ahead_is_declined() -> None:
    world = deliver(world_with_campaign(), job(at=START + DAY + HOUR))
    assert reasons(world, DECLINED) == ["JOB_IN_FUTURE"]


def test_a_deleted_job_stops_its_enrollment() -> None:
    world = enrolled()
    deliver(world, JobDeleted(**event_fields(world), job_id="j1"))
    assert (enrollment_of(world).status, enrollment_of(world).reason) == (
        Status.STOPPED,
        "job_deleted",
    )
    world.advance_hours(300, working_senders())
    assert world.commanded_touches() == []


def test_a_job_deleted_before_it_is_reported_enrolls_nobody() -> None:
    world = world_with_campaign()
    deliver(world, JobDeleted(**event_fields(world), job_id="j1"))
    deliver(world, job())
    assert reasons(world, DECLINED) == ["JOB_DELETED"]


def test_the_deletion_of_another_job_stops_nothing() -> None:
    world = enrolled()
    deliver(world, JobDeleted(**event_fields(world), job_id="j9"))
    assert enrollment_of(world).status is Status.ACTIVE


def test_a_person_who_unsubscribed_from_everything_is_not_enrolled() -> None:
    world = world_with_campaign()
    deliver(world, unsubscribed(world, "all"))
    deliver(world, job())
    assert reasons(world, DECLINED) == ["CONTACT_UNSUBSCRIBED"]


def test_a_person_who_unsubscribed_from_one_channel_is_enrolled_for_the_others() -> None:
    world = world_with_campaign()
    deliver(world, unsubscribed(world, "email"))
    deliver(world, job())
    assert enrollment_of(world).status is Status.ACTIVE


def test_a_job_of_a_tenant_that_does_not_exist_is_refused() -> None:
    world = deliver(world_with_campaign(), job(tenant_id="nobody"))
    refused = world.facts(FactKind.EVENT_REFUSED)
    assert [(f.tenant_id, f.reason) for f in refused] == [("nobody", "TENANT_UNKNOWN")]


def test_two_tenants_with_the_same_ids_stay_separate() -> None:
    world = world_with_campaign()
    deliver(world, tenant(tenant_id="other"))
    deliver(world, publish(tenant_id="other", steps=[step("only", "sms", hours=24)]))
    person = Person(phone="+15550199", timezone="America/Chicago")
    deliver(world, job(), job(tenant_id="other", person=person))
    world.advance_hours(25)
    seen = {(t.tenant_id, t.channel, t.recipient) for t in world.commanded_touches()}
    assert seen == {("acme", "email", "ann@example.com"), ("other", "sms", "+15550199")}


def test_every_enrollment_starts_with_a_fact_that_names_its_cause() -> None:
    fact = enrolled().facts(FactKind.ENROLLMENT_STARTED)[0]
    assert (fact.cause, fact.campaign_id, fact.version) == ("jobs#j1", CAMPAIGN, 1)
    assert fact.values == {"cycle": 1, "manual": False}
