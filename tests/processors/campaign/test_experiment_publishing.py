"""What an edited definition may change of an experiment, and which experiments of a tenant exclude
each other (S4-64, C-21)."""

from typing import Any

import pytest

from schemas.internal import messages as m
from schemas.internal.facts import Fact, FactKind
from schemas.internal.topics import Topic
from tests.testing.administered import administered, announced, codes
from tests.testing.builders import step
from tests.testing.experiments import (
    CLEAR,
    EXPERIMENT,
    FAINT,
    counted,
    experimenting,
    report,
    results,
    steps_with,
)
from tests.testing.outreach import OUTREACH, experiment, outreach_document
from tests.testing.outreach_orders import (
    active_world,
    campaign,
    changed,
    counts,
    outreach,
    outreach_world,
    published,
)
from tests.testing.world import World


def values(fact: Fact) -> dict[str, Any]:
    return fact.values or {}


def refusals(world: World) -> list[tuple[str | None, dict[str, Any]]]:
    return [(f.reason, values(f)) for f in world.facts(FactKind.CAMPAIGN_REFUSED)]


def other_campaign(**changes: Any) -> m.PublishCampaign:
    """The order to publish another campaign with an experiment."""
    return published(outreach_document(campaign_id="java-q2", steps=steps_with(**changes)))


def test_an_experiment_belongs_to_one_campaign_of_the_tenant() -> None:
    world = administered(other_campaign(), world=experimenting())
    taken = {"experiment_id": EXPERIMENT, "taken_by": OUTREACH}
    assert refusals(world) == [("CAMPAIGN_EXPERIMENT_TAKEN", taken)]
    administered(changed("deleted"), other_campaign(), world=world)
    assert len(refusals(world)) == 1


def test_experiments_of_one_layer_share_no_part_of_it() -> None:
    layer = {"name": "subjects", "from": 0, "to": 50}
    world = experimenting(layer=layer)
    administered(other_campaign(name="java-q2", layer={**layer, "from": 49, "to": 80}), world=world)
    values_of_refusal = {
        "experiment_id": "java-q2",
        "taken_by": OUTREACH,
        "other_experiment_id": EXPERIMENT,
    }
    assert refusals(world) == [("CAMPAIGN_LAYER_TAKEN", values_of_refusal)]
    administered(other_campaign(name="java-q2", layer={**layer, "from": 50, "to": 80}), world=world)
    assert len(refusals(world)) == 1


@pytest.mark.parametrize(
    "further",
    [
        {"layer": {"name": "other", "from": 0, "to": 50}},
        {},
    ],
)
def test_experiments_of_other_layers_or_of_none_do_not_meet(further: dict[str, Any]) -> None:
    world = experimenting(layer={"name": "subjects", "from": 0, "to": 50})
    administered(other_campaign(name="java-q2", **further), world=world)
    assert refusals(world) == []


def test_a_completed_campaign_leaves_its_layer_and_keeps_its_experiment() -> None:
    layer = {"name": "subjects", "from": 0, "to": 50}
    world = administered(changed("completed"), world=experimenting(layer=layer))
    administered(other_campaign(name="java-q2", layer=layer), world=world)
    assert refusals(world) == []
    third = outreach_document(campaign_id="java-q3", steps=steps_with())
    administered(published(third), world=world)
    assert codes(world.facts(FactKind.CAMPAIGN_REFUSED)) == ["CAMPAIGN_EXPERIMENT_TAKEN"]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"variant_a_template_id": "c"}, ["template_a"]),
        ({"variant_b_template_id": "c"}, ["template_b"]),
        ({"primary_metric": "response"}, ["primary_metric"]),
        ({"decide": "at_end", "at_reached": 500}, ["decide", "at_reached"]),
    ],
)
def test_what_decides_an_experiment_is_fixed_once_its_campaign_is_active(
    changes: dict[str, Any], fields: list[str]
) -> None:
    world = administered(outreach(steps=steps_with(**changes)), world=experimenting())
    fixed = {"experiment_id": EXPERIMENT, "fields": fields}
    assert refusals(world) == [("CAMPAIGN_EXPERIMENT_FIXED", fixed)]
    assert campaign(world).version == 1


def test_a_draft_may_be_edited_freely() -> None:
    world = outreach_world(steps=steps_with())
    administered(outreach(steps=steps_with(variant_b_template_id="c")), world=world)
    assert refusals(world) == []
    assert campaign(world).version == 2


def test_a_changed_split_is_another_stratum() -> None:
    world = report(experimenting(primary_metric="response"), (300, 60, 0), (300, 40, 0))
    changed_split = steps_with(primary_metric="response", ab_split_percentage=80)
    administered(outreach(steps=changed_split), world=world)
    (fact,) = world.facts(FactKind.CAMPAIGN_PUBLISHED)[1:]
    strata = [{"experiment_id": EXPERIMENT, "split": 80, "before": 50}]
    assert values(fact)["new_strata"] == strata
    both: dict[str, Any] = counted(50, (300, 60), (300, 40)) | counted(80, (800, 90), (200, 20))
    administered(counts(0, 3, **both), world=world)
    (shown,) = results(world)
    assert (shown["splits"], shown["a"]["reached"]) == ((50, 80), 1100)
    assert shown["ratio"]["expected_share"] == pytest.approx((300 + 800) / 1600)
    assert shown["metrics"][0]["comparison_p"] is None


def test_an_experiment_has_at_most_twenty_strata() -> None:
    """With 55 splits in each of 100 steps, one report would exceed the size of a message."""
    world, numbers = experimenting(), dict[str, Any]()
    for split in range(10, 30):
        numbers |= counted(split, (3, 1), (4, 1))
    administered(counts(0, 2, runs=140, **numbers), world=world)
    administered(outreach(steps=steps_with(ab_split_percentage=30)), world=world)
    most = {"experiment_id": EXPERIMENT, "most": 20}
    assert refusals(world) == [("CAMPAIGN_EXPERIMENT_SPLITS", most)]
    administered(outreach(steps=steps_with(ab_split_percentage=29)), world=world)
    assert (len(refusals(world)), campaign(world).version) == (1, 2)


