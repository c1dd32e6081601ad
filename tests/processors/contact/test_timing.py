"""When a touch is due: delays, presets, quiet hours, clock changes (F-2, F-3, F-6)."""

import msgspec
import pytest

from schemas.base.times import parse_rfc3339
from schemas.campaigns import presets
from schemas.campaigns.yaml_document import parse_document
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.messages import Person, PublishCampaign
from tests.testing.builders import CAMPAIGN, TENANT, publish, step
from tests.testing.story import (
    HOUR,
    START,
    World,
    deliver,
    enrolled,
    event_fields,
    hours_since_start,
    job,
    make_sender,
    prospecting,
    scheduled_steps,
    sent,
    tenant,
    touch_of,
    upserted,
    working_senders,
    world_with_campaign,
)


def duplicated(preset: str) -> World:
    """A world whose campaign is a copy of a preset, with templates."""
    document = parse_document(presets.duplicate(preset, TENANT, CAMPAIGN, "Mine"))
    for row in document["steps"]:
        row["template_id"] = "t"
    document["settings"] = {"quiet_hours": "none"}
    world = deliver(World(), tenant())
    cause, body = "c#1", msgspec.json.encode(document)
    return deliver(world, PublishCampaign(TENANT, CAMPAIGN, cause, START, body))


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("conservative", [("email", 24), ("email", 96)]),
        ("standard", [("email", 24), ("email", 96), ("sms", 264)]),
        ("aggressive", [("sms", 4), ("email", 28), ("sms", 100), ("email", 268)]),
    ],
)
def test_a_preset_counts_each_delay_from_the_touch_before(
    preset: str, expected: list[tuple[str, int]]
) -> None:
    world = deliver(duplicated(preset), job())
    world.advance_hours(400, working_senders())
    touches = sorted(world.commanded_touches(), key=lambda touch: touch.due_at)
    assert [(t.channel, (t.due_at - START) / HOUR) for t in touches] == expected


def test_a_slow_sender_does_not_move_the_next_touch() -> None:
    world = enrolled()
    world.advance_hours(24)
    touch = world.commanded_touches()[0]
    world.advance_to(START + 24 * HOUR + 20 * 60_000_000)
    deliver(world, *sent(world, touch))
    world.advance_hours(80, [make_sender(sent)])
    assert scheduled_steps(world)[1] == ("mail-2", 96)


def test_a_step_may_count_from_the_enrollment() -> None:
    later = {**step("b", hours=30), "anchor": "enrollment"}
    world = enrolled(steps=[step("a", hours=24), later])
    world.advance_hours(60, working_senders())
    assert scheduled_steps(world) == [("a", 24), ("b", 30)]


def quiet_world(person: Person, due_hours: float, **changes: object) -> World:
    """A world with an e-mail after so many hours and another one 24 hours later."""
    world = world_with_campaign(steps=[step("a", hours=due_hours), step("b", hours=24)])
    if changes:
        deliver(world, tenant(**changes))
    return deliver(world, job(person=person))


CHICAGO = Person(email="ann@example.com", timezone="America/Chicago")
ROME = Person(email="ann@example.com", timezone="Europe/Rome")
NOWHERE = Person(email="ann@example.com")


def test_a_touch_due_at_night_waits_for_eight_in_the_morning() -> None:
    world = quiet_world(CHICAGO, due_hours=15)
    world.advance_hours(30, working_senders())
    assert scheduled_steps(world) == [("a", 23)]


def test_the_next_touch_counts_from_the_scheduled_time() -> None:
    world = quiet_world(CHICAGO, due_hours=10)
    world.advance_hours(50, working_senders())
    assert scheduled_steps(world) == [("a", 10), ("b", 34)]
    world = quiet_world(CHICAGO, due_hours=15)
    world.advance_hours(50, working_senders())
    assert touch_of(world, 1).scheduled_at == START + 39 * HOUR
    assert scheduled_steps(world) == [("a", 23), ("b", 47)]


def test_a_wait_for_quiet_hours_has_a_reason_and_an_end() -> None:
    world = quiet_world(CHICAGO, due_hours=15)
    fact = world.facts(FactKind.TOUCH_SCHEDULED)[0]
    assert fact.reason == "quiet_hours" and fact.until is not None
    assert fact.until.timestamp() == START / 1e6 + 23 * 3600


def test_quiet_hours_hold_by_the_time_zone_of_the_contact() -> None:
    world = quiet_world(ROME, due_hours=10)  # 02:00 in Rome
    world.advance_hours(30, working_senders())
    assert scheduled_steps(world)[0] == ("a", 16)


def test_without_a_time_zone_that_of_the_tenant_counts() -> None:
    world = quiet_world(NOWHERE, due_hours=15)
    world.advance_hours(30, working_senders())
    assert scheduled_steps(world)[0] == ("a", 23)


