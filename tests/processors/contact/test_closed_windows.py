"""A sender that comes to a command after the end of its send window answers `window_closed`: the
touch waits for the next window, and no attempt is lost by that (F-6, F-7, S0-5)."""

from typing import Any

import pytest

from processors.contact.touch_outcome import WINDOWS_MAX
from processors.shared.send_windows import closes_at, is_open
from schemas.internal import messages as m
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from schemas.internal.messages import CommandDue, RequestTouch
from tests.testing.builders import step
from tests.testing.story import (
    HOUR,
    START,
    World,
    change_campaign,
    commanded_steps,
    deliver,
    enrolled,
    enrollment_of,
    event_fields,
    failed,
    failing_sender,
    hours_since_start,
    make_sender,
    reasons,
    revocations,
    sent,
    tenant,
    touch_of,
    unsubscribed,
    upserted,
    working_senders,
)

pytestmark = pytest.mark.usefixtures("repeats_wait_for_limits")

# The world starts on a Monday at 09:00 in Chicago; quiet hours are from hour 12 to hour 23.
EVENING, MORNING, NEXT_EVENING, NEXT_MORNING = 12, 23, 36, 47
ONE, PATIENT = [step("a", hours=11.5)], {"answer_timeout_minutes": 10_080}


def hours(moment: int) -> float:
    """A moment in hours since the start."""
    return (moment - START) / HOUR


def commanded_in_the_evening(**campaign: Any) -> World:
    """A world in which Ann's touch was commanded half an hour before the quiet hours."""
    world = enrolled(**{"steps": ONE, "settings": PATIENT, **campaign})
    world.advance_hours(11.6)
    assert len(world.commanded_touches()) == 1
    return world


def window_closed(world: World, touch: RequestTouch) -> list[m.Message]:
    """The answer of a sender that came to the command too late."""
    return failed(world, touch, "window_closed")


def answer_closed(world: World, index: int = -1) -> World:
    """The sender of a command comes to it too late."""
    return deliver(world, *window_closed(world, world.commanded_touches()[index]))


def test_a_command_says_until_when_it_may_be_sent() -> None:
    world = commanded_in_the_evening()
    (command,) = [c for c in world.commands() if isinstance(c, CommandDue)]
    assert hours(command.send_before) == EVENING
    assert hours(command.touch.expires_at) > 24 * 7


def test_the_expiry_is_the_end_where_it_comes_first() -> None:
    for setting in ({"expire_after_hours": 0.25}, {"quiet_hours": "none"}):
        world = commanded_in_the_evening(settings=PATIENT | setting)
        (command,) = [c for c in world.commands() if isinstance(c, CommandDue)]
        assert command.send_before == command.touch.expires_at


def test_the_window_of_a_step_ends_a_command_too() -> None:
    steps = [step("a", hours=1, window={"start": "10:00", "end": "11:00"})]
    world = enrolled(steps=steps, settings=PATIENT)
    world.advance_hours(5)
    (command,) = [c for c in world.commands() if isinstance(c, CommandDue)]
    assert hours(command.send_before) == 2


def test_a_closed_window_puts_the_touch_off_to_the_next_morning() -> None:
    world = commanded_in_the_evening()
    world.advance_hours(6.4)  # 03:00
    answer_closed(world)
    touch = touch_of(world)
    assert (touch.phase, touch.wait, hours(touch.due_at)) == (
        Phase.SCHEDULED,
        "quiet_hours",
        MORNING,
    )
    (retried,) = world.facts(FactKind.TOUCH_RETRIED)
    assert (retried.reason, retried.attempt) == ("window_closed", 1)
    assert retried.until is not None and hours(int(retried.until.timestamp() * 1e6)) == MORNING
    world.advance_hours(30, working_senders(world))
    first, second = world.commanded_touches()
    assert commanded_steps(world)[1] == ("a", MORNING)
    assert (first.command_id != second.command_id, second.attempt) == (True, 2)
    assert touch_of(world).phase is Phase.SENT


def test_it_counts_neither_as_error_nor_as_attempt() -> None:
    world = commanded_in_the_evening(settings={**PATIENT, "max_errors": 1})
    for _ in range(6):  # nights
        world.advance_hours(12.4)
        answer_closed(world)
        world.advance_hours(11.6)
    run, touch = enrollment_of(world), touch_of(world)
    assert (run.status, run.errors, run.last_error) == (Status.ACTIVE, 0, None)
    assert (touch.attempt, touch.uncounted, touch.error) == (7, 6, None)
    assert len({command.command_id for command in world.commanded_touches()}) == 7


