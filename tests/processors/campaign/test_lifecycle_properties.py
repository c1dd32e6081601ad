"""Whatever comes in whatever order: a campaign of outreach follows C-8, each order has one answer,
and each report comes once."""

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base.times import DAY, HOUR, MINUTE
from schemas.internal.facts import Fact, FactKind
from schemas.internal.states import CampaignRecord
from tests.testing.administered import administered
from tests.testing.outreach_orders import (
    campaign,
    changed,
    counts,
    outreach,
    outreach_world,
    pass_to,
)
from tests.testing.world import World

ALLOWED = {
    ("draft", "active"),
    ("draft", "cancelled"),
    ("active", "paused"),
    ("paused", "active"),
    ("active", "completed"),
    ("paused", "completed"),
    ("active", "cancelled"),
    ("paused", "cancelled"),
    ("completed", "archived"),
    ("cancelled", "archived"),
    *((status, "deleted") for status in ("draft", "active", "paused", "completed")),
    *((status, "deleted") for status in ("cancelled", "archived")),
}
"""The changes of status that there are (C-8, C-28)."""

TIMERS = {
    "draft": set(),
    "active": {"end"},
    "paused": {"end"},
    "completed": {"settle", "report", "archive"},
    "cancelled": set(),
    "archived": {"retention"},
    "deleted": set(),
}
"""What may be planned in each status."""

ORDERS = {
    "activated": 6,
    "paused": 4,
    "resumed": 6,
    "completed": 2,
    "archived": 2,
    "cancelled": 1,
    "deleted": 1,
}
"""How often each order comes."""

WAITS = (MINUTE, HOUR, 3 * DAY, 60 * DAY)

Step = tuple[str, Any, int]


def steps_of(random: Random) -> list[Step]:
    """A random history. Most of them activate the draft soon, so that more can come of it."""
    steps: list[Step] = []
    if random.random() < 0.8:
        steps += [("order", "activated", 0), ("count", 0, 5), ("count", 1, 5)]
    for _ in range(random.randint(0, 20)):
        kind = random.choices(("order", "count", "wait", "edit"), (8, 8, 4, 2))[0]
        if kind == "order":
            steps.append((kind, random.choices(list(ORDERS), list(ORDERS.values()))[0], 0))
        elif kind == "count":
            steps.append((kind, random.randint(0, 1), random.choice((0, 1, 3, 5))))
        elif kind == "wait":
            steps.append((kind, 0, random.choice(WAITS)))
        else:
            steps.append((kind, random.randint(0, 3), 0))
    return steps


Steps = st.integers(0, 2**32).map(lambda seed: steps_of(Random(seed)))


class Story:
    """One campaign, its partitions that count when it pleases them, and its orders."""

    def __init__(self) -> None:
        self.world: World = outreach_world(outreach={"target_contacts_count": 9})
        self.seq = 0
        self.causes: list[str] = []

    def take(self, kind: str, what: Any, number: int) -> None:
        """Does one thing."""
        world = self.world
        if kind == "order":
            message = changed(what)
            self.causes.append(message.cause)
            administered(message, world=world)
        elif kind == "count":
            self.count(what, number)
        elif kind == "wait":
            pass_to(world, world.now + number)
        else:
            terms = {"target_contacts_count": 5 + what}
            dates = {} if what else {"end_date": "2026-03-20"}
            administered(outreach(outreach=terms, settings=dates), world=world)

    def count(self, partition: int, live: int) -> None:
        """A partition answers the newest request."""
        self.seq += 1
        request = campaign(self.world).requests
        numbers: dict[str, Any] = {"runs": 5, "live": live, "reached": 5 - live}
        report = counts(partition, self.seq, self.world.now, request, **numbers)
        administered(report, world=self.world)

    def answers(self) -> list[str | None]:
        """The causes of orders that were carried out or refused."""
        kinds = (FactKind.CAMPAIGN_STATUS_CHANGED, FactKind.EVENT_REFUSED)
        return [each.cause for each in self.world.facts(*kinds) if each.cause in self.causes]


def waiting(record: CampaignRecord) -> list[str]:
    """The causes of the orders that wait for the counts."""
    pending = record.activation
    return [] if pending is None else [pending.cause, *pending.further]


def of(facts: list[Fact], *reasons: str) -> list[Fact]:
    return [fact for fact in facts if fact.reason in reasons]


@settings(max_examples=150, deadline=None)
@given(Steps)
def test_a_lifecycle_holds_whatever_comes(steps: list[Step]) -> None:
    story = Story()
    for step in steps:
        story.take(*step)
        record = campaign(story.world)
        assert set(record.dates) <= TIMERS[record.status]
        assert sorted([*story.answers(), *waiting(record)], key=str) == sorted(story.causes)
    facts = story.world.facts(FactKind.CAMPAIGN_STATUS_CHANGED)
    changes = [((fact.values or {})["before"], fact.reason) for fact in facts]
    assert set(changes) <= ALLOWED
    assert [before for before, _ in changes[1:]] == [after for _, after in changes[:-1]]
    check_the_end(story, changes)


def check_the_end(story: Story, changes: list[tuple[Any, Any]]) -> None:
    """What must be true of the completion and of what follows it."""
    record, world = campaign(story.world), story.world
    completed = [becomes for _, becomes in changes].count("completed")
    assert completed <= 1
    assert bool(record.end_reason) == bool(completed)
    reports = world.facts(FactKind.CAMPAIGN_REPORT)
    assert [fact.reason for fact in reports] in (
        [],
        ["provisional"],
        ["provisional", "final"],
        ["final"],
    )
    assert len(world.facts(FactKind.CAMPAIGN_SETTLED)) <= completed
    assert len(reports) <= 2 * completed
    if completed and any(becomes == "archived" for _, becomes in changes):
        assert reports[-1].reason == "final"
    if any(becomes == "active" for _, becomes in changes):
        assert record.started_at and record.first_day is not None
    assert not (set(record.dates) and record.status == "deleted")


@settings(max_examples=40, deadline=None)
@given(Steps)
def test_a_completed_campaign_comes_to_rest_by_itself(steps: list[Step]) -> None:
    story = Story()
    for step in steps:
        story.take(*step)
    story.take("order", "completed", 0)
    if campaign(story.world).status != "completed":
        return
    for partition in (0, 1):
        story.count(partition, 0)
    assert campaign(story.world).settled_at
    for days in (31, 91, 731):
        pass_to(story.world, story.world.now + days * DAY)
    assert (campaign(story.world).status, campaign(story.world).dates) == ("archived", {})
    assert of(story.world.facts(FactKind.CAMPAIGN_REPORT), "final")
    assert len(story.world.facts(FactKind.CAMPAIGN_RETENTION_DUE)) == 1
