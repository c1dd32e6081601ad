"""Bugs planted into the lifecycle of outreach: a story notices each of them, and passes without."""

from collections.abc import Callable
from typing import Any

import pytest

from processors.campaign import completion, dates, lifecycle, reports, targets
from processors.campaign.broadcast import campaign_key
from processors.shared.calendar_periods import first_moment
from schemas.base.times import MINUTE, SECOND, parse_rfc3339
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.states import CampaignRecord
from tests.testing.administered import administered
from tests.testing.outreach_orders import active_world, campaign, changed, counts, pass_to
from tests.testing.world import START

Story = Callable[[], bool]
Plant = Callable[[pytest.MonkeyPatch], None]


def ends_by_its_own_clock() -> bool:
    """A campaign in Chicago is active to the end of its last day there."""
    world = active_world(settings={"end_date": "2026-03-10"})
    pass_to(world, parse_rfc3339("2026-03-11T05:00:00Z") - SECOND)
    before = campaign(world).status
    pass_to(world, world.now + SECOND)
    return (before, campaign(world).status) == ("active", "completed")


def ends_although_it_is_paused() -> bool:
    world = active_world(changed("paused"), settings={"end_date": "2026-03-10"})
    pass_to(world, parse_rfc3339("2026-03-12T00:00:00Z"))
    return campaign(world).status == "completed"


def outlasts_a_slow_import() -> bool:
    """People that come every ten minutes, each done before the next one, do not complete it."""
    world = active_world(runs=1)
    for number in range(1, 5):
        pass_to(world, START + number * 10 * MINUTE)
        ended = counts(0, number + 1, world.now, runs=number, ended_completed=number)
        administered(ended, world=world)
    return campaign(world).status == "active"


def outlasts_a_reply_that_waits_for_a_person() -> bool:
    world = active_world(runs=2)
    administered(counts(0, 2, runs=2, frozen=1, ended_completed=1), world=world)
    pass_to(world, START + 60 * MINUTE)
    return campaign(world).status == "active"


def is_not_doubled_by_a_rebuild() -> bool:
    """A partition that reports all of its counts again reaches no target by it."""
    world = active_world(runs=9, outreach={"target_contacts_count": 10})
    for seq in (2, 2, 3):
        administered(counts(0, seq, runs=9, live=9, reached=9), world=world)
    return campaign(world).status == "active"


def keeps_to_exact_rates() -> bool:
    """14.9999… % is shown as 15.00 %, and is less."""
    terms = {"target_contacts_count": 500, "target_response_rate": 15.00}
    world = active_world(runs=66_667, outreach=terms)
    reached = counts(0, 2, runs=66_667, live=66_667, reached=66_667, responses=10_000)
    administered(reached, world=world)
    return campaign(world).status == "active"


def settles_by_counts_from_after_the_completion() -> bool:
    world = active_world(changed("completed"))
    administered(counts(0, 2, runs=3), counts(1, 2), world=world)
    return not world.facts(FactKind.CAMPAIGN_SETTLED)


def utc(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(dates, "first_moment", lambda _, day: first_moment("UTC", day))


def never_ends_while_paused(patch: pytest.MonkeyPatch) -> None:
    real = dates.plan_end

    def plan(record: CampaignRecord, zone_name: str) -> None:
        real(record, zone_name)
        if record.status == "paused":
            record.dates.clear()

    patch.setattr(dates, "plan_end", plan)


def counts_no_quiet_time(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lifecycle, "QUIET_US", 0)


def forgets_frozen_runs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lifecycle, "FROZEN", "nothing")


def adds_reports_up(patch: pytest.MonkeyPatch) -> None:
    real = completion.runs_counted

    def add(turn: Any, layout: Any, message: m.RunsCounted) -> None:
        key = campaign_key(message.tenant_id, message.campaign_id)
        known = turn.store.read(key, CampaignRecord)
        seq, before = known.counts.get(message.partition, (0, {}))
        names = {*before, *message.counts}
        sums = {name: before.get(name, 0) + message.counts.get(name, 0) for name in names}
        ids = (message.tenant_id, message.campaign_id, message.partition, seq + 1, sums)
        real(turn, layout, m.RunsCounted(*ids, message.last_started_at, 1, message.answers))

    patch.setattr(completion, "runs_counted", add)


def rounds_rates(patch: pytest.MonkeyPatch) -> None:
    real = targets.progress

    def rounded(record: CampaignRecord) -> list[targets.TargetProgress]:
        return [
            row._replace(is_reached=(row.actual or 0) + 1 >= row.target) for row in real(record)
        ]

    patch.setattr(targets, "progress", rounded)


def settles_at_once(patch: pytest.MonkeyPatch) -> None:
    real = reports.settle

    def settle(turn: Any, record: CampaignRecord) -> None:
        record.awaited = []
        real(turn, record)

    patch.setattr(reports, "settle", settle)


PLANTED: dict[Plant, Story] = {
    utc: ends_by_its_own_clock,
    never_ends_while_paused: ends_although_it_is_paused,
    counts_no_quiet_time: outlasts_a_slow_import,
    forgets_frozen_runs: outlasts_a_reply_that_waits_for_a_person,
    adds_reports_up: is_not_doubled_by_a_rebuild,
    rounds_rates: keeps_to_exact_rates,
    settles_at_once: settles_by_counts_from_after_the_completion,
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_bug_of_the_lifecycle_is_noticed(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = PLANTED[plant]
    assert story()
    plant(monkeypatch)
    assert not story()
