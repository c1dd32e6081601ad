"""The gates of a touch: what skips it, and what opens a channel again (F-8, S0-17, X-3)."""

import msgspec
import pytest

from schemas.internal import messages as m
from schemas.internal.enrollment import Phase
from schemas.internal.facts import FactKind
from schemas.internal.messages import DeleteTemplate, Person, RequestTouch
from schemas.internal.topics import Topic
from tests.testing.builders import CAMPAIGN, TENANT, publish, step
from tests.testing.story import (
    HOUR,
    START,
    World,
    accepted,
    bounced,
    contact_of,
    deliver,
    enroll_by_hand,
    enrolled,
    enrollment_of,
    job,
    make_sender,
    reasons,
    scheduled_steps,
    sent,
    tenant,
    touch_of,
    unsubscribed,
    upserted,
    working_senders,
    world_with_campaign,
)

THREE = [step("m1", hours=24), step("s1", "sms", hours=24), step("m2", hours=24)]


def test_an_sms_opt_out_skips_sms_and_the_mails_go_on() -> None:
    world = enrolled(steps=THREE)
    deliver(world, unsubscribed(world, "sms"))
    world.advance_hours(100, working_senders())
    assert scheduled_steps(world) == [("m1", 24), ("m2", 72)]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["opted_out_sms"]


def test_an_opt_out_of_everything_stops_the_enrollment() -> None:
    world = enrolled(steps=THREE)
    deliver(world, unsubscribed(world, "all"))
    assert enrollment_of(world).reason == "opted_out_all"


def test_an_opt_out_with_nothing_left_elsewhere_stops_the_enrollment() -> None:
    world = enrolled(steps=THREE)
    world.advance_hours(50, working_senders())
    deliver(world, unsubscribed(world, "email"))
    assert enrollment_of(world).reason == "opted_out_email"


def test_an_opt_out_counts_for_every_campaign_of_the_tenant() -> None:
    world = world_with_campaign()
    deliver(world, publish(campaign_id="hvac-only", service_type="hvac", steps=THREE))
    deliver(world, job(), job("j2", service_type="roofing"))
    deliver(world, unsubscribed(world, "email"))
    world.advance_hours(300, working_senders())
    assert {t.channel for t in world.commanded_touches()} == {"sms"}


def test_a_complaint_is_an_opt_out_with_its_own_reason() -> None:
    world = enrolled(steps=THREE)
    deliver(world, unsubscribed(world, "email", complained=True))
    assert reasons(world, FactKind.CONTACT_OPTED_OUT) == ["complained"]


def test_a_second_opt_out_is_no_fact_and_the_earlier_time_is_kept() -> None:
    world = enrolled(steps=THREE)
    world.advance_hours(2)
    late, early = unsubscribed(world), unsubscribed(world)
    early = type(early)(TENANT, early.contact_id, early.cause, START, "email")
    deliver(world, late, early)
    assert contact_of(world).opted_out == {"email": START}
    assert len(world.facts(FactKind.CONTACT_OPTED_OUT)) == 1


def test_without_a_phone_the_sms_is_skipped_and_the_rest_goes_on() -> None:
    person = Person(email="ann@example.com", timezone="America/Chicago")
    world = enrolled(steps=THREE, changes={"person": person})
    world.advance_hours(100, working_senders())
    assert scheduled_steps(world) == [("m1", 24), ("m2", 72)]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["no_address"]


def test_a_phone_number_reported_in_time_is_used() -> None:
    person = Person(email="ann@example.com", timezone="America/Chicago")
    world = enrolled(steps=THREE, changes={"person": person})
    deliver(world, upserted(world, phone="+15550111"))
    world.advance_hours(50, working_senders())
    sms = [t for t in world.commanded_touches() if t.channel == "sms"]
    assert [t.recipient for t in sms] == ["+15550111"]


def after_a_hard_bounce() -> World:
    """A world in which Ann's first mail bounced hard."""
    world = enrolled(steps=[step("a", hours=24), step("b", hours=24), step("c", hours=24)])
    world.advance_hours(25, working_senders())
    return deliver(world, bounced(world, world.commanded_touches()[0]))


def test_a_hard_bounced_address_gets_nothing_more() -> None:
    world = after_a_hard_bounce()
    world.advance_hours(100, working_senders())
    assert scheduled_steps(world) == [("a", 24)]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["address_bounced", "address_bounced"]


