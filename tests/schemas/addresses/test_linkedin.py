"""Which texts are the URL of a LinkedIn profile, and which of them are one person (S4-38)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.addresses import linkedin
from schemas.channels import LINKEDIN_URL
from tests.schemas.addresses.laws import (
    assert_forms_are_final,
    assert_only_what_is_accepted_can_be_written_to,
)


def canonical(text: str) -> str:
    return LINKEDIN_URL.canonical(text, "")


def recipient(text: str) -> str:
    return LINKEDIN_URL.recipient(text, "")


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("", ""),
        ("https://linkedin.com/in/ann-lee", "https://linkedin.com/in/ann-lee"),
        (" http://www.linkedin.com/in/Ann-Lee/ ", "http://www.linkedin.com/in/Ann-Lee/"),
        ("\ufeffhttps://linkedin.com/in/ann\u2028", "https://linkedin.com/in/ann"),
        ("https://linkedin.com/in/ann.", "https://linkedin.com/in/ann"),
        ("linkedin.com/in/ann", "linkedin.com/in/ann"),
        ("https://linkedin.com/in/ann-lee%20", "https://linkedin.com/in/ann-lee"),
        ("https://linkedin.com/in/ann-lee%0D%0A", "https://linkedin.com/in/ann-lee"),
        ("https://linkedin.com/in/ann-lee%20/", "https://linkedin.com/in/ann-lee/"),
        ("https://linkedin.com/in/ann-lee).", "https://linkedin.com/in/ann-lee"),
    ],
)
def test_a_url_is_stored_without_what_surrounds_it(text: str, stored: str) -> None:
    assert linkedin.clean(text) == stored


@pytest.mark.parametrize(
    ("slug", "spellings"),
    [
        (
            "ann-lee-1234",
            [
                *("https://linkedin.com/in/ann-lee-1234", "http://linkedin.com/in/Ann-Lee-1234/"),
                *("https://www.linkedin.com/in/ann-lee-1234/", "linkedin.com/in/ann-lee-1234"),
                *("https://de.linkedin.com/in/ann-lee-1234", "m.linkedin.com/in/ann-lee-1234"),
                *(
                    "https://linkedin.com/in/ann-lee-1234/en",
                    "HTTPS://LINKEDIN.COM/IN/ANN-LEE-1234",
                ),
                *("https://www.linkedin.com/in/ann-lee-1234/?locale=de_DE",),
                *("https://www.linkedin.com/in/ann-lee-1234?trk=people&x=1#top",),
                *("https://www.linkedin.com/in/ann-lee-1234/overlay/contact-info/",),
                *(
                    "https://www.de.linkedin.com/in/ann-lee-1234",
                    "linkedin.com/mwlite/in/ann-lee-1234",
                ),
                *(
                    "https://linkedin.com/in/ann-lee-1234?trk=a;b,c",
                    "linkedin.com/in/ann-lee-1234&trk=x",
                ),
                *("https://www.linkedin.com/in/ann%2Dlee%2d1234/", "ann-lee-1234"),
            ],
        ),
        (
            "jürgen-müller",
            [
                *("https://linkedin.com/in/jürgen-müller", "https://linkedin.com/in/JÜRGEN-Müller"),
                *("https://linkedin.com/in/j%C3%BCrgen-m%c3%bcller/",),
                *("https://linkedin.com/in/ju%CC%88rgen-mu%CC%88ller", "jürgen-müller"),
                *("https://linkedin.com/in/j%25C3%25BCrgen-m%25C3%25BCller",),
            ],
        ),
        ("李明", ["https://cn.linkedin.com/in/%E6%9D%8E%E6%98%8E/zh-cn"]),
        ("ann🚀", ["https://linkedin.com/in/ann%F0%9F%9A%80", "https://linkedin.com/in/ann🚀"]),
    ],
)
def test_spellings_of_one_person_have_one_form(slug: str, spellings: list[str]) -> None:
    assert {canonical(text) for text in spellings} == {slug}
    for text in spellings:
        assert canonical(text) == slug
        if "/" in text:
            assert linkedin.clean(text) == text
            assert recipient(text).startswith(("http", "HTTP"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("  ", "only blanks"),
        ("n/a", "placeholder"),
        ("none", "placeholder"),
        ("-", "placeholder"),
        ("Ann Lee", "profile"),
        ("ann-lee", "profile"),
        ("https://example.com/in/ann", "profile"),
        ("https://evil-linkedin.com/in/ann", "profile"),
        ("https://linkedin.com.example.com/in/ann", "profile"),
        ("https://user@linkedin.com/in/ann", "profile"),
        ("https://linkedin.com:443/in/ann", "profile"),
        ("ftp://linkedin.com/in/ann", "profile"),
        ("https://linkedin.com/company/ann", "profile"),
        ("https://linkedin.com/in/", "profile"),
        ("https://linkedin.com/in/?x=1", "profile"),
        ("https://linkedin.com/in/a https://linkedin.com/in/b", "profile"),
        ("https://linkedin.com/in/a,https://linkedin.com/in/b", "profile"),
        ("https://linkedin.com/in/a;https://linkedin.com/in/b", "profile"),
        ("<https://linkedin.com/in/ann>", "profile"),
        ("https://linkedin.com/in/a%2Fb", "profile"),
        ("https://linkedin.com/in/a%0Ab", "profile"),
        ("https://linkedin.com/in/a%20b", "profile"),
        ("https://linkedin.com/in/a%E2%80%A8b", "profile"),
        ("https://linkedin.com/in/a%3Cb", "profile"),
        ("https://linkedin.com/in/%E9", "UTF-8"),
        ("https://linkedin.com/in/a%zz", "incomplete"),
        ("https://linkedin.com/in/ann-l…", "profile"),
        ("https://linkedin.com/in/a?x=1,https://linkedin.com/in/b", "profile"),
        ("https://linkedin.com/in/a?x=1;linkedin.com/in/b", "profile"),
        ("https://linkedin.com/in/a\u200bb", "invisible"),
        ("https://linkedin.com/in/a\u2028b", "invisible"),
    ],
)
def test_a_text_that_is_not_the_url_of_one_profile_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        linkedin.clean(text)
    assert recipient(text) == ""


def test_a_command_has_a_url_with_its_scheme() -> None:
    assert recipient("www.linkedin.com/in/ann") == "https://www.linkedin.com/in/ann"
    assert recipient("http://linkedin.com/in/Ann/") == "http://linkedin.com/in/Ann/"


_SLUGS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_ENCODED = st.from_regex(r"(%[0-9A-Fa-f]{2}|[a-zA-Z%-]){1,12}", fullmatch=True)
_HOSTS = st.sampled_from(
    [
        "https://linkedin.com/in/{}",
        "de.linkedin.com/in/{}/de?x=1",
        "linkedin.com/in/a{}%20).)",
        "{}",
    ]
)
_TEXTS = st.builds(str.format, _HOSTS, st.one_of(_SLUGS, _ENCODED))


@given(_TEXTS)
def test_the_form_of_a_form_is_the_form(text: str) -> None:
    assert_forms_are_final(LINKEDIN_URL, text)


@given(_TEXTS)
def test_what_is_accepted_can_be_written_to_and_nothing_else_can(text: str) -> None:
    assert_only_what_is_accepted_can_be_written_to(LINKEDIN_URL, text)


@given(st.from_regex(linkedin.PLAIN, fullmatch=True))
def test_a_plain_url_has_the_forms_that_every_url_has(text: str) -> None:
    assert linkedin._forms(text) == (canonical(text), recipient(text))
    assert linkedin.clean(text) == text
