"""A campaign document becomes a definition, or a list of all its problems with their places."""

from copy import deepcopy
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.error_codes import CampaignCode
from schemas.base.times import HOUR, MINUTE
from schemas.campaigns.compiled_definition import CampaignSettings, Definition, Step, content_hash
from schemas.campaigns.definition import read_definition, validate_definition
from schemas.public.example_events import DEFINITION
from tests.testing.builders import step


def document(**changed: Any) -> dict[str, Any]:
    return deepcopy(DEFINITION) | changed


daily_mail = partial(step, hours=24, template_id=None)
"""A step with as few fields as a review campaign allows."""


def valid_definition(**changed: Any) -> Definition:
    definition = validate_definition(document(**changed))
    assert isinstance(definition, Definition), definition
    return definition


def problems_of(whole: Any, **ids: str) -> list[tuple[str, str]]:
    """The codes and places of all problems of a document that is not valid."""
    problems = validate_definition(whole, **ids)
    assert isinstance(problems, list), problems
    assert all(len(problem.message) <= 300 for problem in problems)
    return [(problem.code, problem.place) for problem in problems]


def document_problems(**changed: Any) -> list[tuple[str, str]]:
    return problems_of(document(**changed))


def test_the_smallest_document_gets_all_defaults() -> None:
    assert valid_definition(steps=[daily_mail()]) == Definition(
        tenant_id="acme",
        campaign_id="reviews",
        name="Review requests",
        steps=(Step("a", "email", 24 * HOUR, "enrollment"),),
        settings=CampaignSettings(
            cooldown_us=0,
            repeat_job="restart",
            late_policy="shift_by_pause",
            quiet="tenant",
            expire_after_us=168 * HOUR,
            answer_timeout_us=30 * MINUTE,
            retry_delays_us=(MINUTE, 5 * MINUTE, 15 * MINUTE),
        ),
        kind="review",
        service_type=None,
        status="active",
    )


def test_delays_count_from_the_enrollment_and_then_from_the_previous_step() -> None:
    steps = valid_definition(
        steps=[daily_mail(), daily_mail("b"), daily_mail("c", anchor="enrollment")]
    ).steps
    assert [s.anchor for s in steps] == ["enrollment", "previous_scheduled", "enrollment"]


def test_all_problems_of_a_document_are_reported_together() -> None:
    whole = document(
        name=None,
        kind="parcels",
        steps=[daily_mail(hours=0), daily_mail(channel="pigeon"), daily_mail("c d")],
    )
    assert problems_of(whole) == [
        (CampaignCode.KIND_UNKNOWN, "kind"),
        (CampaignCode.NAME_REQUIRED, "name"),
        (CampaignCode.DELAY_INVALID, "steps[0].delay_hours"),
        (CampaignCode.CHANNEL_UNKNOWN, "steps[1].channel"),
        (CampaignCode.STEP_ID_INVALID, "steps[2].id"),
        (CampaignCode.STEP_ID_DUPLICATE, "steps[1].id"),
    ]


@pytest.mark.parametrize("hours", [0, -1, -0.5, 43_801, None, "24", True, float("nan"), 1e-12, []])
def test_a_delay_is_a_number_above_zero(hours: Any) -> None:
    assert document_problems(steps=[daily_mail() | {"delay_hours": hours}]) == [
        (CampaignCode.DELAY_INVALID, "steps[0].delay_hours")
    ]


def test_a_delay_may_be_a_decimal() -> None:
    assert valid_definition(steps=[daily_mail(hours=0.5)]).steps[0].delay_us == 30 * MINUTE


def test_five_touches_are_too_many_for_a_review_campaign() -> None:
    steps = [daily_mail(f"s{number}") for number in range(5)]
    assert document_problems(steps=steps) == [(CampaignCode.TOO_MANY_STEPS, "steps")]
    assert len(valid_definition(steps=steps[:4]).steps) == 4


@pytest.mark.parametrize("steps", [None, []])
def test_a_campaign_without_steps_is_refused(steps: Any) -> None:
    assert document_problems(steps=steps) == [(CampaignCode.STEPS_REQUIRED, "steps")]