def test_a_new_address_opens_the_channel_again() -> None:
    world = after_a_hard_bounce()
    world.advance_hours(1)
    deliver(world, upserted(world, email="new@example.com"))
    world.advance_hours(100, working_senders())
    assert [t.recipient for t in world.commanded_touches()[1:]] == ["new@example.com"] * 2


def test_a_soft_bounce_closes_nothing() -> None:
    world = enrolled(steps=[step("a", hours=24), step("b", hours=24)])
    world.advance_hours(25, working_senders())
    deliver(world, bounced(world, world.commanded_touches()[0], "soft"))
    world.advance_hours(30, working_senders())
    assert len(scheduled_steps(world)) == 2


def test_a_bounce_of_the_old_address_leaves_the_new_one_alone() -> None:
    world = enrolled(steps=[step("a", hours=24), step("b", hours=24)])
    world.advance_hours(25, working_senders())
    deliver(world, upserted(world, email="new@example.com"))
    deliver(world, bounced(world, world.commanded_touches()[0]))
    world.advance_hours(30, working_senders())
    assert world.commanded_touches()[1].recipient == "new@example.com"


def test_a_bounce_of_the_old_address_counts_when_that_one_comes_back() -> None:
    world = enrolled(steps=[step("a", hours=24), step("b", hours=24), step("c", hours=24)])
    world.advance_hours(25, working_senders())
    deliver(world, upserted(world, email="new@example.com"))
    deliver(world, bounced(world, world.commanded_touches()[0]))
    world.advance_hours(24, working_senders(world))
    deliver(world, upserted(world, email="ann@example.com"))
    world.advance_hours(24, working_senders(world))
    assert [t.recipient for t in world.commanded_touches()] == [
        "ann@example.com",
        "new@example.com",
    ]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["address_bounced"]


def test_a_bounced_address_is_kept_as_a_digest() -> None:
    world = after_a_hard_bounce()
    recipient = touch_of(world, 0).recipient
    assert recipient is not None
    assert list(contact_of(world).bounced) == [recipient.hex()]


def test_an_address_that_bounced_for_one_contact_is_closed_for_another_of_the_tenant() -> None:
    world = after_a_hard_bounce()
    deliver(world, job("j2", world.now, contact_id="ben"))
    world.advance_hours(60, working_senders())
    assert [t.contact_id for t in world.commanded_touches()] == ["ann"]
    skipped = [f for f in world.facts(FactKind.TOUCH_SKIPPED) if f.contact_id == "ben"]
    assert {f.reason for f in skipped} == {"address_bounced"}


def test_a_touch_without_a_template_is_not_sent() -> None:
    world = enrolled(steps=[step("a", hours=24, template_id=None), step("b", hours=24)])
    world.advance_hours(60, working_senders())
    assert scheduled_steps(world) == [("b", 48)]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["no_template"]


def test_a_template_of_a_later_version_is_used_by_an_old_enrollment() -> None:
    world = enrolled(
        steps=[step("a", hours=24, template_id=None), step("b", hours=24, template_id="old")]
    )
    deliver(
        world,
        publish(
            steps=[step("a", hours=24, template_id="new"), step("b", hours=24, template_id="newer")]
        ),
    )
    world.advance_hours(60, working_senders())
    assert [(t.template_id, t.campaign_version) for t in world.commanded_touches()] == [
        ("new", 1),
        ("newer", 1),
    ]


def test_a_step_that_the_new_version_lacks_keeps_its_own_template() -> None:
    world = enrolled(steps=[step("a", hours=24, template_id="old")])
    deliver(world, publish(steps=[step("z", hours=24, template_id="new")]))
    world.advance_hours(30, working_senders())
    assert [t.template_id for t in world.commanded_touches()] == ["old"]


def test_a_step_whose_channel_changed_keeps_its_own_template() -> None:
    world = enrolled(steps=[step("a", hours=24, template_id="mail")])
    deliver(world, publish(steps=[step("a", "sms", hours=24, template_id="text")]))
    world.advance_hours(30, working_senders())
    assert [(t.channel, t.template_id) for t in world.commanded_touches()] == [("email", "mail")]


@pytest.mark.parametrize("times", [1, 2])
def test_a_touch_whose_template_was_deleted_is_skipped_when_due(times: int) -> None:
    world = enrolled(
        steps=[step("a", hours=24, template_id="gone"), step("b", hours=24, template_id="kept")]
    )
    deliver(world, *[DeleteTemplate(TENANT, "gone", "x#1", START)] * times)
    world.advance_hours(60, working_senders())
    assert scheduled_steps(world) == [("b", 48)]
    assert [t.phase for t in enrollment_of(world).touches] == [Phase.SKIPPED, Phase.SENT]
    assert len(world.facts(FactKind.TEMPLATE_DELETED)) == 1


