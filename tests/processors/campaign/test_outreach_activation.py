"""A draft of outreach is activated when every partition has counted its people, and refused with
all problems at once (S4-21, S4-32, S4-93…S4-97)."""

from typing import Any

import pytest

from processors.campaign.dates import first_day
from schemas.base.times import DAY
from schemas.internal import messages as m
from schemas.internal.facts import Fact, FactKind
from schemas.internal.topics import Topic
from tests.testing.administered import administered, announced, codes, order
from tests.testing.builders import publish, step, tenant
from tests.testing.outreach import OUTREACH, experiment
from tests.testing.outreach_orders import (
    account,
    active_world,
    answers,
    campaign,
    changed,
    counts,
    outreach,
    outreach_world,
)
from tests.testing.world import START, World

LOG = Topic.CONTACT_LOG


def problems(world: World) -> list[tuple[str, str]]:
    """The codes and places of the last refusal."""
    values = refusals(world)[-1].values or {}
    return [(each["code"], each["place"]) for each in values["problems"]]


def refusals(world: World) -> list[Fact]:
    return world.facts(FactKind.EVENT_REFUSED)


def activated(world: World, **numbers: Any) -> World:
    """The world after an order to activate the draft, with the counts of its people."""
    request = campaign(world).requests + 1
    return administered(changed("activated"), *answers(request, request, **numbers), world=world)


def test_a_draft_with_people_is_activated_when_every_partition_has_answered() -> None:
    world = outreach_world(changed("activated"))
    assert campaign(world).status == "draft"
    asked = announced(world, m.CountsRequested, LOG)
    assert [each.request for each in asked] == [1] * world.layout.contact
    first, second = answers(runs=3, frozen=3)
    administered(first, world=world)
    assert campaign(world).status == "draft"
    administered(second, world=world)
    record = campaign(world)
    assert (record.status, record.started_at, record.activation) == ("active", world.now, None)
    fact = world.facts(FactKind.CAMPAIGN_STATUS_CHANGED)[-1]
    assert (fact.reason, (fact.values or {})["contacts"]) == ("active", 3)
    assert [each.status for each in announced(world, m.StatusAnnounced, LOG)] == ["active"] * 2


def test_an_answer_to_an_older_request_does_not_activate() -> None:
    world = outreach_world(changed("activated"))
    administered(*answers(0, runs=3, frozen=3), world=world)
    assert campaign(world).status == "draft"
    administered(*answers(1, 2, runs=3, frozen=3), world=world)
    assert campaign(world).status == "active"


def test_a_later_report_counts_as_the_answer_that_was_lost() -> None:
    world = outreach_world(changed("activated"))
    administered(counts(0, 7, answers=1, runs=2, frozen=2), counts(1, 9, answers=1), world=world)
    assert campaign(world).status == "active"


def test_a_draft_without_people_cannot_be_activated() -> None:
    world = activated(outreach_world())
    assert campaign(world).status == "draft"
    (fact,) = refusals(world)
    assert fact.reason == "CAMPAIGN_NO_CONTACTS"
    assert fact.values == {
        "action": "activated",
        "problems": [
            {
                "code": "CAMPAIGN_NO_CONTACTS",
                "place": "contacts",
                "message": "Cannot activate campaign with 0 contacts",
            }
        ],
    }
    activated(world, runs=1, frozen=1)
    assert campaign(world).status == "active"


@pytest.mark.parametrize("numbers", [{"runs": 2}, {"runs": 2, "out": 1}])
def test_a_draft_whose_people_have_all_ended_cannot_be_activated(numbers: dict[str, int]) -> None:
    world = activated(outreach_world(), **numbers)
    assert campaign(world).status == "draft"
    assert codes(refusals(world)) == ["CAMPAIGN_NO_CONTACTS"]


