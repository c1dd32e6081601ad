"""What a step of a document has about its experiment (S4-64…S4-72)."""

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.error_codes import CampaignCode
from schemas.campaigns.compiled_definition import Definition, Experiment, Layer
from schemas.campaigns.definition import validate_definition
from schemas.campaigns.experiment_document import _EXPERIMENT
from tests.testing.builders import campaign_document, step
from tests.testing.outreach import experiment, experiment_document, outreach_document
from tests.testing.repository_files import text_of

INVALID = CampaignCode.EXPERIMENT_INVALID
MISSING, SAME = CampaignCode.AB_MISSING_TEMPLATES, CampaignCode.AB_SAME_TEMPLATES
PLACE = "steps[0].experiment"


def valid(**changes: Any) -> Experiment:
    definition = validate_definition(experiment_document(**changes))
    assert isinstance(definition, Definition), definition
    found = definition.steps[0].experiment
    assert found is not None
    return found


def problems(whole: dict[str, Any]) -> list[tuple[str, str]]:
    found = validate_definition(whole)
    assert isinstance(found, list), found
    return [(problem.code, problem.place) for problem in found]


def test_an_experiment_is_half_and_half_and_may_be_looked_at_at_any_time() -> None:
    assert valid() == Experiment("java-q1", "a", "b")
    assert valid(on_no_winner="keep_split") == valid(layer=None, at_reached=None) == valid()
    found = valid()
    assert (found.split, found.primary_metric, found.decide) == (50, "conversion", "sequential")
    assert (found.on_winner, found.holdout) == ("report", 0)
    assert (found.template_of("A"), found.template_of("B")) == ("a", "b")


def test_every_field_is_read() -> None:
    assert valid(
        ab_split_percentage=80,
        primary_metric="response",
        decide="at_end",
        at_reached=200,
        on_winner="switch_unsent",
        layer={"name": "wording", "from": 12.5, "to": 33.33},
        holdout_percentage=5,
        variant_a_text="Dear all",
    ) == Experiment(
        "java-q1",
        "a",
        "b",
        split=80,
        primary_metric="response",
        decide="at_end",
        at_reached=200,
        on_winner="switch_unsent",
        layer=Layer("wording", 1_250, 3_333),
        holdout=5,
    )


def test_a_split_is_a_whole_number_of_10_to_90() -> None:
    for split in (10, 50, 80, 90):
        assert valid(ab_split_percentage=split).split == split
    for wrong in (9, 91, 50.5, 0, 100, -10, "50", True, [50]):
        whole = experiment_document(ab_split_percentage=wrong)
        assert problems(whole) == [(INVALID, f"{PLACE}.ab_split_percentage")]


@pytest.mark.parametrize("missing", [None, "", "  "])
def test_both_templates_are_required(missing: Any) -> None:
    for field in ("variant_a_template_id", "variant_b_template_id"):
        assert problems(experiment_document(**{field: missing})) == [(MISSING, f"{PLACE}.{field}")]
    both = {"variant_a_template_id": missing, "variant_b_template_id": missing}
    assert problems(experiment_document(**both)) == [
        (MISSING, f"{PLACE}.variant_a_template_id"),
        (MISSING, f"{PLACE}.variant_b_template_id"),
    ]


def test_the_templates_differ_from_one_another_and_not_from_that_of_the_step() -> None:
    whole = experiment_document(variant_a_template_id="b")
    assert problems(whole) == [(SAME, f"{PLACE}.variant_b_template_id")]
    tested = step(template_id="a", experiment=experiment())
    assert isinstance(validate_definition(outreach_document(steps=[tested])), Definition)


@pytest.mark.parametrize(
    ("field", "wrong", "place"),
    [
        ("id", None, "id"),
        ("id", "a/b", "id"),
        ("id", 7, "id"),
        ("id", "", "id"),
        ("primary_metric", "opens", "primary_metric"),
        ("decide", "often", "decide"),
        ("at_reached", 500, "at_reached"),
        ("on_winner", "switch_all", "on_winner"),
        ("on_no_winner", "b", "on_no_winner"),
        ("holdout_percentage", 91, "holdout_percentage"),
        ("holdout_percentage", -1, "holdout_percentage"),
        ("holdout_percentage", 2.5, "holdout_percentage"),
        ("layer", "wording", "layer"),
        ("layer", {"from": 1, "to": 2}, "layer.name"),
        ("layer", {"name": "a/b"}, "layer.name"),
        ("layer", {"name": "x", "from": 50, "to": 50}, "layer.to"),
        ("layer", {"name": "x", "from": 60, "to": 50}, "layer.to"),
        ("layer", {"name": "x", "from": 100}, "layer.to"),
        ("layer", {"name": "x", "to": 0}, "layer.to"),
        ("layer", {"name": "x", "from": -1}, "layer.from"),
        ("layer", {"name": "x", "to": 100.5}, "layer.to"),
        ("layer", {"name": "x", "to": 33.333}, "layer.to"),
    ],
)
def test_a_wrong_field_is_reported_with_its_place(field: str, wrong: Any, place: str) -> None:
    assert problems(experiment_document(**{field: wrong})) == [(INVALID, f"{PLACE}.{place}")]


