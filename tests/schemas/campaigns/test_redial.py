"""How a step calls again: the preset, the rules by outcome, and what is refused (S3-22)."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.call_outcomes import CALL_OUTCOMES
from schemas.base.error_codes import CampaignCode
from schemas.base.times import DAY, MINUTE
from schemas.campaigns.campaign_kinds import ONE_CALL, USUAL_REDIAL
from schemas.campaigns.compiled_definition import Definition, Redial, RedialRule, content_hash
from schemas.campaigns.definition import validate_definition
from tests.schemas.campaigns.test_call_settings import document, problems, valid

REDIAL, FIELD = CampaignCode.REDIAL_INVALID, CampaignCode.FIELD_UNKNOWN


def redial_of(value: Any, kind: str = "calls") -> Redial | None:
    return valid(kind=kind, redial=value).steps[0].redial


def test_the_preset_of_redial_has_the_numbers_of_the_requirements() -> None:
    assert redial_of("usual") == USUAL_REDIAL
    written = {
        "max_attempts": 3,
        "max_per_number_per_day": 3,
        "min_gap_minutes": 60,
        "max_age_days": 14,
        "outcomes": {
            "busy": [15, 60],
            "no_answer": [60, 240],
            "voicemail": [1440],
            "failed": [5],
            "unknown": [],
            "rejected": [],
            "invalid_number": {"suppress": True},
            "blocked": {"suppress": True},
            "provider_limit": {"after": [1], "counts": False},
        },
        "on_exhausted": "fail",
    }
    assert redial_of(written) == USUAL_REDIAL


def test_without_redial_a_call_campaign_calls_once_and_other_campaigns_as_before() -> None:
    assert redial_of(None) == ONE_CALL
    assert (ONE_CALL.max_attempts, ONE_CALL.min_gap_us) == (1, 0)
    assert redial_of(None, kind="prospecting") is None
    assert redial_of("usual", kind="prospecting") == USUAL_REDIAL


def test_the_outcomes_that_a_document_does_not_name_have_the_rule_of_the_preset() -> None:
    redial = redial_of({"max_attempts": 2, "outcomes": {"busy": [5], "abandoned": [30]}})
    assert redial is not None
    assert redial.outcomes == {
        **USUAL_REDIAL.outcomes,
        "busy": RedialRule((5 * MINUTE,)),
        "abandoned": RedialRule((30 * MINUTE,)),
    }
    assert redial.max_age_us == 14 * DAY
    assert (redial.max_per_number_per_day, redial.min_gap_us) == (None, 0)


@pytest.mark.parametrize(
    ("redial", "code", "place"),
    [
        (7, REDIAL, ""),
        ([], REDIAL, ""),
        ("often", REDIAL, ""),
        ({"attempts": 3}, FIELD, ".attempts"),
        ({"max_attempts": 0}, REDIAL, ".max_attempts"),
        ({"max_attempts": 21}, REDIAL, ".max_attempts"),
        ({"max_attempts": "3"}, REDIAL, ".max_attempts"),
        ({"max_attempts": True}, REDIAL, ".max_attempts"),
        ({"max_per_number_per_day": 0}, REDIAL, ".max_per_number_per_day"),
        ({"max_per_number_per_day": 101}, REDIAL, ".max_per_number_per_day"),
        ({"min_gap_minutes": -1}, REDIAL, ".min_gap_minutes"),
        ({"min_gap_minutes": 10_081}, REDIAL, ".min_gap_minutes"),
        ({"max_age_days": 0}, REDIAL, ".max_age_days"),
        ({"max_age_days": 366}, REDIAL, ".max_age_days"),
        ({"on_exhausted": {"branch": "call"}}, REDIAL, ".on_exhausted"),
        ({"outcomes": ["busy"]}, REDIAL, ".outcomes"),
        ({"outcomes": {"bussy": [1]}}, CampaignCode.OUTCOME_UNKNOWN, ".outcomes.bussy"),
        ({"outcomes": {"answered": [60]}}, REDIAL, ".outcomes.answered"),
        ({"outcomes": {"busy": 15}}, REDIAL, ".outcomes.busy"),
        ({"outcomes": {"busy": [0]}}, REDIAL, ".outcomes.busy"),
        ({"outcomes": {"busy": [1] * 11}}, REDIAL, ".outcomes.busy"),
        ({"outcomes": {"busy": [float("nan")]}}, REDIAL, ".outcomes.busy"),
        ({"outcomes": {"busy": {"after": 15}}}, REDIAL, ".outcomes.busy.after"),
        ({"outcomes": {"busy": {"counts": "no"}}}, REDIAL, ".outcomes.busy.counts"),
        ({"outcomes": {"busy": {"later": [1]}}}, FIELD, ".outcomes.busy.later"),
        (
            {"outcomes": {"blocked": {"suppress": True, "after": [5]}}},
            REDIAL,
            ".outcomes.blocked.suppress",
        ),
        ({"outcomes": {"voicemail": {"suppress": True}}}, REDIAL, ".outcomes.voicemail.suppress"),
        # Delays that never come, because the first call is too old then.
        (
            {"max_attempts": 3, "max_age_days": 1, "outcomes": {"busy": [60, 1_440]}},
            REDIAL,
            ".outcomes.busy",
        ),
        (
            {"max_attempts": 2, "max_age_days": 1, "min_gap_minutes": 1_441},
            REDIAL,
            ".min_gap_minutes",
        ),
        ({"max_age_days": "none"}, REDIAL, ".max_age_days"),  # provider_limit is no attempt
    ],
)
def test_a_problem_of_redial_is_reported_with_its_place(
    redial: Any, code: CampaignCode, place: str
) -> None:
    assert problems(redial=redial) == [(code, f"steps[0].redial{place}")]


def test_redial_without_an_age_needs_every_call_to_count() -> None:
    rules = {"provider_limit": {"after": [1]}}
    redial = redial_of({"max_attempts": 3, "max_age_days": "none", "outcomes": rules})
    assert redial is not None and redial.max_age_us is None


def test_delays_that_no_attempt_uses_may_be_longer_than_the_age() -> None:
    redial_of({"max_attempts": 2, "max_age_days": 1, "outcomes": {"busy": [60, 43_200]}})


def test_only_a_call_is_made_again() -> None:
    assert problems(kind="prospecting", channel="email", redial="usual") == [
        (REDIAL, "steps[0].redial")
    ]


def test_a_step_that_calls_again_waits_for_no_outcome() -> None:
    place = [(CampaignCode.SIGNAL_NOT_SUPPORTED, "steps[0].wait_for.event")]
    assert problems(wait_for="call_outcome") == place
    assert problems(kind="prospecting", wait_for="call_outcome", redial="usual") == place
    valid(wait_for="conversion")
    valid(kind="prospecting", wait_for="call_outcome")


def test_a_step_after_the_last_call_may_be_reached_by_on_exhausted_alone() -> None:
    whole = document(then="complete", redial={"on_exhausted": "advance"})
    whole["steps"].append({"id": "second", "channel": "voice", "template_id": "script"})
    assert isinstance(validate_definition(whole), Definition)
    whole["steps"][0]["redial"] = {"on_exhausted": "stop"}
    found = validate_definition(whole)
    assert isinstance(found, list)
    assert [problem.code for problem in found] == [CampaignCode.STEP_UNREACHABLE]


OUTCOME_RULES = st.lists(st.integers(1, 500), max_size=3) | st.fixed_dictionaries(
    {}, optional={"after": st.lists(st.integers(1, 500), max_size=3), "counts": st.booleans()}
)
REDIALS = st.fixed_dictionaries(
    {},
    optional={
        "max_attempts": st.integers(1, 20),
        "max_per_number_per_day": st.integers(1, 100),
        "min_gap_minutes": st.integers(0, 1_440),
        "max_age_days": st.integers(2, 365),
        "on_exhausted": st.sampled_from(["fail", "complete", "stop"]),
        "outcomes": st.dictionaries(
            st.sampled_from([name for name in CALL_OUTCOMES if name != "answered"]), OUTCOME_RULES
        ),
    },
)


@given(REDIALS)
def test_a_redial_that_is_accepted_has_every_value_of_the_document(row: dict[str, Any]) -> None:
    redial = redial_of(row)
    assert redial is not None
    assert redial.max_attempts == row.get("max_attempts", 1)
    assert redial.min_gap_us == row.get("min_gap_minutes", 0) * MINUTE
    for name, rule in row.get("outcomes", {}).items():
        after = rule.get("after", []) if isinstance(rule, dict) else rule
        assert redial.outcomes[name].after_us == tuple(minutes * MINUTE for minutes in after)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(redial), type=Redial) == redial


def test_the_content_hash_sees_every_rule_of_redial() -> None:
    def hashed(rules: dict[str, Any]) -> bytes:
        return content_hash(valid(redial={"outcomes": rules}))

    assert hashed({}) == content_hash(valid())
    assert hashed({"busy": [15, 60]}) == hashed({"busy": {"after": [15, 60]}}) == hashed({})
    assert len({hashed(rules) for rules in ({}, {"busy": [15]}, {"busy": {"counts": False}})}) == 3
