"""The words of telephony providers for the end of a call become twelve outcomes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.call_outcomes import (
    CALL_OUTCOMES,
    FAILURES,
    NO_ATTEMPT,
    REACHED,
    UNKNOWN,
    call_outcome,
)

WORDS = [(word, name) for name, row in CALL_OUTCOMES.items() for word in (name, *row.words)]


def test_these_are_all_outcomes_and_what_they_count_as() -> None:
    assert [*CALL_OUTCOMES] == [
        *("answered", "busy", "no_answer", "voicemail", "rejected", "invalid_number", "failed"),
        *("cancelled", "blocked", "abandoned", "unknown", "provider_limit"),
    ]
    assert sorted(REACHED) == ["answered", "voicemail"]
    assert sorted(FAILURES) == ["failed", "unknown"]  # busy and no_answer pause no campaign
    assert sorted(NO_ATTEMPT) == ["provider_limit"]


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("completed", "answered"),
        ("call-disconnected", "answered"),
        ("answered", "answered"),
        ("busy", "busy"),
        ("no-answer", "no_answer"),
        ("noanswer", "no_answer"),
        ("voicemail", "voicemail"),
        ("machine", "voicemail"),
        ("declined", "rejected"),
        ("invalid-number", "invalid_number"),
        ("failed", "failed"),
        ("canceled", "cancelled"),
        ("cancelled", "cancelled"),
        ("blocked", "blocked"),
        ("abandoned", "abandoned"),
        ("429", "provider_limit"),
        ("Balance low", "provider_limit"),
        ("balance-low", "provider_limit"),
        ("486", "busy"),
        ("gone fishing", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_word_of_a_provider_means_an_outcome(word: str, outcome: str) -> None:
    assert call_outcome(word) == outcome


def test_no_word_means_two_outcomes() -> None:
    assert len({word for word, _ in WORDS}) == len(WORDS)


@given(
    st.sampled_from(WORDS),
    st.sampled_from(["-", "_", " ", "  ", "."]),
    st.sampled_from([str.lower, str.upper, str.title]),
    st.sampled_from(["", " ", "\n"]),
)
def test_case_and_signs_between_the_parts_of_a_word_make_no_difference(
    word: tuple[str, str], sign: str, case: type[str], margin: str
) -> None:
    text, outcome = word
    assert call_outcome(margin + case(text.replace("_", sign)) + margin) == outcome


@given(st.text(max_size=60))
def test_every_text_has_an_outcome_and_a_text_without_a_row_is_unknown(text: str) -> None:
    outcome = call_outcome(text)
    assert outcome in CALL_OUTCOMES
    known = re.sub(r"[\s_./:-]+", "_", text.strip()).strip("_").lower()
    assert (outcome == UNKNOWN) is (known not in dict(WORDS) or known == UNKNOWN)
