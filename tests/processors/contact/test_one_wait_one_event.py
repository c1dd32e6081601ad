"""One event ends at most one wait, and a wait is met by what happened after its own step was sent
(S2-19, F-14)."""

from collections.abc import Callable
from typing import Any

import pytest

from schemas.internal import messages as m
from schemas.internal.enrollment import Status
from schemas.internal.facts import FactKind
from tests.testing.builders import publish, step
from tests.testing.story import (
    HOUR,
    MINUTE,
    START,
    Sender,
    World,
    accepted,
    change_campaign,
    commanded_steps,
    contact_of,
    deliver,
    enroll_by_hand,
    enrollment_of,
    new_event,
    prospecting,
    reasons,
    replied,
    working_senders,
)

MET, TIMED_OUT = FactKind.TRIGGER_MET, FactKind.TRIGGER_TIMED_OUT
MakeEvent = Callable[..., m.ExternalEvent]


def converted(world: World, **changes: Any) -> m.ExternalEvent:
    return new_event(world, m.ConversionRecorded, **{"conversion_type": "meeting", **changes})


SIGNALS: dict[str, MakeEvent] = {
    "reply": replied,
    "connection_accepted": accepted,
    "conversion": converted,
}


def asking(signal: str, name: str = "a", anchor: str | None = None, **wait: Any) -> dict[str, Any]:
    """A step that waits for a signal of the person, by default for two days."""
    fields: dict[str, Any] = {"wait_for": {"event": signal, "max_wait_hours": 48, **wait}}
    if anchor is not None:
        fields["anchor"] = anchor
    if signal == "connection_accepted":
        return step(name, "linkedin", action="send_connection_request", **fields)
    return step(name, **fields)


def in_a_row(signal: str, **settings: Any) -> tuple[World, list[Sender]]:
    """Two waits for one signal, and a last step; the first one was sent an hour ago."""
    usual = {"quiet_hours": "none", "on_reply": "continue"}
    world = prospecting(*two_waits(signal), **{**usual, **settings})
    senders = working_senders()
    world.advance_hours(1, senders)
    return world, senders


def two_waits(signal: str) -> list[dict[str, Any]]:
    return [asking(signal), asking(signal, "b", anchor="trigger"), step("c", anchor="trigger")]


@pytest.mark.parametrize("signal", SIGNALS)
def test_one_event_ends_one_of_two_waits_in_a_row(signal: str) -> None:
    world, senders = in_a_row(signal)
    event = SIGNALS[signal](world)
    deliver(world, event)
    world.advance_hours(1, senders)
    deliver(world, event)  # reported once more
    world.advance_hours(60, senders)
    assert reasons(world, MET) == [signal]
    assert reasons(world, TIMED_OUT) == ["timeout"]
    assert commanded_steps(world) == [("a", 0), ("b", 1), ("c", 49)]


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_second_event_ends_the_second_wait(signal: str) -> None:
    world, senders = in_a_row(signal)
    deliver(world, SIGNALS[signal](world))
    world.advance_hours(2, senders)
    deliver(world, SIGNALS[signal](world))
    world.advance_hours(1, senders)
    assert reasons(world, MET) == [signal, signal]
    assert commanded_steps(world) == [("a", 0), ("b", 1), ("c", 3)]


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_loop_sends_once_more_for_each_event(signal: str) -> None:
    """A person who had replied once got 200 mails in an hour."""
    looping = asking(signal, on_event={"branch": "a"}, max_wait_hours=100)
    world = prospecting(looping, quiet_hours="none", on_reply="continue")
    senders = working_senders()
    for _ in range(3):
        world.advance_hours(1, senders)
        event = SIGNALS[signal](world)
        deliver(world, event, event)
    world.advance_hours(20, senders)
    assert [at for _, at in commanded_steps(world)] == [0, 1, 2, 3]


@pytest.mark.parametrize("signal", SIGNALS)
def test_what_happened_before_the_send_does_not_end_the_wait_however_late_it_is_told(
    signal: str,
) -> None:
    world, senders = in_a_row(signal)
    deliver(world, SIGNALS[signal](world))
    world.advance_hours(3, senders)  # the second step was sent after one hour
    deliver(world, SIGNALS[signal](world, at=START + HOUR - MINUTE))
    assert reasons(world, MET) == [signal]
    deliver(world, SIGNALS[signal](world, at=START + HOUR + MINUTE))
    assert reasons(world, MET) == [signal, signal]


