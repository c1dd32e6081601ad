"""What the section `outreach` of a campaign document has, and what it requires of the steps
(S4-2…S4-18, S4-64, S4-92…S4-96)."""

import re
from itertools import product
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.error_codes import CampaignCode
from schemas.base.times import DAY
from schemas.campaigns.compiled_definition import (
    Definition,
    OutreachTerms,
    content_hash,
)
from schemas.campaigns.definition import read_definition, validate_definition
from schemas.campaigns.local_problems import local_problems
from schemas.campaigns.outreach_terms import _OUTREACH, COMPANY_SIZES
from schemas.campaigns.recommendations import recommendations
from tests.testing.builders import campaign_document, step
from tests.testing.outreach import OWNER, experiment, outreach_document
from tests.testing.random_outreach import SEEDS, random_outreach
from tests.testing.repository_files import text_of

OUTREACH, TARGET = CampaignCode.OUTREACH_INVALID, CampaignCode.TARGET_INVALID
MAIL, LINK = step("mail"), step("link", "linkedin")


def valid(*args: Any, **changes: Any) -> Definition:
    definition = validate_definition(outreach_document(*args, **changes))
    assert isinstance(definition, Definition), definition
    return definition


def terms(**fields: Any) -> OutreachTerms:
    found = valid(fields).outreach
    assert found is not None
    return found


def problems(*args: Any, **changes: Any) -> list[tuple[str, str]]:
    return [(code, place) for code, place, _ in messages(*args, **changes)]


def messages(*args: Any, **changes: Any) -> list[tuple[str, str, str]]:
    found = validate_definition(outreach_document(*args, **changes))
    assert isinstance(found, list), found
    return [(problem.code, problem.place, problem.message) for problem in found]


# the kind


def test_a_campaign_without_further_fields_is_a_draft_by_email() -> None:
    definition = valid()
    assert definition.outreach == OutreachTerms(OWNER)
    assert definition.outreach.channel == "email"
    assert (definition.status, definition.decides_by_counts()) == ("draft", True)
    settings = definition.settings
    assert (settings.on_reply, settings.on_conversion, settings.reentry) == (
        "pause",
        "stop",
        "once",
    )
    assert (settings.max_errors, settings.in_flight, settings.quiet) == (3, "finish", "tenant")
    assert settings.expire_after_us == 365 * DAY  # 100,000 people take 100 days by one account


def test_outreach_begins_as_a_draft_and_only_an_order_activates_it() -> None:
    assert problems(status="active") == [(CampaignCode.STATUS_INVALID, "status")]
    assert valid(status="draft") == valid(status=None) == valid()


@pytest.mark.parametrize("kind", ["review", "prospecting", "calls"])
def test_other_kinds_have_no_terms_of_outreach(kind: str) -> None:
    channel = "voice" if kind == "calls" else "email"
    whole = campaign_document(kind=kind, steps=[step(channel=channel, hours=1)], outreach={})
    found = validate_definition(whole)
    assert isinstance(found, list)
    assert [(each.code, each.place) for each in found] == [(OUTREACH, "outreach")]
    assert isinstance(validate_definition({**whole, "outreach": None}), Definition)


def test_a_call_or_a_text_message_is_no_outreach() -> None:
    for channel in ("sms", "voice", "whatsapp"):
        found = problems(steps=[step(channel=channel)])
        assert found == [(CampaignCode.CHANNEL_NOT_SUPPORTED, "steps[0].channel")]


# the errors of the source


def test_every_error_of_a_document_has_the_code_and_the_message_of_the_source() -> None:
    tests = [
        experiment("one", variant_b_template_id=None),
        experiment("two", variant_b_template_id="a"),
    ]
    found = messages(
        {"owner_id": None},
        {"start_date": "2026-03-02", "end_date": "2026-03-02"},
        [step("a", experiment=tests[0]), step("b", experiment=tests[1])],
        name=None,
    )
    assert found == [
        ("CAMPAIGN_NAME_REQUIRED", "name", "Campaign name is required"),
        (
            "CAMPAIGN_AB_MISSING_TEMPLATES",
            "steps[0].experiment.variant_b_template_id",
            "A/B test requires both variant templates",
        ),
        (
            "CAMPAIGN_AB_SAME_TEMPLATES",
            "steps[1].experiment.variant_b_template_id",
            "Variant A and B must use different templates",
        ),
        ("CAMPAIGN_INVALID_DATES", "settings.end_date", "End date must be after start date"),
        ("CAMPAIGN_OWNER_REQUIRED", "outreach.owner_id", "Campaign owner is required"),
    ]


# terms


