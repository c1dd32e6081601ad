"""What happens when a sender fails or does not answer (F-7, S0-5, C-9)."""

from typing import Any

import pytest
from msgspec.structs import replace

from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from schemas.internal.messages import (
    ContactStopped,
    ContactUnsubscribed,
    Message,
    Person,
    RequestTouch,
)
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
    job,
    make_sender,
    reasons,
    revocations,
    scheduled_steps,
    sent,
    tenant,
    touch_of,
    working_senders,
)

ANN = "ann@example.com"
TWO = [step("a", hours=24), step("b", hours=24)]


def minutes(world: World) -> list[int]:
    """The minutes after hour 24 at which commands went out."""
    return [round((at - 24) * 60) for _, at in commanded_steps(world)]


def test_a_failed_send_is_tried_again_after_one_five_and_fifteen_minutes() -> None:
    world = enrolled(steps=[step("a", hours=24)])
    world.advance_hours(30, [failing_sender()])
    assert minutes(world) == [0, 1, 6, 21]
    assert [t.attempt for t in world.commanded_touches()] == [1, 2, 3, 4]
    assert len({t.command_id for t in world.commanded_touches()}) == 4
    assert (touch_of(world).phase, touch_of(world).reason) == (Phase.FAILED, "timeout")


def test_after_the_last_failure_the_enrollment_goes_on() -> None:
    world = enrolled(steps=TWO)
    world.advance_hours(25, [failing_sender()])
    world.advance_hours(30, working_senders(world))
    assert [t.phase for t in enrollment_of(world).touches] == [Phase.FAILED, Phase.SENT]
    assert enrollment_of(world).status is Status.COMPLETED
    assert scheduled_steps(world)[-1] == ("b", 48)


def test_a_success_after_failures_ends_the_retries() -> None:
    world = enrolled(steps=[step("a", hours=24)])

    def third_time_lucky(world: World, touch: RequestTouch) -> list[Message]:
        return sent(world, touch) if touch.attempt == 3 else failed(world, touch)

    world.advance_hours(30, [make_sender(third_time_lucky)])
    assert minutes(world) == [0, 1, 6]
    assert touch_of(world).phase is Phase.SENT


def test_a_failure_that_its_sender_calls_retryable_is_retried_whatever_its_code() -> None:
    def retryable(world: World, touch: RequestTouch) -> list[Message]:
        return [replace(answer, retryable=True) for answer in failed(world, touch, "408")]

    world = enrolled(steps=[step("a", hours=24)])
    world.advance_hours(30, [make_sender(retryable)])
    assert len(world.commanded_touches()) == 4


@pytest.mark.parametrize(
    ("code", "permanent", "attempts"),
    [
        ("timeout", False, 4),
        ("timeout", True, 1),
        ("400", False, 1),
        ("404", False, 1),
        ("429", False, 4),
        ("500", False, 4),
        ("4040", False, 4),
    ],
)
def test_a_permanent_failure_is_not_tried_again(code: str, permanent: bool, attempts: int) -> None:
    world = enrolled(steps=[step("a", hours=24)])
    world.advance_hours(30, [failing_sender(code, permanent)])
    assert len(world.commanded_touches()) == attempts
    assert reasons(world, FactKind.TOUCH_FAILED) == [code]


def test_the_campaign_sets_the_number_and_times_of_retries() -> None:
    world = enrolled(steps=[step("a", hours=24)], settings={"retry_minutes": [2]})
    world.advance_hours(30, [failing_sender()])
    assert minutes(world) == [0, 2]
    world = enrolled(steps=[step("a", hours=24)], settings={"retry_minutes": []})
    world.advance_hours(30, [failing_sender()])
    assert minutes(world) == [0]


def test_a_retry_at_night_waits_for_the_morning() -> None:
    quiet_at = 12
    world = enrolled(steps=[step("a", hours=quiet_at - 1 / 60)])
    world.advance_hours(20, [failing_sender()])
    assert len(world.commanded_touches()) == 1
    world.advance_hours(4, working_senders(world))
    assert commanded_steps(world)[1] == ("a", 23)


