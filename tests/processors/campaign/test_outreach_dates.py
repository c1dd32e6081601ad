"""The dates of a campaign: its end by the clock of its zone, at the first moment of the next day
(C-6), also while it is paused, and anew after an edit or a new zone of the tenant."""

import pytest

from processors.campaign.dates import END, end_at, phase_of
from schemas.base.times import DAY, SECOND, parse_rfc3339
from schemas.campaigns.compiled_definition import CampaignSettings
from schemas.internal.facts import FactKind
from tests.testing.administered import administered, codes
from tests.testing.builders import tenant
from tests.testing.outreach_orders import (
    active_world,
    campaign,
    changed,
    outreach,
    outreach_world,
    pass_to,
)
from tests.testing.world import START

AT = parse_rfc3339


def day_number(text: str) -> int:
    return AT(f"{text}T00:00:00Z") // DAY


@pytest.mark.parametrize(
    ("zone", "day", "ends_at"),
    [
        ("America/New_York", "2026-03-08", "2026-03-09T04:00:00Z"),
        ("America/New_York", "2026-11-01", "2026-11-02T05:00:00Z"),
        ("America/Santiago", "2026-09-05", "2026-09-06T04:00:00Z"),
        ("Africa/Cairo", "2026-04-23", "2026-04-23T22:00:00Z"),
        ("Pacific/Apia", "2011-12-29", "2011-12-30T10:00:00Z"),
        ("UTC", "2026-03-08", "2026-03-09T00:00:00Z"),
    ],
)
def test_a_campaign_ends_at_the_first_moment_of_the_next_day(
    zone: str, day: str, ends_at: str
) -> None:
    assert end_at(CampaignSettings(end_day=day_number(day)), zone) == AT(ends_at)


@pytest.mark.parametrize(
    ("zone", "day", "ends_at"),
    [
        ("America/New_York", "2026-03-08", "2026-03-08T05:00:00Z"),
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z"),
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),
    ],
)
def test_with_the_literal_mode_a_campaign_ends_as_its_last_day_begins(
    zone: str, day: str, ends_at: str
) -> None:
    settings = CampaignSettings(end_day=day_number(day), end_mode="literal")
    assert end_at(settings, zone) == AT(ends_at)


def test_a_campaign_without_an_end_date_is_ongoing() -> None:
    assert end_at(CampaignSettings(), "UTC") is None
    assert campaign(active_world()).dates == {}


@pytest.mark.parametrize("action", [None, "paused"])
def test_a_campaign_ends_on_its_end_date_also_while_it_is_paused(action: str | None) -> None:
    orders = [] if action is None else [changed(action)]
    world = active_world(*orders, settings={"end_date": "2026-03-10"})
    ends_at = AT("2026-03-11T05:00:00Z")  # Chicago, after its clock change
    assert campaign(world).dates == {END: ends_at}
    pass_to(world, ends_at - SECOND)
    assert campaign(world).status == (action or "active")
    pass_to(world, ends_at)
    assert (campaign(world).status, campaign(world).end_reason) == ("completed", "end_date")
    fact = world.facts(FactKind.CAMPAIGN_STATUS_CHANGED)[-1]
    assert (fact.reason, fact.cause) == ("completed", "end_date")
    assert (fact.values or {})["last_day"] == "2026-03-10"
    assert campaign(world).last_day is None


def test_an_order_to_resume_after_the_end_date_finds_the_campaign_completed() -> None:
    world = active_world(changed("paused"), settings={"end_date": "2026-03-10"})
    world.now = AT("2026-04-01T00:00:00Z")
    administered(changed("resumed"), world=world)
    assert campaign(world).end_reason == "end_date"
    assert codes(world.facts(FactKind.EVENT_REFUSED)) == ["CAMPAIGN_STATUS_INVALID"]


def test_a_draft_does_not_end() -> None:
    world = outreach_world(settings={"end_date": "2026-03-10"})
    pass_to(world, AT("2026-04-01T00:00:00Z"))
    assert (campaign(world).status, campaign(world).dates) == ("draft", {})


def test_a_new_zone_of_the_tenant_moves_the_end() -> None:
    world = active_world(settings={"end_date": "2026-03-10"})
    administered(tenant(cause="t#2", timezone="Asia/Tokyo"), world=world)
    assert campaign(world).dates == {END: AT("2026-03-10T15:00:00Z")}
    own = active_world(settings={"end_date": "2026-03-10", "timezone": "Europe/Paris"})
    before = campaign(own).dates
    administered(tenant(cause="t#2", timezone="Asia/Tokyo"), world=own)
    assert campaign(own).dates == before == {END: AT("2026-03-10T23:00:00Z")}


def test_another_end_date_moves_the_end_and_none_takes_it_away() -> None:
    world = active_world(settings={"end_date": "2026-03-10"})
    administered(outreach(settings={"end_date": "2026-04-10"}), world=world)
    assert campaign(world).dates == {END: AT("2026-04-11T05:00:00Z")}
    administered(outreach(), world=world)
    assert campaign(world).dates == {}
    pass_to(world, AT("2026-05-01T00:00:00Z"))
    assert campaign(world).status == "active"


def test_a_campaign_whose_first_day_is_ahead_is_armed() -> None:
    world = active_world(settings={"start_date": "2026-03-04"})
    record, zone = campaign(world), "America/Chicago"
    assert (record.status, phase_of(record, zone, START)) == ("active", "armed")
    begins_at = AT("2026-03-04T06:00:00Z")
    assert phase_of(record, zone, begins_at - SECOND) == "armed"
    assert phase_of(record, zone, begins_at) == "active"
