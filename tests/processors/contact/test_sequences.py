"""Multi-channel sequences: the worked examples, the exits of a wait, loops, skips and failures (S2,
F-13, C-11)."""

from typing import Any

import pytest

from schemas.internal import messages as m
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from tests.testing.builders import connection_request, step
from tests.testing.story import (
    HOUR,
    START,
    World,
    accepted,
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
    touch_of,
    working_senders,
)


def test_the_worked_example_runs_to_the_hour() -> None:
    """S2-22: a request at 0 h, accepted at 12 h, a mail at 12 h, a LinkedIn message at 60 h."""
    world = prospecting(
        connection_request(),
        step("mail", "email", 0, anchor="trigger"),
        step("message", "linkedin", 48),
        quiet_hours="none",
    )
    world.advance_hours(12, working_senders())
    enrollment = enrollment_of(world)
    assert enrollment.waiting is not None
    assert enrollment.waiting.until == START + 168 * HOUR
    deliver(world, accepted(world))
    world.advance_hours(48, working_senders())
    assert scheduled_steps(world) == [("request", 0), ("mail", 12), ("message", 60)]
    assert enrollment_of(world).status is Status.COMPLETED
    assert reasons(world, FactKind.TRIGGER_MET) == ["connection_accepted"]


FOUR_CHANNELS = (
    connection_request(max_wait_hours=72),
    step("mail", "email", 0, anchor="trigger", skip_when=["linkedin_connected"]),
    step("message", "linkedin", 48, skip_when=["already_replied"]),
    step("whatsapp", "whatsapp", 120, skip_when=["already_replied"]),
)


def test_the_example_with_four_channels_without_an_answer() -> None:
    """F-13: the mail after 72 h without an acceptance, then 48 h, then 120 h."""
    world = prospecting(*FOUR_CHANNELS, quiet_hours="none")
    world.advance_hours(300, working_senders())
    assert scheduled_steps(world) == [
        ("request", 0),
        ("mail", 72),
        ("message", 120),
        ("whatsapp", 240),
    ]
    assert reasons(world, FactKind.TRIGGER_TIMED_OUT) == ["timeout"]
    assert enrollment_of(world).status is Status.COMPLETED


def test_the_example_with_four_channels_once_connected() -> None:
    """The mail is skipped, and the message follows 48 h after that."""
    world = prospecting(*FOUR_CHANNELS, quiet_hours="none")
    world.advance_hours(10, working_senders())
    deliver(world, accepted(world))
    world.advance_hours(300, working_senders())
    assert scheduled_steps(world) == [("request", 0), ("message", 58), ("whatsapp", 178)]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["linkedin_connected"]


def test_the_example_with_four_channels_after_a_reply() -> None:
    """The reply pauses the run. Resumed by a person, it skips the steps with `already_replied`."""
    world = prospecting(*FOUR_CHANNELS, quiet_hours="none")
    world.advance_hours(100, working_senders())
    deliver(world, replied(world))
    assert enrollment_of(world).holds == ["reply"]
    world.advance_hours(100, working_senders())
    assert scheduled_steps(world) == [("request", 0), ("mail", 72)]
    deliver(world, new_event(world, m.ContactResumed))
    world.advance_hours(500, working_senders())
    assert scheduled_steps(world) == [("request", 0), ("mail", 72)]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["already_replied", "already_replied"]
    assert enrollment_of(world).status is Status.COMPLETED


# exits


@pytest.mark.parametrize(
    ("way", "ends", "reason", "then"),
    [
        ("advance", Status.COMPLETED, None, ["next", "last"]),
        ("skip", Status.COMPLETED, None, ["next", "last"]),
        ({"branch": "last"}, Status.COMPLETED, None, ["last"]),
        ("complete", Status.COMPLETED, None, []),
        ("stop", Status.STOPPED, "trigger_timeout", []),
        ("fail", Status.STOPPED, "failed", []),
    ],
)
def test_every_exit_of_a_wait_that_timed_out(
    way: Any, ends: Status, reason: str | None, then: list[str]
) -> None:
    other = {"branch": "next"} if way != "advance" else "advance"  # every step must be reachable
    world = prospecting(
        connection_request(max_wait_hours=5, on_timeout=way, on_event=other),
        step("next", hours=1),
        step("last", hours=1),
        quiet_hours="none",
    )
    world.advance_hours(24, working_senders())
    assert [name for name, _ in scheduled_steps(world)] == ["request", *then]
    enrollment = enrollment_of(world)
    assert (enrollment.status, enrollment.reason) == (ends, reason)
    if then:
        assert scheduled_steps(world)[1] == (
            then[0],
            5,
        )  # an hour after the request is over by then


def test_an_exit_may_lead_back_to_a_step_that_waits() -> None:
    """Each visit has a command id of its own."""
    world = prospecting(
        step(
            "mail",
            wait_for={"event": "open", "max_wait_hours": 24, "on_timeout": {"branch": "mail"}},
        ),
        quiet_hours="none",
    )
    world.advance_hours(49, working_senders())
    touches = world.commanded_touches()
    assert len({touch.command_id for touch in touches}) == len(touches) == 3
    deliver(world, seen(world, touches[-1]))
    assert enrollment_of(world).status is Status.COMPLETED


