"""Sequences under any order of events and with any clock of a sender (promises 5 and 9)."""

from collections.abc import Callable

import pytest

from schemas.internal import messages as m
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from tests.testing.builders import connection_request, publish, step
from tests.testing.story import (
    HOUR,
    START,
    World,
    accepted,
    contact_of,
    deliver,
    enrollment_of,
    event_fields,
    make_sender,
    new_event,
    prospecting,
    reasons,
    replied,
    scheduled_steps,
    seen,
    sent,
    tenant,
    touch_of,
    working_senders,
)


def failed(world: World, touch: m.RequestTouch) -> list[m.Message]:
    fields = {"command_id": touch.command_id, "code": "400", "permanent": True}
    return [new_event(world, m.TouchFailed, **fields)]


def test_a_failed_touch_does_not_count_as_having_reached_the_person() -> None:
    world = prospecting(step("mail"), step("text", "sms", 1), quiet_hours="none")
    deliver(world, tenant(at=START + 1, cause="t#2", caps={"per_day": 1}))

    def answers(world: World, touch: m.RequestTouch) -> list[m.Message]:
        return failed(world, touch) if touch.step_id == "mail" else list(sent(world, touch))

    world.advance_hours(5, [make_sender(answers)])
    assert scheduled_steps(world) == [("mail", 0), ("text", 1)]
    assert not world.facts(FactKind.TOUCH_DEFERRED)


def test_a_repeat_of_a_renamed_step_keeps_its_command_id() -> None:
    world = prospecting(step("a"), step("b"), quiet_hours="none")
    world.advance_hours(0.1)  # the command is out, and nobody answers
    rows = [step("x"), step("b")]
    deliver(world, publish(kind="prospecting", steps=rows, settings={"quiet_hours": "none"}))
    deliver(world, m.MoveRuns("acme", "reviews", "move#1", world.now, None, {"a": "x"}))
    world.advance_hours(0.6)
    first, again = world.commanded_touches()
    assert first.command_id == again.command_id
    assert (first.emission, again.emission) == (1, 2)
    deliver(world, *sent(world, first))
    assert touch_of(world, 0).phase is Phase.SENT


def test_renumbered_steps_have_command_ids_of_their_own() -> None:
    """The first step is removed and the others move up: no id is used twice, and no run hangs."""
    rows = [step("1"), step("2"), step("3", hours=5)]
    world = prospecting(*rows, quiet_hours="none")
    senders = working_senders()
    world.advance_hours(1, senders)
    fresh = [step("1"), step("2", hours=5)]
    deliver(world, publish(kind="prospecting", steps=fresh, settings={"quiet_hours": "none"}))
    moves = {"1": None, "2": "1", "3": "2"}
    deliver(world, m.MoveRuns("acme", "reviews", "move#1", world.now, None, moves))
    world.advance_hours(10, senders)
    ids = [(touch.command_id, touch.emission) for touch in world.commanded_touches()]
    assert len(set(ids)) == len(ids)
    assert len({own for own, _ in ids}) == 3
    assert enrollment_of(world).status is Status.COMPLETED


def test_a_window_that_closes_for_good_fails_a_touch_that_awaits_its_answer() -> None:
    hours = {"start": "10:00", "end": "11:00"}
    world = prospecting(step("mail", window=hours), step("text", "sms"))
    world.advance_hours(1.1)  # ten o'clock in Chicago
    assert touch_of(world).phase is Phase.COMMANDED
    deliver(world, tenant(at=START + 1, cause="t#2", quiet_start=9 * 60, quiet_end=12 * 60))
    world.advance_hours(5, working_senders(world))
    assert touch_of(world, 0).phase is Phase.FAILED
    assert len(enrollment_of(world).touches) == 2


@pytest.mark.parametrize("late", [False, True])
def test_a_reply_ends_the_wait_even_if_it_arrives_before_touch_sent(late: bool) -> None:
    wait = {"event": "reply", "on_event": {"branch": "c"}}
    rows = (step("a", wait_for=wait), step("b", hours=5), step("c"))
    world = prospecting(*rows, quiet_hours="none")
    world.advance_hours(0.1)
    messages = [*sent(world, world.commanded_touches()[0]), replied(world)]
    for message in reversed(messages) if late else messages:
        deliver(world, message)
    world.advance_hours(1, working_senders())
    assert enrollment_of(world).status is Status.COMPLETED
    assert [name for name, _ in scheduled_steps(world)] == ["a", "c"]


WAITS = (
    step("a", wait_for={"event": "reply", "on_event": {"branch": "c"}}),
    step("b", "sms", hours=5),
    step("c"),
)


