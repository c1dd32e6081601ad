"""How often a person is reached over all campaigns, and in how many at a time (X-3, C-18, C-35)."""

from typing import Any

import pytest

from schemas.internal import messages as m
from schemas.internal.enrollment import Status
from schemas.internal.facts import FactKind
from tests.testing.builders import TENANT, publish
from tests.testing.story import (
    HOUR,
    START,
    World,
    begun,
    by_hand,
    change,
    contact,
    job,
    reasons,
    run,
    sending,
    tell,
    tenant,
    told,
)

EMAIL = {"email": "ann@example.com", "timezone": "America/Chicago"}


def mail(name: str, hours: float = 0, **fields: Any) -> dict[str, Any]:
    row = {"id": name, "channel": "email", "delay_hours": hours, "template_id": "t"}
    return {**row, **fields}


def two_campaigns(first: dict[str, Any], second: dict[str, Any], **caps: int) -> World:
    """Ann in `one` and in `two`, each a campaign of one mail at once unless told otherwise."""
    usual: dict[str, Any] = {"kind": "prospecting", "steps": [mail("a")]}
    quiet: dict[str, Any] = {"quiet_hours": "none"}
    world = begun(campaign_id="one", **{**usual, "settings": {**quiet, **first}})
    tell(world, tenant(at=START + 1, cause="t#2", caps=caps))
    tell(world, publish(campaign_id="two", **{**usual, "settings": {**quiet, **second}}))
    tell(world, told(world, **EMAIL))
    return tell(world, by_hand(world, "one"), by_hand(world, "two"))


def sends(world: World) -> list[tuple[str, float]]:
    return [(touch.campaign_id, (touch.due_at - START) / HOUR) for touch in world.due()]


def test_a_cap_of_a_day_has_the_second_touch_wait_a_day() -> None:
    world = two_campaigns({}, {}, per_day=1)
    world.hours(23, sending())
    assert sends(world) == [("one", 0)]
    (held,) = world.facts(FactKind.TOUCH_DEFERRED)
    assert (held.reason, held.campaign_id) == ("frequency_cap", "two")
    assert held.values == {"limit": 1, "window": "per_day", "used": 1}
    world.hours(2, sending())
    assert sends(world) == [("one", 0), ("two", 24)]


def test_the_cap_that_binds_longest_is_told() -> None:
    world = two_campaigns({}, {}, per_day=1, per_week=1)
    world.hours(170, sending())
    assert sends(world) == [("one", 0), ("two", 168)]


def test_who_has_priority_goes_first() -> None:
    first, second = {"priority": 1}, {"priority": 5}
    world = two_campaigns(first, second, per_day=1)
    world.hours(1, sending())
    assert sends(world)[0][0] == "one"  # it was alone when it was enrolled
    late = begun(
        campaign_id="one",
        kind="prospecting",
        steps=[mail("a", 5)],
        settings={"quiet_hours": "none", "priority": 1},
    )
    tell(late, tenant(at=START + 1, cause="t#2", caps={"per_day": 1}))
    tell(
        late,
        publish(
            campaign_id="two",
            kind="prospecting",
            steps=[mail("a", 5)],
            settings={"quiet_hours": "none", "priority": 5},
        ),
    )
    tell(late, told(late, **EMAIL))
    tell(late, by_hand(late, "one"), by_hand(late, "two"))
    late.hours(30, sending())
    assert sends(late) == [("two", 5), ("one", 29)]


def test_a_gap_since_the_last_touch_of_any_campaign() -> None:
    world = two_campaigns({}, {"min_gap_hours": 3})
    world.hours(5, sending())
    assert sends(world) == [("one", 0), ("two", 3)]
    assert reasons(world, FactKind.TOUCH_DEFERRED) == ["min_gap"]


def many_campaigns(number: int, settings: dict[str, Any], **caps: int) -> World:
    """One mail at once from each, an hour apart, to somebody who then has more ended runs than a
    contact's state keeps."""
    world = begun(campaign_id="c0", kind="prospecting", steps=[mail("a")], settings=settings)
    tell(world, tenant(at=START + 1, cause="t#2", caps=caps))
    for n in range(1, number):
        fields: dict[str, Any] = {
            "campaign_id": f"c{n}",
            "name": f"Campaign {n}",
            "settings": settings,
        }
        tell(world, publish(**fields, kind="prospecting", steps=[mail("a")]))
    tell(world, told(world, **EMAIL))
    for n in range(number):
        tell(world, by_hand(world, f"c{n}"))
        world.hours(1, sending())
    return world


def test_runs_that_were_let_go_still_count() -> None:
    world = many_campaigns(14, {"quiet_hours": "none"}, per_week=10)
    assert len(sends(world)) == 10
    world.hours(168, sending())
    assert len(sends(world)) == 14


def test_so_does_the_last_touch_of_a_run_that_was_let_go_for_a_gap() -> None:
    world = many_campaigns(12, {"quiet_hours": "none"})
    state = contact(world)
    assert len(state.enrollments) < 12
    gone = {"campaign_id": "gap", "settings": {"quiet_hours": "none", "min_gap_hours": 700}}
    tell(world, publish(**gone, kind="prospecting", steps=[mail("a")]))
    world.hours(400)
    for _ in range(9):  # runs that send nothing push those that did out of the state
        tell(world, told(world, email=""), by_hand(world, "c0"), told(world, **EMAIL))
    last = sends(world)[-1][1]
    tell(world, by_hand(world, "gap"))
    world.hours(500, sending())
    assert sends(world)[-1] == ("gap", last + 700)


