"""What follows the completion of a campaign: it settles, is reported twice, archived, and at last
its deletion is due (S4-25, S4-28, S4-29)."""

from copy import deepcopy
from typing import Any

import pytest
from msgspec.structs import replace

from processors.campaign.dates import ARCHIVE, REPORT, RETENTION, SETTLE, phase_of
from schemas.base.times import DAY, HOUR, SECOND
from schemas.internal import messages as m
from schemas.internal.facts import Fact, FactKind
from schemas.internal.topics import Topic
from tests.testing.administered import administered, announced, codes
from tests.testing.builders import step
from tests.testing.outreach import OWNER, experiment
from tests.testing.outreach_orders import (
    active_world,
    answers,
    campaign,
    changed,
    counts,
    outreach,
    outreach_world,
    pass_to,
)
from tests.testing.world import START, World

TESTED = [step(template_id=None, experiment=experiment())]


def completed_world(**changes: Any) -> World:
    """A world with a campaign that its owner completed at START."""
    return active_world(changed("completed"), **changes)


def settled(world: World, **numbers: Any) -> World:
    """The world after both partitions have counted the runs since the completion."""
    return administered(*answers(2, 5, runs=3, **numbers), world=world)


def reports(world: World) -> list[Fact]:
    return world.facts(FactKind.CAMPAIGN_REPORT)


def values(fact: Fact) -> dict[str, Any]:
    return fact.values or {}


def test_a_campaign_settles_when_nothing_of_it_goes_on_and_no_command_is_out() -> None:
    world = completed_world()
    first, second = answers(2, 5, runs=3, live=1, out=1)
    administered(first, world=world)
    assert phase_of(campaign(world), "UTC", world.now) == "settling"
    administered(second, counts(0, 6, answers=2, runs=3, out=1), world=world)
    assert not world.facts(FactKind.CAMPAIGN_SETTLED)
    administered(counts(0, 7, answers=2, runs=3, ended_completed=3), world=world)
    (fact,) = world.facts(FactKind.CAMPAIGN_SETTLED)
    assert values(fact) == {"counts": {"ended_completed": 3, "runs": 3}}
    assert campaign(world).settled_at == world.now
    assert phase_of(campaign(world), "UTC", world.now) == "settled"
    administered(counts(0, 8, answers=2, runs=3, ended_completed=3), world=world)
    assert len(world.facts(FactKind.CAMPAIGN_SETTLED)) == 1


def test_counts_from_before_the_completion_do_not_settle_it() -> None:
    world = completed_world()
    administered(counts(0, 5, runs=3), counts(1, 5), world=world)
    assert not world.facts(FactKind.CAMPAIGN_SETTLED)
    assert campaign(world).awaited == [0, 1]


def test_the_first_report_comes_when_the_campaign_settles() -> None:
    world = settled(completed_world())
    assert codes(reports(world)) == ["provisional"]
    pass_to(world, START + 2 * DAY)
    assert codes(reports(world)) == ["provisional"]


def test_the_first_report_waits_for_a_day_at_most() -> None:
    world = completed_world()
    pass_to(world, START + DAY - SECOND)
    assert not reports(world)
    pass_to(world, START + DAY)
    assert codes(reports(world)) == ["provisional"]
    settled(world)
    assert codes(reports(world)) == ["provisional"]
    assert world.facts(FactKind.CAMPAIGN_SETTLED)


def test_the_last_report_comes_when_the_window_of_attribution_has_closed() -> None:
    world = settled(completed_world(settings={"attribution": {"window_days": 10}}))
    pass_to(world, START + 10 * DAY - SECOND)
    assert codes(reports(world)) == ["provisional"]
    pass_to(world, START + 10 * DAY)
    assert codes(reports(world)) == ["provisional", "final"]
    assert [values(fact)["final"] for fact in reports(world)] == [False, True]


