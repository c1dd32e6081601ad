"""News in another order than it happened, and what must come out all the same (X-1, design 2.9)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.internal import messages as m
from schemas.internal.enrollment import LIVE, Status
from schemas.internal.facts import FactKind
from tests.testing.builders import job, publish
from tests.testing.story import (
    HOUR,
    START,
    begun,
    by_hand,
    change,
    contact,
    enrolled,
    failed,
    reviewed,
    run,
    sending,
    sent,
    step,
    tell,
    touch_of,
)
from tests.testing.world import World


def running(world: World) -> list[str | None]:
    """The jobs whose runs go on."""
    return [e.job_id for e in contact(world).enrollments if e.status in LIVE]


def test_an_older_job_of_another_service_does_not_end_the_newer_run() -> None:
    world = begun(service_type="hvac")
    tell(world, publish(campaign_id="pipes", service_type="plumbing"))
    world.hours(5)
    tell(world, job("new", START + 5 * HOUR, service_type="hvac"))
    tell(world, job("old", START + HOUR, service_type="plumbing"))
    assert running(world) == ["new"]


def test_an_older_job_begins_nothing_after_the_newer_ones_run_has_ended() -> None:
    world = begun()
    world.hours(5)
    tell(world, job("new", START + 5 * HOUR), reviewed(world))
    tell(world, job("old", START + HOUR))
    assert running(world) == []


def test_of_two_jobs_of_one_moment_the_greater_id_is_the_later() -> None:
    for order in (("a", "b"), ("b", "a")):
        world = begun()
        for name in order:
            tell(world, job(name))
        assert running(world) == ["b"]


def test_a_run_that_ignores_repeat_jobs_ignores_those_of_other_campaigns() -> None:
    world = begun(service_type="hvac", settings={"repeat_job": "ignore"})
    tell(world, publish(campaign_id="pipes", service_type="plumbing"), job())
    world.hours(1)
    tell(world, job("j2", world.now, service_type="plumbing"))
    assert running(world) == ["j1", "j2"]


def test_a_wrong_job_that_was_deleted_starts_no_cool_down() -> None:
    world = begun(settings={"cooldown_days": 30})
    tell(world, job(), m.JobDeleted("acme", "ann", "x#2", world.now, "j1"))
    world.hours(1)
    tell(world, job("j2", world.now))
    assert running(world) == ["j2"]


def test_attributes_of_one_moment_do_not_depend_on_their_order() -> None:
    ends = []
    for order in ((0, 1), (1, 0)):
        world = begun()
        tell(world, job())
        at = world.now + 1
        told = [
            m.ContactUpserted("acme", "ann", f"a#{n}", at, m.Person(), {"k": str(n)})
            for n in (0, 1)
        ]
        tell(world, *(told[n] for n in order))
        ends.append(contact(world).profile.attributes)
    assert ends[0] == ends[1]


@pytest.mark.parametrize("late", [False, True])
def test_a_pause_shifts_the_next_touch_whenever_the_answer_came(late: bool) -> None:
    world = enrolled()
    world.hours(24.01)
    (touch,) = world.due()
    tell(world, change(world, "paused"))
    if not late:
        tell(world, *sent(world, touch))
    world.hours(240)
    tell(world, change(world, "resumed"))
    if late:
        tell(world, *sent(world, touch))
    assert run(world).touches[-1].scheduled_at == pytest.approx(START + 336 * HOUR, abs=HOUR / 10)


def test_a_review_through_an_older_runs_link_stops_the_run_that_goes_on() -> None:
    world = enrolled()
    world.hours(25, sending())
    (touch,) = world.due()
    tell(world, job("j2", world.now), reviewed(world, command_id=touch.command_id))
    assert running(world) == []
    (fact,) = world.facts(FactKind.TOUCH_CONVERTED)
    assert (fact.job_id, fact.command_id) == ("j1", touch.command_id)


@pytest.mark.parametrize("by_command", [True, False])
def test_a_review_says_nothing_of_a_run_that_began_after_it(by_command: bool) -> None:
    """Told in order it comes before the second job; told late it changes nothing of that."""
    ends = []
    for late in (False, True):
        world = enrolled()
        world.hours(25, sending())
        command = world.due()[0].command_id if by_command else None
        review = reviewed(world, command_id=command)
        world.hours(1)
        second = job("j2", world.now)
        tell(world, *((second, review) if late else (review, second)))
        first, following = contact(world).enrollments
        assert (first.job_id, first.converted_at) == ("j1", review.at)
        ends.append((following.status, following.converted_at, running(world)))
    assert ends[0] == ends[1] == (Status.ACTIVE, None, ["j2"])


def test_a_review_of_a_job_that_was_told_after_it_ends_its_run() -> None:
    world = begun()
    world.hours(5)
    review = reviewed(world)
    world.hours(1)
    tell(world, job("j1", START + HOUR), review)
    assert running(world) == []


def test_one_review_is_one_conversion_however_many_runs_it_stops() -> None:
    world = begun()
    tell(world, publish(campaign_id="b", service_type="plumbing"), job())
    tell(world, by_hand(world, "b"), reviewed(world))
    assert len(world.facts(FactKind.TOUCH_CONVERTED)) == 1
    assert running(world) == []


def test_a_conversion_names_the_command_that_was_answered() -> None:
    world = enrolled()
    world.hours(24.01)
    (first,) = world.due()
    tell(world, *failed(world, first))
    world.hours(0.1)
    tell(world, *sent(world, first), reviewed(world, command_id=first.command_id))
    (fact,) = world.facts(FactKind.TOUCH_CONVERTED)
    assert (fact.command_id, fact.attempt) == (first.command_id, 1)


@pytest.mark.parametrize("gone", ["contact", "tenant"])
def test_what_was_sent_before_somebody_was_forgotten_is_recorded(gone: str) -> None:
    world = enrolled()
    world.hours(24.01)
    (touch,) = world.due()
    if gone == "contact":
        tell(world, m.ContactErased("acme", "ann", "x#1", world.now))
    else:
        tell(world, m.DeleteTenant("acme", "x#1", world.now))
    tell(world, *sent(world, touch))
    assert [f.command_id for f in world.facts(FactKind.TOUCH_SENT)] == [touch.command_id]


def test_a_wait_for_the_morning_before_asking_again_is_a_fact() -> None:
    world = begun(steps=[step("a", hours=11.75)])
    tell(world, job())
    world.hours(12.5)
    (fact,) = world.facts(FactKind.TOUCH_DEFERRED)
    assert (fact.reason, touch_of(world).wait) == ("quiet_hours", "quiet_hours")


def test_who_left_every_channel_is_not_enrolled_by_hand_either() -> None:
    world = begun()
    tell(world, m.ContactUnsubscribed("acme", "ann", "x#1", world.now, "all"))
    tell(world, by_hand(world))
    (fact,) = world.facts(FactKind.ENROLLMENT_DECLINED)
    assert fact.reason == "CONTACT_UNSUBSCRIBED"


JOBS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(("hvac", "plumbing"))),
    min_size=1,
    max_size=4,
    unique_by=lambda told: told[0],
)
UPSERTS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc")), max_size=3)


@settings(max_examples=60, deadline=None)
@given(JOBS, UPSERTS, st.booleans(), st.data())
def test_the_end_does_not_depend_on_the_order_of_the_news(
    jobs: list[tuple[int, str]], upserts: list[tuple[int, str]], leaves: bool, data: st.DataObject
) -> None:
    """Jobs, accounts of the person and an opt-out of one morning, told in the evening."""
    evening = START + 6 * HOUR
    news: list[m.Message] = [
        job(f"j{hour}", START + hour * HOUR, service_type=service, person=m.Person("Ann"))
        for hour, service in jobs
    ]
    for number, (hour, name) in enumerate(upserts):
        person = m.Person(email=f"{name}@example.com", first_name=name)
        at = START + hour * HOUR
        news.append(m.ContactUpserted("acme", "ann", f"u#{number}", at, person, {"name": name}))
    if leaves:
        news.append(m.ContactUnsubscribed("acme", "ann", "x#1", evening, "all"))
    ends = []
    for order in (news, data.draw(st.permutations(news))):
        world = begun(service_type="hvac")
        tell(world, publish(campaign_id="pipes", service_type="plumbing"))
        world.hours(6)
        tell(world, *order)
        person_now = contact(world)
        ends.append((running(world), person_now.profile, person_now.opted_out))
    assert ends[0] == ends[1]
