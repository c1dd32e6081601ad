"""What keeps a touch from being sent, and what opens again (F-8, S0-17, X-3)."""

import pytest

from schemas.internal.enrollment import Phase
from schemas.internal.facts import FactKind
from schemas.internal.messages import DeleteTemplate, Person
from tests.testing.builders import CAMPAIGN, TENANT, publish
from tests.testing.story import (
    HOUR,
    START,
    World,
    answering,
    begun,
    bounced,
    contact,
    enrolled,
    job,
    reasons,
    run,
    sending,
    sends,
    sent,
    step,
    tell,
    told,
    touch_of,
    unsubscribed,
)

THREE = [step("m1"), step("s1", "sms"), step("m2")]


def test_an_sms_opt_out_skips_sms_and_the_mails_go_on() -> None:
    world = enrolled(steps=THREE)
    tell(world, unsubscribed(world, "sms"))
    world.hours(100, sending())
    assert sends(world) == [("m1", 24), ("m2", 72)]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["opted_out_sms"]


def test_an_opt_out_of_everything_stops_the_enrollment() -> None:
    world = enrolled(steps=THREE)
    tell(world, unsubscribed(world, "all"))
    assert run(world).reason == "opted_out_all"


def test_an_opt_out_with_nothing_left_elsewhere_stops_the_enrollment() -> None:
    world = enrolled(steps=THREE)
    world.hours(50, sending())
    tell(world, unsubscribed(world, "email"))
    assert run(world).reason == "opted_out_email"


def test_an_opt_out_counts_for_every_campaign_of_the_tenant() -> None:
    world = begun()
    tell(world, publish(campaign_id="hvac-only", service_type="hvac", steps=THREE))
    tell(world, job(), job("j2", service_type="roofing"))
    tell(world, unsubscribed(world, "email"))
    world.hours(300, sending())
    assert {t.channel for t in world.due()} == {"sms"}


def test_a_complaint_is_an_opt_out_with_its_own_reason() -> None:
    world = enrolled(steps=THREE)
    tell(world, unsubscribed(world, "email", complained=True))
    assert reasons(world, FactKind.CONTACT_OPTED_OUT) == ["complained"]


def test_two_opt_outs_are_one_fact_and_the_earlier_moment_is_kept() -> None:
    world = enrolled(steps=THREE)
    world.hours(2)
    late, early = unsubscribed(world), unsubscribed(world)
    early = type(early)(TENANT, early.contact_id, early.cause, START, "email")
    tell(world, late, early)
    assert contact(world).opted_out == {"email": START}
    assert len(world.facts(FactKind.CONTACT_OPTED_OUT)) == 1


def test_without_a_phone_the_sms_is_skipped_and_the_rest_goes_on() -> None:
    person = Person(email="ann@example.com", timezone="America/Chicago")
    world = enrolled(steps=THREE, changes={"person": person})
    world.hours(100, sending())
    assert sends(world) == [("m1", 24), ("m2", 72)]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["no_address"]


def test_a_phone_told_in_time_is_used() -> None:
    person = Person(email="ann@example.com", timezone="America/Chicago")
    world = enrolled(steps=THREE, changes={"person": person})
    tell(world, told(world, phone="+15550111"))
    world.hours(50, sending())
    sms = [t for t in world.due() if t.channel == "sms"]
    assert [t.recipient for t in sms] == ["+15550111"]


def after_a_hard_bounce() -> World:
    """A world in which Ann's first mail came back."""
    world = enrolled(steps=[step("a"), step("b"), step("c")])
    world.hours(25, sending())
    return tell(world, bounced(world, world.due()[0]))


def test_a_hard_bounced_address_gets_nothing_more() -> None:
    world = after_a_hard_bounce()
    world.hours(100, sending())
    assert sends(world) == [("a", 24)]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["address_bounced", "address_bounced"]


def test_a_new_address_opens_the_channel_again() -> None:
    world = after_a_hard_bounce()
    world.hours(1)
    tell(world, told(world, email="new@example.com"))
    world.hours(100, sending())
    assert [t.recipient for t in world.due()[1:]] == ["new@example.com"] * 2


def test_a_soft_bounce_closes_nothing() -> None:
    world = enrolled(steps=[step("a"), step("b")])
    world.hours(25, sending())
    tell(world, bounced(world, world.due()[0], "soft"))
    world.hours(30, sending())
    assert len(sends(world)) == 2


def test_a_bounce_of_the_old_address_leaves_the_new_one_alone() -> None:
    world = enrolled(steps=[step("a"), step("b")])
    world.hours(25, sending())
    tell(world, told(world, email="new@example.com"))
    tell(world, bounced(world, world.due()[0]))
    world.hours(30, sending())
    assert world.due()[1].recipient == "new@example.com"


