"""How the campaign processor decides experiments by the counts of its partitions, switches to the
winner, and keeps experiments apart (S4-64…S4-72, C-21, C-22)."""

from typing import Any

import pytest

from processors.shared.experiment_statistics import result_of_values
from schemas.internal import messages as m
from schemas.internal.campaign_states import ExperimentRecord
from schemas.internal.facts import Fact, FactKind
from schemas.internal.topics import Topic
from tests.testing.administered import administered, announced, codes, order
from tests.testing.builders import CAMPAIGN, TENANT, campaign_document
from tests.testing.experiments import (
    CLEAR,
    EXPERIMENT,
    FAINT,
    People,
    counted,
    experimenting,
    report,
    results,
    steps_with,
)
from tests.testing.outreach import OUTREACH
from tests.testing.outreach_orders import (
    campaign,
    changed,
    counts,
    outreach,
    pass_to,
    published,
)
from tests.testing.world import World


def record(world: World) -> ExperimentRecord:
    return campaign(world).experiments[EXPERIMENT]


def decided(world: World) -> list[Fact]:
    return world.facts(FactKind.EXPERIMENT_DECIDED)


def values(fact: Fact) -> dict[str, Any]:
    return fact.values or {}


# deciding


def test_a_clear_difference_is_decided_with_its_evidence() -> None:
    world = report(experimenting(), *CLEAR)
    (fact,) = decided(world)
    assert (fact.reason, fact.campaign_id, fact.version) == ("winner_a", OUTREACH, 1)
    result = result_of_values(values(fact))
    assert (result.winner, result.leader, result.winner_by_seed_rule) == ("A", "A", "A")
    assert result.metric("response").p_fixed == pytest.approx(2.92e-7, rel=0.01)
    conversion = result.metric("conversion")
    assert (conversion.p_always or 1) < 0.05
    assert values(fact)["decided_by"] == "sequential"
    evidence = counted(50, *CLEAR)
    assert values(fact)["counts"] == evidence
    decision = record(world).decision
    assert decision is not None
    assert (decision.winner, decision.counts, decision.decided_at) == ("A", evidence, world.now)


def test_the_p_value_of_the_usual_rule_decides_nothing() -> None:
    world = report(experimenting(primary_metric="response"), *FAINT)
    assert decided(world) == []
    assert record(world).decision is None
    assert record(world).greatest_e == 2_548_630
    (shown,) = results(world)
    assert shown["winner_by_seed_rule"] == "A"
    assert shown["metrics"][0]["p_always"] == pytest.approx(0.392368, abs=1e-6)
    assert shown["lacks"] == ("evidence",)


def test_the_metric_that_is_not_primary_decides_nothing() -> None:
    responses_only = ((2500, 400, 30), (2500, 275, 30))
    assert decided(report(experimenting(), *responses_only)) == []
    world = report(experimenting(primary_metric="response"), *responses_only)
    assert [fact.reason for fact in decided(world)] == ["winner_a"]


def test_a_tie_has_no_winner() -> None:
    tie = ((3000, 500, 90), (3000, 500, 90))
    assert decided(report(experimenting(), *tie)) == []
    world = administered(changed("completed"), world=report(experimenting(decide="at_end"), *tie))
    (fact,) = decided(world)
    assert (fact.reason, values(fact)["winner"], values(fact)["leader"]) == ("no_winner", "", "")


@pytest.mark.parametrize(
    ("of_a", "of_b", "lacks"),
    [
        ((99, 60, 60), (120, 2, 2), "reached"),
        ((120, 2, 2), (99, 60, 60), "reached"),
        ((500, 29, 29), (500, 0, 0), "responses"),
        ((2500, 400, 50), (2500, 275, 50), "evidence"),
        ((1000, 400, 300), (700, 100, 10), "ratio_alarm"),
    ],
)
def test_what_a_winner_still_needs_is_named(of_a: People, of_b: People, lacks: str) -> None:
    world = report(experimenting(), of_a, of_b)
    assert decided(world) == []
    (shown,) = results(world)
    assert lacks in shown["lacks"]


