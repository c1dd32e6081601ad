"""Explanations: the gates of a touch with their values, and the wait of a run (X-3)."""

from datetime import timedelta
from typing import Any

from processors.shared.limit_rules import GATHER_US
from processors.why import NOT_ASKED
from schemas.internal import messages as m
from schemas.internal.messages import DeleteTemplate, Person
from schemas.internal.topics import Topic
from tests.testing.builders import TENANT, publish, step
from tests.testing.explanations import (
    TWO_STEPS,
    assert_first_refusal,
    at,
    explanation_of,
    gates_of,
    results_of,
)
from tests.testing.story import (
    HOUR,
    START,
    World,
    bounced,
    change_campaign,
    deliver,
    enroll_by_hand,
    enrolled,
    new_event,
    prospecting,
    seen,
    tenant,
    unsubscribed,
    upserted,
    working_senders,
)
from tests.testing.story import job as finished

NO_QUIET = {"quiet_hours": "none"}
CHICAGO = {"zone": "America/Chicago", "zone_from": "contact", "quiet": "21:00-08:00", "only": None}


def test_a_touch_that_was_sent_passed_every_gate_with_its_values() -> None:
    world = enrolled(steps=[step("a", hours=24, template_id="hello")])
    deliver(world, tenant(at=START + 1, cause="t#2", caps={"per_day": 2}))
    world.advance_hours(25, working_senders())
    gates = gates_of(world)
    assert set(results_of(gates).values()) == {"passed"}
    assert gates["campaign"].values == {"version": 1}
    assert gates["address"].values == {"field": "email"}
    assert gates["template"].values == {"template_id": "hello", "template_version": 1}
    assert gates["window"].values == {"window": CHICAGO}
    assert gates["reach"].values == {"per_day": {"used": 0, "limit": 2}}
    assert gates["sender_limit"].values == {"used": 0, "limit": 100}
    assert gates["priority"].values == {"priority": 0}
    assert gates["expiry"].values == {"expires_at": at(24 + 168)}
    assert {gate.at for gate in gates.values()} == {at(24)}


def test_the_gate_previous_touch_has_the_end_of_the_touch_before() -> None:
    world = enrolled(steps=TWO_STEPS)
    world.advance_hours(25, working_senders())
    deliver(world, upserted(world, phone=""))
    world.advance_hours(50, working_senders())
    before = {"step": "a", "became": "touch.sent", "at": at(24)}
    assert gates_of(world, 1)["previous_touch"].values == before


def test_no_gate_is_checked_before_the_touch_is_due() -> None:
    world = enrolled(steps=TWO_STEPS)
    assert set(results_of(gates_of(world)).values()) == {NOT_ASKED}
    waits = explanation_of(world).runs[0].waits
    assert waits is not None
    assert (waits.reason, waits.since, waits.until) == ("delay", at(0), at(24))
    assert waits.values["anchor"] == "enrollment"


def test_quiet_hours_are_shown_with_zone_and_end_before_they_begin() -> None:
    world = enrolled(steps=[step("a", hours=12)])  # 21:00 in Chicago
    gate = gates_of(world)["window"]
    assert (gate.result, gate.reason, gate.until) == ("waits", "quiet_hours", at(23))
    assert gate.values == {"window": CHICAGO}
    waits = explanation_of(world).runs[0].waits
    assert waits is not None and (waits.reason, waits.until) == ("quiet_hours", at(23))
    world.advance_hours(24)
    gate = gates_of(world)["window"]
    assert (gate.result, [hold.until for hold in gate.held]) == ("passed", [at(23)])


def test_an_opt_out_is_shown_with_its_event() -> None:
    world = enrolled(steps=TWO_STEPS)
    gone = unsubscribed(world)
    deliver(world, gone)
    world.advance_hours(25)
    gates = gates_of(world)
    assert_first_refusal("opt_out", gates)
    closed = gates["opt_out"]
    assert (closed.reason, closed.cause) == ("opted_out_email", gone.cause)
    assert closed.values == {"opted_out_at": "2026-03-02T15:00:00Z"}


def test_no_gate_is_checked_for_the_touch_of_a_run_that_an_opt_out_ended() -> None:
    world = enrolled(steps=[step("a", hours=24)])
    gone = unsubscribed(world)
    deliver(world, gone)
    gates = gates_of(world)
    closed = gates.pop("enrollment")
    assert (closed.result, closed.reason, closed.cause) == (
        "refused",
        "opted_out_email",
        gone.cause,
    )
    assert set(results_of(gates).values()) == {NOT_ASKED}


