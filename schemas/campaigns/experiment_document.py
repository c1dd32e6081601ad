"""Reads `experiment` of the steps of a campaign document: an A/B test of the step's template
(S4-64…S4-72)."""

from collections.abc import Sequence
from typing import Any

from schemas.base.error_codes import MESSAGES, CampaignCode
from schemas.campaigns.compiled_definition import Experiment, Layer, Step
from schemas.campaigns.template_texts import check_text
from schemas.campaigns.validation import Check

SPLIT_MIN, SPLIT_MAX, SPLIT = 10, 90, 50  # S4-65
METRICS = ("conversion", "response")  # C-22
DECIDE = ("sequential", "at_end")
ON_WINNER = ("report", "switch_unsent")
ON_NO_WINNER = ("keep_split",)
REACHED_MIN, REACHED_MAX = 200, 1_000_000
"""How many people of both variants may be reached before the one look of `at_reached`: a winner
needs 100 of each (S4-68)."""

HOLDOUT_MAX = 90
BUCKETS_MAX = 10_000

_EXPERIMENT = (
    "id",
    "variant_a_template_id",
    "variant_b_template_id",
    "variant_a_text",
    "variant_b_text",
    "ab_split_percentage",
    "primary_metric",
    "decide",
    "at_reached",
    "on_winner",
    "on_no_winner",
    "layer",
    "holdout_percentage",
)
_TEXTS = ("variant_a_text", "variant_b_text")
_LAYER = ("name", "from", "to")
_INVALID = CampaignCode.EXPERIMENT_INVALID


def read_experiment(
    check: Check, row: dict[str, Any], place: str, channel: str, action: str
) -> Experiment | None:
    """The experiment of a step; None without one."""
    value, place = row.get("experiment"), f"{place}.experiment"
    if value is None:
        return None
    terms = check.mapping(value, place, _EXPERIMENT, _INVALID)
    if terms is None:
        return None
    for field in _TEXTS:
        check_text(check, terms, field, place, channel, action)
    return _experiment(check, terms, place)


def _experiment(check: Check, row: dict[str, Any], place: str) -> Experiment:
    experiment_id = check.plain_id(row, "id", _INVALID, place)
    if row.get("id") is None:
        check.report(_INVALID, f"{place}.id", "an experiment has an id that stays its own")
    template_a, template_b = _templates(check, row, place)
    check.choice(row, "on_no_winner", place, ON_NO_WINNER, default=ON_NO_WINNER[0], code=_INVALID)
    decide = check.choice(row, "decide", place, DECIDE, default=DECIDE[0], code=_INVALID)
    at_reached = check.number(row, "at_reached", place, REACHED_MIN, REACHED_MAX, _INVALID, None)
    if at_reached is not None and decide != "at_end":
        check.report(_INVALID, f"{place}.at_reached", "only with decide: at_end")
    return Experiment(
        id=experiment_id or "",
        template_a=template_a,
        template_b=template_b,
        split=check.number(row, "ab_split_percentage", place, SPLIT_MIN, SPLIT_MAX, _INVALID, SPLIT)
        or SPLIT,
        primary_metric=check.choice(
            row, "primary_metric", place, METRICS, default=METRICS[0], code=_INVALID
        ),
        decide=decide,
        at_reached=at_reached,
        on_winner=check.choice(
            row, "on_winner", place, ON_WINNER, default=ON_WINNER[0], code=_INVALID
        ),
        layer=_layer(check, row, place),
        holdout=check.number(row, "holdout_percentage", place, 0, HOLDOUT_MAX, _INVALID, 0) or 0,
    )


def _templates(check: Check, row: dict[str, Any], place: str) -> tuple[str, str]:
    """The two templates, which must be there and differ (S4-94, S4-95)."""
    found = {"variant_a_template_id": "", "variant_b_template_id": ""}
    for field in found:
        value = row.get(field)
        if value is None or (isinstance(value, str) and not value.strip()):
            code = CampaignCode.AB_MISSING_TEMPLATES
            check.report(code, f"{place}.{field}", MESSAGES[code])
        else:
            found[field] = check.entity_id(row, field, CampaignCode.TEMPLATE_INVALID, place) or ""
    template_a, template_b = found.values()
    if template_a and template_a == template_b:
        code = CampaignCode.AB_SAME_TEMPLATES
        check.report(code, f"{place}.variant_b_template_id", MESSAGES[code])
    return template_a, template_b


def _layer(check: Check, row: dict[str, Any], place: str) -> Layer | None:
    value, place = row.get("layer"), f"{place}.layer"
    if value is None:
        return None
    terms = check.mapping(value, place, _LAYER, _INVALID)
    if terms is None:
        return None
    name = check.plain_id(terms, "name", _INVALID, place)
    if terms.get("name") is None:
        check.report(_INVALID, f"{place}.name", "a layer has a name, which its experiments share")
    start = check.hundredths(terms, "from", place, 0, 100, _INVALID, 0) or 0
    end = check.hundredths(terms, "to", place, 0, 100, _INVALID, BUCKETS_MAX)
    if end is not None and start >= end:
        check.report(_INVALID, f"{place}.to", "must be greater than from: the part has no people")
    return Layer(name or "", start, BUCKETS_MAX if end is None else end)


def check_experiments(check: Check, steps: Sequence[Step]) -> None:
    """Reports an experiment id that two steps have, and experiments whose parts of one layer
    overlap, so that a person would be in both."""
    seen: dict[str, int] = {}
    layers: list[tuple[int, Layer]] = []
    for index, step in enumerate(steps):
        experiment, place = step.experiment, f"steps[{index}].experiment"
        if experiment is None:
            continue
        first = seen.setdefault(experiment.id, index)
        if experiment.id and first != index:
            check.report(_INVALID, f"{place}.id", f"steps[{first}] has an experiment with this id")
        layer = experiment.layer
        if layer is None:
            continue
        for other, taken in layers:
            if layer.name == taken.name and layer.start < taken.end and taken.start < layer.end:
                message = f"the part of the layer overlaps with that of steps[{other}]"
                check.report(_INVALID, f"{place}.layer", message)
        layers.append((index, layer))
