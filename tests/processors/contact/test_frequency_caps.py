"""How often a person is reached over all campaigns, and exclusive groups (X-3, C-35)."""

from typing import Any

import pytest

from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from tests.testing.builders import publish, step
from tests.testing.story import (
    HOUR,
    START,
    World,
    contact_of,
    deliver,
    enroll_by_hand,
    hours_since_start,
    reasons,
    tenant,
    upserted,
    working_senders,
    world_with_campaign,
)

EMAIL = {"email": "ann@example.com", "timezone": "America/Chicago"}


def two_campaigns(first: dict[str, Any], second: dict[str, Any], **caps: int) -> World:
    """Ann in the campaigns `one` and `two`, by default each of one mail without delay."""
    usual: dict[str, Any] = {"kind": "prospecting", "steps": [step("a")]}
    quiet: dict[str, Any] = {"quiet_hours": "none"}
    world = world_with_campaign(campaign_id="one", **{**usual, "settings": {**quiet, **first}})
    deliver(world, tenant(at=START + 1, cause="t#2", caps=caps))
    deliver(world, publish(campaign_id="two", **{**usual, "settings": {**quiet, **second}}))
    deliver(world, upserted(world, **EMAIL))
    return deliver(world, enroll_by_hand(world, "one"), enroll_by_hand(world, "two"))


def scheduled_campaigns(world: World) -> list[tuple[str, float]]:
    """The campaigns that commanded a touch, each with its scheduled time in hours since START."""
    return [
        (touch.campaign_id, (touch.due_at - START) / HOUR) for touch in world.commanded_touches()
    ]


def test_a_cap_of_a_day_has_the_second_touch_wait_a_day() -> None:
    world = two_campaigns({}, {}, per_day=1)
    world.advance_hours(23, working_senders())
    assert scheduled_campaigns(world) == [("one", 0)]
    (held,) = world.facts(FactKind.TOUCH_DEFERRED)
    assert (held.reason, held.campaign_id) == ("frequency_cap", "two")
    assert held.values == {"limit": 1, "window": "per_day", "used": 1}
    world.advance_hours(2, working_senders())
    assert scheduled_campaigns(world) == [("one", 0), ("two", 24)]


def test_the_cap_that_holds_longest_decides() -> None:
    world = two_campaigns({}, {}, per_day=1, per_week=1)
    world.advance_hours(170, working_senders())
    assert scheduled_campaigns(world) == [("one", 0), ("two", 168)]


def test_the_campaign_with_the_higher_priority_goes_first() -> None:
    first, second = {"priority": 1}, {"priority": 5}
    world = two_campaigns(first, second, per_day=1)
    world.advance_hours(1, working_senders())
    assert scheduled_campaigns(world)[0][0] == "one"  # it was alone when it was enrolled
    late = world_with_campaign(
        campaign_id="one",
        kind="prospecting",
        steps=[step("a", hours=5)],
        settings={"quiet_hours": "none", "priority": 1},
    )
    deliver(late, tenant(at=START + 1, cause="t#2", caps={"per_day": 1}))
    deliver(
        late,
        publish(
            campaign_id="two",
            kind="prospecting",
            steps=[step("a", hours=5)],
            settings={"quiet_hours": "none", "priority": 5},
        ),
    )
    deliver(late, upserted(late, **EMAIL))
    deliver(late, enroll_by_hand(late, "one"), enroll_by_hand(late, "two"))
    late.advance_hours(30, working_senders())
    assert scheduled_campaigns(late) == [("two", 5), ("one", 29)]


def chain_and_single(delay_minutes: int = 0, **settings: Any) -> World:
    """A chain of five mails and a single mail, an hour apart, under a cap of one mail a day; the
    sender answers late."""
    quiet = {"quiet_hours": "none"}
    rows = [step(f"s{number}", hours=20) for number in range(5)]
    world = world_with_campaign(
        campaign_id="chain", kind="prospecting", steps=rows, settings={**quiet, **settings}
    )
    deliver(world, tenant(at=START + 1, cause="t#2", caps={"per_day": 1}))
    single = {"campaign_id": "single", "kind": "prospecting", "settings": quiet}
    deliver(world, publish(**single, steps=[step("x", hours=20)]))
    deliver(world, upserted(world, **EMAIL), enroll_by_hand(world, "chain"))
    world.advance_hours(1)
    deliver(world, enroll_by_hand(world, "single"))
    if not delay_minutes:
        world.advance_hours(7 * 24, working_senders())
        return world
    sender = working_senders()[0]
    while world.now < START + 7 * 24 * HOUR:
        world.advance_hours(delay_minutes / 60)
        sender(world)
    return world


@pytest.mark.parametrize("delay_minutes", [0, 15])
def test_who_has_been_due_longest_goes_first_under_a_cap(delay_minutes: int) -> None:
    """A mail that was due on the second day went on the twelfth, overtaken by nine."""
    world = chain_and_single(delay_minutes)
    went = [fact.step_id for fact in world.facts(FactKind.TOUCH_COMMANDED)]
    assert went[:3] == ["s0", "x", "s1"]


