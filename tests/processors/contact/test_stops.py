"""What ends an enrollment, and what becomes of the touch under way (F-4, F-12, S1-34, C-32)."""

from collections.abc import Callable

import pytest

from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from schemas.internal.messages import (
    ContactErased,
    ContactStopped,
    DeleteTenant,
    JobDeleted,
    Message,
)
from schemas.internal.topics import Topic
from tests.testing.builders import TENANT, step
from tests.testing.story import (
    START,
    World,
    change_campaign,
    contact_of,
    deliver,
    enrolled,
    enrollment_of,
    event_fields,
    failed,
    job,
    reasons,
    reviewed,
    revocations,
    seen,
    sent,
    tenant,
    touch_of,
    unsubscribed,
    working_senders,
)

STOPS: dict[str, Callable[[World], Message]] = {
    "review_clicked": reviewed,
    "feedback_submitted": lambda world: reviewed(world, "feedback_submitted"),
    "opted_out_sms": lambda world: unsubscribed(world, "sms"),
    "opted_out_email": unsubscribed,
    "opted_out_all": lambda world: unsubscribed(world, "all"),
    "owner_stopped": lambda world: ContactStopped(**event_fields(world)),
    "campaign_deleted": lambda world: change_campaign(world, "deleted"),
    "campaign_completed": lambda world: change_campaign(world, "completed"),
    "repeat_job": lambda world: job("again", world.now + 1),
    "job_deleted": lambda world: JobDeleted(**event_fields(world), job_id="j1"),
    "contact_erased": lambda world: ContactErased(**event_fields(world)),
}


def in_phase(phase: Phase, channel: str = "email") -> World:
    """A world in which Ann's only touch is in that phase."""
    world = enrolled(steps=[step("a", channel, hours=24)])
    if phase is Phase.REQUESTED:
        deliver(world, tenant(limits={channel: 0}))
    if phase is not Phase.SCHEDULED:
        world.advance_hours(24)
    assert touch_of(world).phase is phase
    return world


def stopped(reason: str, phase: Phase) -> World:
    """A world in which the enrollment was stopped for that reason during that phase."""
    world = in_phase(phase, "sms" if reason == "opted_out_sms" else "email")
    return deliver(world, STOPS[reason](world))


@pytest.mark.parametrize("reason", STOPS)
def test_a_stop_before_the_request_sends_nothing(reason: str) -> None:
    world = stopped(reason, Phase.SCHEDULED)
    first = enrollment_of(world, 0)
    assert (first.status, first.reason) == (Status.STOPPED, reason)
    assert (first.touches[0].phase, first.touches[0].reason) == (Phase.SKIPPED, reason)
    assert reasons(world, FactKind.ENROLLMENT_STOPPED) == [reason]
    world.advance_to(START + 24 * 3_600_000_000)
    assert [t for t in world.commanded_touches() if t.enrollment_id == first.enrollment_id] == []


@pytest.mark.parametrize("reason", STOPS)
def test_a_stop_after_the_request_but_before_the_command_withdraws_it(reason: str) -> None:
    world = stopped(reason, Phase.REQUESTED)
    touch = enrollment_of(world, 0).touches[0]
    assert (touch.phase, touch.reason) == (Phase.SKIPPED, reason)
    assert reasons(world, FactKind.TOUCH_WITHDRAWN) == [reason]
    assert world.commands() == []


@pytest.mark.parametrize("reason", STOPS)
def test_a_stop_after_the_command_revokes_it(reason: str) -> None:
    world = stopped(reason, Phase.COMMANDED)
    touch = enrollment_of(world, 0).touches[0]
    assert (touch.phase, touch.reason) == (Phase.SKIPPED, reason)
    assert [(r.command_id, r.reason) for r in revocations(world)] == [(touch.command_id, reason)]


@pytest.mark.parametrize("reason", [r for r in STOPS if r != "contact_erased"])
def test_an_answer_of_a_sender_after_the_stop_counts_and_the_race_is_recorded(reason: str) -> None:
    world = stopped(reason, Phase.COMMANDED)
    deliver(world, *sent(world, world.commanded_touches()[0]))
    assert enrollment_of(world, 0).touches[0].phase is Phase.SENT
    assert reasons(world, FactKind.TOUCH_SENT) == [f"sent_after_{reason}"]


def test_a_failure_after_the_stop_is_not_retried() -> None:
    world = in_phase(Phase.COMMANDED)
    touch = world.commanded_touches()[0]
    world.append(ContactStopped(**event_fields(world)))
    deliver(world, *failed(world, touch))
    world.advance_hours(2)
    assert (len(world.commanded_touches()), touch_of(world).phase) == (1, Phase.SKIPPED)


