"""A YAML or JSON text is parsed to plain values, or refused with the line of the error."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.error_codes import CampaignCode
from schemas.campaigns.definition import read_definition
from schemas.campaigns.yaml_document import DocumentInvalid, parse_document


def refused(text: str | bytes) -> tuple[str, str]:
    with pytest.raises(DocumentInvalid) as error:
        parse_document(text)
    return error.value.problem.code, error.value.problem.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("21:00", "21:00"),
        ("no", "no"),
        ("on", "on"),
        ("2026-03-02", "2026-03-02"),
        ("0777", "0777"),
        ("1_000", "1_000"),
        ("12e3", "12e3"),
        ("12", 12),
        ("-0.5", -0.5),
        ("1.5e3", 1500.0),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ('"12"', "12"),
        ("=", "="),
        ("1" * 30, "1" * 30),
        (".nan", ".nan"),
    ],
)
def test_an_unquoted_value_has_the_type_that_it_looks_like(text: str, value: Any) -> None:
    parsed = parse_document(f"a: {text}")["a"]
    assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize("text", ["[", "a: b: c", "a: &x 1\nb: *x", "a: 1\na: 2", "? [a]\n: b"])
def test_a_syntax_error_is_reported_with_its_line(text: str) -> None:
    code, message = refused(text)
    assert code == CampaignCode.DOCUMENT_INVALID
    assert message.startswith("line ")


@pytest.mark.parametrize(
    "text",
    [
        b"\xff",
        "\x00",
        "\ud800",
        "!!python/object/apply:os.system [ls]",
        "!!binary x",
        "!!timestamp x",
        "!!int x",
        "!!bool x",
        "!!float ''",
        "!!map [1]",
        "a: 1\n---\nb: 2",
        "%YAML 9.9\n---\na",
    ],
)
def test_tags_and_invalid_characters_are_refused(text: str | bytes) -> None:
    assert refused(text)[0] == CampaignCode.DOCUMENT_INVALID


@pytest.mark.parametrize("mark", ["[", "{", '{"a":', "- ", "a: {b: "])
def test_deep_nesting_is_refused(mark: str) -> None:
    assert refused(mark * 9_000)[0] == CampaignCode.DOCUMENT_INVALID


def test_a_long_text_is_refused_before_it_is_parsed() -> None:
    assert refused("a" * 65_537)[0] == CampaignCode.DOCUMENT_TOO_LARGE


def test_a_syntax_error_is_a_problem_of_the_document() -> None:
    problems = read_definition("[")
    assert isinstance(problems, list)
    assert [(problem.code, problem.place) for problem in problems] == [
        (CampaignCode.DOCUMENT_INVALID, "")
    ]


def test_a_text_with_a_byte_order_mark_is_parsed() -> None:
    assert parse_document(b"\xef\xbb\xbfa: 1") == {"a": 1}


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_text_is_parsed_or_refused(text: str | bytes) -> None:
    try:
        parse_document(text)
    except DocumentInvalid as error:
        assert len(error.problem.message) <= 300


yaml_indicators = st.text(st.sampled_from("ab:{}[]-!&*?|>%@'\",# \n\t~<=0.1"), max_size=60)


@given(yaml_indicators)
def test_any_text_of_yaml_indicators_is_parsed_or_refused(text: str) -> None:
    try:
        parse_document(text)
    except DocumentInvalid as error:
        assert error.problem.code == CampaignCode.DOCUMENT_INVALID