@pytest.mark.parametrize(
    ("changed", "code", "place"),
    [
        ({"id": None}, CampaignCode.STEP_ID_REQUIRED, "id"),
        ({"id": "a/b"}, CampaignCode.STEP_ID_INVALID, "id"),
        ({"id": 1}, CampaignCode.STEP_ID_INVALID, "id"),
        ({"channel": None}, CampaignCode.CHANNEL_REQUIRED, "channel"),
        ({"channel": "pigeon"}, CampaignCode.CHANNEL_UNKNOWN, "channel"),
        ({"channel": ["email"]}, CampaignCode.CHANNEL_UNKNOWN, "channel"),
        ({"channel": "voice"}, CampaignCode.CHANNEL_NOT_SUPPORTED, "channel"),
        ({"action": "call"}, CampaignCode.ACTION_NOT_SUPPORTED, "action"),
        ({"anchor": "trigger"}, CampaignCode.ANCHOR_NOT_SUPPORTED, "anchor"),
        ({"anchor": "previous_scheduled"}, CampaignCode.ANCHOR_NOT_SUPPORTED, "anchor"),
        ({"anchor": "moon"}, CampaignCode.ANCHOR_UNKNOWN, "anchor"),
        ({"template_id": 7}, CampaignCode.TEMPLATE_INVALID, "template_id"),
        ({"template_id": "t" * 201}, CampaignCode.TEMPLATE_INVALID, "template_id"),
        ({"delay": 3}, CampaignCode.FIELD_UNKNOWN, "delay"),
    ],
)
def test_a_problem_of_a_step_is_reported_with_its_place(
    changed: dict[str, Any], code: CampaignCode, place: str
) -> None:
    assert document_problems(steps=[daily_mail() | changed]) == [(code, f"steps[0].{place}")]


@pytest.mark.parametrize("wrong", [7, "email", None, [daily_mail()]])
def test_a_step_is_a_mapping(wrong: Any) -> None:
    assert document_problems(steps=[wrong]) == [(CampaignCode.STEP_INVALID, "steps[0]")]
    assert document_problems(steps="all of them") == [(CampaignCode.STEP_INVALID, "steps")]


@pytest.mark.parametrize(
    ("changed", "code", "place"),
    [
        ({"name": None}, CampaignCode.NAME_REQUIRED, "name"),
        ({"name": "  "}, CampaignCode.NAME_REQUIRED, "name"),
        ({"name": "ab"}, CampaignCode.NAME_INVALID, "name"),
        ({"name": "a" * 201}, CampaignCode.NAME_INVALID, "name"),
        ({"name": "50 % off!"}, CampaignCode.NAME_INVALID, "name"),
        ({"name": 123}, CampaignCode.NAME_INVALID, "name"),
        ({"name": "Java\ndevelopers"}, CampaignCode.NAME_INVALID, "name"),
        ({"name": "Java\tdevelopers"}, CampaignCode.NAME_INVALID, "name"),
        ({"description": "d" * 5_001}, CampaignCode.DESCRIPTION_INVALID, "description"),
        ({"description": "a\x00"}, CampaignCode.DESCRIPTION_INVALID, "description"),
        ({"tenant_id": "a/b"}, CampaignCode.TENANT_INVALID, "tenant_id"),
        ({"campaign_id": None}, CampaignCode.ID_INVALID, "campaign_id"),
        ({"kind": "fishing"}, CampaignCode.KIND_UNKNOWN, "kind"),
        ({"status": "paused"}, CampaignCode.STATUS_INVALID, "status"),
        ({"service_type": "gardening"}, CampaignCode.SERVICE_TYPE_UNKNOWN, "service_type"),
        ({"preset": True}, CampaignCode.PRESET_READ_ONLY, "preset"),
        ({"settings": []}, CampaignCode.SETTING_INVALID, "settings"),
        ({"step": []}, CampaignCode.FIELD_UNKNOWN, "step"),
    ],
)
def test_a_problem_of_a_campaign_is_reported_with_its_place(
    changed: dict[str, Any], code: CampaignCode, place: str
) -> None:
    assert document_problems(**changed) == [(code, place)]


