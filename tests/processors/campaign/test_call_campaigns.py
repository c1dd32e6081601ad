"""Campaigns of calls in the campaign processor: their callers and limits, how they complete by
themselves, and the pause of one whose calls fail (F-15, F-17)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.campaign.lifecycle import QUIET_US
from schemas.base.times import MINUTE, SECOND
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.limit_terms import TenantCallTerms
from schemas.internal.states import CampaignRecord
from schemas.internal.topics import Topic
from tests.testing.administered import administered, announced, codes, order, record_of
from tests.testing.builders import CAMPAIGN, TENANT, publish, step, tenant
from tests.testing.world import START, World

CALLS = TenantCallTerms(agents={"agent-7": None}, numbers={"+12125550100": 1})


def calls(**changes: Any) -> m.PublishCampaign:
    document: dict[str, Any] = {"kind": "calls", "steps": [step("call", "voice", None)]}
    return publish(**(document | changes))


def named(**names: Any) -> m.PublishCampaign:
    return calls(settings={"calls": names})


def counted(partition: int = 0, seq: int = 1, started: int = START, **counts: int) -> m.RunsCounted:
    return m.RunsCounted(TENANT, CAMPAIGN, partition, seq, counts, started)


def campaign(world: World) -> CampaignRecord:
    return record_of(world, f"c/{TENANT}/{CAMPAIGN}", CampaignRecord)


def pass_time(world: World, duration: int) -> World:
    """The world after a time, with a record that moves the time of the campaign processor."""
    world.now += duration
    world.broker.append(Topic.CAMPAIGN_LOG, TENANT.encode(), m.TICK)
    return administered(world=world)


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ({"agent": "agent-8"}, "CAMPAIGN_AGENT_UNKNOWN"),
        ({"from_number": "+1 212 555 0199"}, "CAMPAIGN_NUMBER_UNKNOWN"),
    ],
)
def test_a_campaign_cannot_name_an_agent_or_a_number_that_its_tenant_does_not_have(
    names: dict[str, str], code: str
) -> None:
    world = administered(tenant(cause="t#2", calls=CALLS), named(**names))
    assert codes(world.facts(FactKind.CAMPAIGN_REFUSED)) == [code]
    assert not world.facts(FactKind.CAMPAIGN_PUBLISHED)


@pytest.mark.parametrize("known", [TenantCallTerms(), None])
def test_a_campaign_of_a_tenant_that_has_listed_nothing_can_name_anything(
    known: TenantCallTerms | None,
) -> None:
    names = {"agent": "agent-8", "from_number": "+1 212 555 0199"}
    world = administered(tenant(cause="t#2", calls=known), named(**names))
    assert world.facts(FactKind.CAMPAIGN_PUBLISHED)


def test_a_campaign_can_name_what_its_tenant_has_however_the_number_is_written() -> None:
    world = administered(
        tenant(cause="t#2", calls=CALLS), named(agent="agent-7", from_number="+1 (212) 555-0100")
    )
    assert not world.facts(FactKind.CAMPAIGN_REFUSED)
    assert world.facts(FactKind.CAMPAIGN_PUBLISHED)


def test_the_campaign_of_direct_calls_cannot_be_published() -> None:
    world = administered(calls(campaign_id="direct-calls"))
    assert codes(world.facts(FactKind.CAMPAIGN_REFUSED)) == ["CAMPAIGN_INVALID"]


def test_the_limits_of_a_campaign_are_announced_when_they_change() -> None:
    world = administered(calls())
    assert not announced(world, m.CampaignLimitsAnnounced)
    changes: list[dict[str, Any]] = [
        {"settings": {"calls": {"slots": 3}}},
        {"settings": {"calls": {"slots": 3}}, "name": "Other"},
        {"settings": {"per_day": 50, "max_new_per_day": 20}},
        {},
    ]
    administered(*[calls(**change) for change in changes], world=world)
    messages = announced(world, m.CampaignLimitsAnnounced)
    first = messages[: len(messages) // world.layout.dispatch]
    assert [(each.per_day, each.max_new_per_day, each.calls_at_once) for each in first] == [
        (None, None, 3),
        (50, 20, None),
        (None, None, None),
    ]
    assert messages == first * world.layout.dispatch


def test_the_limits_of_a_deleted_campaign_are_gone() -> None:
    world = administered(calls(settings={"per_day": 5}), change("deleted"))
    limits = [each.per_day for each in announced(world, m.CampaignLimitsAnnounced)]
    assert limits == [5, None] * 2


def test_a_campaign_completes_when_no_run_is_left_and_none_has_begun_for_a_while() -> None:
    world = administered(calls(), counted(runs=2, live=2), counted(1, runs=1, live=1))
    assert campaign(world).complete_at is None
    administered(counted(seq=2, runs=2, live=0, completed=2), world=world)
    assert campaign(world).complete_at is None
    administered(counted(1, 2, runs=1, live=0, failed=1), world=world)
    assert campaign(world).complete_at == START + QUIET_US == START + 15 * MINUTE
    pass_time(world, QUIET_US - SECOND)
    assert campaign(world).status == "active"
    pass_time(world, SECOND)
    assert (campaign(world).status, campaign(world).ended_at) == ("completed", world.now)
    fact = world.facts(FactKind.CAMPAIGN_STATUS_CHANGED)[-1]
    assert (fact.reason, fact.cause) == ("completed", "runs_ended")
    counts = {"runs": 3, "completed": 2, "failed": 1, "cancelled": 0, "skipped": 0}
    assert fact.values == {"before": "active", **counts}
    statuses = announced(world, m.StatusAnnounced, Topic.CONTACT_LOG)
    assert [each.status for each in statuses] == ["completed"] * world.layout.contact


def test_a_further_run_defers_the_completion() -> None:
    world = administered(calls(), counted(runs=1, live=0, completed=1))
    pass_time(world, 10 * MINUTE)
    administered(counted(seq=2, started=world.now, runs=2, live=1, completed=1), world=world)
    assert campaign(world).complete_at is None
    administered(counted(seq=3, started=world.now, runs=2, live=0, completed=2), world=world)
    assert campaign(world).complete_at == world.now + QUIET_US


def test_runs_that_end_long_after_the_last_one_began_complete_the_campaign_at_once() -> None:
    world = administered(calls(), counted(runs=1, live=1))
    pass_time(world, 60 * MINUTE)
    assert campaign(world).status == "active"
    administered(counted(seq=2, runs=1, live=0, cancelled=1), world=world)
    assert campaign(world).status == "completed"


def test_a_campaign_without_runs_and_one_of_another_kind_go_on() -> None:
    world = administered(calls(), counted(runs=0, live=0))
    assert campaign(world).complete_at is None
    world = administered(publish(), counted(runs=1, live=0, completed=1))
    assert campaign(world).complete_at is None


def test_a_paused_campaign_completes_only_after_it_is_resumed() -> None:
    world = administered(calls(), counted(runs=1, live=1), change("paused"))
    administered(counted(seq=2, runs=1, live=0, completed=1), world=world)
    pass_time(world, 60 * MINUTE)
    assert (campaign(world).status, campaign(world).complete_at) == ("paused", None)
    administered(change("resumed"), world=world)
    assert campaign(world).status == "completed"


def change(action: str) -> m.ChangeCampaign:
    return order(m.ChangeCampaign, f"x#{action}", campaign_id=CAMPAIGN, action=action)


def test_a_campaign_keeps_when_it_began_and_when_it_ended() -> None:
    world = administered(calls(status="draft"))
    assert (campaign(world).started_at, campaign(world).ended_at) == (0, 0)
    for action in ("activated", "paused", "resumed", "cancelled", "archived"):
        pass_time(world, MINUTE)
        administered(change(action), world=world)
    assert campaign(world).started_at == START + MINUTE
    assert campaign(world).ended_at == START + 4 * MINUTE


def test_a_campaign_that_is_published_active_begins_then_and_a_new_version_changes_nothing() -> (
    None
):
    world = administered(calls())
    pass_time(world, MINUTE)
    administered(calls(name="Other"), world=world)
    assert campaign(world).started_at == START


def test_the_states_of_other_kinds_are_what_they_were() -> None:
    world = administered(publish(), change("completed"))
    assert (campaign(world).started_at, campaign(world).ended_at) == (0, 0)


def test_an_older_report_and_one_of_an_unknown_campaign_change_nothing() -> None:
    world = administered(calls(), counted(seq=5, runs=2, live=1, completed=1))
    stale = m.RunsCounted(TENANT, "nothing", 0, 1, {"runs": 1, "live": 0}, START)
    administered(counted(seq=5, runs=9, live=0), counted(seq=4, runs=1, live=0), stale, world=world)
    assert campaign(world).counts == {0: (5, {"runs": 2, "live": 1, "completed": 1})}


def test_a_new_version_keeps_the_counts() -> None:
    world = administered(calls(), counted(runs=2, live=1, completed=1), calls(name="Other"))
    assert campaign(world).counts == {0: (1, {"runs": 2, "live": 1, "completed": 1})}
    assert campaign(world).last_started_at == START


Reports = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 6), st.integers(0, 3), st.integers(0, 3)),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(Reports, st.randoms(use_true_random=False))
def test_reports_in_any_order_and_twice_give_the_same_counts(
    rows: list[tuple[int, int, int, int]], random: Any
) -> None:
    reports = {
        (partition, seq): counted(partition, seq, START + seq, runs=live + ended, live=live)
        for partition, seq, live, ended in rows
    }
    shuffled = [*reports.values()] * 2
    random.shuffle(shuffled)
    one, other = administered(calls(), *reports.values()), administered(calls(), *shuffled)
    for name in ("counts", "last_started_at", "complete_at", "status"):
        assert getattr(campaign(one), name) == getattr(campaign(other), name)


def test_a_campaign_whose_calls_fail_pauses_itself() -> None:
    failing = m.PauseByFailures(TENANT, CAMPAIGN, 10, 6)
    world = administered(calls(), failing, failing)
    assert campaign(world).status == "paused"
    (fact,) = world.facts(FactKind.CAMPAIGN_STATUS_CHANGED)
    assert (fact.reason, fact.cause) == ("paused", "failure_rate")
    assert fact.values == {"before": "active", "ends": 10, "failed": 6}


@pytest.mark.parametrize("action", ["paused", "cancelled", "completed", "deleted"])
def test_calls_that_fail_change_no_campaign_that_is_not_active(action: str) -> None:
    world = administered(calls(), change(action), m.PauseByFailures(TENANT, CAMPAIGN, 10, 10))
    assert campaign(world).status == action
    world = administered(m.PauseByFailures(TENANT, "nothing", 10, 10))
    assert not world.facts(FactKind.CAMPAIGN_STATUS_CHANGED)