def test_a_campaign_without_an_owner_is_its_creators() -> None:
    assert terms(owner_id=None, created_by="eve") == OutreachTerms("eve", created_by="eve")
    assert terms(owner_id="adam", created_by="eve").owner_id == "adam"
    assert problems({"owner_id": " "}) == [(OUTREACH, "outreach.owner_id")]
    assert problems(outreach={"owner_id": None}) == [
        (CampaignCode.OWNER_REQUIRED, "outreach.owner_id")
    ]


def test_every_term_is_read() -> None:
    found = terms(
        campaign_type="mixed",
        target_audience="a" * 500,
        target_locations=["l" * 100] * 50,
        target_skills=["s" * 50] * 30,
        target_company_sizes=["5001+", "1-10", "5001+"],
        target_contacts_count=100_000,
        target_response_rate=15.25,
        target_conversion_count=10_000,
        completion_policy="contacts_only",
    )
    assert found == OutreachTerms(
        OWNER,
        campaign_type="mixed",
        target_audience="a" * 500,
        target_locations=("l" * 100,) * 50,
        target_skills=("s" * 50,) * 30,
        target_company_sizes=("1-10", "5001+"),
        target_contacts=100_000,
        target_response_rate=1_525,
        target_conversions=10_000,
        completion_policy="contacts_only",
    )


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("campaign_type", "fishing"),
        ("channel", "sms"),
        ("channel", ["email"]),
        ("owner_id", 7),
        ("owner_id", "o" * 201),
        ("created_by", 7),
        ("target_audience", "a" * 501),
        ("target_audience", ["all"]),
        ("target_locations", ["l" * 101]),
        ("target_locations", ["x"] * 51),
        ("target_locations", "NYC"),
        ("target_locations", [""]),
        ("target_skills", ["s" * 51]),
        ("target_skills", ["x"] * 31),
        ("target_skills", [7]),
        ("target_company_sizes", ["1-9"]),
        ("target_company_sizes", ["5000+"]),
        ("target_company_sizes", "1-10"),
        ("target_company_sizes", [None]),
        ("target_company_sizes", [["1-10"]]),
        ("completion_policy", "rate_only"),
    ],
)
def test_a_wrong_term_is_reported_with_its_place(field: str, wrong: Any) -> None:
    assert problems({field: wrong}) == [(OUTREACH, f"outreach.{field}")]


@pytest.mark.parametrize(
    ("field", "most"), [("target_contacts_count", 100_000), ("target_conversion_count", 10_000)]
)
def test_a_target_is_a_number_from_one(field: str, most: int) -> None:
    valid({field: 1})
    valid({field: most})
    wrong: Any
    for wrong in (0, -1, most + 1, 1.5, "500", True, []):
        assert problems({field: wrong}) == [(TARGET, f"outreach.{field}")]


def test_a_rate_has_at_most_two_decimals() -> None:
    assert terms(target_response_rate=0).target_response_rate == 0
    assert terms(target_response_rate=0.01).target_response_rate == 1
    assert terms(target_response_rate=100.0).target_response_rate == 10_000
    for wrong in (-0.01, 100.01, 15.005, 1e-9, "15", True, float("nan"), float("inf"), 10**400):
        found = problems({"target_response_rate": wrong})
        assert found == [(TARGET, "outreach.target_response_rate")]


@given(st.integers(0, 10_000))
def test_every_rate_of_two_decimals_is_exact(hundredths: int) -> None:
    text = f"{hundredths // 100}.{hundredths % 100:02}"
    whole = msgspec.json.encode(outreach_document({"target_response_rate": 0})).replace(
        b'"target_response_rate":0', f'"target_response_rate":{text}'.encode()
    )
    definition = read_definition(whole)
    assert isinstance(definition, Definition) and definition.outreach is not None
    assert definition.outreach.target_response_rate == hundredths


# channels


def test_the_steps_are_by_the_channel_of_the_campaign() -> None:
    valid(steps=[MAIL])
    valid({"channel": "linkedin"}, steps=[LINK])
    for steps in ([MAIL], [LINK], [MAIL, LINK]):
        valid({"channel": "combined"}, steps=steps)
    place = (CampaignCode.CHANNEL_NOT_SUPPORTED, "steps[1].channel")
    assert problems(steps=[MAIL, LINK]) == [place]
    assert problems({"channel": "linkedin"}, steps=[LINK, MAIL]) == [place]


def test_a_preference_is_an_order_of_both_channels_and_both_have_a_step() -> None:
    place = (OUTREACH, "outreach.channel_preference")
    for order in (["email", "linkedin"], ["linkedin", "email"]):
        found = valid({"channel": "combined", "channel_preference": order}, steps=[MAIL, LINK])
        assert found.outreach is not None and found.outreach.channel_preference == tuple(order)
        assert problems({"channel_preference": order}) == [place]
        assert problems({"channel": "combined", "channel_preference": order}) == [place]
    wrong: Any
    for wrong in (["email"], ["email", "email"], ["email", "sms"], "email", 7, [], [["email"], 1]):
        combined = {"channel": "combined", "channel_preference": wrong}
        assert problems(combined, steps=[MAIL, LINK]) == [place]