def test_a_revoked_touch_keeps_the_results_of_its_gates() -> None:
    world = enrolled(steps=TWO_STEPS)
    world.advance_hours(24)
    deliver(world, unsubscribed(world))
    gates = gates_of(world)
    assert (gates["opt_out"].result, gates["opt_out"].at) == ("refused", at(24))
    assert {g.result for name, g in gates.items() if name != "opt_out"} == {"passed"}
    assert gates["sender_limit"].values == {"used": 0, "limit": 100}


def test_the_opt_out_of_another_contact_with_the_same_address_is_shown_with_its_event() -> None:
    world = enrolled(steps=TWO_STEPS)
    gone = unsubscribed(world)
    deliver(world, gone, finished("j2", contact_id="ben"))
    world.advance_hours(25)
    gates = gates_of(world, 0, "ben")
    assert results_of(gates)["opt_out"] == "refused"
    assert gates["opt_out"].cause == gone.cause
    assert (gates["window"].result, gates["sender_limit"].result) == ("passed", NOT_ASKED)


def test_a_bounce_is_shown_with_its_event() -> None:
    world = enrolled(steps=[step("a", hours=24), step("b", hours=24)])
    world.advance_hours(25, working_senders())
    came_back = bounced(world, world.commanded_touches()[0])
    deliver(world, came_back)
    world.advance_hours(30)
    gates = gates_of(world, 1)
    assert_first_refusal("bounce", gates)
    assert (gates["bounce"].reason, gates["bounce"].cause) == ("address_bounced", came_back.cause)


def test_the_bounce_that_is_shown_is_the_one_that_closed_the_current_address() -> None:
    world = enrolled(steps=[step("a", hours=24), step("b", hours=24), step("c", hours=24)])
    world.advance_hours(25, working_senders())
    deliver(
        world,
        bounced(world, world.commanded_touches()[0]),
        upserted(world, email="other@example.com"),
    )
    world.advance_hours(24, working_senders(world))
    second = bounced(world, world.commanded_touches()[1])
    deliver(world, second)
    world.advance_hours(30)
    assert gates_of(world, 2)["bounce"].cause == second.cause


def test_a_bounce_is_shown_on_another_channel_with_the_same_address() -> None:
    world = prospecting(step("a", "sms", hours=1), step("b", "whatsapp", hours=5))
    world.advance_hours(2, working_senders())
    came_back = bounced(world, world.commanded_touches()[0])
    deliver(world, came_back)
    world.advance_hours(6)
    gate = gates_of(world, 1)["bounce"]
    assert (gate.reason, gate.cause) == ("address_bounced", came_back.cause)


def test_the_reply_that_is_shown_is_written_by_a_person_during_this_run() -> None:
    conditional = {**step("b", hours=5), "skip_when": ["already_replied"]}
    world = prospecting(step("a", hours=1), conditional, on_reply="continue")
    world.advance_hours(2, working_senders())
    early = new_event(world, m.ContactReplied, channel="email", at=START - HOUR)
    note = new_event(world, m.ContactReplied, channel="email", automatic=True)
    reply = new_event(world, m.ContactReplied, channel="email")
    deliver(world, early, note, reply)
    world.advance_hours(6, working_senders(world))
    assert gates_of(world, 1)["skip_when"].cause == reply.cause


def test_without_an_address_the_field_is_named() -> None:
    world = enrolled(
        steps=[step("a", "sms", hours=24)], changes={"person": Person(email="a@example.com")}
    )
    world.advance_hours(25)
    gates = gates_of(world)
    assert_first_refusal("address", gates)
    assert gates["address"].values == {"field": "phone"}


def test_without_a_template_the_version_that_names_it_is_shown() -> None:
    world = enrolled(steps=[step("a", hours=24, template_id="gone")])
    deliver(world, publish(steps=[step("a", hours=24, template_id="gone")], name="Another"))
    deliver(world, DeleteTemplate(TENANT, "gone", "x#1", START))
    world.advance_hours(25)
    gates = gates_of(world)
    assert_first_refusal("template", gates)
    assert gates["template"].values == {"template_id": "gone", "version": 2}
    assert explanation_of(world).runs[0].version == 1


