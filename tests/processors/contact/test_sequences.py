"""Multi-channel sequences: waits for what people do, ways out, skips (S2, F-13, C-11)."""

from typing import Any

import pytest

from schemas.internal import messages as m
from schemas.internal.enrollment import Phase, Status
from schemas.internal.facts import FactKind
from tests.testing.story import (
    HOUR,
    START,
    World,
    deliver,
    enrollment_of,
    event_fields,
    make_sender,
    new_event,
    prospecting,
    reasons,
    seen,
    sent,
    touch_of,
    working_senders,
)


def step(name: str, channel: str = "email", hours: float = 0, **fields: Any) -> dict[str, Any]:
    row = {"id": name, "channel": channel, "delay_hours": hours, "template_id": "t"}
    return {**row, **fields}


def request(hours: float = 0, **wait: Any) -> dict[str, Any]:
    waits = {"event": "connection_accepted", "max_wait_hours": 168, **wait}
    return step("request", "linkedin", hours, action="send_connection_request", wait_for=waits)


def due(world: World) -> list[m.RequestTouch]:
    """What was commanded on any channel, in order of time."""
    return sorted(world.commanded_touches(), key=lambda touch: (touch.due_at, touch.touch_number))


def sends(world: World) -> list[tuple[str, float]]:
    return [(touch.step_id, (touch.due_at - START) / HOUR) for touch in due(world)]


def accepted(world: World, **changes: Any) -> m.ExternalEvent:
    return new_event(world, m.ConnectionAccepted, **changes)


def replied(world: World, channel: str = "email", **changes: Any) -> m.ExternalEvent:
    return new_event(world, m.ContactReplied, channel=channel, **changes)


