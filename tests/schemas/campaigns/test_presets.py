"""The three presets have the steps of S0, F-2 and F-3, are read-only and can be duplicated."""

from itertools import accumulate

import pytest

from schemas.base.error_codes import CampaignCode
from schemas.base.times import HOUR
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import read_definition, validate_definition
from schemas.campaigns.presets import PRESET_NAMES, PresetUnknown, duplicate, list_presets


def duplicated(preset: str, service_type: str | None = None) -> Definition:
    definition = read_definition(duplicate(preset, "acme", "mine", "My campaign", service_type))
    assert isinstance(definition, Definition), definition
    return definition


@pytest.mark.parametrize(
    ("preset", "channels", "hours"),
    [
        ("conservative", ["email", "email"], [24, 96]),
        ("standard", ["email", "email", "sms"], [24, 96, 264]),
        ("aggressive", ["sms", "email", "sms", "email"], [4, 28, 100, 268]),
    ],
)
def test_a_preset_has_the_channels_and_delays_of_the_requirements(
    preset: str, channels: list[str], hours: list[int]
) -> None:
    steps = duplicated(preset).steps
    assert [step.channel for step in steps] == channels
    assert list(accumulate(step.delay_us // HOUR for step in steps)) == hours
    assert [step.anchor for step in steps[1:]] == ["previous_scheduled"] * (len(steps) - 1)


def test_there_are_exactly_three_presets() -> None:
    assert tuple(preset.id for preset in list_presets()) == PRESET_NAMES


@pytest.mark.parametrize("preset", list_presets(), ids=PRESET_NAMES)
def test_a_preset_cannot_be_published(preset: object) -> None:
    document = next(p.document for p in list_presets() if p is preset)
    problems = validate_definition(document, tenant_id="acme", campaign_id="mine")
    assert isinstance(problems, list)
    assert [problem.code for problem in problems] == [CampaignCode.PRESET_READ_ONLY]


@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_a_duplicate_has_no_templates_until_they_are_filled_in(preset: str) -> None:
    assert all(step.template_id is None for step in duplicated(preset).steps)
    text = duplicate(preset, "acme", "mine", "My campaign")
    filled = read_definition(text.replace("template_id: null", "template_id: t-1"))
    assert isinstance(filled, Definition)
    assert all(step.template_id == "t-1" for step in filled.steps)


def test_a_duplicate_is_for_every_job_or_one_service_type() -> None:
    assert duplicated("standard").service_type is None
    assert duplicated("standard", "roofing").service_type == "roofing"


def test_a_name_cannot_inject_fields_into_a_duplicate() -> None:
    text = duplicate("standard", "acme", "mine", 'x"\nstatus: draft\n#')
    problems = read_definition(text)
    assert isinstance(problems, list)
    assert [problem.code for problem in problems] == [CampaignCode.NAME_INVALID]


def test_an_unknown_preset_is_an_error_that_lists_the_presets() -> None:
    with pytest.raises(PresetUnknown, match="conservative, standard, aggressive"):
        duplicate("wild", "acme", "mine", "My campaign")
