"""Which texts are e-mail addresses, and which of them are one mailbox (S4-38, S4-99)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.addresses import email
from schemas.channels import EMAIL
from tests.schemas.addresses.laws import (
    assert_forms_are_final,
    assert_only_what_is_accepted_can_be_written_to,
)


def canonical(text: str) -> str:
    return EMAIL.canonical(text, "")


def recipient(text: str) -> str:
    return EMAIL.recipient(text, "")


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("", ""),
        ("mara@example.com", "mara@example.com"),
        ("Mara@Example.com", "Mara@Example.com"),
        (" ivo@example.com ", "ivo@example.com"),
        ("ivo@example.com.", "ivo@example.com"),
        ("ivo@example.com . ", "ivo@example.com"),
        ("\ufeffivo@example.com\u200b", "ivo@example.com"),
        ("\u2028ivo@example.com\u0085\r\n\t\u00a0", "ivo@example.com"),
        ("\u202aivo@example.com\u202c", "ivo@example.com"),
        ("ivo@münchen.example", "ivo@münchen.example"),
        ("jürgen@example.com", "jürgen@example.com"),
        ("user/dept=shipping@example.com", "user/dept=shipping@example.com"),
        ("a!#$%&'*+-/=?^_`{|}~z@example.com", "a!#$%&'*+-/=?^_`{|}~z@example.com"),
        ("o'hara+news_x.y-z@mail.example.co.uk", "o'hara+news_x.y-z@mail.example.co.uk"),
        ("a@xn--mnchen-3ya.xn--p1ai", "a@xn--mnchen-3ya.xn--p1ai"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    ],
)
def test_an_address_is_stored_without_what_surrounds_it(text: str, stored: str) -> None:
    assert email.clean(text) == stored


PLACEHOLDERS = "n/a N/A n.a. #N/A none None null NULL nil NaN undefined unknown - -- — ? . x tbd"


@pytest.mark.parametrize("text", [*PLACEHOLDERS.split(), "no email", "not available", "(none)"])
def test_a_placeholder_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"placeholder|only blanks"):
        email.clean(text)
    assert recipient(text) == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("  ", "only blanks"),
        ("\u200b", "only blanks"),
        ("a@example.com;b@example.com", "more than one address"),
        ("a@example.com,b@example.com", "more than one address"),
        ("a@example.com b@example.com", "more than one address"),
        ("a@example.com/b@example.com", "more than one address"),
        ("a@example.com; ", "more than one address"),
        ("ivo@example.com Bcc: x@example.com", "more than one address"),
        ("ivo@example.com\u2028Bcc: x@example.com", "invisible"),
        ("ivo@example.com\u0085Bcc: x@example.com", "invisible"),
        ("ivo@example.com\r\nBcc: x@example.com", "invisible"),
        ("iv\u200bo@example.com", "invisible"),
        ("ivo@exam\u00adple.com", "invisible"),
        ("ivo\u202e@example.com", "invisible"),
        ("Ivo Brandt <ivo@example.com>", "display name"),
        ("<ivo@example.com>", "display name"),
        ('"Ivo" ivo@example.com', "display name"),
        ("mailto:ivo@example.com", "link"),
        ("MAILTO:ivo@example.com", "link"),
        ("ivo", "name before"),
        ("@example.com", "name before"),
        ("ivo@", "domain"),
        ("ivo@example", "domain"),
        ("ivo@example..com", "domain"),
        ("ivo@.example.com", "domain"),
        ("ivo@-example.com", "domain"),
        ("ivo@example.c", "domain"),
        ("ivo@example.c0m", "domain"),
        ("ivo@192.0.2.1", "domain"),
        ("ivo@[192.0.2.1]", "domain"),
        ("ivo@exa$mple.com", "domain"),
        ("ivo@☃.example.com", "domain"),
        ("ivo@" + "a" * 64 + ".com", "domain"),
        ("ivo@" + "a." * 127 + "com", "domain"),
        (".ivo@example.com", "name before"),
        ("ivo.@example.com", "name before"),
        ("ivo..brandt@example.com", "name before"),
        ("ivo(work)@example.com", "name before"),
        ("a" * 65 + "@example.com", "name before"),
    ],
)
def test_a_text_that_is_not_exactly_one_address_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        email.clean(text)
    assert len(text) < 4 or text.strip() not in str(caught.value)
    assert recipient(text) == ""


@pytest.mark.parametrize(
    ("text", "sent_to"),
    [
        ("Mara@Example.COM", "Mara@example.com"),
        (" ivo@MÜNCHEN.example. ", "ivo@xn--mnchen-3ya.example"),
        ("ivo@xn--MNCHEN-3ya.example", "ivo@xn--mnchen-3ya.example"),
        ("ivo@ｅｘａｍｐｌｅ.com", "ivo@example.com"),
        ("Jürgen@example.com", "Jürgen@example.com"),
    ],
)
def test_a_command_has_the_name_as_written_and_the_domain_in_ascii(text: str, sent_to: str) -> None:
    assert recipient(text) == sent_to


@pytest.mark.parametrize(
    "spellings",
    [
        ["mara@example.com", "Mara@Example.com", "MARA@EXAMPLE.COM", " mara@example.com. "],
        ["ivo@münchen.example", "ivo@xn--mnchen-3ya.example", "Ivo@MÜNCHEN.example"],
        ["jürgen@example.com", "JÜRGEN@example.com", "ju\u0308rgen@example.com"],
    ],
)
def test_spellings_of_one_mailbox_have_one_form(spellings: list[str]) -> None:
    assert len({canonical(text) for text in spellings}) == 1


def test_dots_and_tags_of_the_name_are_kept() -> None:
    texts = ["mara@gmail.com", "ma.ra@gmail.com", "mara+x@gmail.com"]
    assert len({canonical(text) for text in texts}) == 3


_NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_DOMAINS = st.sampled_from(["example.com", "Example.COM.", "MÜNCHEN.example", "☃.example", "x"])
_TEXTS = st.one_of(st.builds("{}@{}".format, _NAMES, _DOMAINS), _NAMES, st.emails())


@given(_TEXTS)
def test_the_form_of_a_form_is_the_form(text: str) -> None:
    assert_forms_are_final(EMAIL, text)


@given(_TEXTS)
def test_what_is_accepted_can_be_written_to_and_nothing_else_can(text: str) -> None:
    assert_only_what_is_accepted_can_be_written_to(EMAIL, text)


@given(st.from_regex(email.PLAIN, fullmatch=True))
def test_a_plain_address_is_in_all_forms_already(text: str) -> None:
    assert email._forms(text) == (text, text) == (canonical(text), recipient(text))
    assert email.clean(text) == text
