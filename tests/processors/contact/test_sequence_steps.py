"""What each part of a step does in a sequence: its anchor, conditions, exits, retries and expiry
(S2, C-3, S2-26)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.base.error_codes import CampaignCode
from schemas.base.times import DAY
from schemas.campaigns.campaign_kinds import CONDITIONS
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from tests.testing.builders import connection_request, publish, step
from tests.testing.story import (
    World,
    accepted,
    deliver,
    enrollment_of,
    event_fields,
    failing_sender,
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
from tests.testing.world import START


@pytest.mark.parametrize(
    ("anchor", "at"),
    [("enrollment", 30), ("previous_scheduled", 32), ("previous_executed", 32.25), ("trigger", 37)],
)
def test_a_delay_counts_from_its_anchor(anchor: str, at: float) -> None:
    """The first touch is due at 2 h, sent at 2.25 h and opened at 7 h."""
    first = step("a", hours=2, wait_for={"event": "open", "max_wait_hours": 20})
    world = prospecting(first, step("b", hours=30, anchor=anchor), quiet_hours="none")
    world.advance_hours(2.25)
    (touch,) = world.commanded_touches()
    deliver(world, *sent(world, touch))
    world.advance_hours(4.75)
    deliver(world, seen(world, touch))
    world.advance_hours(40, working_senders(world))
    assert scheduled_steps(world) == [("a", 2), ("b", at)]


@pytest.mark.parametrize("way", ["advance", "skip", "complete", "stop", "fail", {"branch": "c"}])
def test_every_exit_of_a_wait_that_was_met(way: Any) -> None:
    other = {"branch": "b"} if way != "advance" else "advance"  # every step must be reachable
    world = prospecting(
        connection_request(max_wait_hours=50, on_event=way, on_timeout=other),
        step("b", hours=1),
        step("c", hours=1),
        quiet_hours="none",
    )
    senders = working_senders()
    world.advance_hours(5, senders)
    deliver(world, accepted(world))
    world.advance_hours(10, senders)
    taken = way if isinstance(way, str) else "branch"
    then = {"advance": ["b", "c"], "skip": ["b", "c"], "branch": ["c"]}.get(taken, [])
    assert [name for name, _ in scheduled_steps(world)] == ["request", *then]
    ends = {"stop": "trigger_connection_accepted", "fail": "failed"}
    assert enrollment_of(world).reason == ends.get(taken)


@pytest.mark.parametrize("first", ["open", "click"])
def test_of_several_events_the_first_ends_the_wait(first: str) -> None:
    wait = {"event": ["open", "click"], "max_wait_hours": 20}
    world = prospecting(
        step("a", wait_for=wait), step("b", hours=1, anchor="trigger"), quiet_hours="none"
    )
    world.advance_hours(2, working_senders())
    (touch,) = world.commanded_touches()
    signals = {"open": "opened", "click": "clicked"}
    deliver(world, seen(world, touch, signals[first]))
    world.advance_hours(3, working_senders(world))
    assert scheduled_steps(world) == [("a", 0), ("b", 3)]
    assert reasons(world, FactKind.TRIGGER_MET) == [first]


def test_a_wait_for_a_message_to_be_read() -> None:
    world = prospecting(
        step("a", "whatsapp", wait_for="read"),
        step("b", hours=1, anchor="trigger"),
        quiet_hours="none",
    )
    world.advance_hours(2, working_senders())
    deliver(world, seen(world, world.commanded_touches()[0], "read"))
    world.advance_hours(3, working_senders(world))
    assert scheduled_steps(world) == [("a", 0), ("b", 3)]


def _events_for(world: World, condition: str) -> list[m.Message]:
    """The events that make a condition hold, or, for a `not_` condition, no longer hold."""
    signals = {"delivered", "opened", "clicked", "read"}
    name = condition.removeprefix("not_")
    (touch,) = world.commanded_touches()
    if name in signals:
        return [seen(world, touch, name)]
    match condition:
        case "already_replied":
            return [replied(world)]
        case "linkedin_connected" | "linkedin_not_connected":
            return [accepted(world)]
        case "converted":
            return [new_event(world, m.ConversionRecorded, conversion_type="meeting")]
    assert condition == "no_address"
    return [m.ContactUpserted(**event_fields(world), person=m.Person(phone=""))]


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_each_condition_skips_its_step_and_is_the_reason(condition: str, done: bool) -> None:
    world = prospecting(
        step("a", "whatsapp"),
        step("b", "sms", hours=5, skip_when=condition),
        quiet_hours="none",
        on_reply="continue",
    )
    world.advance_hours(1, working_senders())
    if done:
        deliver(world, *_events_for(world, condition))
    world.advance_hours(5, working_senders(world))
    skipped = done != ("not_" in condition)
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ([condition] if skipped else [])
    assert [name for name, _ in scheduled_steps(world)] == (["a"] if skipped else ["a", "b"])


def test_a_step_has_retries_of_its_own() -> None:
    world = prospecting(step("a", retry_minutes=[2]), quiet_hours="none", max_errors="none")
    world.advance_hours(3, [failing_sender()])
    assert [(name, round(at * 60)) for name, at in scheduled_steps(world)] == [("a", 0), ("a", 2)]
    usual = prospecting(step("a"), quiet_hours="none", max_errors="none")
    usual.advance_hours(3, [failing_sender()])
    assert len(usual.commanded_touches()) == 4


def test_a_request_expires_after_the_time_of_its_step() -> None:
    rows = (step("a", hours=1, expire_after_hours=2), step("b", "sms"))
    world = prospecting(*rows, quiet_hours="none")
    deliver(world, tenant(at=START + 1, cause="t#2", limits={"email": 0}))
    world.advance_hours(2.9, working_senders())
    assert touch_of(world).wait == "throttled"
    world.advance_hours(0.2, working_senders())
    assert reasons(world, FactKind.TOUCH_SKIPPED) == ["expired"]
    assert scheduled_steps(world) == [("b", 3)]


def test_a_step_in_an_hour_that_the_clock_repeats_is_sent_once() -> None:
    """On 1 November 2026 it is one o'clock twice in Chicago."""
    days = (datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 1_000_000 - START) / DAY
    hours = {"start": "01:00", "end": "02:00", "days": ["sun"]}
    rows = (step("a", "linkedin", days * 24 - 24, window=hours), step("b", "linkedin", 24 * 7))
    world = prospecting(*rows)
    world.advance_hours(days * 24 + 48, working_senders())
    ((name, at),) = scheduled_steps(world)
    assert (name, round(at - days * 24, 2)) == ("a", 6)  # the first of the two


BACK = {"branch": "a"}


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ((step("a", then="complete"), step("b")), CampaignCode.STEP_UNREACHABLE),
        ((step("a", then={"branch": "moon"}),), CampaignCode.BRANCH_UNKNOWN),
        ((step("a"), step("b", then=BACK)), CampaignCode.LOOP_WITHOUT_WAIT),
        ((step("a", wait_for="connection_accepted"),), CampaignCode.SIGNAL_NOT_SUPPORTED),
        ((step("a", hours=43_801),), CampaignCode.DELAY_INVALID),
    ],
)
def test_an_invalid_sequence_is_refused_and_the_version_before_goes_on(
    rows: tuple[dict[str, Any], ...], code: CampaignCode
) -> None:
    world = prospecting(step("a", hours=5), quiet_hours="none")
    deliver(world, publish(kind="prospecting", steps=list(rows)))
    (refused,) = world.facts(FactKind.CAMPAIGN_REFUSED)
    assert refused.values is not None
    assert {problem["code"] for problem in refused.values["problems"]} == {code}
    world.advance_hours(6, working_senders())
    assert scheduled_steps(world) == [("a", 5)]
    assert enrollment_of(world).version == 1