def test_without_limits_nobody_waits() -> None:
    world = two_campaigns({}, {})
    world.hours(1, sending())
    assert sends(world) == [("one", 0), ("two", 0)]


def test_in_one_campaign_of_a_group_at_a_time() -> None:
    world = two_campaigns({"exclusive": "outreach"}, {"exclusive": "outreach"})
    (declined,) = world.facts(FactKind.ENROLLMENT_DECLINED)
    assert (declined.reason, declined.campaign_id) == ("ENROLLMENT_EXCLUSIVE", "two")
    world.hours(1, sending())
    tell(world, by_hand(world, "two"))
    assert [run.campaign_id for run in contact(world).enrollments] == ["one", "two"]


@pytest.mark.parametrize(
    ("reentry", "running", "ended"),
    [
        ("once", "ENROLLMENT_ALREADY_ACTIVE", "ENROLLMENT_ONCE"),
        ("after_end", "ENROLLMENT_ALREADY_ACTIVE", None),
        ("restart", None, None),
    ],
)
def test_who_may_enter_again(reentry: str, running: str | None, ended: str | None) -> None:
    world = begun(kind="prospecting", steps=[mail("a", 5)], settings={"reentry": reentry})
    tell(world, told(world, **EMAIL))
    tell(world, by_hand(world), by_hand(world))
    assert reasons(world, FactKind.ENROLLMENT_DECLINED) == ([running] if running else [])
    stopped = {"restart": ["reenrolled"]}.get(reentry, [])
    assert reasons(world, FactKind.ENROLLMENT_STOPPED) == stopped
    world.hours(10, sending())
    assert run(world).status is Status.COMPLETED
    before = len(world.facts(FactKind.ENROLLMENT_DECLINED))
    tell(world, by_hand(world))
    assert reasons(world, FactKind.ENROLLMENT_DECLINED)[before:] == ([ended] if ended else [])


def test_a_campaign_of_that_kind_takes_no_jobs_and_stands_in_no_other_s_way() -> None:
    world = begun()
    tell(world, publish(campaign_id="two", kind="prospecting", steps=[mail("a")]))
    tell(world, publish(campaign_id="three", kind="prospecting", steps=[mail("a")]))
    assert not world.facts(FactKind.CAMPAIGN_REFUSED)
    assert TENANT == "acme"
    tell(world, job(at=world.now))
    assert run(world).campaign_id == "reviews"


# history told again


def test_an_import_into_a_campaign_that_does_not_run_yet_is_asked_anew_when_it_does() -> None:
    world = begun(kind="prospecting", status="draft", steps=[mail("a")])
    tell(world, told(world, **EMAIL))
    order = by_hand(world)
    tell(world, order)
    assert reasons(world, FactKind.ENROLLMENT_DECLINED) == ["CAMPAIGN_DRAFT"]
    tell(world, change(world, "activated"))
    tell(world, order)
    assert run(world).status is Status.ACTIVE
    tell(world, order)
    assert reasons(world, FactKind.EVENT_REFUSED) == ["EVENT_DUPLICATE"]


@pytest.mark.parametrize("order", [m.ContactStopped, m.ContactPaused, m.ContactResumed])
def test_an_order_that_moves_nothing_says_so(order: Any) -> None:
    world = begun(kind="prospecting", steps=[mail("a", 5)])
    tell(world, told(world, **EMAIL))
    tell(world, order(TENANT, "ann", "x#1", world.now))
    assert reasons(world, FactKind.EVENT_REFUSED) == ["ENROLLMENT_NONE"]
    tell(world, by_hand(world), tenant(at=START + 1, cause="t#2", fence=START + 1))
    tell(world, order(TENANT, "ann", "x#2", START))
    assert reasons(world, FactKind.EVENT_REFUSED) == ["ENROLLMENT_NONE", "EVENT_IN_PAST"]
    assert run(world).status is Status.ACTIVE


def test_history_is_known_and_sends_nothing() -> None:
    """A year of it, marked or before the fence."""
    world = begun()
    year = 365 * 24 * HOUR
    old = job("old", START - year)
    tell(world, m.BackfilledEvent(old.tenant_id, old.contact_id, old.cause, old.at, m.encode(old)))
    tell(world, tenant(at=START + 1, cause="t#2", fence=START - HOUR))
    tell(world, job("older", START - 2 * HOUR, cause="jobs#older"))
    world.hours(1000, sending())
    assert not world.commands()
    assert reasons(world, FactKind.ENROLLMENT_DECLINED) == ["EVENT_IN_PAST", "EVENT_IN_PAST"]
    assert set(contact(world).jobs) == {"old", "older"}
    assert contact(world).profile.address("email") == "ann@example.com"
    tell(world, job("new", world.now, cause="jobs#new"))
    assert run(world).status is Status.ACTIVE
