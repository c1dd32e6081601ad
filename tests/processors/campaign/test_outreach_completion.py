"""How a campaign of outreach completes: by its end date, its targets, or because all of its people
are processed, the first that holds (C-5, C-7); whatever the reports of its counts go through."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.campaign.lifecycle import QUIET_US
from processors.campaign.targets import TargetProgress, progress
from schemas.base.times import DAY, MINUTE, SECOND, parse_rfc3339
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.topics import Topic
from tests.testing.administered import administered, announced
from tests.testing.builders import CAMPAIGN, campaign_document, publish, step
from tests.testing.outreach import experiment
from tests.testing.outreach_orders import (
    active_world,
    campaign,
    changed,
    counts,
    outreach,
    outreach_world,
    pass_to,
    published,
)
from tests.testing.world import START, World

SAMPLE = {"target_contacts_count": 500, "target_response_rate": 15.00}


def statuses(world: World) -> list[tuple[str | None, str | None]]:
    """The status facts after the activation: the status, and why."""
    facts = world.facts(FactKind.CAMPAIGN_STATUS_CHANGED)[1:]
    return [(fact.reason, fact.cause) for fact in facts]


def reached(world: World, seq: int, **numbers: Any) -> World:
    return administered(counts(0, seq, **{"runs": 600, "live": 600, **numbers}), world=world)


# targets


@pytest.mark.parametrize(
    ("terms", "number", "responses", "completes"),
    [
        (SAMPLE, 500, 75, True),
        (SAMPLE, 500, 74, False),
        (SAMPLE, 499, 499, False),
        (SAMPLE, 507, 76, False),  # 14.99 %
        (SAMPLE, 506, 76, True),  # 15.02 %
        (SAMPLE, 66_667, 10_000, False),  # 14.9999 %
        (SAMPLE, 66_667, 10_001, True),
        ({"target_contacts_count": 500}, 500, 0, True),
        ({"target_contacts_count": 500}, 499, 0, False),
        ({**SAMPLE, "completion_policy": "contacts_only"}, 500, 0, True),
        ({**SAMPLE, "target_response_rate": 0.0}, 500, 0, True),
        ({**SAMPLE, "target_response_rate": 33.33}, 500, 166, False),
        ({**SAMPLE, "target_response_rate": 33.33}, 500, 167, True),
        ({"target_response_rate": 15.00}, 500, 500, False),
        ({"target_conversion_count": 1}, 500, 500, False),
    ],
)
def test_targets_complete_a_campaign_exactly_where_they_are_met(
    terms: dict[str, Any], number: int, responses: int, completes: bool
) -> None:
    world = active_world(runs=600, outreach=terms)
    reached(world, 2, reached=number, responses=responses, conversions=40)
    assert campaign(world).status == ("completed" if completes else "active")
    if completes:
        assert (campaign(world).end_reason, statuses(world)) == (
            "targets",
            [("completed", "targets")],
        )


def test_the_counts_of_all_partitions_meet_a_target_together() -> None:
    world = active_world(runs=600, outreach={"target_contacts_count": 500})
    reached(world, 2, reached=250)
    administered(counts(1, 2, runs=600, live=600, reached=249), world=world)
    assert campaign(world).status == "active"
    administered(counts(1, 3, runs=600, live=600, reached=250), world=world)
    assert campaign(world).status == "completed"


def test_how_far_a_campaign_is_to_its_targets() -> None:
    terms = {**SAMPLE, "target_conversion_count": 10}
    world = active_world(runs=600, outreach=terms)
    assert progress(campaign(world)) == [
        TargetProgress("contacts", 0, 500, is_reached=False, decides=True),
        TargetProgress("response_rate", None, 1_500, is_reached=False, decides=True),
        TargetProgress("conversions", 0, 10, is_reached=False, decides=False),
    ]
    reached(world, 2, reached=300, responses=100, conversions=10)
    assert progress(campaign(world)) == [
        TargetProgress("contacts", 300, 500, is_reached=False, decides=True),
        TargetProgress("response_rate", 3_333, 1_500, is_reached=True, decides=True),
        TargetProgress("conversions", 10, 10, is_reached=True, decides=False),
    ]


def test_a_paused_campaign_meets_its_targets_when_it_is_resumed() -> None:
    world = active_world(changed("paused"), runs=600, outreach={"target_contacts_count": 500})
    reached(world, 2, reached=500, live=0, frozen=600)
    assert campaign(world).status == "paused"
    order = changed("resumed")
    administered(order, world=world)
    assert statuses(world)[1:] == [("completed", order.cause)], "the runs do not go on before it"
    assert campaign(world).end_reason == "targets"


def test_a_target_that_an_edit_brings_down_is_met_at_once() -> None:
    world = active_world(runs=600, outreach={"target_contacts_count": 500})
    reached(world, 2, reached=100)
    administered(outreach(outreach={"target_contacts_count": 100}), world=world)
    assert campaign(world).end_reason == "targets"


# all processed


def test_all_processed_needs_fifteen_minutes_without_a_new_person() -> None:
    world = active_world()
    administered(counts(0, 2, runs=3, ended_completed=3), world=world)
    assert campaign(world).complete_at == START + QUIET_US == START + 15 * MINUTE
    pass_to(world, START + 15 * MINUTE - SECOND)
    assert campaign(world).status == "active"
    pass_to(world, START + 15 * MINUTE)
    assert statuses(world) == [("completed", "all_processed")]
    assert campaign(world).end_reason == "all_processed"


def test_a_slow_import_does_not_complete_the_campaign_after_its_first_person() -> None:
    world = active_world(runs=1)
    for number in range(1, 10):
        world.now = START + number * 10 * MINUTE
        started = counts(0, number + 1, world.now, runs=number, ended_completed=number)
        administered(started, world=world)
        assert campaign(world).status == "active"
    pass_to(world, world.now + 15 * MINUTE)
    assert campaign(world).status == "completed"


@pytest.mark.parametrize("name", ["live", "frozen"])
def test_a_run_that_goes_on_or_is_held_by_a_reply_is_not_processed(name: str) -> None:
    world = active_world()
    held: dict[str, Any] = {name: 1}
    administered(counts(0, 2, runs=3, ended_completed=2, **held), world=world)
    pass_to(world, START + 3 * DAY)
    assert campaign(world).status == "active"
    administered(counts(0, 3, runs=3, ended_completed=2, ended_replied=1), world=world)
    pass_to(world, world.now)
    assert campaign(world).status == "completed"


def test_a_review_campaign_with_an_experiment_is_never_all_processed() -> None:
    tested = step("mail", hours=24, template_id=None, experiment=experiment())
    world = administered(published(campaign_document(steps=[tested])))
    ended = counts(0, 1, campaign_id=CAMPAIGN, runs=3, ended_completed=3)
    administered(ended, world=world)
    assert campaign(world, CAMPAIGN).counts == {0: (1, {"runs": 3, "ended_completed": 3})}
    pass_to(world, START + 3 * DAY)
    assert campaign(world, CAMPAIGN).status == "active"


# the first that holds


def test_the_end_date_is_asked_first_then_the_targets_then_whether_all_are_processed() -> None:
    terms = {"target_contacts_count": 3}
    world = active_world(outreach=terms, settings={"end_date": "2026-03-10"})
    world.now = parse_rfc3339("2026-03-11T05:00:00Z")
    administered(counts(0, 2, runs=3, reached=3, ended_completed=3), world=world)
    assert campaign(world).end_reason == "end_date"
    both = active_world(outreach=terms)
    both.now = START + DAY
    administered(counts(0, 2, runs=3, reached=3, ended_completed=3), world=both)
    assert campaign(both).end_reason == "targets"


def test_an_end_date_and_processed_people_at_one_moment_are_an_end_date() -> None:
    world = active_world(settings={"end_date": "2026-03-10"})
    administered(counts(0, 2, runs=3, ended_completed=3), world=world)
    pass_to(world, START + 30 * DAY)
    assert campaign(world).end_reason == "end_date"


@pytest.mark.parametrize("before", [[], ["paused"]])
def test_the_owner_can_complete_a_campaign_at_any_time(before: list[str]) -> None:
    world = active_world(*map(changed, before), changed("completed"))
    record = campaign(world)
    assert (record.status, record.end_reason) == ("completed", "by_order")
    fact = world.facts(FactKind.CAMPAIGN_STATUS_CHANGED)[-1]
    assert (fact.values or {})["end_reason"] == "by_order"
    assert record.last_day == START // DAY, "the end date is set, because it was empty"


def test_a_completed_campaign_stops_its_runs_and_asks_for_the_last_counts() -> None:
    world = active_world(changed("completed"))
    log = Topic.CONTACT_LOG
    assert [each.status for each in announced(world, m.StatusAnnounced, log)][1::2] == [
        "completed",
        "completed",
    ]
    assert {each.request for each in announced(world, m.CountsRequested, log)} == {1, 2}
    assert campaign(world).awaited == [0, 1]


@pytest.mark.parametrize("mode", ["inclusive", "literal"])
def test_a_campaign_of_any_kind_can_have_an_end_date(mode: str) -> None:
    day = {"end_date": "2026-03-10", "end_date_mode": mode}
    world = administered(publish(settings=day))
    pass_to(world, parse_rfc3339("2026-03-11T05:00:00Z"))
    assert campaign(world, CAMPAIGN).status == "completed"
    (fact,) = world.facts(FactKind.CAMPAIGN_STATUS_CHANGED)
    assert fact.values == {"before": "active", "end_reason": "end_date"}
    pass_to(world, world.now + 900 * DAY)
    assert campaign(world, CAMPAIGN).dates == {}
    assert not world.facts(FactKind.CAMPAIGN_REPORT, FactKind.OWNER_NOTIFIED)


# reports that come in another order, twice, or not at all

Reports = st.lists(
    st.tuples(st.integers(0, 1), st.integers(2, 9), st.integers(0, 30), st.integers(0, 30)),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(Reports, st.randoms(use_true_random=False))
def test_reports_in_any_order_and_twice_give_the_same_counts(
    rows: list[tuple[int, int, int, int]], random: Any
) -> None:
    reports = {
        (partition, seq): counts(
            partition, seq, START + seq, runs=60, live=60, reached=number, responses=responses
        )
        for partition, seq, number, responses in rows
    }
    shuffled = [*reports.values()] * 2
    random.shuffle(shuffled)
    terms = {"target_contacts_count": 1_000}
    one = administered(*reports.values(), world=active_world(outreach=terms))
    other = administered(*shuffled, world=active_world(outreach=terms))
    for name in ("counts", "last_started_at", "complete_at", "status"):
        assert getattr(campaign(one), name) == getattr(campaign(other), name)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=10), st.data())
def test_a_target_is_met_by_the_newest_report_whichever_older_ones_are_lost(
    numbers: list[int], data: st.DataObject
) -> None:
    grown = sorted(numbers)
    kept = [n for n in range(len(grown)) if data.draw(st.booleans())] + [len(grown) - 1]
    world = active_world(runs=60, outreach={"target_contacts_count": 10})
    for number in sorted({*kept}):
        report = counts(0, number + 2, runs=60, live=60, reached=grown[number])
        administered(report, report, world=world)
    assert (campaign(world).status == "completed") is (grown[-1] >= 10)


def test_a_rebuilt_partition_that_reports_everything_again_doubles_nothing() -> None:
    world = active_world(runs=60, outreach={"target_contacts_count": 100})
    for _ in range(3):
        reached(world, 2, reached=60)
    reached(world, 3, reached=60)
    assert campaign(world).status == "active"


def test_counts_of_a_draft_decide_nothing() -> None:
    world = outreach_world(outreach={"target_contacts_count": 1})
    administered(counts(0, 1, runs=1, reached=1), world=world)
    assert campaign(world).status == "draft"
