"""What a step may wait for, and triggers that come early, late or twice (S2-19)."""

import pytest

from schemas.internal import messages as m
from schemas.internal.enrollment import Status
from schemas.internal.facts import FactKind
from tests.testing.builders import connection_request, step
from tests.testing.story import (
    HOUR,
    START,
    accepted,
    deliver,
    enrollment_of,
    event_fields,
    new_event,
    prospecting,
    reasons,
    replied,
    scheduled_steps,
    seen,
    working_senders,
)


def test_what_happened_before_the_send_ends_no_wait() -> None:
    """It is for `skip_when`."""
    world = prospecting(
        connection_request(24, max_wait_hours=5), step("mail", hours=9), quiet_hours="none"
    )
    deliver(world, accepted(world))
    world.advance_hours(40, working_senders())
    assert scheduled_steps(world) == [("request", 24), ("mail", 33)]
    assert reasons(world, FactKind.TRIGGER_TIMED_OUT) == ["timeout"]


def test_a_trigger_after_its_timeout_changes_nothing() -> None:
    world = prospecting(
        connection_request(max_wait_hours=5), step("mail", hours=30), quiet_hours="none"
    )
    world.advance_hours(10, working_senders())
    before = len(world.facts(FactKind.TRIGGER_MET))
    deliver(world, accepted(world))
    world.advance_hours(40, working_senders())
    assert scheduled_steps(world) == [("request", 0), ("mail", 30)]
    assert len(world.facts(FactKind.TRIGGER_MET)) == before == 0
    assert len(world.facts(FactKind.CONTACT_CONNECTED)) == 1


def test_a_trigger_that_arrives_twice_counts_once() -> None:
    world = prospecting(connection_request(), step("mail", anchor="trigger"), quiet_hours="none")
    world.advance_hours(1, working_senders())
    deliver(world, accepted(world), accepted(world))
    world.advance_hours(1, working_senders())
    assert len(world.facts(FactKind.TRIGGER_MET)) == 1
    assert len(world.facts(FactKind.CONTACT_CONNECTED)) == 1


def test_a_trigger_for_a_completed_run_is_only_recorded() -> None:
    world = prospecting(step("mail"), quiet_hours="none")
    world.advance_hours(1, working_senders())
    commands = len(world.commands())
    deliver(world, accepted(world), replied(world))
    world.advance_hours(100, working_senders())
    assert len(world.commands()) == commands
    assert enrollment_of(world).status is Status.COMPLETED


def test_an_event_older_than_the_run_is_only_recorded() -> None:
    world = prospecting(step("mail", hours=5), quiet_hours="none")
    deliver(world, replied(world, at=START - HOUR))
    assert enrollment_of(world).status is Status.ACTIVE
    assert len(world.facts(FactKind.CONTACT_REPLIED)) == 1
    world.advance_hours(6, working_senders())
    assert scheduled_steps(world) == [("mail", 5)]


@pytest.mark.parametrize("signal", ["opened", "clicked", "delivered"])
def test_a_step_may_wait_for_a_signal_of_its_touch(signal: str) -> None:
    names = {"opened": "open", "clicked": "click", "delivered": "delivered"}
    world = prospecting(
        step("mail", wait_for=names[signal]),
        step("text", "sms", 1, anchor="trigger"),
        quiet_hours="none",
    )
    world.advance_hours(2, working_senders())
    deliver(world, seen(world, world.commanded_touches()[0], signal))
    world.advance_hours(2, working_senders())
    assert scheduled_steps(world) == [("mail", 0), ("text", 3)]


def test_a_wait_for_a_call_is_ended_only_by_the_outcomes_it_names() -> None:
    wait = {"event": "call_outcome", "outcomes": ["answered"], "max_wait_hours": 10}
    world = prospecting(
        step("call", "voice", wait_for=wait), step("mail", anchor="trigger"), quiet_hours="none"
    )
    world.advance_hours(1, working_senders())
    command_id = world.commanded_touches()[0].command_id
    deliver(world, new_event(world, m.CallEnded, command_id=command_id, outcome="busy"))
    world.advance_hours(12, working_senders())
    assert scheduled_steps(world) == [("call", 0), ("mail", 10)]


def test_a_step_may_wait_for_a_conversion() -> None:
    wait = {"event": "conversion", "on_event": "stop", "max_wait_hours": 10}
    world = prospecting(step("mail", wait_for=wait), step("more"), quiet_hours="none")
    world.advance_hours(1, working_senders())
    deliver(world, new_event(world, m.ConversionRecorded, conversion_type="meeting"))
    assert enrollment_of(world).reason == "trigger_conversion"
    assert enrollment_of(world).conversion == "meeting"


def test_a_reply_that_is_waited_for_does_not_pause() -> None:
    world = prospecting(
        step("mail", wait_for={"event": "reply", "on_event": "complete"}),
        step("more"),
        quiet_hours="none",
    )
    world.advance_hours(1, working_senders())
    deliver(world, replied(world, "whatsapp"))
    assert enrollment_of(world).status is Status.COMPLETED


def test_a_touch_that_is_not_sent_is_not_waited_for() -> None:
    """Without an address the run goes on with the next step at once."""
    world = prospecting(
        step("whatsapp", "whatsapp", wait_for="reply"),
        step("mail", anchor="trigger", hours=1),
        quiet_hours="none",
    )
    deliver(world, m.ContactUpserted(**event_fields(world), person=m.Person(phone="")))
    world.advance_hours(2, working_senders())
    assert scheduled_steps(world) in ([("mail", 1)], [("whatsapp", 0)])
