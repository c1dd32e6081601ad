"""Events in another order than they happened: the result must be the same (X-1, promise 9)."""

from itertools import permutations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.contact.profile import merge
from schemas.internal import messages as m
from schemas.internal import states
from schemas.internal.enrollment import LIVE, Status
from schemas.internal.facts import FactKind
from schemas.internal.states import NAMES, Profile
from tests.testing.builders import job, publish, step
from tests.testing.story import (
    HOUR,
    START,
    change_campaign,
    contact_of,
    deliver,
    enroll_by_hand,
    enrolled,
    enrollment_of,
    failed,
    reviewed,
    sent,
    touch_of,
    working_senders,
    world_with_campaign,
)
from tests.testing.world import World


def running(world: World) -> list[str | None]:
    """The jobs of the live enrollments."""
    return [e.job_id for e in contact_of(world).enrollments if e.status in LIVE]


def test_an_older_job_of_another_service_does_not_end_the_newer_run() -> None:
    world = world_with_campaign(service_type="hvac")
    deliver(world, publish(campaign_id="pipes", service_type="plumbing"))
    world.advance_hours(5)
    deliver(world, job("new", START + 5 * HOUR, service_type="hvac"))
    deliver(world, job("old", START + HOUR, service_type="plumbing"))
    assert running(world) == ["new"]


def test_an_older_job_starts_nothing_after_the_run_of_a_newer_job_has_ended() -> None:
    world = world_with_campaign()
    world.advance_hours(5)
    deliver(world, job("new", START + 5 * HOUR), reviewed(world))
    deliver(world, job("old", START + HOUR))
    assert running(world) == []


def test_of_two_jobs_of_one_moment_the_greater_id_is_the_later_one() -> None:
    for order in (("a", "b"), ("b", "a")):
        world = world_with_campaign()
        for name in order:
            deliver(world, job(name))
        assert running(world) == ["b"]


def test_a_run_that_ignores_repeat_jobs_ignores_those_of_other_campaigns() -> None:
    world = world_with_campaign(service_type="hvac", settings={"repeat_job": "ignore"})
    deliver(world, publish(campaign_id="pipes", service_type="plumbing"), job())
    world.advance_hours(1)
    deliver(world, job("j2", world.now, service_type="plumbing"))
    assert running(world) == ["j1", "j2"]


def test_a_deleted_job_starts_no_cooldown() -> None:
    world = world_with_campaign(settings={"cooldown_days": 30})
    deliver(world, job(), m.JobDeleted("acme", "ann", "x#2", world.now, "j1"))
    world.advance_hours(1)
    deliver(world, job("j2", world.now))
    assert running(world) == ["j2"]


def test_attributes_of_one_moment_do_not_depend_on_the_order_of_events() -> None:
    ends = []
    for order in ((0, 1), (1, 0)):
        world = world_with_campaign()
        deliver(world, job())
        at = world.now + 1
        reports = [
            m.ContactUpserted("acme", "ann", f"a#{n}", at, m.Person(), {"k": str(n)})
            for n in (0, 1)
        ]
        deliver(world, *(reports[n] for n in order))
        ends.append(contact_of(world).profile.attributes)
    assert ends[0] == ends[1]


def test_the_same_addresses_are_the_same_bytes_in_whatever_order_they_were_reported() -> None:
    reports = [
        m.Person(phone="+15550100"),
        m.Person(linkedin_url="https://linkedin.com/in/ann"),
        m.Person(addresses={"email": "ann@example.com"}),
    ]
    profiles = []
    for order in permutations(enumerate(reports, 1)):
        profile = Profile()
        for at, person in order:
            merge(profile, person, at)
        profiles.append(msgspec.msgpack.encode(profile))
    before = ["", "", "ann@example.com", "+15550100", "", "", "https://linkedin.com/in/ann"]
    stored = msgspec.msgpack.encode([*before, [0, 0, 3, 1, 0, 0, 2], {}, 0])
    read = msgspec.msgpack.decode(stored, type=Profile)
    assert {*profiles} == {msgspec.msgpack.encode(read)}


def test_of_a_map_and_an_old_field_the_map_counts_and_an_empty_text_clears() -> None:
    profile = Profile()
    merge(profile, m.Person(email="old@x.com", addresses={"email": "new@x.com"}), 1)
    assert profile.address("email") == "new@x.com"
    assert merge(profile, m.Person(email=""), 2) == ["email"]
    assert (profile.address("email"), profile.addresses) == ("", {"email": ("", 2)})


def test_a_field_appended_to_a_profile_does_not_break_what_is_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    profile = Profile("Ann", reported_at=[1, 1, 1, 1], addresses={"email": ("ann@x.com", 1)})
    stored = msgspec.msgpack.encode(profile)
    monkeypatch.setattr(states, "NAMES", (*NAMES, "language"))
    read = msgspec.msgpack.decode(stored, type=Profile)
    assert (read.reported_at, read.address("email")) == ([1, 1, 1, 1, 0], "ann@x.com")
    assert len(NAMES) != states._NAMES_BEFORE


@pytest.mark.parametrize("late", [False, True])
def test_a_pause_shifts_the_next_touch_whenever_the_answer_came(late: bool) -> None:
    world = enrolled()
    world.advance_hours(24.01)
    (touch,) = world.commanded_touches()
    deliver(world, change_campaign(world, "paused"))
    if not late:
        deliver(world, *sent(world, touch))
    world.advance_hours(240)
    deliver(world, change_campaign(world, "resumed"))
    if late:
        deliver(world, *sent(world, touch))
    assert enrollment_of(world).touches[-1].scheduled_at == pytest.approx(
        START + 336 * HOUR, abs=HOUR / 10
    )