def test_a_condition_is_shown_with_the_event_that_fulfilled_it() -> None:
    world = prospecting(
        step("a", hours=1), {**step("b", hours=1), "skip_when": ["opened", "converted"]}
    )
    world.advance_hours(1.5, working_senders())
    opened = seen(world, world.commanded_touches()[0])
    deliver(world, opened)
    world.advance_hours(2, working_senders(world))
    gates = gates_of(world, 1)
    assert_first_refusal("skip_when", gates)
    assert (gates["skip_when"].reason, gates["skip_when"].cause) == ("opened", opened.cause)


def test_conditions_that_do_not_hold_are_shown_too() -> None:
    world = prospecting({**step("a", hours=1), "skip_when": ["opened"]})
    world.advance_hours(2, working_senders())
    assert gates_of(world)["skip_when"].values == {"skip_when": ["opened"]}


def crowded(**settings: Any) -> World:
    """A world in which Ann got a touch of one campaign and is due for a touch of another."""
    mail: dict[str, Any] = {
        "kind": "prospecting",
        "steps": [{"id": "a", "channel": "email", "delay_hours": 0, "template_id": "t"}],
    }
    world = prospecting(*mail["steps"], **NO_QUIET)
    world.advance_hours(0.1, working_senders())
    deliver(world, tenant(at=START + 1, cause="t#2", caps=settings.pop("caps", {})))
    deliver(world, publish(campaign_id="two", **mail, settings={**NO_QUIET, **settings}))
    return deliver(world, enroll_by_hand(world, "two"))


def test_a_cap_is_shown_with_its_counter_and_its_end() -> None:
    world = crowded(caps={"per_day": 1, "per_week": 5})
    gate = gates_of(world)["reach"]
    assert (gate.result, gate.reason, gate.until) == ("waits", "frequency_cap", at(24))
    assert gate.values == {"limit": 1, "window": "per_day", "used": 1}
    world.advance_hours(25, working_senders(world))
    assert gates_of(world)["reach"].values == {
        "per_day": {"used": 0, "limit": 1},
        "per_week": {"used": 1, "limit": 5},
    }


def test_a_gap_is_shown_with_the_touch_that_it_counts_from() -> None:
    world = crowded(min_gap_hours=3)
    gate = gates_of(world)["reach"]
    assert (gate.reason, gate.until) == ("min_gap", at(3))
    assert gate.values == {"min_gap_seconds": 3 * 3600, "last_touch_at": "2026-03-02T15:00:00Z"}


def throttled() -> World:
    world = enrolled(steps=TWO_STEPS)
    deliver(world, tenant(at=START + 1, cause="t#2", limits={"email": 0}))
    world.advance_hours(24.5)
    return world


def test_a_limit_is_shown_with_its_counter_and_the_gates_after_it_are_not_checked() -> None:
    gates = gates_of(throttled())
    assert results_of(gates)["reach"] == "passed"
    limit = gates["sender_limit"]
    # The next slot, after the requests of its moment are gathered.
    until = at(25) + timedelta(microseconds=GATHER_US)
    assert (limit.result, limit.reason, limit.until) == ("waits", "throttled", until)
    assert limit.values == {"used": 0, "limit": 0, "window": "1h sliding"}
    assert gates["priority"].result == NOT_ASKED
    waits = explanation_of(throttled()).runs[0].waits
    assert waits is not None and (waits.reason, waits.until) == ("throttled", until)


def test_quiet_hours_after_a_wait_for_the_limit_are_shown() -> None:
    world = enrolled(steps=[step("a", hours=11.5)])  # 20:30 in Chicago
    deliver(world, tenant(at=START + 1, cause="t#2", limits={"email": 0}))
    world.advance_hours(13)
    gates = gates_of(world)
    assert (gates["window"].reason, gates["window"].until) == ("quiet_hours", at(23))
    assert gates["window"].values["window"] == CHICAGO
    assert (gates["expiry"].result, gates["sender_limit"].result) == ("passed", NOT_ASKED)
    assert [hold.reason for hold in gates["sender_limit"].held] == ["throttled"]
    waits = explanation_of(world).runs[0].waits
    assert waits is not None and (waits.reason, waits.until) == ("quiet_hours", at(23))