def test_the_worked_example_runs_to_the_hour() -> None:
    """S2-22: a request at 0 h, accepted at 12 h, a mail at 12 h, a LinkedIn message at 60 h."""
    world = prospecting(
        request(),
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
    assert sends(world) == [("request", 0), ("mail", 12), ("message", 60)]
    assert enrollment_of(world).status is Status.COMPLETED
    assert reasons(world, FactKind.TRIGGER_MET) == ["connection_accepted"]


FOUR_CHANNELS = (
    request(max_wait_hours=72),
    step("mail", "email", 0, anchor="trigger", skip_when=["linkedin_connected"]),
    step("message", "linkedin", 48, skip_when=["already_replied"]),
    step("whatsapp", "whatsapp", 120, skip_when=["already_replied"]),
)


def test_the_example_with_four_channels_without_an_answer() -> None:
    """F-13: the mail after 72 h without an acceptance, then 48 h, then 120 h."""
    world = prospecting(*FOUR_CHANNELS, quiet_hours="none")
    world.advance_hours(300, working_senders())
    assert sends(world) == [("request", 0), ("mail", 72), ("message", 120), ("whatsapp", 240)]
    assert reasons(world, FactKind.TRIGGER_TIMED_OUT) == ["timeout"]
    assert enrollment_of(world).status is Status.COMPLETED


def test_the_example_with_four_channels_once_connected() -> None:
    """The mail is skipped; the message follows 48 h after that."""
    world = prospecting(*FOUR_CHANNELS, quiet_hours="none")
    world.advance_hours(10, working_senders())
    deliver(world, accepted(world))
    world.advance_hours(300, working_senders())
    assert sends(world) == [("request", 0), ("message", 58), ("whatsapp", 178)]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["linkedin_connected"]


def test_the_example_with_four_channels_after_a_reply() -> None:
    """The reply pauses the run; resumed by a person, it skips what is not needed any more."""
    world = prospecting(*FOUR_CHANNELS, quiet_hours="none")
    world.advance_hours(100, working_senders())
    deliver(world, replied(world))
    assert enrollment_of(world).holds == ["reply"]
    world.advance_hours(100, working_senders())
    assert sends(world) == [("request", 0), ("mail", 72)]
    deliver(world, new_event(world, m.ContactResumed))
    world.advance_hours(500, working_senders())
    assert sends(world) == [("request", 0), ("mail", 72)]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["already_replied", "already_replied"]
    assert enrollment_of(world).status is Status.COMPLETED


# ways out


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
def test_every_way_out_of_a_wait(
    way: Any, ends: Status, reason: str | None, then: list[str]
) -> None:
    other = {"branch": "next"} if way != "advance" else "advance"  # every step must be reachable
    world = prospecting(
        request(max_wait_hours=5, on_timeout=way, on_event=other),
        step("next", hours=1),
        step("last", hours=1),
        quiet_hours="none",
    )
    world.advance_hours(24, working_senders())
    assert [name for name, _ in sends(world)] == ["request", *then]
    enrollment = enrollment_of(world)
    assert (enrollment.status, enrollment.reason) == (ends, reason)
    if then:
        assert sends(world)[1] == (then[0], 5)  # an hour after the request is long past


def test_a_way_may_lead_back_where_something_is_waited_for() -> None:
    """Each visit has commands of its own."""
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


def test_a_loop_that_is_always_met_ends() -> None:
    world = prospecting(request(on_event={"branch": "request"}), quiet_hours="none")
    deliver(world, accepted(world))
    world.append(m.UpsertTenant("acme", "t#9", START, "America/Chicago", limits={"linkedin": None}))
    senders = working_senders()
    for _ in range(201):
        world.advance_hours(0.01, senders)
    enrollment = enrollment_of(world)
    assert enrollment.reason == "failed"
    assert enrollment.last_error == "too_many_touches"
    assert len(enrollment.touches) == 200


# triggers at odd times


def test_a_trigger_before_its_step_has_the_run_go_on_at_once() -> None:
    world = prospecting(request(24), step("mail", anchor="trigger", hours=2), quiet_hours="none")
    deliver(world, accepted(world))
    world.advance_hours(27, working_senders())
    assert sends(world) == [("request", 24), ("mail", 26)]


def test_a_trigger_after_its_timeout_changes_nothing() -> None:
    world = prospecting(request(max_wait_hours=5), step("mail", hours=30), quiet_hours="none")
    world.advance_hours(10, working_senders())
    before = len(world.facts(FactKind.TRIGGER_MET))
    deliver(world, accepted(world))
    world.advance_hours(40, working_senders())
    assert sends(world) == [("request", 0), ("mail", 30)]
    assert len(world.facts(FactKind.TRIGGER_MET)) == before == 0
    assert len(world.facts(FactKind.CONTACT_CONNECTED)) == 1


def test_a_trigger_told_twice_counts_once() -> None:
    world = prospecting(request(), step("mail", anchor="trigger"), quiet_hours="none")
    world.advance_hours(1, working_senders())
    deliver(world, accepted(world), accepted(world))
    world.advance_hours(1, working_senders())
    assert len(world.facts(FactKind.TRIGGER_MET)) == 1
    assert len(world.facts(FactKind.CONTACT_CONNECTED)) == 1


def test_a_trigger_for_a_finished_run_is_known_and_nothing_else() -> None:
    world = prospecting(step("mail"), quiet_hours="none")
    world.advance_hours(1, working_senders())
    commands = len(world.commands())
    deliver(world, accepted(world), replied(world))
    world.advance_hours(100, working_senders())
    assert len(world.commands()) == commands
    assert enrollment_of(world).status is Status.COMPLETED


def test_an_event_older_than_the_run_is_known_and_moves_nothing() -> None:
    world = prospecting(step("mail", hours=5), quiet_hours="none")
    deliver(world, replied(world, at=START - HOUR))
    assert enrollment_of(world).status is Status.ACTIVE
    assert len(world.facts(FactKind.CONTACT_REPLIED)) == 1
    world.advance_hours(6, working_senders())
    assert sends(world) == [("mail", 5)]


@pytest.mark.parametrize("signal", ["opened", "clicked", "delivered"])
def test_a_wait_for_a_signal_of_the_touch_itself(signal: str) -> None:
    names = {"opened": "open", "clicked": "click", "delivered": "delivered"}
    world = prospecting(
        step("mail", wait_for=names[signal]),
        step("text", "sms", 1, anchor="trigger"),
        quiet_hours="none",
    )
    world.advance_hours(2, working_senders())
    deliver(world, seen(world, world.commanded_touches()[0], signal))
    world.advance_hours(2, working_senders())
    assert sends(world) == [("mail", 0), ("text", 3)]


def test_a_wait_for_a_call_takes_the_outcomes_it_names() -> None:
    wait = {"event": "call_outcome", "outcomes": ["answered"], "max_wait_hours": 10}
    world = prospecting(
        step("call", "voice", wait_for=wait), step("mail", anchor="trigger"), quiet_hours="none"
    )
    world.advance_hours(1, working_senders())
    command_id = world.commanded_touches()[0].command_id
    deliver(world, new_event(world, m.CallEnded, command_id=command_id, outcome="busy"))
    world.advance_hours(12, working_senders())
    assert sends(world) == [("call", 0), ("mail", 10)]


def test_a_wait_for_a_conversion() -> None:
    wait = {"event": "conversion", "on_event": "stop", "max_wait_hours": 10}
    world = prospecting(step("mail", wait_for=wait), step("more"), quiet_hours="none")
    world.advance_hours(1, working_senders())
    deliver(world, new_event(world, m.ConversionRecorded, conversion_type="meeting"))
    assert enrollment_of(world).reason == "trigger_conversion"
    assert enrollment_of(world).conversion == "meeting"


def test_who_waits_for_a_reply_has_it_and_is_not_paused() -> None:
    world = prospecting(
        step("mail", wait_for={"event": "reply", "on_event": "complete"}),
        step("more"),
        quiet_hours="none",
    )
    world.advance_hours(1, working_senders())
    deliver(world, replied(world, "whatsapp"))
    assert enrollment_of(world).status is Status.COMPLETED


def test_a_step_that_is_not_sent_is_not_waited_for() -> None:
    """No LinkedIn address: on with the next step, at once."""
    world = prospecting(
        step("whatsapp", "whatsapp", wait_for="reply"),
        step("mail", anchor="trigger", hours=1),
        quiet_hours="none",
    )
    deliver(world, m.ContactUpserted(**event_fields(world), person=m.Person(phone="")))
    world.advance_hours(2, working_senders())
    assert sends(world) in ([("mail", 1)], [("whatsapp", 0)])


# skipping


def test_a_condition_looks_at_all_channels() -> None:
    world = prospecting(
        step("mail"),
        step("text", "sms", 5, skip_when="opened"),
        step("call", "voice", 1, skip_when=["not_opened"]),
        quiet_hours="none",
    )
    world.advance_hours(1, working_senders())
    deliver(world, seen(world, world.commanded_touches()[0]))
    world.advance_hours(10, working_senders())
    assert sends(world) == [("mail", 0), ("call", 6)]


# replies


@pytest.mark.parametrize(
    ("on_reply", "status", "reason"),
    [
        ("pause", Status.FROZEN, None),
        ("stop", Status.STOPPED, "replied"),
        ("continue", Status.ACTIVE, None),
    ],
)
def test_a_reply_does_what_its_campaign_says(
    on_reply: str, status: Status, reason: str | None
) -> None:
    world = prospecting(step("mail"), step("more", hours=5), quiet_hours="none", on_reply=on_reply)
    world.advance_hours(1, working_senders())
    deliver(world, replied(world, "sms"))
    assert (enrollment_of(world).status, enrollment_of(world).reason) == (status, reason)


def test_an_automatic_reply_is_no_reply() -> None:
    world = prospecting(
        step("mail"), step("more", hours=5, skip_when="already_replied"), quiet_hours="none"
    )
    world.advance_hours(1, working_senders())
    deliver(world, replied(world, automatic=True))
    assert enrollment_of(world).status is Status.ACTIVE
    assert reasons(world, FactKind.CONTACT_REPLIED) == ["automatic"]
    world.advance_hours(10, working_senders())
    assert sends(world) == [("mail", 0), ("more", 5)]


def test_a_person_is_paused_and_resumed_by_hand() -> None:
    world = prospecting(step("mail"), step("more", hours=5), quiet_hours="none")
    world.advance_hours(1, working_senders())
    deliver(world, new_event(world, m.ContactPaused))
    world.advance_hours(20, working_senders())
    assert enrollment_of(world).status is Status.FROZEN
    deliver(world, new_event(world, m.ContactResumed))
    world.advance_hours(20, working_senders())
    assert sends(world) == [("mail", 0), ("more", 25)]  # shifted by the pause


def test_two_pauses_are_over_when_both_are() -> None:
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


def test_a_pause_while_waiting_leaves_as_long_to_answer() -> None:
    world = prospecting(request(max_wait_hours=10), step("mail"), quiet_hours="none")
    world.advance_hours(4, working_senders())
    deliver(world, new_event(world, m.ContactPaused))
    world.advance_hours(20, working_senders())
    deliver(world, new_event(world, m.ContactResumed))
    world.advance_hours(20, working_senders())
    assert sends(world) == [("request", 0), ("mail", 30)]


def test_of_what_fell_due_in_a_pause_only_the_last_goes_out() -> None:
    """Late policy collapse (C-31)."""
    rows = [
        step(f"s{n}", hours=10, anchor="previous_scheduled" if n else "enrollment")
        for n in range(4)
    ]
    world = prospecting(*rows, quiet_hours="none", late_policy="collapse")
    deliver(world, new_event(world, m.ContactPaused))
    world.advance_hours(35, working_senders())
    deliver(world, new_event(world, m.ContactResumed))
    world.advance_hours(20, working_senders())
    assert sends(world) == [("s2", 35), ("s3", 40)]
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["collapsed", "collapsed"]


# failures


def test_three_errors_fail_the_run_of_this_person_alone() -> None:
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


def test_a_failed_step_is_left_behind_until_there_are_too_many() -> None:
    world = prospecting(step("mail"), step("more", hours=1), quiet_hours="none")

    def answers(world: World, touch: m.RequestTouch) -> list[m.Message]:
        if touch.step_id == "mail":
            fields = {"command_id": touch.command_id, "code": "403", "permanent": True}
            return [new_event(world, m.TouchFailed, **fields)]
        return sent(world, touch)

    world.advance_hours(5, [make_sender(answers)])
    assert [name for name, _ in sends(world)] == ["mail", "more"]
    assert enrollment_of(world).status is Status.COMPLETED
    assert enrollment_of(world).errors == 1


# windows


def test_a_step_keeps_to_its_own_hours_and_days() -> None:
    """START is a Monday, 9:00 in Chicago."""
    hours = {"start": "10:00", "end": "12:00", "days": ["wed"]}
    world = prospecting(step("request", "linkedin", window=hours))
    world.advance_hours(24 * 8, working_senders())
    assert sends(world) == [("request", 49)]


def test_a_window_that_quiet_hours_leave_nothing_of_skips_the_touch() -> None:
    night = {"start": "22:00", "end": "23:00"}
    world = prospecting(step("mail", window=night), step("text", "sms"))
    world.advance_hours(24 * 3, working_senders())
    assert [name for name, _ in sends(world)] == ["text"]
    (skipped,) = world.facts(FactKind.TOUCH_SKIPPED)
    assert skipped.reason == "no_window"
    assert skipped.values is not None


def test_who_moves_while_a_touch_waits_is_written_to_by_the_new_clock() -> None:
    """At 10:00 in Chicago it is 1:00 in Tokyo."""
    hours = {"start": "10:00", "end": "18:00"}
    world = prospecting(step("mail", window=hours))
    deliver(world, m.ContactUpserted(**event_fields(world), person=m.Person(timezone="Asia/Tokyo")))
    world.advance_hours(24, working_senders())
    assert sends(world) == [("mail", 10)]  # 10:00 in Tokyo


def test_linkedin_knows_no_quiet_hours() -> None:
    world = prospecting(step("request", "linkedin", 14), step("mail", hours=0))
    world.advance_hours(48, working_senders())
    assert sends(world) == [("request", 14), ("mail", 23)]  # at 23:00, and at 8:00