def test_late_answers_after_the_completion_are_in_the_last_report_and_nothing_is_sent() -> None:
    world = settled(completed_world(outreach={"target_contacts_count": 3}), reached=2)
    late = counts(0, 9, answers=2, runs=3, reached=3, responses=2, conversions=1)
    administered(late, world=world)
    pass_to(world, START + 30 * DAY)
    first, last = reports(world)
    assert values(first)["counts"] == {"reached": 2, "runs": 3}
    assert values(last)["counts"] == {"conversions": 1, "reached": 3, "responses": 2, "runs": 3}
    assert campaign(world).end_reason == "by_order"
    assert len(announced(world, m.StatusAnnounced, Topic.CONTACT_LOG)) == 4


def test_a_report_has_everything_for_a_page() -> None:
    terms = {
        "target_contacts_count": 500,
        "target_response_rate": 15.00,
        "target_conversion_count": 5,
    }
    world = settled(completed_world(outreach=terms, steps=TESTED), reached=2, ended_completed=3)
    found = values(reports(world)[0])
    (tested,) = found.pop("experiments")
    assert tested["experiment_id"] == "java-q1"
    progress = {each["name"]: each for each in found.pop("progress")}
    assert (progress["contacts"]["actual"], progress["contacts"]["target"]) == (2, 500)
    assert found == {
        "name": "Java developers",
        "kind": "outreach",
        "timezone": "America/Chicago",
        "status": "completed",
        "final": False,
        "end_reason": "by_order",
        "first_day": "2026-03-02",
        "last_day": "2026-03-02",
        "started_at": "2026-03-02T15:00:00Z",
        "ended_at": "2026-03-02T15:00:00Z",
        "settled_at": "2026-03-02T15:00:00Z",
        "counts": {"ended_completed": 3, "reached": 2, "runs": 3},
        "owner_id": OWNER,
        "campaign_type": "talent_sourcing",
        "channel": "email",
        "targets": {
            "contacts": 500,
            "response_rate": 1_500,
            "conversions": 5,
            "completion_policy": "contacts_and_rate",
        },
    }


def test_the_owner_is_notified_of_the_completion_and_of_both_reports() -> None:
    world = settled(completed_world())
    pass_to(world, START + 30 * DAY)
    facts = world.facts(FactKind.OWNER_NOTIFIED)
    assert codes(facts) == ["campaign_completed", "campaign_report", "campaign_report"]
    assert {values(fact)["owner_id"] for fact in facts} == {OWNER}
    assert [values(fact).get("final") for fact in facts] == [None, False, True]


def test_the_owner_is_notified_of_a_decided_experiment() -> None:
    world = active_world(steps=TESTED, runs=4_000)
    numbers: dict[str, Any] = {
        f"java-q1/50/{variant}/{name}": number
        for variant, responses in (("A", 400), ("B", 100))
        for name, number in (
            ("runs", 2_000),
            ("reached", 2_000),
            ("responses", responses),
            ("conversions", responses),
        )
    }
    administered(counts(0, 2, runs=4_000, live=4_000, **numbers), world=world)
    (decided,) = world.facts(FactKind.EXPERIMENT_DECIDED)
    assert decided.reason == "winner_a"
    (fact,) = world.facts(FactKind.OWNER_NOTIFIED)
    assert (fact.reason, values(fact)["winner"]) == ("experiment_decided", "A")
    administered(changed("completed"), world=world)
    assert "java-q1/50/A/runs" not in values(world.facts(FactKind.CAMPAIGN_STATUS_CHANGED)[-1])


def test_an_experiment_without_a_winner_is_closed_with_the_last_report() -> None:
    world = settled(completed_world(steps=TESTED))
    assert not world.facts(FactKind.EXPERIMENT_DECIDED)
    pass_to(world, START + 30 * DAY)
    assert codes(world.facts(FactKind.EXPERIMENT_DECIDED)) == ["no_winner"]