def refused(world: World, touch: m.RequestTouch) -> list[m.Message]:
    fields = {"command_id": touch.command_id, "code": "timeout", "permanent": False}
    return [new_event(world, m.TouchFailed, **fields)]


def opted_out(world: World, _: m.RequestTouch) -> list[m.Message]:
    return [new_event(world, m.ContactUnsubscribed, channel="email")]


@pytest.mark.parametrize("on_reply", ["pause", "stop", "continue"])
@pytest.mark.parametrize("undone", [failed, refused, opted_out])
def test_a_reply_to_a_touch_that_is_not_sent_after_all_is_like_any_other_reply(
    undone: Callable[[World, m.RequestTouch], list[m.Message]], on_reply: str
) -> None:
    ends = []
    for late in (False, True):
        world = prospecting(*WAITS, quiet_hours="none", on_reply=on_reply)
        world.advance_hours(0.1)
        messages = [*undone(world, world.commanded_touches()[0]), replied(world)]
        for message in reversed(messages) if late else messages:
            deliver(world, message)
        end = (enrollment_of(world).status, enrollment_of(world).reason, enrollment_of(world).holds)
        world.advance_hours(24, working_senders(world))
        ends.append((*end, scheduled_steps(world)))
    assert ends[0] == ends[1]
    assert (len(ends[0][-1]) > 1) == (on_reply == "continue")


def test_a_reply_to_a_touch_without_answer_pauses_once_the_touch_has_failed() -> None:
    world = prospecting(*WAITS, quiet_hours="none")
    world.advance_hours(0.1)
    reply = replied(world)
    deliver(world, reply)
    assert enrollment_of(world).status is Status.ACTIVE
    world.advance_hours(2)
    assert touch_of(world, 0).phase is Phase.FAILED
    assert enrollment_of(world).holds == ["reply"]
    (frozen,) = world.facts(FactKind.ENROLLMENT_FROZEN)
    assert frozen.cause == reply.cause
    assert [name for name, _ in scheduled_steps(world)] == [
        "a",
        "a",
    ]  # the second is the repeat without an answer


@pytest.mark.usefixtures("repeats_wait_for_limits")
def test_a_reply_ends_the_wait_even_while_a_repeat_waits_at_dispatch() -> None:
    world = prospecting(*WAITS, quiet_hours="none")
    world.advance_hours(0.1)
    deliver(world, tenant(at=START + 1, cause="t#2", limits={"email": 1}))
    world.advance_hours(0.5)
    first = world.commanded_touches()[0]
    assert (touch_of(world).phase, touch_of(world).emission) == (Phase.REQUESTED, 2)
    deliver(world, replied(world), *sent(world, first))
    world.advance_hours(1, working_senders(world))
    assert [each.step_id for each in enrollment_of(world).touches] == ["a", "c"]
    assert not world.facts(FactKind.ENROLLMENT_FROZEN)


def test_a_reply_does_not_pause_after_a_person_has_resumed() -> None:
    world = prospecting(*WAITS, quiet_hours="none")
    world.advance_hours(0.1)
    deliver(world, replied(world), new_event(world, m.ContactResumed))
    deliver(world, *failed(world, world.commanded_touches()[0]))
    assert enrollment_of(world).status is Status.ACTIVE


def test_a_reply_to_a_step_that_no_longer_waits_for_one_is_like_any_other_reply() -> None:
    """While the command was out, the run moved to a version without the wait."""
    world = prospecting(*WAITS, quiet_hours="none")
    world.advance_hours(0.1)
    deliver(world, replied(world))
    follows = {"quiet_hours": "none", "on_edit": "follow"}
    rows = [step("a"), step("b", hours=5)]
    deliver(world, publish(kind="prospecting", steps=rows, settings=follows))
    assert (enrollment_of(world).version, enrollment_of(world).holds) == (2, ["reply"])


@pytest.mark.parametrize("off", [-72, 8_760])
def test_a_wrong_clock_of_a_sender_moves_no_step(off: int) -> None:
    world = prospecting(step("a"), step("b", hours=48), quiet_hours="none")

    def answers(world: World, touch: m.RequestTouch) -> list[m.Message]:
        fields = {"command_id": touch.command_id, "sent_at": world.now + off * HOUR}
        return [new_event(world, m.TouchSent, **fields)]

    world.advance_hours(60, [make_sender(answers)])
    assert scheduled_steps(world) == [("a", 0), ("b", 48)]