def test_a_held_touch_goes_first_as_soon_as_it_may() -> None:
    """While a command is out, a hold is longer than it turns out to be."""
    quiet = {"quiet_hours": "none", "answer_timeout_minutes": 600}
    rows = [step("a", hours=1), step("b", hours=23)]
    world = world_with_campaign(campaign_id="one", kind="prospecting", steps=rows, settings=quiet)
    deliver(world, tenant(at=START + 1, cause="t#2", caps={"per_day": 1}))
    two = {"campaign_id": "two", "kind": "prospecting", "settings": quiet}
    deliver(world, publish(**two, steps=[step("x", hours=3)]))
    deliver(world, upserted(world, **EMAIL))
    deliver(world, enroll_by_hand(world, "one"), enroll_by_hand(world, "two"))
    world.advance_hours(4)
    (command,) = world.commanded_touches()
    deliver(world, m.TouchSent("acme", "ann", "s#1", world.now, command.command_id, START + HOUR))
    world.advance_hours(48, working_senders(world))
    went = [
        (fact.step_id, hours_since_start(fact)) for fact in world.facts(FactKind.TOUCH_COMMANDED)
    ]
    assert went == [("a", 1), ("x", 25), ("b", 49)]


def test_what_follows_a_wait_at_once_is_ranked_with_what_is_due_then() -> None:
    """The wait of the campaign that matters more is over at the moment at which the other one's
    mail is due."""
    quiet = {"quiet_hours": "none"}
    wait = {"event": "open", "max_wait_hours": 30}
    rows = [step("a", wait_for=wait), step("b", hours=0, anchor="trigger")]
    world = world_with_campaign(
        campaign_id="one", kind="prospecting", steps=rows, settings={**quiet, "priority": 9}
    )
    deliver(world, tenant(at=START + 1, cause="t#2", caps={"per_day": 1}))
    two = {"campaign_id": "two", "kind": "prospecting", "settings": quiet}
    deliver(world, publish(**two, steps=[step("x", hours=30)]))
    deliver(world, upserted(world, **EMAIL))
    deliver(world, enroll_by_hand(world, "one"), enroll_by_hand(world, "two"))
    world.advance_hours(80, working_senders())
    went = [fact.step_id for fact in world.facts(FactKind.TOUCH_COMMANDED)]
    assert went == ["a", "b", "x"]


def test_the_gap_counts_from_the_last_touch_of_any_campaign() -> None:
    world = two_campaigns({}, {"min_gap_hours": 3})
    world.advance_hours(5, working_senders())
    assert scheduled_campaigns(world) == [("one", 0), ("two", 3)]
    assert reasons(world, FactKind.TOUCH_DEFERRED) == ["min_gap"]


def many_campaigns(number: int, settings: dict[str, Any], **caps: int) -> World:
    """Campaigns of one mail each, an hour apart; afterwards Ann has more ended enrollments than a
    contact's state keeps."""
    world = world_with_campaign(
        campaign_id="c0", kind="prospecting", steps=[step("a")], settings=settings
    )
    deliver(world, tenant(at=START + 1, cause="t#2", caps=caps))
    for n in range(1, number):
        fields: dict[str, Any] = {
            "campaign_id": f"c{n}",
            "name": f"Campaign {n}",
            "settings": settings,
        }
        deliver(world, publish(**fields, kind="prospecting", steps=[step("a")]))
    deliver(world, upserted(world, **EMAIL))
    for n in range(number):
        deliver(world, enroll_by_hand(world, f"c{n}"))
        world.advance_hours(1, working_senders())
    return world


def test_archived_enrollments_still_count_for_a_cap() -> None:
    world = many_campaigns(14, {"quiet_hours": "none"}, per_week=10)
    assert len(scheduled_campaigns(world)) == 10
    world.advance_hours(168, working_senders())
    assert len(scheduled_campaigns(world)) == 14


def test_the_last_touch_of_an_archived_enrollment_still_counts_for_a_gap() -> None:
    world = many_campaigns(12, {"quiet_hours": "none"})
    state = contact_of(world)
    assert len(state.enrollments) < 12
    gone = {"campaign_id": "gap", "settings": {"quiet_hours": "none", "min_gap_hours": 700}}
    deliver(world, publish(**gone, kind="prospecting", steps=[step("a")]))
    world.advance_hours(400)
    for _ in range(9):  # enrollments without touches push the others out of the state
        deliver(
            world, upserted(world, email=""), enroll_by_hand(world, "c0"), upserted(world, **EMAIL)
        )
    last = scheduled_campaigns(world)[-1][1]
    deliver(world, enroll_by_hand(world, "gap"))
    world.advance_hours(500, working_senders())
    assert scheduled_campaigns(world)[-1] == ("gap", last + 700)


def test_without_limits_nobody_waits() -> None:
    world = two_campaigns({}, {})
    world.advance_hours(1, working_senders())
    assert scheduled_campaigns(world) == [("one", 0), ("two", 0)]


def test_a_person_is_in_one_campaign_of_an_exclusive_group_at_a_time() -> None:
    world = two_campaigns({"exclusive": "outreach"}, {"exclusive": "outreach"})
    (declined,) = world.facts(FactKind.ENROLLMENT_DECLINED)
    assert (declined.reason, declined.campaign_id) == ("ENROLLMENT_EXCLUSIVE", "two")
    world.advance_hours(1, working_senders())
    deliver(world, enroll_by_hand(world, "two"))
    assert [e.campaign_id for e in contact_of(world).enrollments] == ["one", "two"]
