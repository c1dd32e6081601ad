"""A call campaign from its first person to its end, with all processors (F-15, F-17)."""

from collections.abc import Sequence
from typing import Any

from schemas.base.times import MINUTE
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.states import CampaignRecord
from tests.testing.administered import record_of
from tests.testing.builders import CAMPAIGN, CONTACT, TENANT, answer_fields, step
from tests.testing.story import deliver, event_fields, make_sender, world_with_campaign
from tests.testing.world import World


def calls(**settings: Any) -> World:
    """A world with a call campaign."""
    return world_with_campaign(
        kind="calls",
        steps=[step("call", "voice", None)],
        settings={"quiet_hours": "none", **settings},
    )


def person(world: World, number: int, phone: str | None = "") -> list[m.Message]:
    """A person of the campaign, with a number of the own; None for one without a number."""
    contact_id = f"{CONTACT}-{number}"
    text = f"+121255501{number:02}" if phone == "" else phone
    return [
        m.ContactUpserted(**event_fields(world, contact_id), person=m.Person(phone=text)),
        m.ContactEnrolled(**event_fields(world, contact_id), campaign_id=CAMPAIGN),
    ]


def ended(outcome: str) -> Any:
    """A dialler whose calls end with an outcome."""

    def answer(world: World, touch: m.RequestTouch) -> Sequence[m.Message]:
        return [m.CallEnded(**answer_fields(touch, world), outcome=outcome, seconds=5)]

    return make_sender(answer)


def status(world: World) -> str:
    return record_of(world, f"c/{TENANT}/{CAMPAIGN}", CampaignRecord).status


def test_a_campaign_completes_although_one_call_failed_one_was_stopped_and_one_has_no_number() -> (
    None
):
    world = calls()
    deliver(world, *person(world, 1), *person(world, 2), *person(world, 3, None))
    (first, second) = sorted(world.commanded_touches(), key=lambda touch: touch.contact_id)
    fields = answer_fields(first, world)
    deliver(world, m.CallEnded(**fields, outcome="busy"))
    stop = m.ContactStopped(**event_fields(world, second.contact_id), campaign_id=CAMPAIGN)
    deliver(world, stop)
    world.advance_hours(0.2)
    assert status(world) == "active"
    world.advance_hours(0.2)
    assert status(world) == "completed"
    fact = world.facts(FactKind.CAMPAIGN_STATUS_CHANGED)[-1]
    assert (fact.values or {})["runs"] == 3
    assert sum((fact.values or {})[name] for name in ("failed", "cancelled", "skipped")) == 3
    deliver(world, *person(world, 4))
    assert world.facts(FactKind.ENROLLMENT_DECLINED)[-1].reason == "CAMPAIGN_COMPLETED"


def test_a_campaign_that_waits_for_a_redial_goes_on() -> None:
    world = world_with_campaign(
        kind="calls",
        steps=[step("call", "voice", None, redial="usual")],
        settings={"quiet_hours": "none"},
    )
    deliver(world, *person(world, 1))
    (touch,) = world.commanded_touches()
    deliver(world, m.CallEnded(**answer_fields(touch, world), outcome="no_answer"))
    world.advance_to(world.now + 40 * MINUTE)
    assert status(world) == "active"
    world.advance_to(world.now + 30 * MINUTE, [ended("answered")])
    world.advance_to(world.now + 30 * MINUTE)
    assert status(world) == "completed"


def test_a_campaign_whose_calls_all_fail_pauses_itself_and_can_be_resumed() -> None:
    world = calls()
    deliver(world, *[each for number in range(20) for each in person(world, number)])
    world.advance_to(world.now + MINUTE, [ended("failed")])
    assert status(world) == "paused"
    fact = world.facts(FactKind.CAMPAIGN_STATUS_CHANGED)[-1]
    assert fact.cause == "failure_rate"
    assert (fact.values or {})["failed"] >= 5
    deliver(world, m.ChangeCampaign(TENANT, CAMPAIGN, "resumed", "x#1", world.now))
    assert status(world) == "active"


def test_a_cancelled_campaign_ends_its_runs_and_starts_no_call() -> None:
    world = calls()
    deliver(world, *[each for number in range(4) for each in person(world, number)])
    begun = len(world.commanded_touches())
    deliver(world, m.ChangeCampaign(TENANT, CAMPAIGN, "cancelled", "x#1", world.now))
    world.advance_hours(1, [ended("answered")])
    assert (status(world), len(world.commanded_touches())) == ("cancelled", begun)
    stops = world.facts(FactKind.ENROLLMENT_STOPPED)
    assert {fact.reason for fact in stops} == {"campaign_cancelled"}
    assert len(stops) == 4
