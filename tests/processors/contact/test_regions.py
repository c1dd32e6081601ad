"""Regions and the zones of phone numbers decide when a touch may go out (F-6)."""

from typing import Any

import msgspec
import pytest

from processors.why.fact_values import readable_values
from schemas.internal.facts import Fact, FactKind
from schemas.internal.messages import Person
from tests.testing.builders import step
from tests.testing.story import (
    World,
    deliver,
    enroll_by_hand,
    job,
    scheduled_steps,
    tenant,
    upserted,
    working_senders,
    world_with_campaign,
)

NEW_YORK = "America/New_York"  # START is 10:00 there, on a Monday


def written_to(
    channel: str, due_hours: float, person: dict[str, Any], **settings: Any
) -> tuple[World, float]:
    """A world in which a person gets one touch on a channel, and the hours from START to it."""
    world = world_with_campaign(
        kind="prospecting", steps=[step("a", channel, due_hours, **settings.pop("step", {}))]
    )
    deliver(world, tenant(**({"timezone": NEW_YORK} | settings)))
    deliver(world, upserted(world, **person), enroll_by_hand(world))
    world.advance_hours(100, working_senders())
    ((_, hours),) = scheduled_steps(world)
    return world, hours


def window_of(fact: Fact) -> Any:
    """The window in a fact, as an explanation shows it."""
    return readable_values(msgspec.to_builtins(fact.values))["window"]


PHONE = "+12125550102"
ANN = {"phone": PHONE, "timezone": NEW_YORK}


@pytest.mark.parametrize("region", ["FL", "fl", "Florida", "US-FL", "FL ", "Fla.", "F.L."])
def test_a_strict_region_counts_however_it_is_written(region: str) -> None:
    strict = {"strict_regions": ("FL", "WA")}
    world, hours = written_to("sms", 10.5, ANN | {"region": region}, **strict)  # 20:30
    assert hours == 22  # 08:00 of the next day
    (scheduled,) = world.facts(FactKind.TOUCH_SCHEDULED)
    assert window_of(scheduled)["strict_region"] == "US-FL"
    assert written_to("sms", 10.5, ANN | {"region": "FL"}, strict_regions=(region,))[1] == 22


@pytest.mark.parametrize("region", ["NY", "New York", "", " "])
def test_another_region_and_none_are_not_strict(region: str) -> None:
    _, hours = written_to("sms", 10.5, ANN | {"region": region}, strict_regions=("FL", "WA"))
    assert hours == 10.5


def test_an_unknown_region_is_strict_and_facts_show_it() -> None:
    world, hours = written_to("sms", 10.5, ANN | {"region": "Flordia"}, strict_regions=("FL",))
    assert hours == 22
    (scheduled,) = world.facts(FactKind.TOUCH_SCHEDULED)
    assert window_of(scheduled)["strict_region"] == "unknown"
    (reported,) = world.facts(FactKind.CONTACT_UPDATED)
    assert reported.values is not None and reported.values["region_unknown"] is True
    assert b"Flordia" not in msgspec.json.encode(world.facts(FactKind.CONTACT_UPDATED))


@pytest.mark.parametrize(
    ("region", "strict"), [("Flordia", ()), ("Florida", ("FL",)), ("north", ("north",))]
)
def test_no_fact_is_about_a_region_that_is_known_or_does_not_matter(
    region: str, strict: tuple[str, ...]
) -> None:
    world, _ = written_to("sms", 1, ANN | {"region": region}, strict_regions=strict)
    assert all(
        "region_unknown" not in (fact.values or {})
        for fact in world.facts(FactKind.CONTACT_UPDATED)
    )


def test_a_region_of_another_country_is_known_by_the_number_of_the_person() -> None:
    person = {"phone": "+14165550123", "region": "ON"}  # Toronto
    assert written_to("sms", 10.5, person, strict_regions=("FL",))[1] == 10.5
    british = {"timezone": "Europe/London", "strict_regions": ("US-FL",)}
    florida = {"phone": "+13055550123", "region": "Fl."}  # Miami
    assert written_to("sms", 10.5, florida, **british)[1] == 22


# phone numbers


@pytest.mark.parametrize(
    ("phone", "due_hours", "expected"),
    [
        ("+12085550123", 0, 1),  # Idaho has two zones: 08:00 in Boise is 07:00 in Los Angeles
        ("+12085550123", 12.5, 12.5),  # 20:30 in Boise
        ("+12085550123", 13, 25),  # 21:00 in Boise is 20:00 in Los Angeles
        ("+442079460000", 0, 0),  # 15:00 in London
        ("+442079460000", 6, 17),
        ("+61412345678", 0, 10.5),  # from Lord Howe to the Cocos Islands: 21:00 to 08:00
        ("+15551234567", 0, 0),  # not a number that exists: by the tenant
        ("+15551234567", 11, 22),
    ],
)
def test_a_number_without_a_zone_is_called_when_all_zones_of_its_prefix_allow_it(
    phone: str, due_hours: float, expected: float
) -> None:
    assert written_to("sms", due_hours, {"phone": phone})[1] == expected