def test_a_mistyped_field_is_reported_with_a_suggestion() -> None:
    problems = validate_definition(document(settings={"cooldown_day": 3}))
    assert isinstance(problems, list)
    assert problems[0].place == "settings.cooldown_day"
    assert "cooldown_days" in problems[0].message


def test_ids_of_the_event_replace_missing_ids_or_must_be_equal() -> None:
    whole = document(tenant_id=None)
    assert isinstance(validate_definition(whole, tenant_id="acme"), Definition)
    assert problems_of(whole) == [(CampaignCode.TENANT_INVALID, "tenant_id")]
    assert problems_of(document(), tenant_id="other", campaign_id="else") == [
        (CampaignCode.TENANT_MISMATCH, "tenant_id"),
        (CampaignCode.ID_MISMATCH, "campaign_id"),
    ]


def test_the_same_content_has_the_same_hash() -> None:
    explicit = valid_definition(
        kind="review", status="active", settings={"cooldown_days": 0, "priority": None}
    )
    assert content_hash(explicit) == content_hash(valid_definition())
    assert content_hash(valid_definition(steps=[daily_mail()])) != content_hash(
        valid_definition(steps=[daily_mail(hours=25)])
    )


def test_the_hash_is_the_same_in_every_release() -> None:
    """With another hash, publishing a campaign again would create a new version."""
    assert content_hash(valid_definition()).hex() == "bf4971af4111015503d2065d3e236fb8"


def test_the_hash_of_every_duration_is_the_same_in_every_release() -> None:
    settings = {
        "cooldown_days": 30,
        "late_policy": "skip_older_than",
        "late_skip_hours": 1.5,
        "expire_after_hours": 2,
        "answer_timeout_minutes": 5,
        "retry_minutes": [2],
        "min_gap_hours": 4,
    }
    only_step = {
        "id": "a",
        "channel": "email",
        "template_id": "t",
        "delay_hours": 1,
        "wait_for": {"event": "open", "max_wait_hours": 3},
        "retry_minutes": [7],
        "expire_after_hours": 9,
    }
    names = {"campaign_id": "c", "name": "Sequence", "kind": "prospecting"}
    definition = valid_definition(**names, settings=settings, steps=[only_step])
    assert content_hash(definition).hex() == "8d44e1e5fcd11a448df5881ec76e0cea"


def test_a_definition_round_trips_through_msgpack() -> None:
    definition = valid_definition(settings={"quiet_hours": {"start": "22:00", "end": "07:30"}})
    packed = msgspec.msgpack.encode(definition)
    assert msgspec.msgpack.decode(packed, type=Definition) == definition


def test_the_number_of_reported_problems_is_limited() -> None:
    problems = validate_definition({f"x{number}" * 100: number for number in range(1_000)})
    assert isinstance(problems, list)
    assert len(problems) == 100


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
fields = st.sampled_from(["tenant_id", "name", "kind", "settings", "steps", "preset", "status"])


@given(st.dictionaries(fields, anything) | anything)
def test_any_document_is_a_definition_or_a_list_of_problems(whole: Any) -> None:
    assert validate_definition(whole)


@given(anything, st.sampled_from(["id", "channel", "delay_hours", "anchor", "template_id"]))
def test_any_step_is_a_step_or_a_problem(value: Any, name: str) -> None:
    assert validate_definition(document(steps=[daily_mail() | {name: value}]))


def test_yaml_and_json_give_the_same_definition() -> None:
    text = msgspec.json.encode(document())
    yaml = "tenant_id: acme\ncampaign_id: reviews\nname: Review requests\nsteps:\n" + "".join(
        f"  - {msgspec.json.encode(row).decode()}\n" for row in DEFINITION["steps"]
    )
    assert read_definition(text) == read_definition(yaml) == valid_definition()