# templates


def test_a_template_of_another_channel_is_refused_where_the_document_has_its_channel() -> None:
    tested = step("mail", template_id="t", experiment=experiment())
    for template_id, place in (
        ("t", "template_id"),
        ("a", "experiment.variant_a_template_id"),
        ("b", "experiment.variant_b_template_id"),
    ):
        made_for = {"t": "email", "a": "email", "other": "sms"}
        valid(templates=made_for, steps=[tested])
        found = problems(templates={**made_for, template_id: "linkedin"}, steps=[tested])
        assert found == [(CampaignCode.TEMPLATE_INVALID, f"steps[0].{place}")]
    wrong: Any
    for wrong in ([], "t", 7, {str(number): "email" for number in range(501)}):
        assert problems(templates=wrong) == [(CampaignCode.TEMPLATE_INVALID, "templates")]
    for wrong in ("pigeon", None, ["email"]):
        assert problems(templates={"t": wrong}) == [(CampaignCode.CHANNEL_UNKNOWN, "templates.t")]
    assert content_hash(valid(templates={"t": "email"})) == content_hash(valid())


# any value

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(_OUTREACH), anything) | anything, anything, anything)
def test_any_value_is_read_or_refused(outreach: Any, value: Any, other: Any) -> None:
    whole = outreach_document() | {"outreach": outreach, "templates": value}
    assert isinstance(validate_definition(whole), Definition | list)
    settings = {"attribution": value, "soft_bounces": other, "end_date": value, "in_flight": other}
    assert isinstance(validate_definition(outreach_document(settings=settings)), Definition | list)
    nested = {
        "attribution": {"model": value, "window_days": other},
        "soft_bounces": {"most": value, "window_hours": other, "retry_hours": value},
    }
    assert isinstance(validate_definition(outreach_document(settings=nested)), Definition | list)


def test_a_definition_is_stored_and_read_again() -> None:
    steps = [step(experiment=experiment(layer={"name": "wording", "to": 12.5})), LINK]
    definition = valid(
        {"channel": "combined", "target_skills": ["Java"]},
        {"soft_bounces": {"most": 2}, "attribution": {"model": "all"}},
        steps,
    )
    packed = msgspec.msgpack.encode(definition)
    assert msgspec.msgpack.decode(packed, type=Definition) == definition


def test_random_outreach_is_stored_with_all_its_fields() -> None:
    hashes = set()
    for seed in range(SEEDS):
        definition = validate_definition(random_outreach(seed))
        assert isinstance(definition, Definition)
        packed = msgspec.msgpack.encode(definition)
        assert msgspec.msgpack.decode(packed, type=Definition) == definition
        assert local_problems(definition) == [] and recommendations(definition)
        hashes.add(content_hash(definition))
    assert len(hashes) == SEEDS


def test_fields_at_their_default_change_no_content_hash() -> None:
    sections: tuple[dict[str, Any], ...] = ({"attribution": {}}, {"soft_bounces": {"most": 3}})
    terms_at_default: tuple[dict[str, Any], ...] = ({"channel": "email"}, {"target_skills": []})
    for settings, outreach in product(sections, terms_at_default):
        assert content_hash(valid(outreach, settings)) == content_hash(valid())


# the examples and the page


def test_the_example_is_the_sample_of_the_requirements() -> None:
    definition = read_definition(text_of("examples/talent.yaml"))
    assert isinstance(definition, Definition) and definition.outreach is not None
    assert definition.name == "Q1 2024 Senior Java Developer Sourcing - NYC"
    found = definition.outreach
    assert (found.campaign_type, found.channel) == ("talent_sourcing", "email")
    assert (found.target_contacts, found.target_response_rate) == (500, 1_500)
    assert found.target_locations == ("New York, NY", "Jersey City, NJ", "Remote - US")
    assert found.target_skills == ("Java", "Spring Boot", "Microservices", "AWS", "Kubernetes")
    assert found.owner_id == found.created_by == "a1b2c3d4-e5f6-4a5b-8c9d-0e1f2a3b4c5d"


def test_the_examples_have_every_field_of_outreach() -> None:
    names = ("talent", "talent-combined")
    documents = [yaml.safe_load(text_of(f"examples/{name}.yaml")) for name in names]
    assert {field for each in documents for field in each["outreach"]} == set(_OUTREACH)


def test_the_page_has_a_row_for_each_field_of_outreach() -> None:
    section = text_of("docs/campaigns.md").partition("\n## Outreach\n")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == sorted(_OUTREACH)
    assert all(size in section for size in COMPANY_SIZES)
