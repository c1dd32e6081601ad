"""What the history of outreach contains: without it, a replay would prove nothing of drafts,
experiments, credit, soft bounces and completion."""

import pytest

from schemas.internal.facts import Fact, FactKind
from streams.audit.state_scan import enrollments
from tests.histories.outreach_story import JAVA, SPRING, TARGET, outreach
from tests.testing.world import World

LIFECYCLE: set[tuple[FactKind, str | None]] = {
    (FactKind.EVENT_REFUSED, "CAMPAIGN_NO_CONTACTS"),
    (FactKind.EVENT_REFUSED, "CAMPAIGN_NO_SENDER"),
    (FactKind.EVENT_REFUSED, "CAMPAIGN_ALREADY_ACTIVE"),
    *((FactKind.CAMPAIGN_STATUS_CHANGED, each) for each in ("active", "paused", "completed")),
    (FactKind.CAMPAIGN_STATUS_CHANGED, "archived"),
    (FactKind.CAMPAIGN_SETTLED, None),
    (FactKind.CAMPAIGN_REPORT, "provisional"),
    (FactKind.CAMPAIGN_REPORT, "final"),
    (FactKind.ENROLLMENT_DECLINED, "CONTACT_NO_ADDRESS"),
    (FactKind.ENROLLMENT_DECLINED, "CAMPAIGN_COMPLETED"),
    (FactKind.ENROLLMENT_STOPPED, "campaign_completed"),
}
EXPERIMENT: set[tuple[FactKind, str | None]] = {
    (FactKind.EXPERIMENT_DECIDED, "winner_a"),
    (FactKind.EXPERIMENT_SWITCHED, None),
    (FactKind.OWNER_NOTIFIED, "experiment_decided"),
}
ANSWERS: set[tuple[FactKind, str | None]] = {
    *((FactKind.TOUCH_BOUNCED, each) for each in ("soft", "hard", "block", "content")),
    (FactKind.TOUCH_RETRIED, "soft_bounce"),
    (FactKind.TOUCH_FAILED, "soft_bounces"),
    (FactKind.CONVERSION_ATTRIBUTED, "interview"),
    (FactKind.CONVERSION_UNATTRIBUTED, "nothing_sent"),
    (FactKind.CONVERSION_UNATTRIBUTED, "type_not_of_campaign"),
    (FactKind.CONVERSION_REATTRIBUTED, "interview"),
    (FactKind.ENROLLMENT_STOPPED, "converted"),
    (FactKind.ENROLLMENT_STOPPED, "contact_gone"),
    (FactKind.TOUCH_SKIPPED, "channel_not_preferred"),
    (FactKind.TOUCH_SENT, "sent_after_owner_stopped"),
}


@pytest.fixture(scope="module")
def world() -> World:
    return outreach()


def of_kind(world: World, kind: FactKind, campaign_id: str = JAVA) -> list[Fact]:
    return [f for f in world.facts() if (f.fact, f.campaign_id) == (kind, campaign_id)]


def test_the_history_of_outreach_contains_every_kind_of_event(world: World) -> None:
    emitted = {(fact.fact, fact.reason) for fact in world.facts()}
    assert (LIFECYCLE | EXPERIMENT | ANSWERS) - emitted == set()


def test_one_campaign_completes_by_its_target_and_the_other_one_by_its_date(world: World) -> None:
    for campaign_id, reason in ((JAVA, "targets"), (SPRING, "end_date")):
        changes = of_kind(world, FactKind.CAMPAIGN_STATUS_CHANGED, campaign_id)
        (completed,) = [fact.values for fact in changes if fact.reason == "completed"]
        assert completed is not None
        assert completed["end_reason"] == reason
        if campaign_id == JAVA:
            assert completed["counts"]["reached"] >= TARGET


def test_some_people_have_the_template_of_the_winner(world: World) -> None:
    (decided,) = of_kind(world, FactKind.EXPERIMENT_DECIDED)
    assert decided.values is not None
    assert (decided.values["winner"], decided.values["decided_by"]) == ("A", "sequential")
    ways = {
        each.assigned_by
        for _, _, runs in enrollments(
            (key, value) for (_, key), value in world.states("contact").items()
        )
        for run in runs
        for each in (run.results.variants if run.results else ())
    }
    assert ways == {"hash", "winner"}