def test_the_retries_are_still_there_afterwards() -> None:
    world = commanded_in_the_evening()
    world.advance_hours(3)
    answer_closed(world)
    world.advance_hours(20, [failing_sender()])
    morning = [round((at - MORNING) * 60) for _, at in commanded_steps(world)[1:]]
    assert morning == [0, 1, 6, 21]
    assert reasons(world, FactKind.TOUCH_FAILED) == ["timeout"]


def test_an_answer_that_comes_when_the_next_window_is_open_sends_at_once() -> None:
    world = commanded_in_the_evening()
    world.advance_hours(13)
    answer_closed(world)
    world.advance_hours(0.1)
    assert commanded_steps(world)[1] == ("a", 24.6)


def test_a_sender_whose_clock_is_ahead_waits_for_the_next_window() -> None:
    world = enrolled(steps=ONE)
    world.advance_hours(40, [make_sender(window_closed)])
    assert [at for _, at in commanded_steps(world)] == [11.5, MORNING]
    assert hours(touch_of(world).due_at) == NEXT_MORNING


def test_after_the_repeat_of_the_morning_the_touch_waits_for_the_window_after_that() -> None:
    """The repeat may still be with its sender, so no second command goes out in its window."""
    world = enrolled(steps=ONE)
    world.advance_hours(23.1)
    assert [touch.emission for touch in world.commanded_touches()] == [1, 2]
    answer_closed(world, 0)
    assert hours(touch_of(world).due_at) == NEXT_MORNING
    deliver(world, *sent(world, world.commanded_touches()[1]))  # the sender takes the repeat
    world.advance_hours(48, working_senders(world))
    assert len(world.commanded_touches()) == 2
    assert touch_of(world).phase is Phase.SENT


def test_the_same_answer_again_and_answers_to_earlier_attempts_change_nothing() -> None:
    world = commanded_in_the_evening()
    world.advance_hours(3)
    answer_closed(world)
    answer_closed(world)
    assert (touch_of(world).attempt, len(world.facts(FactKind.TOUCH_RETRIED))) == (2, 1)
    world.advance_hours(10)
    answer_closed(world, 0)
    assert (touch_of(world).attempt, touch_of(world).phase) == (2, Phase.COMMANDED)


@pytest.mark.parametrize(
    "settings", [{"quiet_hours": "none"}, {"quiet_hours": "none", "max_errors": 9}]
)
def test_without_a_window_that_closes_it_is_a_failure_like_others(settings: Any) -> None:
    world = enrolled(steps=ONE, settings=settings)
    world.advance_hours(13, [make_sender(window_closed)])
    assert [touch.attempt for touch in world.commanded_touches()] == [1, 2, 3, 4]
    assert (touch_of(world).phase, touch_of(world).reason) == (Phase.FAILED, "window_closed")
    assert enrollment_of(world).errors == 4


def test_a_sender_that_never_comes_in_time_ends_too() -> None:
    settings = {"quiet_hours": "none", "expire_after_hours": 0.1}
    steps = [step("a", hours=1, window={"start": "00:00", "end": "23:59"})]
    world = enrolled(steps=steps, settings=settings)
    world.advance_hours(24, [make_sender(window_closed)])
    assert (touch_of(world).phase, touch_of(world).uncounted) == (Phase.FAILED, WINDOWS_MAX)
    assert enrollment_of(world).errors == 4


def test_a_sender_that_calls_it_permanent_is_believed() -> None:
    world = commanded_in_the_evening()
    deliver(world, *failed(world, world.commanded_touches()[0], "window_closed", permanent=True))
    assert (touch_of(world).phase, touch_of(world).reason) == (Phase.FAILED, "window_closed")


# other phases


def with_repeat_at_dispatch() -> World:
    """Ann's command is unanswered, and its repeat waits at dispatch for a slot."""
    world = enrolled(steps=[step("a", hours=10)], settings={"answer_timeout_minutes": 30})
    deliver(world, tenant(limits={"email": 1}))
    world.advance_hours(10.51)
    assert (touch_of(world).phase, touch_of(world).emission) == (Phase.REQUESTED, 2)
    return world