def test_the_window_of_a_number_shows_its_zones() -> None:
    world, _ = written_to("sms", 0, {"phone": "+12085550123"})
    window = window_of(world.facts(FactKind.TOUCH_SCHEDULED)[0])
    assert window["zone"] == "America/Boise" and window["zone_from"] == "phone"
    assert window["more_zones"] == ["America/Los_Angeles"]


def test_the_zone_of_the_person_counts_before_that_of_the_number() -> None:
    person = {"phone": "+12085550123", "timezone": NEW_YORK}
    assert written_to("sms", 0, person)[1] == 0


def test_an_email_is_not_written_by_the_zone_of_a_number() -> None:
    person = {"phone": "+442079460000", "email": "ann@example.com"}
    assert written_to("email", 10.5, person)[1] == 10.5


def test_the_window_of_a_step_holds_in_all_zones_of_a_number() -> None:
    only = {"window": {"start": "09:00", "end": "11:00"}}  # 17:00 to 18:00 UTC in Idaho
    assert written_to("sms", 0, {"phone": "+12085550123"}, step=only)[1] == 2
    never = step("a", "sms", 0, window={"start": "09:00", "end": "10:00"})
    world = world_with_campaign(kind="prospecting", steps=[never])
    deliver(world, upserted(world, phone="+12085550123"), enroll_by_hand(world))
    assert [fact.reason for fact in world.facts(FactKind.TOUCH_SKIPPED)] == ["no_window"]


def test_the_country_of_the_tenant_completes_a_number() -> None:
    assert written_to("sms", 6, {"phone": "020 7946 0000"}, country="GB")[1] == 17
    assert written_to("sms", 6, {"phone": "020 7946 0000"}, timezone="Europe/London")[1] == 17


# the calling hours of the law

BY_LAW = {"calling_hours": True}


@pytest.mark.parametrize(
    ("region", "due_hours", "expected"),
    [
        ("Florida", 10.5, 22),  # until 20:00, from 08:00
        ("Conn.", 10.5, 23),  # from 09:00
        ("NY", 10.5, 10.5),
        ("", 10.5, 10.5),
        ("KY", 22, 24),  # from 10:00
        ("Texas", 22, 23),  # from 09:00
        ("nowhere", 8.5, 24),  # what all states allow: until 18:00, from 10:00
    ],
)
@pytest.mark.parametrize("channel", ["sms", "voice"])
def test_calls_and_texts_keep_to_the_law_if_the_tenant_asks_for_it(
    channel: str, region: str, due_hours: float, expected: float
) -> None:
    call = {"action": "place_call", "template_id": "t"} if channel == "voice" else {}
    person = ANN | {"region": region}
    assert written_to(channel, due_hours, person, step=call, **BY_LAW)[1] == expected
    by_tenant = due_hours if due_hours < 11 else max(due_hours, 22)
    assert written_to(channel, due_hours, person, step=call)[1] == by_tenant


def test_days_without_calls_are_left_out() -> None:
    sunday = 6 * 24 - 1  # 10:00: the clock was set forward in the night
    world = world_with_campaign(steps=[step("a", "sms", sunday)])
    deliver(world, tenant(timezone=NEW_YORK, **BY_LAW))
    deliver(world, job(person=Person(phone=PHONE, timezone=NEW_YORK, region="Ala.")))
    world.advance_hours(200, working_senders())
    assert scheduled_steps(world) == [("a", sunday + 22)]  # Monday, 08:00


def test_an_email_needs_no_calling_hours() -> None:
    person = {"email": "ann@example.com", "timezone": NEW_YORK, "region": "FL"}
    assert written_to("email", 10.5, person, **BY_LAW)[1] == 10.5


def test_the_law_holds_where_a_campaign_has_no_quiet_hours() -> None:
    world = world_with_campaign(steps=[step("a", "sms", 14)], settings={"quiet_hours": "none"})
    deliver(world, tenant(timezone=NEW_YORK, **BY_LAW))
    deliver(world, job(person=Person(phone=PHONE, timezone=NEW_YORK, region="FL")))
    world.advance_hours(40, working_senders())
    assert scheduled_steps(world) == [("a", 22)]
    window = window_of(world.facts(FactKind.TOUCH_SCHEDULED)[0])
    assert window["quiet"] is None and window["allowed"] == ["08:00-20:00"]


def test_a_tenant_that_begins_to_ask_for_the_law_delays_what_waits() -> None:
    world = world_with_campaign(steps=[step("a", "sms", 10)])
    deliver(world, tenant(timezone=NEW_YORK))
    deliver(world, job(person=Person(phone=PHONE, timezone=NEW_YORK, region="Florida")))
    deliver(world, tenant(timezone=NEW_YORK, cause="t#2", **BY_LAW))
    world.advance_hours(40, working_senders())
    assert scheduled_steps(world) == [("a", 22)]


def test_a_strict_region_of_the_tenant_that_does_not_exist_is_in_its_fact() -> None:
    world = deliver(World(), tenant(strict_regions=("FL", "Flordia", "Wash.", "north")))
    (updated,) = world.facts(FactKind.TENANT_UPDATED)
    assert updated.values == {"strict_regions_unknown": [2, 4]}
    world = deliver(World(), tenant(strict_regions=("FL",)))
    assert world.facts(FactKind.TENANT_UPDATED)[0].values is None
