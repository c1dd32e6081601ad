"""Pauses of a sequence, by a person, a reply or the campaign, and its late policies (F-4, F-14,
C-31)."""

from collections.abc import Callable

import pytest

from schemas.internal import messages as m
from schemas.internal.enrollment import Status
from schemas.internal.facts import FactKind
from tests.testing.builders import connection_request, step
from tests.testing.story import (
    World,
    change_campaign,
    deliver,
    enrollment_of,
    new_event,
    prospecting,
    reasons,
    replied,
    scheduled_steps,
    working_senders,
)

MakeEvent = Callable[[World], m.Message]

PAUSES: dict[str, tuple[MakeEvent, MakeEvent]] = {
    "person": (
        lambda world: new_event(world, m.ContactPaused),
        lambda world: new_event(world, m.ContactResumed),
    ),
    "reply": (replied, lambda world: new_event(world, m.ContactResumed)),
    "campaign": (
        lambda world: change_campaign(world, "paused"),
        lambda world: change_campaign(world, "resumed"),
    ),
}


def paused(why: str, world: World, at: float, until: float) -> World:
    """Pauses the run from one hour to another, then lets two days pass."""
    senders = working_senders()
    pause, resume = PAUSES[why]
    world.advance_hours(at, senders)
    deliver(world, pause(world))
    assert enrollment_of(world).status is Status.FROZEN
    world.advance_hours(until - at, senders)
    deliver(world, resume(world))
    world.advance_hours(48, senders)
    return world


@pytest.mark.parametrize("why", PAUSES)
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("shift_by_pause", [("a", 0), ("b", 35), ("c", 45)]),
        ("send_now", [("a", 0), ("b", 30), ("c", 40)]),
        ("skip_older_than", [("a", 0), ("c", 40)]),
        ("collapse", [("a", 0), ("b", 30), ("c", 40)]),
    ],
)
def test_the_late_policy_decides_about_what_fell_due_in_a_pause(
    policy: str, expected: list[tuple[str, float]], why: str
) -> None:
    """Each step counts from when the one before was sent, so no two can be due at once."""
    rows = (step("a"), step("b", hours=10), step("c", hours=10))
    more = {"late_skip_hours": 12} if policy == "skip_older_than" else {}
    world = prospecting(*rows, quiet_hours="none", late_policy=policy, **more)
    assert scheduled_steps(paused(why, world, at=5, until=30)) == expected


@pytest.mark.parametrize("why", PAUSES)
def test_collapse_leaves_the_last_of_several_that_fell_due_together(why: str) -> None:
    rows = [step(f"s{n}", hours=10, anchor="previous_scheduled") for n in range(1, 4)]
    first = step("s0")
    world = prospecting(first, *rows, quiet_hours="none", late_policy="collapse")
    assert scheduled_steps(paused(why, world, at=5, until=25)) == [
        ("s0", 0),
        ("s2", 25),
        ("s3", 30),
    ]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["collapsed"]


@pytest.mark.parametrize("why", ["person", "campaign"])
@pytest.mark.parametrize(("policy", "at"), [("shift_by_pause", 35), ("send_now", 30)])
def test_a_wait_is_extended_by_a_pause_or_over_after_it(policy: str, at: float, why: str) -> None:
    rows = (connection_request(max_wait_hours=10), step("mail", anchor="trigger"))
    world = prospecting(*rows, quiet_hours="none", late_policy=policy)
    assert scheduled_steps(paused(why, world, at=5, until=30)) == [("request", 0), ("mail", at)]
    assert reasons(world, FactKind.TRIGGER_TIMED_OUT) == ["timeout"]


def test_a_run_that_a_reply_paused_may_be_stopped_by_hand() -> None:
    world = prospecting(step("a"), step("b", hours=10), quiet_hours="none")
    senders = working_senders()
    world.advance_hours(1, senders)
    deliver(world, replied(world), new_event(world, m.ContactStopped))
    assert (enrollment_of(world).status, enrollment_of(world).reason) == (
        Status.STOPPED,
        "owner_stopped",
    )
    deliver(world, new_event(world, m.ContactResumed))
    world.advance_hours(48, senders)
    assert scheduled_steps(world) == [("a", 0)]


