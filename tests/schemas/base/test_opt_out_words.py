"""A whole message that is a word of the carriers or of the tenant is recognised in any spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base.opt_out_words import OPT_OUTS, digest_of, is_agreement, is_opt_out, word_of


@pytest.mark.parametrize(
    "text",
    [
        *("STOP", "stop", "Stop.", " stop \n", '"STOP"', "“Stop”", "STOP!!!", "¡stop!", "ＳＴＯＰ"),
        *("\u200bSTOP\ufeff", "stop 🙏", "STOPALL", "Stop all", "stop-all", "UNSUBSCRIBE"),
        *("Cancel", "end", "Quit.", "OPT-OUT", "opt out", "Revoke", "S.T.O.P."),
    ],
)
def test_the_words_of_carriers_are_recognised_in_any_spelling(text: str) -> None:
    assert word_of(text) in OPT_OUTS


@pytest.mark.parametrize(
    "text",
    ["", "🙏", "stop it", "please stop", "Don't stop", "the end", "ending", "START", "stop " * 30],
)
def test_a_longer_message_is_no_word(text: str) -> None:
    assert word_of(text) not in OPT_OUTS


@pytest.mark.parametrize(("text", "agrees"), [("Start", True), ("UNSTOP!", True), ("yes", False)])
def test_start_and_unstop_are_agreements(text: str, agrees: bool) -> None:
    assert is_agreement(digest_of(word_of(text))) is agrees


def test_the_words_of_a_tenant_are_compared_by_their_digests() -> None:
    words = ("ARRÊT", "NO MORE")
    assert is_opt_out(digest_of(word_of("arrêt.")), words)
    assert is_opt_out(digest_of(word_of("No more!")), words)
    assert not is_opt_out(digest_of(word_of("more")), words)
    assert not is_opt_out(digest_of(word_of("more")), ())


@pytest.mark.parametrize(
    ("left", "right"),
    [
        *[("ARRET", "arrêt"), ("Arre\u0302t", "ARRET"), ("BIRAK", "bırak"), ("İPTAL", "iptal")],
        *[("NO MÁS", "no mas"), ("Überspringen", "uberspringen"), ("СТОЙ", "стои")],
    ],
)
def test_accents_do_not_matter(left: str, right: str) -> None:
    assert word_of(left) == word_of(right)


def test_vowels_of_other_scripts_matter() -> None:
    assert word_of("रोको") != word_of("रक")


@given(st.text(max_size=60))
def test_a_word_is_the_word_of_itself(text: str) -> None:
    assert word_of(word_of(text)) == word_of(text)