def test_a_repeat_that_waits_at_dispatch_is_taken_back() -> None:
    world = with_repeat_at_dispatch()
    answer_closed(world)
    assert reasons(world, FactKind.TOUCH_WITHDRAWING) == ["window_closed"]
    touch = touch_of(world)
    assert (touch.phase, touch.attempt, touch.emission) == (Phase.SCHEDULED, 2, 0)
    assert hours(touch.due_at) == MORNING
    world.advance_hours(20, working_senders(world))
    assert [(t.attempt, t.emission) for t in world.commanded_touches()] == [(1, 1), (2, 1)]
    assert revocations(world) == []


def test_a_repeat_that_is_out_by_then_is_awaited() -> None:
    world = with_repeat_at_dispatch()
    first = world.commanded_touches()[0]
    world.now = START + 11 * HOUR + HOUR // 60
    world.append(*window_closed(world, first))
    world.run_worker("dispatch")  # it ticks,
    world.run_worker("dispatch")  # and commands the repeat before it is asked to take it back
    world.settle()
    assert [t.emission for t in world.commanded_touches()] == [1, 2]
    touch = touch_of(world)
    assert (touch.phase, touch.attempt, touch.wait) == (Phase.COMMANDED, 1, "answer")
    deliver(world, *sent(world, world.commanded_touches()[1]))
    world.advance_hours(40)
    assert (touch_of(world).phase, len(world.commanded_touches())) == (Phase.SENT, 2)


def withdrawing() -> World:
    """A pause has just asked dispatch to take the repeat back, and dispatch has not answered."""
    world = with_repeat_at_dispatch()
    world.append(change_campaign(world, "paused"))
    for role in ("campaign", "contact", "contact"):
        world.run_worker(role)
    assert touch_of(world).phase is Phase.WITHDRAWING
    return world


def test_an_answer_during_the_withdrawal_of_a_pause_counts_when_the_run_goes_on() -> None:
    world = withdrawing()
    world.append(*window_closed(world, world.commanded_touches()[0]))
    world.run_worker("contact")
    assert touch_of(world).phase is Phase.WITHDRAWING
    world.settle()
    assert (touch_of(world).phase, touch_of(world).attempt) == (Phase.SCHEDULED, 2)
    world.advance_hours(1)
    deliver(world, change_campaign(world, "resumed"))
    world.advance_hours(30, working_senders(world))
    assert [at for _, at in commanded_steps(world)][1:] == [pytest.approx(MORNING, abs=1e-3)]


def test_a_stop_during_that_withdrawal_ends_the_touch() -> None:
    world = withdrawing()
    world.append(*window_closed(world, world.commanded_touches()[0]))
    world.append(m.ContactStopped(**event_fields(world)))
    world.settle()
    assert (touch_of(world).phase, touch_of(world).reason) == (Phase.SKIPPED, "owner_stopped")
    world.advance_hours(40)
    assert len(world.commanded_touches()) == 1


def test_an_answer_after_a_pause_took_the_repeat_back_counts() -> None:
    world = with_repeat_at_dispatch()
    deliver(world, change_campaign(world, "paused"))
    assert (touch_of(world).phase, touch_of(world).emission) == (Phase.SCHEDULED, 1)
    answer_closed(world)
    assert (touch_of(world).attempt, touch_of(world).emission) == (2, 0)


def test_in_a_paused_run_the_touch_goes_when_its_window_opens_after_the_pause() -> None:
    world = commanded_in_the_evening()
    deliver(world, change_campaign(world, "paused"))
    world.advance_hours(2)
    answer_closed(world)
    world.advance_hours(2)
    deliver(world, change_campaign(world, "resumed"))
    world.advance_hours(20, working_senders(world))
    assert [at for _, at in commanded_steps(world)] == [11.5, MORNING]


def test_in_a_stopped_run_the_touch_is_skipped() -> None:
    world = commanded_in_the_evening()
    world.append(m.ContactStopped(**event_fields(world)))
    world.append(*window_closed(world, world.commanded_touches()[0]))
    world.settle()
    assert (touch_of(world).phase, touch_of(world).reason) == (Phase.SKIPPED, "owner_stopped")


def test_who_opts_out_meanwhile_gets_nothing_in_the_morning() -> None:
    steps = [step("a", hours=11.5), step("b", "sms", hours=24)]
    world = commanded_in_the_evening(steps=steps)
    world.advance_hours(3)
    answer_closed(world)
    deliver(world, unsubscribed(world))
    world.advance_hours(20)
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["opted_out_email"]
    assert len(world.commanded_touches()) == 1


