"""Automatic replies are recognised by their headers."""

import pytest

from schemas.public.auto_reply import is_automatic


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto-Submitted": "auto-replied"},
        {"auto-submitted": "auto-generated; owner=x"},
        {"X-Autoreply": "yes"},
        {"X-Auto-Response-Suppress": "All"},
        {"Precedence": "auto_reply"},
        {"PRECEDENCE": " Bulk "},
    ],
)
def test_headers_of_an_automatic_reply_are_recognised(headers: dict[str, str]) -> None:
    assert is_automatic(headers)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Auto-Submitted": "no"}, {"Precedence": "first-class"}, {"Subject": "auto_reply"}],
)
def test_headers_of_a_reply_by_a_person_are_not_automatic(headers: dict[str, str]) -> None:
    assert not is_automatic(headers)