@pytest.mark.parametrize("wrong", [7, ["a"], "a\nb", "\x1b[2J", "x" * 201])
def test_a_template_id_that_is_no_text_of_one_line_is_reported_once(wrong: Any) -> None:
    """It is shown in terminals, where a control character would act."""
    whole = experiment_document(variant_a_template_id=wrong)
    assert problems(whole) == [(CampaignCode.TEMPLATE_INVALID, f"{PLACE}.variant_a_template_id")]


def test_one_look_may_come_as_soon_as_enough_people_are_reached() -> None:
    for wrong in (199, 1_000_001, 250.5):
        whole = experiment_document(decide="at_end", at_reached=wrong)
        assert problems(whole) == [(INVALID, f"{PLACE}.at_reached")]
    assert valid(decide="at_end").at_reached is None
    assert valid(decide="at_end", at_reached=1_000_000).at_reached == 1_000_000


def test_every_kind_of_campaign_may_have_experiments() -> None:
    for kind, channel in (("review", "sms"), ("prospecting", "whatsapp"), ("calls", "voice")):
        row = step(channel=channel, hours=1, experiment=experiment())
        definition = validate_definition(campaign_document(kind=kind, steps=[row]))
        assert isinstance(definition, Definition), definition
        assert definition.steps[0].experiment == Experiment("java-q1", "a", "b")
        assert definition.decides_by_counts()
        plain = validate_definition(
            campaign_document(kind=kind, steps=[step(channel=channel, hours=1)])
        )
        assert isinstance(plain, Definition) and not plain.decides_by_counts()


def test_experiments_of_one_campaign_have_different_ids_and_parts_of_a_layer() -> None:
    def two(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
        steps = [
            step("a", experiment=experiment(**first)),
            step("b", experiment=experiment(**second)),
        ]
        return outreach_document(steps=steps)

    def part(name: str, layer: str, first: int, last: int) -> dict[str, Any]:
        return {"name": name, "layer": {"name": layer, "from": first, "to": last}}

    assert problems(two({}, {})) == [(INVALID, "steps[1].experiment.id")]
    assert isinstance(validate_definition(two({}, {"name": "other"})), Definition)
    for second in (part("y", "x", 50, 100), part("y", "other", 0, 100), {"name": "y"}):
        assert isinstance(validate_definition(two(part("x", "x", 0, 50), second)), Definition)
    overlaps = two(part("x", "x", 0, 50), part("y", "x", 49, 51))
    assert problems(overlaps) == [(INVALID, "steps[1].experiment.layer")]


def test_copies_of_the_texts_are_checked_by_the_action_of_the_step() -> None:
    def request(**texts: str) -> dict[str, Any]:
        row = step(
            channel="linkedin", action="send_connection_request", experiment=experiment(**texts)
        )
        return outreach_document({"channel": "linkedin"}, steps=[row])

    fits = "Hi {{first_name}}" + "x" * 283
    assert isinstance(validate_definition(request(variant_a_text=fits)), Definition)
    for field in ("variant_a_text", "variant_b_text"):
        for wrong in (fits + "x", "Hi there"):
            found = problems(request(**{field: wrong}))
            assert found == [(CampaignCode.TEMPLATE_INVALID, f"{PLACE}.{field}")]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(_EXPERIMENT), anything), anything)
def test_any_value_is_read_or_refused(fields: dict[str, Any], value: Any) -> None:
    for row in (experiment() | fields, value, experiment(layer={"name": "x", "to": value})):
        whole = outreach_document(steps=[step(experiment=row)])
        assert isinstance(validate_definition(whole), Definition | list)


@given(st.integers(10, 90), st.integers(0, 90), st.integers(0, 9_999), st.integers(1, 10_000))
def test_a_valid_experiment_is_what_the_document_has(
    split: int, holdout: int, start: int, length: int
) -> None:
    end = min(start + length, 10_000)
    found = valid(
        ab_split_percentage=split,
        holdout_percentage=holdout,
        layer={"name": "wording", "from": start / 100, "to": end / 100},
    )
    assert (found.split, found.holdout, found.layer) == (
        split,
        holdout,
        Layer("wording", start, end),
    )


def test_the_examples_and_the_page_have_every_field_of_an_experiment() -> None:
    names = ("talent", "talent-combined")
    documents = [yaml.safe_load(text_of(f"examples/{name}.yaml")) for name in names]
    used = {
        field for each in documents for row in each["steps"] for field in row.get("experiment", ())
    }
    assert used == set(_EXPERIMENT)
    section = text_of("docs/campaigns.md").partition("\n## Experiments\n")[2].partition("\n## ")[0]
    heads = re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(heads))) == sorted(_EXPERIMENT)