def test_a_branch_back_to_the_first_step_counts_its_delay() -> None:
    """From the end of the wait that led back, as it counts for a step with the anchor trigger."""
    wait = {"event": "open", "max_wait_hours": 10, "on_timeout": {"branch": "mail"}}
    world = prospecting(step("mail", hours=24, wait_for=wait), quiet_hours="none")
    senders = working_senders()
    world.advance_hours(100, senders)
    assert scheduled_steps(world) == [("mail", 24), ("mail", 58), ("mail", 92)]
    scheduled = world.facts(FactKind.TOUCH_SCHEDULED)
    assert [(fact.values or {})["anchor"] for fact in scheduled] == ["enrollment", *["trigger"] * 2]


def test_a_branch_back_without_a_wait_counts_from_the_step_before() -> None:
    wait = {"event": "open", "max_wait_hours": 10, "on_timeout": "advance"}
    first = step("a", hours=5, wait_for=wait, then="complete")
    back = step("b", hours=1, then={"branch": "a"})
    world = prospecting(first, back, quiet_hours="none")
    world.advance_hours(22, working_senders())
    assert scheduled_steps(world) == [("a", 5), ("b", 15), ("a", 20)]


def test_a_pause_moves_what_a_branch_back_has_planned() -> None:
    wait = {"event": "open", "max_wait_hours": 10, "on_timeout": {"branch": "mail"}}
    world = prospecting(step("mail", hours=24, wait_for=wait), quiet_hours="none")
    senders = working_senders()
    world.advance_hours(40, senders)
    deliver(world, new_event(world, m.ContactPaused))
    world.advance_hours(5, senders)
    deliver(world, new_event(world, m.ContactResumed))
    world.advance_hours(20, senders)
    assert scheduled_steps(world) == [("mail", 24), ("mail", 63)]


def test_a_loop_that_never_ends_is_stopped_after_200_touches() -> None:
    world = prospecting(
        connection_request(max_wait_hours=0.01, on_timeout={"branch": "request"}),
        quiet_hours="none",
    )
    world.append(m.UpsertTenant("acme", "t#9", START, "America/Chicago", limits={"linkedin": None}))
    senders = working_senders()
    for _ in range(201):
        world.advance_hours(0.01, senders)
    enrollment = enrollment_of(world)
    assert (enrollment.status, enrollment.reason) == (Status.STOPPED, "too_many_touches")
    assert (enrollment.errors, enrollment.last_error) == (0, None)
    assert len(enrollment.touches) == 200
    (fact,) = world.facts(FactKind.ENROLLMENT_STOPPED)
    assert (fact.reason, fact.values) == ("too_many_touches", {"touches": 200})


# skipping


def test_a_condition_counts_what_happened_on_any_channel() -> None:
    world = prospecting(
        step("mail"),
        step("text", "sms", 5, skip_when="opened"),
        step("call", "voice", 1, skip_when=["not_opened"]),
        quiet_hours="none",
    )
    world.advance_hours(1, working_senders())
    deliver(world, seen(world, world.commanded_touches()[0]))
    world.advance_hours(10, working_senders())
    assert scheduled_steps(world) == [("mail", 0), ("call", 6)]


# failures


def test_three_errors_fail_the_run_of_this_person_only() -> None:
    """S2-11, C-39: the third failed attempt is the last."""
    world = prospecting(step("mail"), step("more", hours=1), quiet_hours="none")

    def fails(world: World, touch: m.RequestTouch) -> list[m.Message]:
        fields = {"command_id": touch.command_id, "code": "timeout"}
        return [new_event(world, m.TouchFailed, **fields)]

    world.advance_hours(5, [make_sender(fails)])
    enrollment = enrollment_of(world)
    assert (enrollment.status, enrollment.reason) == (Status.STOPPED, "failed")
    assert (enrollment.errors, enrollment.last_error) == (3, "timeout")
    assert touch_of(world).phase is Phase.FAILED
    other = deliver(world, m.ContactEnrolled(**event_fields(world, "ben"), campaign_id="reviews"))
    assert enrollment_of(other, contact_id="ben").status is Status.ACTIVE


def test_a_run_goes_on_after_a_failed_step_until_there_are_too_many_errors() -> None:
    world = prospecting(step("mail"), step("more", hours=1), quiet_hours="none")

    def answers(world: World, touch: m.RequestTouch) -> list[m.Message]:
        if touch.step_id == "mail":
            fields = {"command_id": touch.command_id, "code": "403", "permanent": True}
            return [new_event(world, m.TouchFailed, **fields)]
        return sent(world, touch)

    world.advance_hours(5, [make_sender(answers)])
    assert [name for name, _ in scheduled_steps(world)] == ["mail", "more"]
    assert enrollment_of(world).status is Status.COMPLETED
    assert enrollment_of(world).errors == 1