def test_an_expired_touch_is_shown_with_its_waits() -> None:
    world = throttled()
    world.advance_hours(200)
    gates = gates_of(world)
    assert (gates["expiry"].result, gates["expiry"].reason) == ("refused", "expired")
    assert gates["sender_limit"].held[0].reason == "throttled"
    assert (gates["window"].result, gates["sender_limit"].result) == ("passed", NOT_ASKED)


def test_a_paused_campaign_makes_the_touch_wait_and_has_its_event() -> None:
    world = enrolled(steps=TWO_STEPS)
    paused = change_campaign(world, "paused")
    deliver(world, paused)
    world.advance_hours(30)
    gate = gates_of(world)["campaign"]
    assert (gate.result, gate.reason, gate.cause) == ("waits", "campaign_paused", paused.cause)
    waits = explanation_of(world).runs[0].waits
    assert waits is not None
    assert (waits.reason, waits.until, waits.cause) == ("campaign_paused", None, paused.cause)
    deliver(world, change_campaign(world, "resumed"))
    world.advance_hours(25, working_senders())
    passed = gates_of(world)["campaign"]
    assert (passed.result, [hold.reason for hold in passed.held]) == ("passed", ["campaign_paused"])


def test_of_two_pauses_only_the_current_one_makes_the_touch_wait() -> None:
    world = enrolled(steps=TWO_STEPS)
    deliver(world, change_campaign(world, "paused"), new_event(world, m.ContactPaused))
    deliver(world, change_campaign(world, "resumed"))
    gates = gates_of(world)
    assert (gates["campaign"].result, gates["enrollment"].result) == (NOT_ASKED, "waits")


def test_a_pause_does_not_change_the_gates_of_a_command_that_is_out() -> None:
    world = enrolled(steps=TWO_STEPS)
    world.advance_hours(24)
    deliver(world, change_campaign(world, "paused"))
    assert {gate.result for gate in gates_of(world).values()} == {"passed"}
    deliver(world, change_campaign(world, "resumed"))
    assert {gate.result for gate in gates_of(world).values()} == {"passed"}


def test_conditions_and_caps_are_not_checked_again_for_a_second_emission() -> None:
    world = enrolled(steps=TWO_STEPS)
    deliver(world, tenant(at=START + 1, cause="t#2", caps={"per_day": 1}))
    world.advance_hours(24.6)
    gates = gates_of(world)
    assert (gates["template"].at, gates["reach"].at) == (at(24.5), at(24))
    assert gates["reach"].values == {"per_day": {"used": 0, "limit": 1}}


def test_a_pause_of_the_contact_while_dispatch_has_the_touch_is_shown() -> None:
    world = throttled()
    deliver(world, new_event(world, m.ContactPaused))
    gate = gates_of(world)["enrollment"]
    assert (gate.result, gate.reason) == ("waits", "person_paused")


def test_a_moment_that_has_passed_is_not_when_a_queued_touch_is_next() -> None:
    world = throttled()
    before = explanation_of(world).runs[0]
    assert before.waits is not None and before.waits.until is not None
    same = explanation_of(world, now=before.waits.until - timedelta(seconds=1)).runs[0]
    assert same.waits == before.waits
    later = explanation_of(world, now=before.waits.until).runs[0]
    assert later.waits is not None
    assert (later.waits.reason, later.waits.until) == ("throttled", None)
    assert later.waits.then.startswith("it is in the queue behind others")
    assert {gate.until for gate in later.touches[-1].gates} == {None}


def test_a_request_that_waits_for_its_campaign_names_it_until_the_campaign_is_active() -> None:
    """A pause is at dispatch before it has come to every contact."""
    world = enrolled(steps=[step("a", hours=24)], settings=NO_QUIET)

    def announce(status: str) -> None:
        gate = m.encode(m.CampaignGateAnnounced(TENANT, "reviews", status))
        for number in range(world.layout.dispatch):
            world.broker.append(Topic.DISPATCH_LOG, TENANT.encode(), gate, number)

    announce("paused")
    world.advance_hours(25)
    gates = gates_of(world)
    assert results_of(gates)["campaign"] == "waits"
    assert gates["campaign"].reason == "campaign_paused"
    wait = explanation_of(world).runs[-1].waits
    assert wait is not None and wait.reason == "campaign_paused"
    assert wait.then == "the pause takes it back, or its campaign is active again"
    announce("active")
    world.advance_hours(0.01)
    assert set(results_of(gates_of(world)).values()) == {"passed"}