def test_all_problems_are_in_one_fact() -> None:
    steps = [
        step("mail", template_id=None, experiment=experiment()),
        step("again", hours=24, template_id="gone"),
        step("note", "linkedin", 24, window={"start": "22:00", "end": "23:00"}),
        step("last", hours=24, template_id=None),
    ]
    world = administered(
        tenant(quiet_start=0, quiet_end=23 * 60 + 59),
        order(m.DeleteTemplate, "d#1", template_id="a"),
        order(m.DeleteTemplate, "d#2", template_id="gone"),
        world=World(),
    )
    document: dict[str, Any] = {
        "outreach": {"channel": "combined"},
        "steps": steps,
        "settings": {"end_date": "2026-03-02"},
    }
    activated(administered(outreach(**document), world=world))
    assert refusals(world)[-1].reason == "CAMPAIGN_INVALID"
    assert sorted(problems(world)) == [
        ("CAMPAIGN_AB_MISSING_TEMPLATES", "steps[0].experiment"),
        ("CAMPAIGN_INVALID_DATES", "settings.end_date"),
        ("CAMPAIGN_NO_CONTACTS", "contacts"),
        ("CAMPAIGN_NO_SENDER", "steps[0].channel"),
        ("CAMPAIGN_NO_SENDER", "steps[2].channel"),
        ("CAMPAIGN_NO_TEMPLATE", "steps[1].template_id"),
        ("CAMPAIGN_NO_TEMPLATE", "steps[3].template_id"),
    ]
    assert campaign(world).status == "draft"


def test_a_window_that_the_quiet_hours_of_the_tenant_leave_empty_is_a_problem() -> None:
    steps = [step(window={"start": "22:00", "end": "23:00"})]
    world = activated(outreach_world(steps=steps), runs=1, frozen=1)
    assert problems(world) == [("CAMPAIGN_NO_WINDOW", "steps[0].window")]


@pytest.mark.parametrize(
    ("settings", "is_active"),
    [
        ({"end_date": "2026-03-03"}, True),
        ({"end_date": "2026-03-02"}, False),
        ({"start_date": "2026-03-05", "end_date": "2026-03-06"}, True),
    ],
)
def test_the_last_day_is_after_the_day_of_the_activation(
    settings: dict[str, str], is_active: bool
) -> None:
    world = activated(outreach_world(settings=settings), runs=1, frozen=1)
    assert campaign(world).status == ("active" if is_active else "draft")


def test_a_draft_whose_end_date_has_passed_cannot_be_activated() -> None:
    world = outreach_world(settings={"start_date": "2026-03-03", "end_date": "2026-03-05"})
    world.now = START + 10 * DAY
    activated(world, runs=1, frozen=1)
    assert problems(world) == [("CAMPAIGN_INVALID_DATES", "settings.end_date")]
    message = (refusals(world)[-1].values or {})["problems"][0]["message"]
    assert message == "End date must be after start date"


def test_a_start_in_the_past_does_not_refuse_an_activation() -> None:
    world = outreach_world(settings={"start_date": "2026-03-03"})
    world.now = START + 10 * DAY
    activated(world, runs=1, frozen=1)
    assert (campaign(world).status, campaign(world).first_day) == ("active", None)


def test_the_day_of_the_activation_is_the_first_one_if_there_is_none() -> None:
    world = outreach_world(zone="Asia/Tokyo")
    activated(world, runs=1, frozen=1)
    assert campaign(world).first_day == START // DAY + 1  # 15:00 UTC is midnight there
    values = world.facts(FactKind.CAMPAIGN_STATUS_CHANGED)[-1].values or {}
    assert values["first_day"] == "2026-03-03"
    later = campaign(administered(outreach(name="Other"), world=world))
    assert later.first_day == START // DAY + 1


def test_an_active_campaign_cannot_be_activated_again() -> None:
    world = active_world(changed("activated"))
    assert codes(refusals(world)) == ["CAMPAIGN_ALREADY_ACTIVE"]


def test_of_two_orders_to_activate_a_large_campaign_the_second_finds_it_active() -> None:
    world = outreach_world(changed("activated"), changed("activated"))
    assert len(announced(world, m.CountsRequested, LOG)) == world.layout.contact
    administered(*answers(runs=100_000, frozen=100_000), world=world)
    assert campaign(world).status == "active"
    assert codes(refusals(world)) == ["CAMPAIGN_ALREADY_ACTIVE"]
    assert len(world.facts(FactKind.CAMPAIGN_STATUS_CHANGED)) == 1