# replies


@pytest.mark.parametrize(
    ("on_reply", "status", "reason"),
    [
        ("pause", Status.FROZEN, None),
        ("stop", Status.STOPPED, "replied"),
        ("continue", Status.ACTIVE, None),
    ],
)
def test_the_on_reply_setting_decides_what_a_reply_does(
    on_reply: str, status: Status, reason: str | None
) -> None:
    world = prospecting(step("mail"), step("more", hours=5), quiet_hours="none", on_reply=on_reply)
    world.advance_hours(1, working_senders())
    deliver(world, replied(world, "sms"))
    assert (enrollment_of(world).status, enrollment_of(world).reason) == (status, reason)


def test_an_automatic_reply_has_no_effect() -> None:
    world = prospecting(
        step("mail"), step("more", hours=5, skip_when="already_replied"), quiet_hours="none"
    )
    world.advance_hours(1, working_senders())
    deliver(world, replied(world, automatic=True))
    assert enrollment_of(world).status is Status.ACTIVE
    assert reasons(world, FactKind.CONTACT_REPLIED) == ["automatic"]
    world.advance_hours(10, working_senders())
    assert scheduled_steps(world) == [("mail", 0), ("more", 5)]


# by hand


def test_a_person_is_paused_and_resumed_by_hand() -> None:
    world = prospecting(step("mail"), step("more", hours=5), quiet_hours="none")
    world.advance_hours(1, working_senders())
    deliver(world, new_event(world, m.ContactPaused))
    world.advance_hours(20, working_senders())
    assert enrollment_of(world).status is Status.FROZEN
    deliver(world, new_event(world, m.ContactResumed))
    world.advance_hours(20, working_senders())
    assert scheduled_steps(world) == [("mail", 0), ("more", 25)]  # shifted by the pause


def test_a_run_with_several_holds_goes_on_when_all_are_lifted() -> None:
    world = prospecting(step("mail"), step("more", hours=5), quiet_hours="none")
    world.advance_hours(1, working_senders())
    deliver(world, new_event(world, m.ContactPaused), replied(world))
    deliver(world, m.ChangeCampaign("acme", "reviews", "paused", "x#1", world.now))
    world.settle()
    assert enrollment_of(world).holds == ["person", "reply", "campaign"]
    deliver(world, m.ChangeCampaign("acme", "reviews", "resumed", "x#2", world.now))
    assert enrollment_of(world).status is Status.FROZEN
    deliver(world, new_event(world, m.ContactResumed))
    assert enrollment_of(world).status is Status.ACTIVE


def test_a_pause_extends_a_wait() -> None:
    world = prospecting(connection_request(max_wait_hours=10), step("mail"), quiet_hours="none")
    world.advance_hours(4, working_senders())
    deliver(world, new_event(world, m.ContactPaused))
    world.advance_hours(20, working_senders())
    deliver(world, new_event(world, m.ContactResumed))
    world.advance_hours(20, working_senders())
    assert scheduled_steps(world) == [("request", 0), ("mail", 30)]


def test_collapse_sends_only_the_last_of_what_fell_due_in_a_pause() -> None:
    """C-31."""
    rows = [
        step(f"s{n}", hours=10, anchor="previous_scheduled" if n else "enrollment")
        for n in range(4)
    ]
    world = prospecting(*rows, quiet_hours="none", late_policy="collapse")
    deliver(world, new_event(world, m.ContactPaused))
    world.advance_hours(35, working_senders())
    deliver(world, new_event(world, m.ContactResumed))
    world.advance_hours(20, working_senders())
    assert scheduled_steps(world) == [("s2", 35), ("s3", 40)]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["collapsed", "collapsed"]