def test_the_counts_of_all_partitions_decide_together() -> None:
    world = experimenting()
    half = tuple(tuple(number // 2 for number in people) for people in CLEAR)
    report(world, *half)
    assert decided(world) == []
    report(world, *half, partition=1)
    (fact,) = decided(world)
    assert values(fact)["counts"] == counted(50, *CLEAR)


def test_a_decision_is_for_good() -> None:
    world = report(experimenting(), *CLEAR)
    before = record(world)
    report(world, (2500, 400, 80), (2500, 900, 300), seq=3)
    assert record(world) == before
    (shown,) = results(world)
    assert (shown["winner"], shown["leader"]) == ("A", "B")
    administered(changed("completed"), world=world)
    assert len(decided(world)) == 1


def test_reports_that_come_twice_or_late_decide_nothing_twice() -> None:
    world = report(experimenting(), *CLEAR, seq=7)
    report(world, *CLEAR, seq=7)
    report(world, *FAINT, seq=6)
    assert len(decided(world)) == 1


def test_the_greatest_evidence_so_far_is_kept() -> None:
    world = report(experimenting(primary_metric="response"), (95, 48, 0), (95, 3, 0))
    greatest = record(world).greatest_e
    assert greatest >= 20_000_000
    assert decided(world) == []
    report(world, (300, 40, 0), (300, 38, 0), seq=3)
    assert record(world).greatest_e == greatest
    (shown,) = results(world)
    assert shown["metrics"][0]["p_always"] == pytest.approx(1_000_000 / greatest, rel=1e-5)
    assert decided(world) == [], "the evidence of now counts, so that the numbers show it"


# one look at the end


def test_an_experiment_with_one_look_is_decided_when_its_campaign_completes() -> None:
    world = report(experimenting(decide="at_end", primary_metric="response"), *FAINT)
    assert decided(world) == []
    administered(changed("completed"), world=world)
    (fact,) = decided(world)
    assert (fact.reason, values(fact)["decided_by"]) == ("winner_a", "at_end")


def test_an_experiment_with_one_look_is_decided_at_its_number_of_people() -> None:
    world = experimenting(decide="at_end", at_reached=4_500, primary_metric="response")
    report(world, (2249, 341, 0), (2250, 288, 0))
    assert decided(world) == []
    report(world, *FAINT, seq=3)
    assert [fact.reason for fact in decided(world)] == ["winner_a"]


def test_one_look_that_finds_nothing_is_final() -> None:
    fields = {"decide": "at_end", "at_reached": 500, "primary_metric": "response"}
    world = report(experimenting(**fields), (250, 38, 0), (250, 32, 0))
    assert [fact.reason for fact in decided(world)] == ["no_winner"]
    report(world, *CLEAR, seq=3)
    assert len(decided(world)) == 1


def test_what_is_not_decided_by_the_final_report_has_no_winner() -> None:
    world = administered(changed("completed"), world=report(experimenting(), *FAINT))
    assert decided(world) == []
    numbers: dict[str, Any] = counted(50, *FAINT)
    administered(counts(0, 9, answers=2, **numbers), world=world)
    administered(counts(1, 9, answers=2), world=world)
    pass_to(world, world.now + 40 * 86_400_000_000)
    (fact,) = decided(world)
    assert (fact.reason, values(fact)["decided_by"]) == ("no_winner", "closed")
    final = world.facts(FactKind.CAMPAIGN_REPORT)[-1]
    assert values(final)["experiments"][0]["is_decided"] is True


def test_late_answers_after_the_completion_still_count() -> None:
    world = administered(changed("completed"), world=report(experimenting(), *FAINT))
    report(world, *CLEAR, seq=3)
    assert [fact.reason for fact in decided(world)] == ["winner_a"]


# the sample ratio


def test_an_alarm_of_the_sample_ratio_blocks_a_winner_for_good() -> None:
    world = report(experimenting(primary_metric="response"), (8200, 900, 0), (6800, 300, 0))
    (fact,) = world.facts(FactKind.EXPERIMENT_RATIO_ALARM)
    assert fact.reason == "continuous"
    assert values(fact)["ratio"]["is_alarm"] is True
    assert (values(fact)["experiment_id"], decided(world)) == (EXPERIMENT, [])
    report(world, (8200, 1400, 0), (8200, 300, 0), seq=3)
    assert len(world.facts(FactKind.EXPERIMENT_RATIO_ALARM)) == 1
    assert decided(world) == []


def test_chi_squared_blocks_a_winner_at_its_look() -> None:
    """560 to 440 is an alarm at one look, p = 0.00015, and none for a look at every moment."""
    world = report(experimenting(primary_metric="response"), (560, 160, 0), (440, 40, 0))
    assert codes(world.facts(FactKind.EXPERIMENT_RATIO_ALARM)) == ["chi_squared"]
    assert decided(world) == []
    report(world, (562, 161, 0), (440, 40, 0), seq=3)
    assert len(world.facts(FactKind.EXPERIMENT_RATIO_ALARM)) == 1
    report(world, (562, 161, 0), (520, 48, 0), seq=4)
    assert [fact.reason for fact in decided(world)] == ["winner_a"]


def test_an_alarm_blocks_the_one_look_at_the_end_too() -> None:
    world = experimenting(decide="at_end", primary_metric="response")
    report(world, (560, 160, 0), (440, 40, 0))
    administered(changed("completed"), world=world)
    assert codes(world.facts(FactKind.EXPERIMENT_RATIO_ALARM)) == ["chi_squared"]
    assert [fact.reason for fact in decided(world)] == ["no_winner"]


# switching to the winner


def test_a_winner_is_announced_to_every_partition_and_acknowledged() -> None:
    world = report(experimenting(on_winner="switch_unsent"), *CLEAR)
    sent = announced(world, m.WinnerAnnounced, Topic.CONTACT_LOG)
    assert [(each.experiment_id, each.variant) for each in sent] == [(EXPERIMENT, "A")] * 2
    answer = (TENANT, OUTREACH, EXPERIMENT)
    administered(m.WinnerAcknowledged(*answer, 1), m.WinnerAcknowledged(*answer, 1), world=world)
    assert not world.facts(FactKind.EXPERIMENT_SWITCHED)
    administered(m.WinnerAcknowledged(*answer, 0), m.WinnerAcknowledged(*answer, 0), world=world)
    (fact,) = world.facts(FactKind.EXPERIMENT_SWITCHED)
    assert values(fact) == {"experiment_id": EXPERIMENT, "winner": "A"}
    assert record(world).switched_by == [0, 1]


def test_by_default_a_winner_is_only_reported() -> None:
    world = report(experimenting(), *CLEAR)
    assert announced(world, m.WinnerAnnounced, Topic.CONTACT_LOG) == []


def test_a_winner_of_a_campaign_that_sends_nothing_more_is_not_announced() -> None:
    fields = {"on_winner": "switch_unsent", "decide": "at_end"}
    world = administered(changed("completed"), world=report(experimenting(**fields), *CLEAR))
    assert [fact.reason for fact in decided(world)] == ["winner_a"]
    assert announced(world, m.WinnerAnnounced, Topic.CONTACT_LOG) == []


def test_an_acknowledgement_of_what_was_not_decided_changes_nothing() -> None:
    world = experimenting()
    for name in (EXPERIMENT, "other"):
        administered(m.WinnerAcknowledged(TENANT, OUTREACH, name, 0), world=world)
    administered(m.WinnerAcknowledged(TENANT, "other", EXPERIMENT, 0), world=world)
    assert not world.facts(FactKind.EXPERIMENT_SWITCHED)


# other campaigns, and orders


def test_an_experiment_works_in_any_kind_of_campaign() -> None:
    """A test of a review campaign is decided by the same counts."""
    steps = [{**steps_with()[0], "delay_hours": 24}]
    world = administered(published(campaign_document(steps=steps)))
    numbers: dict[str, Any] = counted(50, *CLEAR)
    administered(counts(0, 1, campaign_id=CAMPAIGN, **numbers), world=world)
    assert [fact.reason for fact in decided(world)] == ["winner_a"]


def test_one_look_of_any_kind_of_campaign_is_taken_when_its_owner_completes_it() -> None:
    steps = [{**steps_with(decide="at_end")[0], "delay_hours": 24}]
    world = administered(published(campaign_document(steps=steps)))
    numbers: dict[str, Any] = counted(50, *CLEAR)
    administered(counts(0, 1, campaign_id=CAMPAIGN, **numbers), world=world)
    assert decided(world) == []
    administered(changed("completed", CAMPAIGN), world=world)
    assert [fact.reason for fact in decided(world)] == ["winner_a"]


def test_a_winner_at_a_number_of_people_is_announced_while_the_campaign_sends() -> None:
    fields = {"on_winner": "switch_unsent", "decide": "at_end", "at_reached": 500}
    world = report(experimenting(**fields), *CLEAR)
    assert len(announced(world, m.WinnerAnnounced, Topic.CONTACT_LOG)) == 2


def test_an_experiment_of_a_deleted_campaign_is_not_looked_at() -> None:
    world = administered(changed("deleted"), world=experimenting())
    report(world, *CLEAR)
    assert decided(world) == []


def test_orders_of_the_owner_leave_a_decision() -> None:
    world = report(experimenting(), *CLEAR)
    before = record(world)
    administered(order(m.ChangeCampaign, "p", campaign_id=OUTREACH, action="paused"), world=world)
    administered(outreach(name="Renamed", steps=steps_with()), world=world)
    assert record(world) == before