@pytest.mark.parametrize("on_reply", ["pause", "stop"])
def test_a_reply_from_before_the_send_is_like_any_other_reply(on_reply: str) -> None:
    world, senders = in_a_row("reply", on_reply=on_reply)
    deliver(world, replied(world))
    world.advance_hours(3, senders)
    deliver(world, replied(world, "sms", at=START + HOUR - MINUTE))
    assert reasons(world, MET) == ["reply"]
    run = enrollment_of(world)
    assert (run.status, run.holds, run.reason) == {
        "pause": (Status.FROZEN, ["reply"], None),
        "stop": (Status.STOPPED, [], "replied"),
    }[on_reply]


# before the report of the send


def commanded(on_reply: str = "pause") -> tuple[World, m.RequestTouch]:
    """The command of the first of two steps that wait for a reply is out for ten minutes."""
    world = prospecting(*two_waits("reply"), quiet_hours="none", on_reply=on_reply)
    world.advance_hours(1 / 6)
    return world, world.commanded_touches()[0]


def report(world: World, touch: m.RequestTouch, sent_at: int) -> m.ExternalEvent:
    ids = {"command_id": touch.command_id, "sent_at": sent_at}
    return new_event(world, m.TouchSent, **ids)


@pytest.mark.parametrize(("minutes", "met"), [(4, False), (6, True)])
def test_a_reply_told_before_the_send_counts_by_its_own_time(minutes: int, met: bool) -> None:
    world, touch = commanded()
    deliver(world, replied(world, at=START + minutes * MINUTE))
    deliver(world, report(world, touch, START + 5 * MINUTE))
    assert bool(world.facts(MET)) == met
    assert enrollment_of(world).holds == ([] if met else ["reply"])


def test_a_reply_that_names_the_command_answers_it_whatever_the_clocks_say() -> None:
    world, touch = commanded()
    early = replied(world, at=START + MINUTE, command_id=touch.command_id)
    deliver(world, early, report(world, touch, START + 5 * MINUTE))
    (met,) = world.facts(MET)
    assert met.cause == early.cause
    world.advance_hours(1, working_senders())
    second = world.commanded_touches()[-1]
    assert second.step_id == "b"
    deliver(world, replied(world, "sms", at=START, command_id=second.command_id))
    assert reasons(world, MET) == ["reply", "reply"]


def test_of_two_replies_that_come_before_the_report_one_ends_the_wait_and_one_pauses() -> None:
    """As if the report had come first, in whatever order the replies come."""
    ends = []
    for order in ("report 1 2", "1 2 report", "2 1 report"):
        world, touch = commanded()
        events = {
            "report": report(world, touch, START + MINUTE),
            "1": replied(world, "email", at=START + 2 * MINUTE),
            "2": replied(world, "sms", at=START + 3 * MINUTE),
        }
        deliver(world, *(events[name] for name in order.split()))
        (met,) = world.facts(MET)
        assert met.cause == events["1"].cause
        ends.append((enrollment_of(world).holds, enrollment_of(world).touches[-1].step_id))
    assert ends == [(["reply"], "b")] * 3


def test_a_kept_signal_is_forgotten_with_the_step_that_was_not_sent() -> None:
    world = prospecting(*two_waits("conversion"), quiet_hours="none")
    world.advance_hours(0.1)
    touch = world.commanded_touches()[0]
    deliver(world, converted(world))
    assert enrollment_of(world).early_signals
    ids = {"command_id": touch.command_id, "code": "400", "permanent": True}
    deliver(world, new_event(world, m.TouchFailed, **ids))
    assert not enrollment_of(world).early_signals
    world.advance_hours(1, working_senders())
    assert enrollment_of(world).waiting is not None


# clocks, runs and pauses


@pytest.mark.parametrize("signal", SIGNALS)
def test_an_event_with_a_time_to_come_ends_one_wait_too(signal: str) -> None:
    world, senders = in_a_row(signal)
    ahead = SIGNALS[signal](world, at=world.now + 20 * HOUR)
    deliver(world, ahead)
    for _ in range(3):
        world.advance_hours(9, senders)
        deliver(world, ahead)
    assert reasons(world, MET) == [signal]