def test_a_campaign_is_archived_ninety_days_after_its_completion() -> None:
    world = settled(completed_world())
    assert campaign(world).dates[ARCHIVE] == START + 90 * 24 * HOUR
    pass_to(world, START + 90 * DAY - SECOND)
    assert campaign(world).status == "completed"
    pass_to(world, START + 90 * DAY)
    assert campaign(world).status == "archived"
    fact = world.facts(FactKind.CAMPAIGN_STATUS_CHANGED)[-1]
    assert (fact.reason, fact.cause) == ("archived", "archive_due")
    assert campaign(world).dates == {RETENTION: world.now + 730 * DAY}


@pytest.mark.parametrize("action", ["archived", "deleted"])
def test_later_counts_change_nothing_of_a_campaign_that_is_archived_or_deleted(action: str) -> None:
    world = settled(completed_world(steps=TESTED))
    world.now = START + DAY
    administered(changed(action), world=world)
    before = deepcopy(campaign(world))
    shown = len(reports(world))
    late = {"java-q1/50/A/reached": 900, "java-q1/50/A/conversions": 400}
    report = counts(0, 9, world.now, 2, runs=3, responses=1)
    administered(replace(report, counts=report.counts | late), world=world)
    assert campaign(world) == before
    pass_to(world, START + 100 * DAY)
    assert len(reports(world)) == shown
    assert campaign(world).counts == before.counts


def test_a_window_of_attribution_longer_than_ninety_days_ends_with_the_archival() -> None:
    world = settled(completed_world(settings={"attribution": {"window_days": 200}}))
    pass_to(world, START + 90 * DAY)
    assert codes(reports(world)) == ["provisional", "final"]
    assert campaign(world).status == "archived"


@pytest.mark.parametrize("action", ["activated", "paused", "resumed", "completed", "cancelled"])
def test_an_archived_campaign_is_frozen(action: str) -> None:
    world = administered(changed("archived"), world=completed_world())
    administered(changed(action), outreach(name="Other"), world=world)
    assert campaign(world).status == "archived"
    assert codes(world.facts(FactKind.EVENT_REFUSED)) == ["CAMPAIGN_STATUS_INVALID"]
    assert codes(world.facts(FactKind.CAMPAIGN_REFUSED)) == ["CAMPAIGN_ARCHIVED"]


def test_two_years_after_the_archival_its_deletion_is_due_and_an_order_deletes_it() -> None:
    world = administered(changed("archived"), world=completed_world())
    pass_to(world, START + 730 * DAY - SECOND)
    assert not world.facts(FactKind.CAMPAIGN_RETENTION_DUE)
    pass_to(world, START + 730 * DAY)
    assert len(world.facts(FactKind.CAMPAIGN_RETENTION_DUE)) == 1
    assert world.facts(FactKind.OWNER_NOTIFIED)[-1].reason == "campaign_retention_due"
    assert (campaign(world).status, campaign(world).dates) == ("archived", {})
    administered(changed("deleted"), world=world)
    assert campaign(world).status == "deleted"


def test_a_deleted_campaign_has_nothing_to_do_any_more() -> None:
    world = administered(changed("deleted"), world=completed_world())
    assert campaign(world).dates == {}
    pass_to(world, START + 900 * DAY)
    assert not reports(world)


def test_the_timers_of_a_completed_campaign() -> None:
    world = completed_world()
    assert campaign(world).dates == {
        SETTLE: START + DAY,
        REPORT: START + 30 * DAY,
        ARCHIVE: START + 90 * DAY,
    }


def test_everything_that_is_due_comes_in_its_order_when_time_has_jumped() -> None:
    world = completed_world()
    pass_to(world, START + 90 * DAY)
    assert codes(reports(world)) == ["provisional", "final"]
    assert campaign(world).status == "archived"


def test_a_cancelled_campaign_has_no_report() -> None:
    world = outreach_world(changed("cancelled"))
    pass_to(world, START + 100 * DAY)
    assert campaign(world).status == "cancelled"
    assert not reports(world)
