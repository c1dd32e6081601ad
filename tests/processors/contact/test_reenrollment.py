"""Second enrollments: repeat jobs, cooldowns, enrolling by hand (F-9, S1-21, C-18)."""

from schemas.base.times import DAY
from schemas.internal.enrollment import LIVE, Status
from schemas.internal.facts import FactKind
from tests.testing.story import (
    HOUR,
    START,
    World,
    contact_of,
    deliver,
    enroll_by_hand,
    enrolled,
    enrollment_of,
    job,
    reasons,
    reviewed,
    working_senders,
)

DECLINED = FactKind.ENROLLMENT_DECLINED


def test_a_repeat_job_stops_the_running_enrollment_and_starts_a_fresh_one() -> None:
    world = enrolled()
    world.advance_hours(30, working_senders())
    deliver(world, job("j2", world.now))
    first, second = contact_of(world).enrollments
    assert (first.status, first.reason) == (Status.STOPPED, "repeat_job")
    assert (second.status, second.cycle, second.touches[-1].number) == (Status.ACTIVE, 2, 1)
    assert second.touches[-1].scheduled_at == START + 54 * HOUR


def test_a_repeat_job_changes_nothing_where_the_campaign_ignores_it() -> None:
    world = enrolled(settings={"repeat_job": "ignore"})
    world.advance_hours(1)
    deliver(world, job("j2", world.now))
    assert len(contact_of(world).enrollments) == 1
    assert reasons(world, DECLINED) == ["ENROLLMENT_ALREADY_ACTIVE"]


def test_an_older_job_that_is_reported_later_does_not_restart() -> None:
    world = deliver(enrolled(), job("j0", START - HOUR))
    assert len(contact_of(world).enrollments) == 1
    assert reasons(world, DECLINED) == ["JOB_OLDER_THAN_ENROLLMENT"]


def test_a_person_has_at_most_one_active_enrollment_per_campaign() -> None:
    world = enrolled()
    for number in range(12):
        world.advance_hours(1)
        deliver(world, job(f"k{number}", world.now), enroll_by_hand(world))
    live = [e for e in contact_of(world).enrollments if e.status in LIVE]
    assert len(live) == 1
    assert len(contact_of(world).enrollments) == 9  # eight ended ones are remembered
    assert live[0].cycle == 13


def test_a_restarted_run_never_reuses_a_command_id() -> None:
    world = enrolled()
    for number in range(3):
        world.advance_hours(25, working_senders())
        deliver(world, job(f"k{number}", world.now))
    world.advance_hours(25, working_senders())
    ids = [touch.command_id for touch in world.commanded_touches()]
    assert len(ids) == len(set(ids)) == 4


def ended(cooldown_days: int) -> World:
    """A world in which Ann has just written a review, and a cooldown has begun."""
    world = enrolled(settings={"cooldown_days": cooldown_days})
    world.advance_hours(25, working_senders())
    return deliver(world, reviewed(world))


def test_jobs_enroll_nobody_until_the_cooldown_is_over() -> None:
    world = ended(cooldown_days=30)
    world.advance_to(START + 25 * HOUR + 30 * DAY - HOUR)
    deliver(world, job("early", world.now))
    assert reasons(world, DECLINED) == ["ENROLLMENT_COOLDOWN"]
    world.advance_hours(1)
    deliver(world, job("late", world.now))
    assert enrollment_of(world).job_id == "late"


def test_an_enrollment_by_hand_ignores_the_cooldown() -> None:
    world = ended(cooldown_days=30)
    deliver(world, enroll_by_hand(world, offer="ten"))
    assert enrollment_of(world).status is Status.ACTIVE
    assert enrollment_of(world).anchor_at == world.now
    world.advance_hours(25)
    assert world.commanded_touches()[-1].variables["offer"] == "ten"


def test_an_enrollment_by_hand_is_declined_where_one_is_active() -> None:
    world = enrolled()
    deliver(world, enroll_by_hand(world), enroll_by_hand(world, "nobody-knows"))
    assert reasons(world, DECLINED) == ["ENROLLMENT_ALREADY_ACTIVE", "CAMPAIGN_UNKNOWN"]


def test_an_enrollment_by_hand_in_place_of_another_starts_no_cooldown() -> None:
    """A second job restarts the run, as it would without the enrollment by hand."""
    world = enrolled(settings={"cooldown_days": 20, "reentry": "restart"})
    world.advance_hours(0.5)
    deliver(world, enroll_by_hand(world))
    world.advance_hours(0.5)
    deliver(world, job("j2", world.now))
    assert reasons(world, DECLINED) == []
    assert reasons(world, FactKind.ENROLLMENT_STOPPED) == ["reenrolled", "repeat_job"]
    assert enrollment_of(world).job_id == "j2"
    deliver(world, reviewed(world), job("j3", world.now))
    assert reasons(world, DECLINED) == ["ENROLLMENT_COOLDOWN"]