def test_a_last_reply_with_a_time_to_come_hides_no_other_reply() -> None:
    world, senders = in_a_row("reply", on_reply="pause")
    deliver(world, replied(world, at=world.now + 20 * HOUR))
    world.advance_hours(1, senders)
    second = replied(world)
    deliver(world, second, second)
    assert reasons(world, MET) == ["reply", "reply"]
    assert not enrollment_of(world).holds


def test_each_run_of_a_person_uses_an_event_once() -> None:
    world, senders = in_a_row("reply")
    rows = [asking("reply", "x"), asking("reply", "y"), step("z", anchor="trigger")]
    quiet = {"quiet_hours": "none", "on_reply": "continue"}
    deliver(world, publish(campaign_id="two", kind="prospecting", steps=rows, settings=quiet))
    deliver(world, enroll_by_hand(world, "two"))
    world.advance_hours(1, senders)
    deliver(world, replied(world))
    world.advance_hours(1, senders)
    assert [run.touches[-1].step_id for run in contact_of(world).enrollments] == ["b", "y"]
    assert reasons(world, MET) == ["reply", "reply"]


def test_an_event_during_a_pause_ends_the_wait_and_no_other() -> None:
    world, senders = in_a_row("reply")
    deliver(world, change_campaign(world, "paused"))
    world.advance_hours(2)
    deliver(world, replied(world))
    assert reasons(world, MET) == ["reply"]
    deliver(world, change_campaign(world, "resumed"))
    world.advance_hours(3, senders)
    assert [run.touches[-1].step_id for run in contact_of(world).enrollments] == ["b"]
    assert reasons(world, MET) == ["reply"]


@pytest.mark.parametrize("signal", SIGNALS)
def test_an_event_that_has_ended_no_wait_ends_the_wait_of_the_version_that_asks_for_it(
    signal: str,
) -> None:
    """It came after the send; the wait of the version before was for an open."""
    channel = {"reply": "email", "conversion": "email", "connection_accepted": "linkedin"}[signal]
    action = "send_connection_request" if channel == "linkedin" else "send_message"
    other = "conversion" if signal == "connection_accepted" else "open"
    wait_for = {"event": other, "max_wait_hours": 48}
    first = step("a", channel, action=action, wait_for=wait_for)
    settings = {"quiet_hours": "none", "on_reply": "continue"}
    world = prospecting(first, asking(signal, "b"), **settings)
    senders = working_senders()
    world.advance_hours(1, senders)
    deliver(world, SIGNALS[signal](world))
    assert not world.facts(MET)
    asks = {**first, "wait_for": {"event": signal, "max_wait_hours": 48}}
    rows = [asks, asking(signal, "b")]
    follows = {**settings, "on_edit": "follow"}
    deliver(world, publish(kind="prospecting", steps=rows, settings=follows))
    assert reasons(world, MET) == [signal]
    world.advance_hours(1, senders)
    again = [rows[0], {**rows[1], "template_id": "t2"}]
    deliver(world, publish(kind="prospecting", steps=again, settings=follows))
    assert reasons(world, MET) == [signal]


def test_the_end_of_a_run_forgets_what_it_has_heard() -> None:
    world, _ = commanded()
    deliver(world, replied(world))
    assert enrollment_of(world).early_signals
    deliver(world, new_event(world, m.ContactStopped))
    assert not enrollment_of(world).early_signals


def test_a_wait_begins_with_the_send_also_where_the_command_was_repeated_meanwhile() -> None:
    """The sender sends at once and reports it late; a reply is from between the two emissions."""
    world = prospecting(asking("reply"), step("b", anchor="trigger"), quiet_hours="none")
    (first,) = world.commanded_touches()
    world.advance_hours(0.75)
    assert [touch.emission for touch in world.commanded_touches()] == [1, 2]
    ids = {"command_id": first.command_id, "sent_at": START}
    deliver(world, new_event(world, m.TouchSent, **ids))
    deliver(world, replied(world, at=START + 20 * MINUTE))
    (met,) = world.facts(MET)
    assert met.occurred_at is not None and met.occurred_at.minute == 20