def test_a_connection_from_before_the_run_does_not_end_its_wait() -> None:
    world = prospecting(
        connection_request(max_wait_hours=10), step("mail", hours=0), quiet_hours="none"
    )
    world.advance_hours(1, working_senders())
    deliver(world, accepted(world, at=START - HOUR))
    assert enrollment_of(world).waiting is not None
    assert contact_of(world).connected_at == START - HOUR
    world.advance_hours(10, working_senders(world))
    assert scheduled_steps(world) == [("request", 0), ("mail", 10)]


def test_the_call_of_the_last_attempt_counts() -> None:
    wait = {"event": "call_outcome", "outcomes": ["answered"], "on_event": "complete"}
    world = prospecting(step("call", "voice", wait_for=wait), step("b"), quiet_hours="none")

    def answers(world: World, touch: m.RequestTouch) -> list[m.Message]:
        ids = {"command_id": touch.command_id}
        if touch.attempt == 1:
            busy = new_event(world, m.CallEnded, **ids, outcome="busy")
            return [busy, new_event(world, m.TouchFailed, **ids, code="busy")]
        return [*sent(world, touch), new_event(world, m.CallEnded, **ids, outcome="answered")]

    world.advance_hours(2, [make_sender(answers)])
    assert touch_of(world).call_outcome == "answered"
    assert enrollment_of(world).status is Status.COMPLETED


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_earlier_conversion_counts_in_any_order(order: tuple[int, int]) -> None:
    world = prospecting(step("a"), step("b", hours=50), quiet_hours="none")
    world.advance_hours(3, working_senders())
    ids = {"command_id": world.commanded_touches()[0].command_id}
    conversions = [
        new_event(world, m.ConversionRecorded, **ids, conversion_type=kind, at=START + at * HOUR)
        for kind, at in (("meeting", 1), ("deal", 2))
    ]
    deliver(world, *(conversions[index] for index in order))
    assert (enrollment_of(world).conversion, enrollment_of(world).converted_at) == (
        "meeting",
        START + HOUR,
    )
    assert touch_of(world, 0).converted_at == START + HOUR


def test_a_conversion_after_the_end_belongs_to_the_last_run() -> None:
    world = prospecting(step("a"), quiet_hours="none")
    world.advance_hours(5, working_senders())
    assert enrollment_of(world).status is Status.COMPLETED
    deliver(world, new_event(world, m.ConversionRecorded, conversion_type="deal"))
    assert enrollment_of(world).conversion == "deal"


@pytest.mark.parametrize("kind", ["opened", "stopped", "review"])
def test_a_backfilled_event_moves_no_run(kind: str) -> None:
    world = prospecting(step("a", wait_for="open"), step("b", hours=1), quiet_hours="none")
    world.advance_hours(1, working_senders())
    fields = {**event_fields(world), "at": START + 1}
    event: m.ExternalEvent
    if kind == "opened":
        event = seen(world, world.commanded_touches()[0])
    elif kind == "stopped":
        event = m.ContactStopped(**fields)
    else:
        event = m.ReviewReceived(**fields, kind="review_clicked")
    ids = (event.tenant_id, event.contact_id, event.cause, event.at)
    deliver(world, m.BackfilledEvent(*ids, m.encode(event)))
    assert enrollment_of(world).status is Status.ACTIVE
    assert enrollment_of(world).waiting is not None
    assert len(world.commanded_touches()) == 1


def test_the_shift_of_a_pause_stays_when_a_run_moves() -> None:
    world = prospecting(step("a", hours=24), quiet_hours="none")
    world.advance_hours(1)
    deliver(world, new_event(world, m.ContactPaused))
    world.advance_hours(100)
    deliver(world, new_event(world, m.ContactResumed))
    follows = {"quiet_hours": "none", "on_edit": "follow"}
    rows = [step("a", hours=24), step("b")]
    deliver(world, publish(kind="prospecting", steps=rows, settings=follows))
    assert enrollment_of(world).version == 2
    world.advance_hours(30, working_senders())
    assert scheduled_steps(world)[0] == ("a", 124)


def test_a_run_stays_if_its_step_changes_channel_while_the_command_is_out() -> None:
    world = prospecting(step("a"), step("b"), quiet_hours="none")
    world.advance_hours(0.1)
    deliver(world, publish(kind="prospecting", steps=[step("a", "sms"), step("b")]))
    deliver(world, m.MoveRuns("acme", "reviews", "move#1", world.now, None, {}))
    assert reasons(world, FactKind.ENROLLMENT_KEPT) == ["STEP_GONE"]
    assert enrollment_of(world).version == 1
