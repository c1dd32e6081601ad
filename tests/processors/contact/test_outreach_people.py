"""Whom an outreach campaign writes to: fields of the order, addresses by channel, and the preferred
channel of a combined campaign (S4-7, S4-35…S4-38, S4-92…S4-101, C-18, C-19)."""

from typing import Any

import pytest

from schemas.internal import messages as m
from schemas.internal.facts import Fact, FactKind
from tests.testing.builders import TENANT, step, tenant
from tests.testing.outreach import outreach_document
from tests.testing.outreach_desk import OutreachDesk, active_desk, desk_with_draft
from tests.testing.story import bounced, event_fields, new_event, unsubscribed, upserted

URL = "https://linkedin.com/in/ann"
CHANNELS = {"email": ("email",), "linkedin": ("linkedin",), "combined": ("email", "linkedin")}


def desk_of(channel: str = "combined", **outreach: Any) -> OutreachDesk:
    """A draft with one step on each channel of the campaign."""
    steps = [step(f"by-{name}", name, hours=1) for name in CHANNELS[channel]]
    return desk_with_draft(outreach_document({"channel": channel, **outreach}, steps=steps))


def outcome(desk: OutreachDesk) -> Fact:
    """The fact of the last enrollment, or of why there is none."""
    return desk.facts(FactKind.ENROLLMENT_STARTED, FactKind.ENROLLMENT_DECLINED)[-1]


def skipped(desk: OutreachDesk) -> list[tuple[str | None, str | None]]:
    return [(fact.step_id, fact.reason) for fact in desk.facts(FactKind.TOUCH_SKIPPED)]


# addresses


@pytest.mark.parametrize(
    ("channel", "addresses", "reason"),
    [
        ("email", {"email": "ann@example.com"}, None),
        ("email", {"linkedin_url": URL}, "CONTACT_NO_ADDRESS"),
        ("email", {"email": "ann@@example"}, "CONTACT_EMAIL_INVALID"),
        ("linkedin", {"linkedin_url": URL}, None),
        ("linkedin", {"email": "ann@example.com"}, "CONTACT_NO_ADDRESS"),
        ("linkedin", {"linkedin_url": "https://example.com/ann"}, "CONTACT_LINKEDIN_INVALID"),
        ("combined", {"linkedin_url": URL}, None),
        ("combined", {"email": "ann@example.com"}, None),
        ("combined", {"email": "ann@@example", "linkedin_url": URL}, None),
        ("combined", {"phone": "+12125550123"}, "CONTACT_NO_ADDRESS"),
        ("combined", {"email": "ann@@example"}, "CONTACT_EMAIL_INVALID"),
    ],
)
def test_a_person_needs_an_address_of_the_campaign(
    channel: str, addresses: dict[str, str], reason: str | None
) -> None:
    desk = desk_of(channel)
    desk.deliver(upserted(desk, first_name="Ann", **addresses))
    desk.order()
    assert outcome(desk).reason == reason


def test_a_decline_has_the_reason_of_each_channel_and_no_address() -> None:
    desk = desk_of()
    desk.deliver(upserted(desk, email="ann@@example"))
    desk.order()
    closed = {"email": "CONTACT_EMAIL_INVALID", "linkedin": "CONTACT_NO_ADDRESS"}
    assert outcome(desk).values == {"closed": closed}


def test_a_person_who_has_opted_out_is_not_added() -> None:
    desk = desk_of("email")
    desk.deliver(upserted(desk, email="ann@example.com"), unsubscribed(desk))
    desk.order()
    assert outcome(desk).reason == "CONTACT_UNSUBSCRIBED"


def test_an_opt_out_goes_before_a_missing_address() -> None:
    desk = desk_of()
    desk.deliver(upserted(desk, email="ann@example.com"), unsubscribed(desk))
    desk.order()
    assert outcome(desk).reason == "CONTACT_UNSUBSCRIBED"
    desk.deliver(upserted(desk, linkedin_url=URL))
    desk.order()
    assert outcome(desk).fact is FactKind.ENROLLMENT_STARTED


def test_a_person_whose_address_has_bounced_is_not_added_until_there_is_another_one() -> None:
    desk = active_desk(document=outreach_document(settings={"reentry": "after_end"}))
    desk.deliver(bounced(desk, desk.send()))
    desk.order()
    assert outcome(desk).reason == "CONTACT_BOUNCED"
    desk.deliver(upserted(desk, email="new@example.com"))
    desk.order()
    assert outcome(desk).fact is FactKind.ENROLLMENT_STARTED


def test_a_declined_person_changes_nothing() -> None:
    desk = desk_of("email")
    desk.order("bob")
    assert desk.counts("java-q1") == {}
    with pytest.raises(IndexError):
        desk.run("bob")


def test_the_people_of_another_tenant_are_others() -> None:
    desk = desk_with_draft()
    fields = event_fields(desk, "ann", "beta")
    desk.deliver(m.ContactEnrolled(**fields, campaign_id="java-q1", variables=None))
    desk.add("ann")
    assert outcome(desk).tenant_id == TENANT