def test_without_an_answer_the_same_command_goes_out_again_with_the_same_id() -> None:
    world = enrolled(steps=[step("a", hours=24)])
    world.advance_hours(24.9)
    first, again = world.commanded_touches()
    assert first.command_id == again.command_id
    assert (first.emission, again.emission) == (1, 2)
    assert (first.attempt, again.attempt) == (1, 1)
    assert minutes(world) == [0, 30]


def test_without_a_second_answer_the_touch_fails_and_the_enrollment_goes_on() -> None:
    world = enrolled(steps=TWO)
    world.advance_hours(26)
    assert [t.phase for t in enrollment_of(world).touches] == [Phase.FAILED, Phase.SCHEDULED]
    assert reasons(world, FactKind.TOUCH_FAILED) == ["no_answer"]
    assert len(world.commanded_touches()) == 2


def test_an_answer_to_the_repeat_counts() -> None:
    world = enrolled(steps=TWO)
    world.advance_hours(24.6)
    deliver(world, *sent(world, world.commanded_touches()[1]))
    assert touch_of(world, 0).phase is Phase.SENT
    world.advance_hours(1)
    assert len(world.commanded_touches()) == 2


@pytest.mark.usefixtures("repeats_wait_for_limits")
def test_an_answer_while_the_repeat_waits_for_its_slot_withdraws_the_repeat() -> None:
    world = enrolled(steps=TWO)
    deliver(world, tenant(limits={"email": 1}))
    world.advance_hours(24.6)
    assert touch_of(world).phase is Phase.REQUESTED
    deliver(world, *sent(world, world.commanded_touches()[0]))
    world.advance_hours(5, working_senders())
    assert len(world.commanded_touches()) == 1
    assert enrollment_of(world).touches[0].phase is Phase.SENT


@pytest.mark.usefixtures("repeats_wait_for_limits")
def test_a_failure_while_the_repeat_waits_withdraws_it_and_retries() -> None:
    world = enrolled(steps=[step("a", hours=24)])
    deliver(world, tenant(limits={"email": 1}))
    world.advance_hours(24.6)
    deliver(world, *failed(world, world.commanded_touches()[0]))
    world.advance_hours(5, working_senders(world))
    assert [(t.attempt, t.emission) for t in world.commanded_touches()] == [(1, 1), (2, 1)]


def test_a_late_answer_after_the_touch_failed_counts_and_the_race_is_recorded() -> None:
    world = enrolled(steps=TWO)
    world.advance_hours(26)
    deliver(world, *sent(world, world.commanded_touches()[0]))
    assert touch_of(world, 0).phase is Phase.SENT
    assert reasons(world, FactKind.TOUCH_SENT) == ["sent_after_no_answer"]
    assert len(enrollment_of(world).touches) == 2


def test_touch_sent_after_touch_failed_cancels_the_retry() -> None:
    world = enrolled(steps=[step("a", hours=24)])
    world.advance_hours(24)
    touch = world.commanded_touches()[0]
    deliver(world, *failed(world, touch), *sent(world, touch))
    world.advance_hours(2)
    assert len(world.commanded_touches()) == 1
    assert touch_of(world).phase is Phase.SENT


def test_touch_failed_after_touch_sent_changes_nothing() -> None:
    world = enrolled(steps=TWO)
    world.advance_hours(24)
    touch = world.commanded_touches()[0]
    deliver(world, *sent(world, touch), *failed(world, touch))
    world.advance_hours(2)
    assert len(world.commanded_touches()) == 1
    assert touch_of(world, 0).phase is Phase.SENT