def test_addresses_are_read_when_the_touch_is_sent() -> None:
    world = enrolled()
    deliver(world, upserted(world, email="moved@example.com"))
    world.advance_hours(25, working_senders())
    assert [t.recipient for t in world.commanded_touches()] == ["moved@example.com"]


def test_an_older_report_that_arrives_later_changes_nothing() -> None:
    world = enrolled()
    old = upserted(world, email="ancient@example.com")
    deliver(world, type(old)(old.tenant_id, old.contact_id, old.cause, START - HOUR, old.person))
    assert contact_of(world).profile.address("email") == "ann@example.com"


def test_an_address_that_is_taken_away_while_the_touch_waits_skips_it() -> None:
    world = enrolled(steps=[step("a", hours=24), step("b", "sms", hours=24)])
    world.advance_hours(1)
    deliver(world, upserted(world, email=""))
    world.advance_hours(60, working_senders())
    assert scheduled_steps(world) == [("b", 48)]


def test_no_touch_goes_out_before_the_previous_one_is_resolved() -> None:
    """S0-4: while a sender does not answer, the next touch waits although it is due."""
    world = enrolled(
        steps=[step("a", hours=24), step("b", hours=1)], settings={"answer_timeout_minutes": 1440}
    )
    world.advance_hours(30)
    assert scheduled_steps(world) == [("a", 24)]
    assert touch_of(world).number == 1
    deliver(world, *sent(world, world.commanded_touches()[0]))
    assert scheduled_steps(world) == [("a", 24), ("b", 30)]


def test_a_command_has_the_variables_of_job_and_person() -> None:
    world = enrolled()
    world.advance_hours(25, [make_sender(sent)])
    touch = world.commanded_touches()[0]
    assert touch.variables == {
        "first_name": "Ann",
        "last_name": "",
        "job_id": "j1",
        "service_type": "hvac",
    }
    assert (touch.tenant_id, touch.campaign_id) == (TENANT, CAMPAIGN)


FILLED_BY_DISPATCH = {"sender_id"}
"""The fields of RequestTouch that the request of a contact leaves at their default."""


def fields_at_default(touch: RequestTouch) -> set[str]:
    """The names of the fields that have a default and are at it."""
    return {
        field.name
        for field in msgspec.structs.fields(touch)
        if not field.required and getattr(touch, field.name) == default_of(field)
    }


def default_of(field: msgspec.structs.FieldInfo) -> object:
    """The default of a field that is not required."""
    made = field.default_factory
    return field.default if made is msgspec.NODEFAULT else made()


def test_a_request_leaves_no_field_at_its_default_except_those_that_dispatch_fills() -> None:
    """A story in which everything that a request can have is set. A field that is appended to
    RequestTouch is filled by `_send_request`, and set in this story, or listed above."""
    window, day = {"start": "20:00", "end": "09:00"}, {"start": "08:00", "end": "18:00"}
    test = {"id": "subject", "variant_a_template_id": "a", "variant_b_template_id": "b"}
    steps = [
        step("mail", experiment=test),
        step("text", "sms", hours=24),
        step("call", "voice", hours=24),
        step("message", "linkedin", hours=24, action="send_inmail", window=day),
    ]
    settings = {"priority": 7, "quiet_hours": window}
    world = world_with_campaign(kind="prospecting", steps=steps, settings=settings)
    deliver(world, tenant(at=START + 1, cause="t#2", caps={"per_week": 5}))
    person = {"email": "ann@example.com", "phone": "(312) 555-0100", "timezone": "America/Chicago"}
    deliver(world, upserted(world, **person, linkedin_url="https://linkedin.com/in/ann"))
    deliver(world, accepted(world, sender_id="account-1"))
    deliver(world, enroll_by_hand(world, offer="spring"))
    world.advance_hours(96, working_senders())
    records = world.broker.topic(Topic.DISPATCH_LOG)
    messages = [m.decode_dispatch(record.value or b"") for record in records]
    touches = [message for message in messages if isinstance(message, RequestTouch)]
    assert len(touches) == 4
    # The mail is the first touch, and its address has one spelling.
    assert set.intersection(*map(fields_at_default, touches)) == FILLED_BY_DISPATCH
    for touch in touches:
        assert (touch.priority, touch.variables["offer"]) == (7, "spring")
        assert touch.quiet is not None