def test_an_experiment_that_was_taken_out_does_not_come_back() -> None:
    world = report(experimenting(), *FAINT)
    administered(outreach(steps=[step()]), world=world)
    administered(outreach(steps=steps_with(variant_a_template_id="c")), world=world)
    fixed = {"experiment_id": EXPERIMENT, "fields": ["id"]}
    assert refusals(world) == [("CAMPAIGN_EXPERIMENT_FIXED", fixed)]


def test_an_experiment_stays_at_its_step() -> None:
    after = step("two", delay_hours=24)
    world = active_world(steps=[*steps_with(), after])
    tested = step("two", delay_hours=24, template_id=None, experiment=experiment())
    administered(outreach(steps=[step(), tested]), world=world)
    fixed = {"experiment_id": EXPERIMENT, "fields": ["step"]}
    assert refusals(world) == [("CAMPAIGN_EXPERIMENT_FIXED", fixed)]


def test_an_experiment_that_was_in_no_report_yet_does_not_come_back_either() -> None:
    world = active_world()
    administered(outreach(steps=steps_with()), outreach(), world=world)
    administered(outreach(steps=steps_with(variant_a_template_id="c")), world=world)
    assert [reason for reason, _ in refusals(world)] == ["CAMPAIGN_EXPERIMENT_FIXED"]


@pytest.mark.parametrize(
    ("layer", "is_refused"),
    [
        ({"name": "subjects", "from": 10, "to": 50}, False),
        ({"name": "subjects", "from": 0, "to": 60}, False),
        ({"name": "subjects", "from": 20, "to": 60}, True),
        ({"name": "subjects", "from": 0, "to": 40}, True),
        ({"name": "other", "from": 10, "to": 50}, True),
        (None, True),
    ],
)
@pytest.mark.parametrize("is_draft", [False, True])
def test_a_part_of_a_layer_keeps_the_people_who_are_in_it(
    layer: dict[str, Any] | None, is_refused: bool, is_draft: bool
) -> None:
    tested = steps_with(layer={"name": "subjects", "from": 10, "to": 50})
    world = outreach_world(steps=tested) if is_draft else active_world(steps=tested)
    administered(counts(0, 2, runs=3, frozen=3), world=world)
    administered(outreach(steps=steps_with(layer=layer)), world=world)
    fixed = {"experiment_id": EXPERIMENT, "fields": ["layer"]}
    assert refusals(world) == ([("CAMPAIGN_EXPERIMENT_FIXED", fixed)] if is_refused else [])


@pytest.mark.parametrize("is_draft", [False, True])
def test_an_experiment_in_a_layer_stays_while_its_people_are_there(is_draft: bool) -> None:
    layer = {"name": "subjects", "from": 10, "to": 50}
    tested = steps_with(layer=layer)
    world = outreach_world(steps=tested) if is_draft else active_world(steps=tested)
    administered(counts(0, 2, runs=3, frozen=3), world=world)
    administered(outreach(), other_campaign(name="java-q2", layer=layer), world=world)
    fixed = {"experiment_id": EXPERIMENT, "fields": ["layer"]}
    taken = {
        "experiment_id": "java-q2",
        "taken_by": OUTREACH,
        "other_experiment_id": EXPERIMENT,
    }
    assert refusals(world) == [
        ("CAMPAIGN_EXPERIMENT_FIXED", fixed),
        ("CAMPAIGN_LAYER_TAKEN", taken),
    ]
    administered(changed("cancelled"), world=world)
    administered(other_campaign(name="java-q2", layer=layer), world=world)
    assert len(refusals(world)) == 2


def test_the_layer_of_a_draft_without_people_may_be_edited() -> None:
    world = outreach_world(steps=steps_with(layer={"name": "subjects", "from": 10, "to": 50}))
    administered(outreach(steps=steps_with()), world=world)
    assert refusals(world) == []


def test_the_fact_names_the_changed_split_of_a_draft_whose_people_have_their_variants() -> None:
    changed_split = outreach(steps=steps_with(ab_split_percentage=80))
    world = administered(changed_split, world=outreach_world(steps=steps_with()))
    assert "new_strata" not in values(world.facts(FactKind.CAMPAIGN_PUBLISHED)[-1])
    administered(counts(runs=3, frozen=3), outreach(steps=steps_with()), world=world)
    strata = [{"experiment_id": EXPERIMENT, "split": 50, "before": 80}]
    assert values(world.facts(FactKind.CAMPAIGN_PUBLISHED)[-1])["new_strata"] == strata


def test_an_edit_to_switch_to_the_winner_switches_after_the_decision_too() -> None:
    world = report(experimenting(), *CLEAR)
    winners = (m.WinnerAnnounced, Topic.CONTACT_LOG)
    assert announced(world, *winners) == []
    administered(outreach(steps=steps_with(on_winner="switch_unsent")), world=world)
    assert [each.variant for each in announced(world, *winners)] == ["A"] * world.layout.contact
    again = outreach(steps=steps_with(on_winner="switch_unsent"), name="Other")
    administered(again, world=world)
    assert len(announced(world, *winners)) == world.layout.contact


def test_an_edit_before_the_decision_announces_nothing() -> None:
    world = report(experimenting(), *FAINT)
    administered(outreach(steps=steps_with(on_winner="switch_unsent")), world=world)
    assert announced(world, m.WinnerAnnounced, Topic.CONTACT_LOG) == []
