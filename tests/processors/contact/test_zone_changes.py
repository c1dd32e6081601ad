"""A change of the zone or region of a person, or of the quiet hours of the tenant, counts for a
touch that waits as soon as it is reported (F-6)."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.shared.send_windows import is_open, opens_at
from schemas.base.times import HOUR, MINUTE
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase
from schemas.internal.facts import FactKind
from tests.testing.builders import step
from tests.testing.story import (
    START,
    World,
    commanded_steps,
    deliver,
    enroll_by_hand,
    failed,
    hours_since_start,
    reasons,
    tenant,
    touch_of,
    upserted,
    working_senders,
    world_with_campaign,
)

# START is 15:00 UTC, 09:00 in Chicago; the quiet hours are 21:00 to 08:00.


def in_zone(
    timezone: str,
    *rows: dict[str, Any],
    region: str = "",
    of_tenant: dict[str, Any] | None = None,
) -> World:
    """Ann, in this zone, was just enrolled by hand."""
    world = world_with_campaign(steps=list(rows))
    if of_tenant:
        deliver(world, tenant(at=START + 1, cause="t#2", **of_tenant))
    person = {"email": "ann@example.com", "timezone": timezone, "region": region}
    deliver(world, upserted(world, **person))
    return deliver(world, enroll_by_hand(world))


def moved_to(world: World, at: float, **person: str) -> World:
    """At this hour upstream tells something new about Ann; afterwards two days pass."""
    senders = working_senders()
    world.advance_to(START + round(at * HOUR), senders)
    deliver(world, upserted(world, **person))
    world.advance_hours(48, senders)
    return world


@pytest.mark.parametrize(
    ("before", "after", "reported", "goes"),
    [
        ("UTC", "Australia/Lord_Howe", 8, 8),  # 10:00 there when it is reported
        ("UTC", "Asia/Tokyo", 7.5, 8),  # quiet there until 23:00 UTC, hour 8
        ("UTC", "America/Chicago", 7.5, 7.5),  # 16:30 there
        ("America/Chicago", "UTC", 5, 17),  # open before, quiet now
        ("America/Chicago", "UTC", 2, 17),
        ("UTC", "Europe/London", 8, 17),  # no difference
    ],
)
def test_a_zone_that_is_told_while_a_touch_waits_counts_at_once(
    before: str, after: str, reported: float, goes: float
) -> None:
    world = moved_to(in_zone(before, step("a", hours=7)), reported, timezone=after)
    assert commanded_steps(world) == [("a", goes)]
    changes = [f for f in world.facts(FactKind.TOUCH_SCHEDULED) if hours_since_start(f) == reported]
    assert len(changes) == (after != "Europe/London")
    assert all((fact.cause or "").startswith("test#") for fact in changes)


def test_a_region_that_is_told_while_a_touch_waits_counts_at_once() -> None:
    world = in_zone("UTC", step("a", hours=5.5))  # 20:30
    deliver(world, tenant(at=START + 1, cause="t#2", strict_regions=("FL",)))
    moved_to(world, 1, region="FL")
    assert commanded_steps(world) == [("a", 17)]
    assert reasons(world, FactKind.TOUCH_DEFERRED) == []


@pytest.mark.parametrize(
    ("change", "goes"),
    [
        ({"quiet_start": 23 * 60, "quiet_end": 8 * 60}, 7),
        ({"quiet_start": 21 * 60, "quiet_end": 6 * 60}, 15),
        ({"quiet_start": 21 * 60, "quiet_end": 10 * 60}, 19),
    ],
)
def test_new_quiet_hours_of_the_tenant_count_at_once(change: dict[str, int], goes: float) -> None:
    world = in_zone("UTC", step("a", hours=6.5))  # 21:30
    senders = working_senders()
    world.advance_hours(7, senders)
    deliver(world, tenant(at=START + 1, cause="t#2", **change))
    world.advance_hours(48, senders)
    assert commanded_steps(world) == [("a", goes)]


def test_the_zone_of_the_tenant_counts_for_who_has_none() -> None:
    world = in_zone("", step("a", hours=14))  # 23:00 in Chicago
    senders = working_senders()
    world.advance_hours(15, senders)
    deliver(world, tenant(at=START + 1, cause="t#2", timezone="Europe/Rome"))  # 07:00
    world.advance_hours(48, senders)
    assert commanded_steps(world) == [("a", 16)]


@pytest.mark.parametrize(
    ("timezone", "due", "of_tenant", "goes"),
    [
        ("EST", 1.5, {}, 12),  # 21:30 in New York; 08:00 there
        ("EST", 12.5, {}, 12.5),
        ("EST", 1.5, {"country": "PA"}, 1.5),
        ("EST", 1.5, {"timezone": "UTC"}, 13),  # 20:30 in Panama, 21:30 in New York
        ("EST", 12.5, {"timezone": "UTC"}, 13),
        ("EST", 12.5, {"country": "DE"}, 13),
        ("MST", 3.5, {}, 14),
        ("MST", 3.5, {"timezone": "UTC"}, 15),
        ("GMT", 20.5, {}, 24 + 8),
        ("HST", 2.5, {}, 2.5),
        ("America/Panama", 1.5, {}, 1.5),
        ("", 1.5, {"timezone": "EST", "country": "US"}, 12),  # stored by an older version
        ("", 1.5, {"timezone": "EST"}, 13),
    ],
)
def test_a_name_of_a_time_without_summer_time_means_the_local_time_of_the_tenants_country(
    timezone: str, due: float, of_tenant: dict[str, str], goes: float
) -> None:
    midnight = 111 * 24 - 15  # UTC, in June
    world = in_zone(timezone, step("a", hours=midnight + due), of_tenant=of_tenant)
    senders = working_senders()
    world.advance_hours(113 * 24, senders)
    assert commanded_steps(world) == [("a", midnight + goes)]


def test_a_retry_that_waits_goes_no_earlier_than_it_may() -> None:
    world = in_zone("UTC", step("a", hours=5.9, retry_minutes=[30]))
    world.advance_to(START + 5 * HOUR + 54 * MINUTE)
    deliver(world, *failed(world, world.commanded_touches()[0]))
    assert touch_of(world).wait == "quiet_hours"
    world.advance_hours(0.1)
    deliver(world, upserted(world, timezone="America/Chicago"))
    world.advance_hours(48, working_senders(world))
    assert commanded_steps(world) == [("a", 5.9), ("a", 6.4)]


def test_a_repeat_that_waits_for_the_morning_waits_for_that_of_the_new_zone() -> None:
    world = in_zone("UTC", step("a", hours=5.9))
    world.advance_hours(7)
    assert (touch_of(world).phase, touch_of(world).wait) == (Phase.COMMANDED, "quiet_hours")
    deliver(world, upserted(world, timezone="Asia/Tokyo"))
    world.advance_hours(10, working_senders(world))
    assert commanded_steps(world) == [("a", 5.9), ("a", 8)]


ZONES = ("UTC", "America/Chicago", "Asia/Tokyo", "Australia/Lord_Howe", "Asia/Kathmandu")
moves = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from(ZONES)),
    max_size=6,
    unique_by=lambda move: move[0],
)
windows = st.sampled_from(
    (None, {"start": "09:00", "end": "12:00"}, {"start": "20:00", "end": "22:30", "days": ["tue"]})
)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(ZONES), moves, st.integers(1, 30), windows)
def test_a_touch_goes_at_the_first_moment_that_is_open_by_the_zone_of_that_time(
    zone: str, changes: list[tuple[int, str]], hours: int, window: dict[str, Any] | None
) -> None:
    world = in_zone(zone, {**step("a", hours=hours), "window": window})
    senders = working_senders()
    for at, name in sorted(changes):
        world.advance_to(START + at * HOUR, senders)
        deliver(world, upserted(world, timezone=name))
    world.advance_hours(20 * 24, senders)
    (command,) = world.commanded_touches()
    (fact,) = world.facts(FactKind.TOUCH_COMMANDED)
    went = round(fact.at.timestamp() * 1_000_000)
    assert command.quiet is not None and is_open(command.quiet, went)
    assert went == _expected(command.quiet, zone, sorted(changes), START + hours * HOUR)


def _expected(window: m.Window, zone: str, changes: list[tuple[int, str]], planned: int) -> int:
    """The first moment from `planned` on that is open by the zone in force at that moment. What is
    due at the moment of a change goes before it."""
    begins = START
    for at, name in [*changes, (10_000, "")]:
        ends = START + at * HOUR
        opens = opens_at(msgspec.structs.replace(window, zone=zone), max(planned, begins))
        if opens <= ends:
            return opens
        begins, zone = ends, name
    raise AssertionError("never")