def test_a_second_answer_of_a_sender_changes_nothing() -> None:
    world = enrolled(steps=TWO)
    world.advance_hours(24)
    touch = world.commanded_touches()[0]
    deliver(world, *sent(world, touch), *sent(world, touch), *sent(world, touch))
    assert len(world.facts(FactKind.TOUCH_SENT)) == 1
    failures = enrolled(steps=TWO)
    failures.advance_hours(24)
    touch = failures.commanded_touches()[0]
    deliver(failures, *failed(failures, touch), *failed(failures, touch))
    assert len(failures.facts(FactKind.TOUCH_RETRIED)) == 1
    assert touch_of(failures).attempt == 2


def test_the_campaign_sets_the_answer_timeout() -> None:
    world = enrolled(steps=[step("a", hours=24)], settings={"answer_timeout_minutes": 5})
    world.advance_hours(25)
    assert minutes(world) == [0, 5]


def test_a_request_past_its_time_expires_in_dispatch() -> None:
    settings = {"expire_after_hours": 2, "quiet_hours": "none"}
    world = enrolled(steps=[step("a", hours=24), step("b", hours=24)], settings=settings)
    deliver(world, tenant(limits={"email": 0}))
    world.advance_hours(24)
    assert touch_of(world).wait == "throttled"
    world.advance_hours(3)
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["expired"]
    assert touch_of(world).scheduled_at == START + 48 * HOUR


def test_a_repeat_to_an_address_that_was_closed_meanwhile_revokes_the_command() -> None:
    world = deliver(enrolled(steps=TWO), job("j2", contact_id="bob", person=Person(email=ANN)))
    world.advance_hours(24)
    opt_out = {**event_fields(world, "bob"), "channel": "email"}
    deliver(world, ContactUnsubscribed(**opt_out))
    world.advance_hours(0.6)
    command = next(touch for touch in world.commanded_touches() if touch.contact_id == "ann")
    revoked = [order.command_id for order in revocations(world) if order.contact_id == "ann"]
    assert revoked == [command.command_id]
    assert touch_of(world, 0).phase is Phase.SKIPPED
    assert touch_of(world, 0).reason == "opted_out_email"


def unrepeated(**changes: Any) -> World:
    """Ann's first command is unanswered, and its repeat waits for a slot."""
    settings = {"expire_after_hours": 0.25, "answer_timeout_minutes": 30, **changes}
    world = enrolled(steps=TWO, settings=settings)
    deliver(world, tenant(limits={"email": 1}))
    world.advance_hours(24.51)
    assert touch_of(world).phase is Phase.REQUESTED
    return world


@pytest.mark.usefixtures("repeats_wait_for_limits")
def test_a_repeat_that_expires_revokes_the_command() -> None:
    world = unrepeated()
    world.advance_hours(1)
    assert [order.reason for order in revocations(world)] == ["expired"]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["expired"]
    assert len(world.commanded_touches()) == 1


@pytest.mark.usefixtures("repeats_wait_for_limits")
@pytest.mark.parametrize("then", ["nothing", "stopped"])
def test_a_repeat_refused_while_a_pause_withdraws_it_revokes_the_command(then: str) -> None:
    world = unrepeated()
    world.now = START + int(24.76 * HOUR)
    world.append(change_campaign(world, "paused"))
    for role in ("campaign", "contact", "contact"):
        world.run_worker(role)
    if then == "stopped":
        world.append(ContactStopped(**event_fields(world)))
        world.run_worker("contact")
    assert touch_of(world, 0).phase is Phase.WITHDRAWING
    world.settle()
    assert [order.reason for order in revocations(world)] == ["expired"]
    assert touch_of(world, 0).phase is Phase.SKIPPED


@pytest.mark.usefixtures("repeats_wait_for_limits")
def test_a_repeat_refused_after_a_stop_revokes_the_command_once() -> None:
    world = unrepeated()
    world.now = START + int(24.76 * HOUR)
    world.append(ContactStopped(**event_fields(world)))
    world.settle()
    assert len(revocations(world)) == 1