def test_a_time_zone_reported_while_a_touch_waits_counts() -> None:
    world = quiet_world(NOWHERE, due_hours=10)
    deliver(world, upserted(world, timezone="Europe/Rome"))
    world.advance_hours(30, working_senders())
    assert scheduled_steps(world)[0] == ("a", 16)
    scheduled = world.facts(FactKind.TOUCH_SCHEDULED)
    assert [(fact.reason, hours_since_start(fact)) for fact in scheduled[:2]] == [
        ("delay", 0),
        ("quiet_hours", 0),
    ]
    assert not world.facts(FactKind.TOUCH_DEFERRED)


@pytest.mark.parametrize(("region", "expected"), [("FL", 23), ("TX", 11.5), ("", 11.5)])
def test_a_strict_region_is_quiet_an_hour_earlier(region: str, expected: float) -> None:
    person = Person(email="a@example.com", timezone="America/Chicago", region=region)
    world = quiet_world(person, due_hours=11.5, strict_regions=("FL",))
    world.advance_hours(30, working_senders())
    assert scheduled_steps(world)[0] == ("a", expected)


@pytest.mark.parametrize(
    ("quiet", "expected"),
    [
        ({"start": "00:00", "end": "08:00"}, 23),
        ({"start": "09:30", "end": "10:00"}, 25),
        ("none", 12),
    ],
)
def test_a_strict_region_is_quiet_until_midnight_whatever_hours_the_campaign_has(
    quiet: object, expected: float
) -> None:
    person = Person(email="a@example.com", timezone="America/Chicago", region="FL")
    world = world_with_campaign(
        steps=[step("a", hours=12)], settings={"quiet_hours": quiet}
    )  # 21:00 there
    deliver(world, tenant(strict_regions=("FL",)))
    deliver(world, job(person=person))
    world.advance_hours(30, working_senders())
    assert scheduled_steps(world) == [("a", expected)]


def test_a_campaign_may_have_its_own_quiet_hours_or_none() -> None:
    own = {"quiet_hours": {"start": "08:00", "end": "12:30"}}
    for settings, expected in ((own, 3.5), ({"quiet_hours": "none"}, 2)):
        world = enrolled(steps=[step("a", hours=2)], settings=settings)
        world.advance_hours(30, working_senders())
        assert scheduled_steps(world)[0] == ("a", expected)


def test_quiet_hours_begin_with_their_first_minute_and_end_before_their_last() -> None:
    for due, expected in ((12 - 1 / 60, 12 - 1 / 60), (12, 23), (23 - 1 / 60, 23), (23, 23)):
        world = quiet_world(CHICAGO, due_hours=due)
        world.advance_hours(30, working_senders())
        assert scheduled_steps(world)[0][1] == pytest.approx(expected, abs=1e-9)


def test_quiet_hours_end_by_the_wall_clock_in_the_night_of_a_clock_change() -> None:
    evening = parse_rfc3339("2026-03-08T04:30:00Z")  # 22:30 on Saturday; spring forward at 02:00
    world = world_with_campaign(steps=[step("a", hours=(evening - START) / HOUR)])
    deliver(world, job(person=CHICAGO))
    world.advance_to(evening + 24 * HOUR)
    assert world.commanded_touches()[0].due_at == parse_rfc3339("2026-03-08T13:00:00Z")  # 08:00 CDT


def test_a_new_version_does_not_move_a_running_enrollment() -> None:
    world = enrolled()
    deliver(world, publish(steps=[step("mail-1", hours=1), step("mail-2", hours=1)]))
    world.advance_hours(100, working_senders())
    assert scheduled_steps(world) == [("mail-1", 24), ("mail-2", 96)]
    assert {t.campaign_version for t in world.commanded_touches()} == {1}


# a step's own window


def test_a_step_keeps_to_its_own_hours_and_days() -> None:
    """START is a Monday, 9:00 in Chicago."""
    hours = {"start": "10:00", "end": "12:00", "days": ["wed"]}
    world = prospecting(step("request", "linkedin", window=hours))
    world.advance_hours(24 * 8, working_senders())
    assert scheduled_steps(world) == [("request", 49)]


def test_a_window_that_quiet_hours_leave_nothing_of_skips_the_touch() -> None:
    night = {"start": "22:00", "end": "23:00"}
    world = prospecting(step("mail", window=night), step("text", "sms"))
    world.advance_hours(24 * 3, working_senders())
    assert [name for name, _ in scheduled_steps(world)] == ["text"]
    (skipped,) = world.facts(FactKind.TOUCH_SKIPPED)
    assert skipped.reason == "no_window"
    assert skipped.values is not None


def test_a_new_time_zone_moves_a_touch_that_waits_for_its_window() -> None:
    """At 10:00 in Chicago it is 1:00 in Tokyo."""
    hours = {"start": "10:00", "end": "18:00"}
    world = prospecting(step("mail", window=hours))
    deliver(world, m.ContactUpserted(**event_fields(world), person=m.Person(timezone="Asia/Tokyo")))
    world.advance_hours(24, working_senders())
    assert scheduled_steps(world) == [("mail", 10)]  # 10:00 in Tokyo


def test_linkedin_has_no_quiet_hours() -> None:
    world = prospecting(step("request", "linkedin", 14), step("mail", hours=0))
    world.advance_hours(48, working_senders())
    assert scheduled_steps(world) == [("request", 14), ("mail", 23)]  # at 23:00, and at 8:00