def test_a_bounce_of_the_old_address_counts_when_that_one_comes_back() -> None:
    world = enrolled(steps=[step("a"), step("b"), step("c")])
    world.hours(25, sending())
    tell(world, told(world, email="new@example.com"))
    tell(world, bounced(world, world.due()[0]))
    world.hours(24, sending(world))
    tell(world, told(world, email="ann@example.com"))
    world.hours(24, sending(world))
    assert [t.recipient for t in world.due()] == ["ann@example.com", "new@example.com"]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["address_bounced"]


def test_what_bounced_is_kept_as_a_digest() -> None:
    world = after_a_hard_bounce()
    recipient = touch_of(world, 0).recipient
    assert recipient is not None
    assert list(contact(world).bounced) == [recipient.hex()]


def test_an_address_that_bounced_for_one_contact_is_closed_for_another_of_the_tenant() -> None:
    world = after_a_hard_bounce()
    tell(world, job("j2", world.now, contact_id="ben"))
    world.hours(60, sending())
    assert [t.contact_id for t in world.due()] == ["ann"]
    skipped = [f for f in world.facts(FactKind.TOUCH_SKIPPED) if f.contact_id == "ben"]
    assert {f.reason for f in skipped} == {"address_bounced"}


def test_a_touch_without_a_template_is_not_sent() -> None:
    world = enrolled(steps=[step("a", template=None), step("b")])
    world.hours(60, sending())
    assert sends(world) == [("b", 48)]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["no_template"]


def test_a_template_of_a_later_version_is_used_by_an_old_enrollment() -> None:
    world = enrolled(steps=[step("a", template=None), step("b", template="old")])
    tell(world, publish(steps=[step("a", template="new"), step("b", template="newer")]))
    world.hours(60, sending())
    assert [(t.template_id, t.campaign_version) for t in world.due()] == [("new", 1), ("newer", 1)]


def test_a_step_that_the_new_version_lacks_keeps_its_own_template() -> None:
    world = enrolled(steps=[step("a", template="old")])
    tell(world, publish(steps=[step("z", template="new")]))
    world.hours(30, sending())
    assert [t.template_id for t in world.due()] == ["old"]


def test_a_step_whose_channel_changed_keeps_its_own_template() -> None:
    world = enrolled(steps=[step("a", template="mail")])
    tell(world, publish(steps=[step("a", "sms", template="text")]))
    world.hours(30, sending())
    assert [(t.channel, t.template_id) for t in world.due()] == [("email", "mail")]


@pytest.mark.parametrize("times", [1, 2])
def test_a_deleted_template_leaves_its_touch_standing_and_unsent(times: int) -> None:
    world = enrolled(steps=[step("a", template="gone"), step("b", template="kept")])
    tell(world, *[DeleteTemplate(TENANT, "gone", "x#1", START)] * times)
    world.hours(60, sending())
    assert sends(world) == [("b", 48)]
    assert [t.phase for t in run(world).touches] == [Phase.SKIPPED, Phase.SENT]
    assert len(world.facts(FactKind.TEMPLATE_DELETED)) == 1


def test_addresses_are_read_when_the_touch_is_sent() -> None:
    world = enrolled()
    tell(world, told(world, email="moved@example.com"))
    world.hours(25, sending())
    assert [t.recipient for t in world.due()] == ["moved@example.com"]


def test_an_older_account_told_later_changes_nothing() -> None:
    world = enrolled()
    old = told(world, email="ancient@example.com")
    tell(world, type(old)(old.tenant_id, old.contact_id, old.cause, START - HOUR, old.person))
    assert contact(world).profile.address("email") == "ann@example.com"


def test_an_address_that_is_taken_away_while_the_touch_waits_skips_it() -> None:
    world = enrolled(steps=[step("a"), step("b", "sms")])
    world.hours(1)
    tell(world, told(world, email=""))
    world.hours(60, sending())
    assert sends(world) == [("b", 48)]


def test_no_touch_goes_out_before_the_one_ahead_of_it_is_resolved() -> None:
    """S0-4: a sender that is silent for a day holds the next touch, due meanwhile, back."""
    world = enrolled(
        steps=[step("a"), step("b", hours=1)], settings={"answer_timeout_minutes": 1440}
    )
    world.hours(30)
    assert sends(world) == [("a", 24)]
    assert touch_of(world).number == 1
    tell(world, *sent(world, world.due()[0]))
    assert sends(world) == [("a", 24), ("b", 30)]


def test_variables_of_job_and_person_travel_with_the_command() -> None:
    world = enrolled()
    world.hours(25, [answering(sent)])
    touch = world.due()[0]
    assert touch.variables == {
        "first_name": "Ann",
        "last_name": "",
        "job_id": "j1",
        "service_type": "hvac",
    }
    assert (touch.tenant_id, touch.campaign_id) == (TENANT, CAMPAIGN)