def test_after_a_move_to_another_zone_the_next_window_is_of_that_zone() -> None:
    world = commanded_in_the_evening()
    world.advance_hours(3)
    deliver(world, upserted(world, timezone="Pacific/Honolulu"))
    answer_closed(world)  # 19:36 there
    world.advance_hours(0.1)
    commands = [c for c in world.commands() if isinstance(c, CommandDue)]
    assert len(commands) == 2
    second = world.facts(FactKind.TOUCH_COMMANDED)[1]
    at = START + round(hours_since_start(second) * HOUR)
    assert is_open(commands[1].touch.quiet, at)  # type: ignore[arg-type]
    assert commands[1].send_before == closes_at(commands[1].touch.quiet, at)


# giving up


def test_a_command_that_nobody_answers_is_revoked() -> None:
    world = enrolled(steps=[step("a", hours=2)])
    world.advance_hours(4)
    command = world.commanded_touches()[0]
    (order,) = revocations(world)
    assert (order.command_id, order.reason) == (command.command_id, "no_answer")
    touch = touch_of(world)
    assert (touch.phase, touch.reason) == (Phase.FAILED, "no_answer")
    assert len(world.facts(FactKind.TOUCH_REVOKED)) == 1
    assert reasons(world, FactKind.TOUCH_FAILED) == ["no_answer"]


def test_a_sender_that_has_sent_the_revoked_command_is_heard() -> None:
    world = enrolled(steps=[step("a", hours=2)])
    world.advance_hours(4)
    deliver(world, *sent(world, world.commanded_touches()[1]))
    assert (touch_of(world).phase, touch_of(world).reason) == (Phase.SENT, "sent_after_no_answer")


def test_a_closed_window_after_giving_up_changes_nothing() -> None:
    world = enrolled(steps=[step("a", hours=2)])
    world.advance_hours(4)
    answer_closed(world)
    assert (touch_of(world).phase, touch_of(world).reason) == (Phase.FAILED, "no_answer")


def test_a_failure_that_ends_the_touch_revokes_its_repeat() -> None:
    world = enrolled(steps=[step("a", hours=2)])
    world.advance_hours(2.6)
    assert [t.emission for t in world.commanded_touches()] == [1, 2]
    deliver(world, *failed(world, world.commanded_touches()[0], permanent=True))
    assert [order.reason for order in revocations(world)] == ["timeout"]


def test_a_failure_of_the_only_command_revokes_nothing() -> None:
    world = enrolled(steps=[step("a", hours=2)])
    world.advance_hours(2.1)
    deliver(world, *failed(world, world.commanded_touches()[0], permanent=True))
    assert revocations(world) == []


def test_a_stop_and_a_failure_during_a_withdrawal_revoke_the_repeat() -> None:
    """The withdrawal of a pause revokes nothing, and the repeat may have gone out."""
    world = withdrawing()
    world.append(m.ContactStopped(**event_fields(world)))
    world.append(*failed(world, world.commanded_touches()[0]))
    world.settle()
    assert touch_of(world).phase is Phase.SKIPPED
    assert {order.reason for order in revocations(world)} == {"owner_stopped"}


def test_a_sender_that_is_down_until_the_next_window_has_the_whole_time_to_answer_there() -> None:
    world = commanded_in_the_evening(settings={"answer_timeout_minutes": 60})
    world.advance_hours(MORNING + 1.5 - 11.6)  # the repeat of the morning is an hour old
    emissions = [touch.emission for touch in world.commanded_touches()]
    assert (emissions, revocations(world)) == ([1, 2, 3], [])
    world.advance_hours(2)
    assert touch_of(world).reason == "no_answer"
    assert len(revocations(world)) == 1


def test_a_sender_that_never_answers_ends_too() -> None:
    world = commanded_in_the_evening(settings={"answer_timeout_minutes": 12 * 60})
    world.advance_hours(24 * 150)
    assert touch_of(world).reason == "no_answer"
    assert len(world.commanded_touches()) < 120


def test_a_command_that_has_expired_ends_its_touch() -> None:
    settings = {**PATIENT, "expire_after_hours": 0.25}
    world = commanded_in_the_evening(settings=settings)
    world.advance_hours(0.3)
    answer_closed(world)
    assert (touch_of(world).phase, touch_of(world).reason) == (Phase.FAILED, "expired")
    assert len(world.commanded_touches()) == 1