def test_a_review_through_an_older_runs_link_stops_the_run_that_goes_on() -> None:
    world = enrolled()
    world.advance_hours(25, working_senders())
    (touch,) = world.commanded_touches()
    deliver(world, job("j2", world.now), reviewed(world, command_id=touch.command_id))
    assert running(world) == []
    (fact,) = world.facts(FactKind.TOUCH_CONVERTED)
    assert (fact.job_id, fact.command_id) == ("j1", touch.command_id)


@pytest.mark.parametrize("by_command", [True, False])
def test_a_review_has_no_effect_on_a_run_that_began_after_it(by_command: bool) -> None:
    """In order it comes before the second job. If it arrives later, the result is the same."""
    ends = []
    for late in (False, True):
        world = enrolled()
        world.advance_hours(25, working_senders())
        command = world.commanded_touches()[0].command_id if by_command else None
        review = reviewed(world, command_id=command)
        world.advance_hours(1)
        second = job("j2", world.now)
        deliver(world, *((second, review) if late else (review, second)))
        first, following = contact_of(world).enrollments
        assert (first.job_id, first.converted_at) == ("j1", review.at)
        ends.append((following.status, following.converted_at, running(world)))
    assert ends[0] == ends[1] == (Status.ACTIVE, None, ["j2"])


def test_a_review_ends_the_run_of_a_job_that_was_reported_after_it() -> None:
    world = world_with_campaign()
    world.advance_hours(5)
    review = reviewed(world)
    world.advance_hours(1)
    deliver(world, job("j1", START + HOUR), review)
    assert running(world) == []


def test_a_review_is_one_conversion_however_many_runs_it_stops() -> None:
    world = world_with_campaign()
    deliver(world, publish(campaign_id="b", service_type="plumbing"), job())
    deliver(world, enroll_by_hand(world, "b"), reviewed(world))
    assert len(world.facts(FactKind.TOUCH_CONVERTED)) == 1
    assert running(world) == []


def test_a_conversion_names_the_command_that_was_answered() -> None:
    world = enrolled()
    world.advance_hours(24.01)
    (first,) = world.commanded_touches()
    deliver(world, *failed(world, first))
    world.advance_hours(0.1)
    deliver(world, *sent(world, first), reviewed(world, command_id=first.command_id))
    (fact,) = world.facts(FactKind.TOUCH_CONVERTED)
    assert (fact.command_id, fact.attempt) == (first.command_id, 1)


@pytest.mark.parametrize("gone", ["contact", "tenant"])
def test_what_was_sent_before_an_erasure_or_deletion_is_recorded(gone: str) -> None:
    world = enrolled()
    world.advance_hours(24.01)
    (touch,) = world.commanded_touches()
    if gone == "contact":
        deliver(world, m.ContactErased("acme", "ann", "x#1", world.now))
    else:
        deliver(world, m.DeleteTenant("acme", "x#1", world.now))
    deliver(world, *sent(world, touch))
    assert [f.command_id for f in world.facts(FactKind.TOUCH_SENT)] == [touch.command_id]


def test_a_retry_that_waits_for_the_morning_is_recorded() -> None:
    world = world_with_campaign(steps=[step("a", hours=11.75)])
    deliver(world, job())
    world.advance_hours(12.5)
    (fact,) = world.facts(FactKind.TOUCH_DEFERRED)
    assert (fact.reason, touch_of(world).wait) == ("quiet_hours", "quiet_hours")


def test_a_person_who_left_every_channel_is_not_enrolled_by_hand_either() -> None:
    world = world_with_campaign()
    deliver(world, m.ContactUnsubscribed("acme", "ann", "x#1", world.now, "all"))
    deliver(world, enroll_by_hand(world))
    (fact,) = world.facts(FactKind.ENROLLMENT_DECLINED)
    assert fact.reason == "CONTACT_UNSUBSCRIBED"


JOBS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(("hvac", "plumbing"))),
    min_size=1,
    max_size=4,
    unique_by=lambda report: report[0],
)
UPSERTS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc")), max_size=3)


@settings(max_examples=60, deadline=None)
@given(JOBS, UPSERTS, st.booleans(), st.data())
def test_the_final_state_does_not_depend_on_the_order_of_events(
    jobs: list[tuple[int, str]], upserts: list[tuple[int, str]], leaves: bool, data: st.DataObject
) -> None:
    """Jobs, profile updates and an opt-out of one morning, all published in the evening."""
    evening = START + 6 * HOUR
    events: list[m.Message] = [
        job(f"j{hour}", START + hour * HOUR, service_type=service, person=m.Person("Ann"))
        for hour, service in jobs
    ]
    for number, (hour, name) in enumerate(upserts):
        person = m.Person(email=f"{name}@example.com", first_name=name)
        at = START + hour * HOUR
        events.append(m.ContactUpserted("acme", "ann", f"u#{number}", at, person, {"name": name}))
    if leaves:
        events.append(m.ContactUnsubscribed("acme", "ann", "x#1", evening, "all"))
    ends = []
    for order in (events, data.draw(st.permutations(events))):
        world = world_with_campaign(service_type="hvac")
        deliver(world, publish(campaign_id="pipes", service_type="plumbing"))
        world.advance_hours(6)
        deliver(world, *order)
        person_now = contact_of(world)
        ends.append((running(world), person_now.profile, person_now.opted_out))
    assert ends[0] == ends[1]