def test_two_orders_to_activate_an_empty_draft_are_both_refused() -> None:
    world = outreach_world(changed("activated"), changed("activated"))
    administered(*answers(), world=world)
    assert codes(refusals(world)) == ["CAMPAIGN_NO_CONTACTS"] * 2


@pytest.mark.parametrize("action", ["cancelled", "deleted"])
def test_an_activation_that_waits_is_refused_when_the_draft_ends(action: str) -> None:
    world = outreach_world(changed("activated"), changed(action))
    assert codes(refusals(world)) == [f"CAMPAIGN_{action.upper()}"]
    administered(*answers(runs=3, frozen=3), world=world)
    assert campaign(world).status == action


def test_an_activation_that_waits_is_refused_when_the_tenant_is_deleted() -> None:
    world = outreach_world(changed("activated"), order(m.DeleteTenant, "d#1"))
    assert codes(refusals(world)) == ["CAMPAIGN_DELETED"]
    administered(*answers(runs=3, frozen=3), world=world)
    assert campaign(world).status == "deleted"


def test_a_version_that_is_published_meanwhile_is_the_one_that_is_checked() -> None:
    steps = [step(window={"start": "22:00", "end": "23:00"})]
    world = outreach_world(changed("activated"), outreach(steps=steps))
    administered(*answers(runs=3, frozen=3), world=world)
    assert codes(refusals(world)) == ["CAMPAIGN_NO_WINDOW"]
    good = outreach_world(changed("activated"), outreach(name="Other"))
    administered(*answers(runs=3, frozen=3), world=good)
    assert (campaign(good).status, campaign(good).version) == ("active", 2)


def test_an_activation_that_waits_is_refused_when_the_draft_becomes_one_of_another_kind() -> None:
    world = outreach_world(changed("activated"), changed("activated"))
    administered(publish(campaign_id=OUTREACH, status="draft"), world=world)
    administered(*answers(runs=3, frozen=3), world=world)
    assert codes(refusals(world)) == ["CAMPAIGN_DRAFT"] * 2
    administered(changed("activated"), world=world)
    assert campaign(world).status == "active"


def test_a_draft_cannot_be_paused_and_a_paused_campaign_is_resumed_without_questions() -> None:
    world = outreach_world(changed("paused"))
    assert codes(refusals(world)) == ["CAMPAIGN_STATUS_INVALID"]
    resumed = active_world(changed("paused"), changed("resumed"))
    assert campaign(resumed).status == "active"
    assert len(announced(resumed, m.CountsRequested, LOG)) == resumed.layout.contact


def test_a_draft_of_another_kind_is_activated_at_once() -> None:
    world = administered(publish(status="draft"))
    administered(changed("activated", "reviews"), world=world)
    assert campaign(world, "reviews").status == "active"
    assert not announced(world, m.CountsRequested, LOG)


def test_recommendations_are_values_of_the_facts() -> None:
    world = active_world()
    for kind in (FactKind.CAMPAIGN_PUBLISHED, FactKind.CAMPAIGN_STATUS_CHANGED):
        values = world.facts(kind)[-1].values or {}
        places = {each["place"] for each in values["recommendations"]}
        assert {"outreach.target_audience", "outreach.target_contacts_count"} <= places
    other = administered(publish())
    assert "recommendations" not in (other.facts(FactKind.CAMPAIGN_PUBLISHED)[-1].values or {})


def test_a_removed_account_is_no_sender() -> None:
    world = outreach_world(order(m.RemoveSender, "r#1", sender_id="email-1"))
    activated(world, runs=1, frozen=1)
    assert codes(refusals(world)) == ["CAMPAIGN_NO_SENDER"]
    activated(administered(account("email", "email-2"), world=world), runs=1, frozen=1)
    assert campaign(world).status == "active"


# the days of a document