@pytest.mark.usefixtures("repeats_wait_for_limits")
def test_a_stop_withdraws_a_repeat_that_waits_at_dispatch_and_revokes_its_command() -> None:
    world = enrolled(steps=[step("a", hours=24)])
    deliver(world, tenant(limits={"email": 1}))
    world.advance_hours(24.6)
    assert (touch_of(world).phase, touch_of(world).emission) == (Phase.REQUESTED, 2)
    deliver(world, ContactStopped(**event_fields(world)))
    world.advance_hours(3)
    assert len(world.commanded_touches()) == 1
    assert len(revocations(world)) == 1
    assert touch_of(world).phase is Phase.SKIPPED


@pytest.mark.usefixtures("repeats_wait_for_limits")
def test_an_opt_out_revokes_a_command_whose_waiting_repeat_a_pause_has_withdrawn() -> None:
    world = enrolled(steps=[step("a", hours=24), step("b", "sms", 100)])
    world.advance_hours(24.1)
    deliver(world, tenant(at=world.now, cause="t#3", limits={"email": 0}))
    world.advance_hours(0.5)
    assert (touch_of(world).phase, touch_of(world).emission) == (Phase.REQUESTED, 2)
    deliver(world, change_campaign(world, "paused"), unsubscribed(world))
    assert [r.command_id for r in revocations(world)] == [
        t.command_id for t in world.commanded_touches()
    ]
    assert enrollment_of(world).touches[0].phase is Phase.SKIPPED


def test_a_stop_of_one_campaign_leaves_the_others_running() -> None:
    world = enrolled()
    deliver(world, ContactStopped(**event_fields(world), campaign_id="another"))
    assert enrollment_of(world).status is Status.ACTIVE


def test_a_stop_right_after_a_pause_still_revokes_the_command() -> None:
    """The pause withdraws without revoking, and the command is out by then."""
    world = enrolled(steps=[step("a", hours=24)])
    world.advance_to(START + 24 * 3_600_000_000 - 1)
    world.now = START + 24 * 3_600_000_000
    while touch_of(world).phase is not Phase.REQUESTED:
        world.run_worker("contact")
    world.append(change_campaign(world, "paused"))
    for role in ("campaign", "contact", "contact"):
        world.run_worker(role)
    assert touch_of(world).phase is Phase.WITHDRAWING
    world.append(ContactStopped(**event_fields(world)))
    world.settle()
    assert touch_of(world).phase is Phase.SKIPPED
    assert [r.command_id for r in revocations(world)] == [
        t.command_id for t in world.commanded_touches()
    ]


def test_a_review_counts_once_whatever_follows() -> None:
    world = enrolled()
    world.advance_hours(25, working_senders())
    deliver(world, reviewed(world))
    world.advance_hours(1)
    deliver(world, reviewed(world, "feedback_submitted"), reviewed(world))
    assert len(world.facts(FactKind.TOUCH_CONVERTED)) == 1
    assert (enrollment_of(world).reason, enrollment_of(world).conversion) == (
        "review_clicked",
        "review_clicked",
    )


def test_a_deleted_tenant_stops_everything_and_its_events_are_refused() -> None:
    world = enrolled()
    deliver(world, DeleteTenant(TENANT, "x#1", world.now))
    assert enrollment_of(world).reason == "campaign_deleted"
    deliver(world, job("j2", world.now), tenant())
    world.advance_hours(300, working_senders())
    assert world.commanded_touches() == []
    assert reasons(world, FactKind.EVENT_REFUSED) == ["TENANT_DELETED", "TENANT_DELETED"]


def test_an_erased_person_leaves_no_name_and_no_address_in_any_state() -> None:
    world = enrolled()
    deliver(world, unsubscribed(world, "sms"))
    deliver(world, tenant(limits={"email": 0}))
    world.advance_hours(25)
    deliver(world, ContactErased(**event_fields(world)))
    kept = b"".join(v for role in world.workers for v in world.states(role).values())
    for secret in (b"Ann", b"ann@example.com", b"+15550100", b"Chicago\x00"):
        assert secret not in kept
    assert contact_of(world).erased_at == world.now


def test_an_erased_person_does_not_come_back_by_the_next_job() -> None:
    world = enrolled()
    deliver(world, ContactErased(**event_fields(world)))
    deliver(world, job("j2", world.now))
    assert contact_of(world).profile.address("email") == ""
    assert reasons(world, FactKind.EVENT_REFUSED) == ["CONTACT_ERASED"]


def test_no_fact_holds_an_address_or_a_name() -> None:
    world = enrolled()
    world.advance_hours(300, working_senders())
    deliver(world, seen(world, world.commanded_touches()[0]))
    facts = b"".join(r.value or b"" for r in world.broker.topic(Topic.FACTS))
    assert b"ann@example.com" not in facts and b'"Ann"' not in facts and b"+1555" not in facts
