"""The example of a call campaign and the page of campaigns show every field that a document can
have about calls."""

import re

import yaml

from schemas.base.call_outcomes import CALL_OUTCOMES, call_outcome
from schemas.campaigns.call_settings import _CALLS, _REDIAL
from schemas.campaigns.campaign_kinds import KINDS, ONE_CALL, USUAL_REDIAL
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import read_definition
from schemas.campaigns.steps import _STEP
from tests.testing.repository_files import text_of

EXAMPLE, PAGE = text_of("examples/calls.yaml"), text_of("docs/campaigns.md")


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(heading: str) -> list[list[str]]:
    """The cells of each row of a section's tables whose first cell is code."""
    lines = [line for line in section(heading).splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def named(heading: str) -> set[str]:
    return {name for row in rows(heading) for name in re.findall(r"`(\w+)`", row[0])}


def test_the_example_has_every_field_of_calls_and_of_redial() -> None:
    document = yaml.safe_load(EXAMPLE)
    assert sorted(document["settings"]["calls"]) == sorted(_CALLS)
    (step,) = document["steps"]
    assert sorted(step["redial"]) == sorted(_REDIAL)


def test_the_redial_of_the_example_is_the_preset() -> None:
    definition = read_definition(EXAMPLE)
    assert isinstance(definition, Definition)
    assert definition.steps[0].redial == USUAL_REDIAL


def test_the_page_has_a_row_for_each_field_and_each_outcome() -> None:
    assert named("Calls") == set(_CALLS)
    assert named("Redial") == {*_REDIAL, *CALL_OUTCOMES}
    assert named("Steps") >= set(_STEP)
    assert all(f"`{kind}`" in PAGE and kind in section("Kinds") for kind in KINDS)


def test_the_page_gives_words_of_the_right_outcome() -> None:
    for cell, words, *_ in rows("Redial"):
        outcome = cell.strip("`")
        if outcome in CALL_OUTCOMES and outcome != "unknown":
            found = [word.strip() for word in re.split(r"[,;:]", words)]
            assert call_outcome(found[0]) == outcome, (outcome, found)


def test_the_page_has_the_delays_of_the_preset() -> None:
    shown = {row[0].strip("`"): re.findall(r"\d+", row[2]) for row in rows("Redial")}
    assert shown["busy"] == ["15", "60"] and shown["no_answer"] == ["60", "240"]
    minutes = [us // 60_000_000 for us in ONE_CALL.outcomes["busy"].after_us]
    assert [int(text) for text in shown["busy"]] == minutes


def test_the_templates_of_a_list_have_the_columns_of_the_requirements() -> None:
    basic, advanced = (
        text_of(f"examples/calls-{name}.csv").splitlines()[0].split(",")
        for name in ("basic", "advanced")
    )
    assert basic == ["phone", "name"]
    assert advanced[:5] == ["phone", "name", "priority", "scheduled_for", "agent"]