def refused_days(world: World) -> list[tuple[str, str]]:
    facts = world.facts(FactKind.CAMPAIGN_REFUSED)
    found = [each for fact in facts for each in (fact.values or {})["problems"]]
    return [(each["place"], each["message"]) for each in found]


def test_a_start_in_the_past_is_refused_when_it_is_published() -> None:
    world = outreach_world(settings={"start_date": "2026-03-01"})
    assert refused_days(world) == [("settings.start_date", "Start date cannot be in the past")]


def test_the_past_is_by_the_zone_of_the_campaign() -> None:
    refused = outreach_world(zone="Asia/Tokyo", settings={"start_date": "2026-03-02"})
    assert len(refused_days(refused)) == 1
    chicago = {"start_date": "2026-03-02", "timezone": "America/Chicago"}
    assert not refused_days(outreach_world(zone="Asia/Tokyo", settings=chicago))


def test_a_start_that_has_passed_since_does_not_refuse_another_edit() -> None:
    world = outreach_world(settings={"start_date": "2026-03-03"})
    world.now = START + 10 * DAY
    again = outreach(settings={"start_date": "2026-03-03"}, name="Other")
    administered(again, world=world)
    assert campaign(world).version == 2


def test_the_start_can_be_set_only_while_the_campaign_is_a_draft() -> None:
    world = active_world()
    administered(outreach(settings={"start_date": "2026-03-20"}), world=world)
    assert refused_days(world) == [
        ("settings.start_date", "Start date can be set only while the campaign is a draft")
    ]
    administered(outreach(settings={"start_date": "2026-03-02"}), world=world)
    assert campaign(world).version == 2, "the day of the activation may be written down"


def test_the_start_cannot_be_taken_out_after_the_draft() -> None:
    world = active_world(settings={"start_date": "2026-03-20"})
    administered(outreach(), world=world)
    assert refused_days(world) == [
        ("settings.start_date", "Start date can be set only while the campaign is a draft")
    ]
    assert first_day(campaign(world)) is not None


def test_a_zone_that_is_none_keeps_no_campaign_without_days_from_its_publication() -> None:
    world = administered(tenant(timezone="Mars/Phobos"), world=World())
    administered(publish(), outreach(), outreach(settings={"end_date": "2030-01-01"}), world=world)
    assert len(world.facts(FactKind.CAMPAIGN_PUBLISHED)) == 2
    assert refused_days(world) == [("settings.timezone", "not an IANA time zone")]


@pytest.mark.parametrize(
    ("day", "mode", "message"),
    [
        ("2026-03-11", "inclusive", "End date cannot be in the past"),
        ("2026-03-12", "literal", "End date cannot be in the past"),
        ("2026-03-02", "inclusive", "End date cannot be in the past"),
        ("2026-03-12", "inclusive", None),
        ("2026-03-13", "literal", None),
    ],
)
def test_an_end_date_that_has_passed_is_refused_when_it_is_published(
    day: str, mode: str, message: str | None
) -> None:
    world = active_world()
    world.now = START + 10 * DAY
    dates = {"end_date": day, "end_date_mode": mode}
    administered(outreach(settings=dates), world=world)
    refused = [] if message is None else [("settings.end_date", message)]
    assert refused_days(world) == refused
    assert campaign(world).status == "active"


def test_the_last_day_of_a_campaign_that_has_begun_is_after_its_first_day() -> None:
    world = active_world()
    administered(outreach(settings={"end_date": "2026-03-02"}), world=world)
    assert refused_days(world) == [("settings.end_date", "End date must be after start date")]


def test_an_end_date_that_has_passed_is_refused_for_every_kind() -> None:
    world = administered(publish(settings={"end_date": "2025-03-10"}))
    assert refused_days(world) == [("settings.end_date", "End date cannot be in the past")]


def test_a_campaign_that_has_begun_does_not_become_one_of_outreach() -> None:
    world = administered(publish())
    administered(outreach(campaign_id="reviews"), world=world)
    assert codes(world.facts(FactKind.CAMPAIGN_REFUSED)) == ["CAMPAIGN_KIND_CHANGED"]