# fields of the order


def test_the_fields_of_the_order_are_variables_of_its_templates() -> None:
    fields = {"contact_type": "referral", "company_name": "Initech", "title": "CTO", "lead_id": "7"}
    desk = desk_with_draft().add("ann", **fields).change("activated")
    assert fields.items() <= desk.request_of("ann").variables.items()


def test_the_fields_outlast_the_run_and_the_texts_do_not_outlast_the_person() -> None:
    fields = {"contact_type": "referral", "company_name": "Initech", "lead_id": "7", "offer": "x"}
    desk = desk_with_draft().add("ann", **fields).change("activated")
    desk.send()
    results = desk.run().results
    assert results is not None
    assert results.person == {
        "contact_type": "referral",
        "lead_id": "7",
        "company_name": "Initech",
    }
    desk.deliver(new_event(desk, m.ContactErased))
    results = desk.run().results
    assert results is not None
    assert results.person == {"contact_type": "referral", "lead_id": "7"}


def test_a_type_of_contact_that_does_not_exist_costs_that_field_only() -> None:
    desk = desk_with_draft().add("ann", contact_type="friend", title="CTO")
    started = outcome(desk)
    assert started.values is not None
    assert started.values["dropped"] == ["contact_type"]
    assert desk.run().variables == {"title": "CTO"}


def test_other_kinds_take_any_variable() -> None:
    document = {**outreach_document(), "kind": "prospecting", "status": "active"}
    del document["outreach"]
    desk = desk_with_draft(document).add("ann", contact_type="friend")
    assert desk.run().variables == {"contact_type": "friend"}


# the preferred channel


def test_without_a_preference_every_step_runs() -> None:
    desk = desk_of().add("ann").change("activated")
    desk.advance_hours(1)
    desk.send()
    desk.advance_hours(1)
    desk.send()
    assert [touch.channel for touch in desk.requests()] == ["email", "linkedin"]


@pytest.mark.parametrize(
    ("preference", "addresses", "steps"),
    [
        (["email", "linkedin"], {"email": "a@example.com", "linkedin_url": URL}, ["by-email"]),
        (["linkedin", "email"], {"email": "a@example.com", "linkedin_url": URL}, ["by-linkedin"]),
        (["linkedin", "email"], {"email": "a@example.com"}, ["by-email"]),
        (["email", "linkedin"], {"linkedin_url": URL}, ["by-linkedin"]),
    ],
)
def test_a_person_is_written_to_on_the_first_open_channel(
    preference: list[str], addresses: dict[str, str], steps: list[str]
) -> None:
    desk = desk_of(channel_preference=preference)
    desk.deliver(upserted(desk, **addresses))
    desk.order()
    desk.change("activated")
    for _ in range(3):
        desk.advance_hours(2)
        if desk.run().touches[-1].phase == 1:
            desk.send()
    assert [touch.step_id for touch in desk.requests()] == steps


def test_a_skipped_channel_has_its_reason_and_the_channel_that_is_preferred() -> None:
    desk = desk_of(channel_preference=["linkedin", "email"]).add("ann").change("activated")
    desk.advance_hours(1)
    (fact,) = desk.facts(FactKind.TOUCH_SKIPPED)
    assert (fact.step_id, fact.reason) == ("by-email", "channel_not_preferred")
    assert fact.values == {"preferred": "linkedin"}


def test_the_next_channel_takes_over_when_the_preferred_one_closes() -> None:
    desk = desk_of(channel_preference=["email", "linkedin"]).add("ann").change("activated")
    desk.deliver(unsubscribed(desk))
    desk.advance_hours(1)
    desk.advance_hours(1)
    assert skipped(desk) == [("by-email", "opted_out_email")]
    assert [touch.channel for touch in desk.requests()] == ["linkedin"]


# what a command must offer


@pytest.mark.parametrize(("policy", "scope"), [("channel", "email"), ("all", "all")])
def test_an_email_offers_an_opt_out_by_one_click_of_the_scope_of_the_tenant(
    policy: str, scope: str
) -> None:
    desk = desk_with_draft().add("ann")
    desk.deliver(tenant(cause="t#2", opt_out_scope=policy))
    desk.change("activated")
    assert desk.request_of("ann").opt_out_scope == scope


@pytest.mark.parametrize(
    ("action", "characters"),
    [("send_message", 0), ("send_connection_request", 300), ("send_inmail", 1_900)],
)
def test_a_message_on_linkedin_states_how_long_its_text_may_be(
    action: str, characters: int
) -> None:
    steps = [step("a", "linkedin", action=action)]
    desk = active_desk(document=outreach_document({"channel": "linkedin"}, steps=steps))
    touch = desk.request_of("ann")
    assert (touch.text_characters, touch.opt_out_scope) == (characters, "")
