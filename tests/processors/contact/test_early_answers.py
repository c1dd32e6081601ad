"""A sender that answers at once: dispatch's report of the command is before the answer in the
contact's log, and an answer to a command that is not out yet is not believed."""

import pytest

from schemas.internal import messages as m
from schemas.internal.enrollment import Phase
from schemas.internal.topics import Topic
from tests.testing.builders import step
from tests.testing.story import (
    Answer,
    World,
    commanded_steps,
    enrolled,
    enrollment_of,
    failed,
    sent,
    working_senders,
)

TWO = [step("a", hours=24), step("b", hours=24)]


def run_until_commanded(world: World) -> m.RequestTouch:
    """Runs one worker after the other, and stops at the moment at which a command is out."""
    world.now = world.next_due()
    while True:
        for role in world.workers:
            world.run_worker(role)
            if commands := world.commanded_touches():
                return commands[0]


def run_until_requested(world: World) -> m.RequestTouch:
    """Runs the contact's worker until it has requested a touch from dispatch."""
    world.now = world.next_due()
    while True:
        world.run_worker("contact")
        for record in world.broker.topic(Topic.DISPATCH_LOG):
            message = m.decode_dispatch(record.value or b"")
            if isinstance(message, m.RequestTouch):
                return message


def test_the_report_of_a_command_is_before_every_answer_to_it() -> None:
    """Both are in one transaction, and a sender reads committed records only."""
    world = enrolled(steps=TWO)
    world.advance_hours(23.9)
    touch = run_until_commanded(world)
    assert enrollment_of(world, 0).touches[0].phase is Phase.REQUESTED  # it has not read the report
    world.append(*sent(world, touch))
    kinds = [type(m.decode_contact(r.value or b"")) for r in world.broker.topic(Topic.CONTACT_LOG)]
    assert kinds.index(m.TouchCommanded) < kinds.index(m.TouchSent)
    world.settle()
    assert enrollment_of(world, 0).touches[0].phase is Phase.SENT
    world.advance_hours(60, working_senders(since=world))
    assert [name for name, _ in commanded_steps(world)] == ["a", "b"]


@pytest.mark.parametrize("answer", [sent, failed])
def test_an_answer_to_a_command_that_is_not_out_is_not_believed(answer: Answer) -> None:
    """A sender that has read the command of an aborted transaction gets it again under its id."""
    world = enrolled(steps=TWO)
    world.advance_hours(23.9)
    touch = run_until_requested(world)
    world.append(*answer(world, touch))
    world.advance_hours(60, working_senders())
    commands = [(each.command_id, each.emission) for each in world.commanded_touches()]
    assert commands[0] == (touch.command_id, 1)
    assert len({each for each, _ in commands}) == 2  # one of each step
    assert [each.phase for each in enrollment_of(world, 0).touches] == [Phase.SENT, Phase.SENT]
