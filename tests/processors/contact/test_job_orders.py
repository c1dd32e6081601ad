"""Jobs in whatever order they are reported: a late one ends no run that a later one began, and the
runs that are left are the same (F-9, X-1, decision 0002)."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.internal.enrollment import LIVE
from schemas.internal.facts import FactKind
from tests.testing.builders import publish, step
from tests.testing.story import (
    HOUR,
    START,
    World,
    commanded_steps,
    contact_of,
    deliver,
    job,
    reasons,
    working_senders,
    world_with_campaign,
)

MAIL = [step("a", hours=24)]


def two_services(hvac: dict[str, Any], others: dict[str, Any]) -> World:
    """A campaign for one service type, and one for all other ones."""
    usual = {"quiet_hours": "none"}
    world = world_with_campaign(
        campaign_id="hvac", service_type="hvac", steps=MAIL, settings={**usual, **hvac}
    )
    return deliver(world, publish(campaign_id="others", steps=MAIL, settings={**usual, **others}))


def live(world: World) -> set[tuple[str, str | None]]:
    """The campaign and job of every live run."""
    runs = contact_of(world).enrollments
    return {(run.campaign_id, run.job_id) for run in runs if run.status in LIVE}


LATER = job("new", START + 6 * HOUR)
EARLIER = job("old", START, service_type="roofing")


@pytest.mark.parametrize("later_first", [True, False])
def test_a_late_job_ends_no_run_of_a_later_job_in_another_campaign(later_first: bool) -> None:
    world = two_services({"repeat_job": "restart"}, {"repeat_job": "ignore"})
    world.advance_hours(8)
    deliver(world, *((LATER, EARLIER) if later_first else (EARLIER, LATER)))
    assert reasons(world, FactKind.ENROLLMENT_STOPPED) == []
    assert live(world) == {("hvac", "new"), ("others", "old")}
    world.advance_hours(30, working_senders())
    assert commanded_steps(world) == [("a", 24), ("a", 30)]


@pytest.mark.parametrize("later_first", [True, False])
def test_a_job_that_a_later_one_would_have_ended_begins_nothing(later_first: bool) -> None:
    world = two_services({"repeat_job": "ignore"}, {"repeat_job": "restart"})
    world.advance_hours(8)
    deliver(world, *((LATER, EARLIER) if later_first else (EARLIER, LATER)))
    assert live(world) == {("hvac", "new")}
    declined = reasons(world, FactKind.ENROLLMENT_DECLINED)
    assert declined == (["JOB_OLDER_THAN_ENROLLMENT"] if later_first else [])


def test_a_late_job_does_not_enter_an_exclusive_group_beside_a_later_one() -> None:
    """The later run goes on, and it counts, whatever its campaign does with repeat jobs."""
    group = {"exclusive": "reviews"}
    world = two_services({**group, "repeat_job": "restart"}, {**group, "repeat_job": "ignore"})
    world.advance_hours(8)
    deliver(world, LATER, EARLIER)
    assert live(world) == {("hvac", "new")}
    assert reasons(world, FactKind.ENROLLMENT_DECLINED) == ["ENROLLMENT_EXCLUSIVE"]


def test_a_later_job_enters_an_exclusive_group_where_it_ends_the_run_before() -> None:
    group = {"exclusive": "reviews", "repeat_job": "restart"}
    world = two_services(group, group)
    world.advance_hours(8)
    deliver(world, EARLIER, LATER)
    assert live(world) == {("hvac", "new")}
    assert reasons(world, FactKind.ENROLLMENT_STOPPED) == ["repeat_job"]


SERVICES = ("hvac", "roofing", "plumbing")
repeat = st.sampled_from(("restart", "ignore"))
jobs = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from((*SERVICES, "other"))), min_size=2, max_size=5
)


@settings(max_examples=60, deadline=None)
@given(st.lists(repeat, min_size=3, max_size=3), repeat, st.booleans(), jobs, st.data())
def test_the_runs_that_are_left_do_not_depend_on_the_order_of_the_jobs(
    services: list[str],
    rest: str,
    takes_all: bool,
    drawn: list[tuple[int, str]],
    data: st.DataObject,
) -> None:
    """Jobs of one morning, all reported in the evening, in campaigns that restart or ignore; the
    one for all services takes the rest, or all of them. A campaign that ignores a repeat job keeps
    the run that began first, so it gets one job here."""
    assume(not (takes_all and rest == "ignore"))
    served = Counter(service for _, service in drawn)
    repeats = {**dict(zip(SERVICES, services, strict=True)), "other": rest}
    assume(all(count == 1 or repeats[name] == "restart" for name, count in served.items()))
    reported = [
        job(f"j{number}", START + hour * HOUR, service_type=service)
        for number, (hour, service) in enumerate(drawn)
    ]
    by_time = sorted(reported, key=lambda each: (each.completed_at, each.job_id))
    ends = []
    for order in (by_time, data.draw(st.permutations(reported))):
        all_jobs = {"repeat_job": rest, "jobs": "all" if takes_all else "rest"}
        world = world_with_campaign(campaign_id="rest", steps=MAIL, settings=all_jobs)
        for name, setting in zip(SERVICES, services, strict=True):
            fields = {"campaign_id": name, "service_type": name, "steps": MAIL}
            deliver(world, publish(**fields, settings={"repeat_job": setting}))
        assert not world.facts(FactKind.CAMPAIGN_REFUSED)
        world.advance_hours(6)
        deliver(world, *order)
        ends.append(live(world))
    assert ends[0] == ends[1]
