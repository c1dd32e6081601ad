"""LinkedIn profiles: the part of the URL behind `/in/` is the person (S4-38), whatever the host,
the percent-encoding and what follows."""

import re
from functools import lru_cache
from urllib.parse import unquote

from schemas.addresses.texts import (
    CACHED,
    AddressInvalid,
    Forms,
    folded,
    is_invisible,
    no_address,
    one_line,
    refusal,
    trimmed,
)

PLAIN = re.compile(r"https://(?:www\.)?linkedin\.com/in/[a-z0-9-]{1,200}/?")
"""URLs as LinkedIn writes them: nearly every one is."""

_is_plain = PLAIN.fullmatch

_url = re.compile(
    r"(?P<scheme>https?://)?(?:[a-z]{1,10}\.){0,3}linkedin\.com/(?:mwlite/)?in/"
    r"(?P<slug>[^\s/?#<>\",;=]+)(?:/[a-z0-9_/-]*)?"
    r"(?:[?&](?![^#]*(?://|linkedin\.))[^\s<>\"#]*)?(?:#[^\s<>\",;]*)?",
    re.IGNORECASE,
).fullmatch
_encoded_end = re.compile(r"(?:%(?:20|09|0a|0d|c2%a0|e2%80%8b))+(?=/?$)", re.IGNORECASE)
"""White space that was encoded with the URL behind which it stood."""

_PUNCTUATION = frozenset("-_.~'’·&+()!")
_JOINERS = frozenset("\u200c\u200d\ufe0f")  # inside Persian names and emoji


def clean(text: str) -> str:
    """The URL as it is stored, and the empty text for itself. Raises AddressInvalid."""
    if _is_plain(text) or not text:
        return text
    line = _line(text)
    _slug(line)
    return line


def forms(text: str, country: str = "") -> Forms:
    """The person's name in the URL, decoded and in lower case; and the URL with its scheme, empty
    if the text is no profile's URL."""
    if _is_plain(text):
        return text.rstrip("/").rpartition("/")[2], text
    return _forms(text)


@lru_cache(maxsize=CACHED)
def _forms(text: str) -> Forms:
    try:
        line = _line(text)
        slug = _slug(line)
    except AddressInvalid:
        return no_address(text)
    url = line if "://" in line[:8] else f"https://{line}"
    return folded(trimmed(slug)), url


def _line(text: str) -> str:
    """The text of a URL, without what a text around it leaves at its end. Raises AddressInvalid."""
    line, end = one_line(text), None
    while line != end:
        end = line
        line = trimmed(_encoded_end.sub("", line if "(" in line else line.rstrip(")")))
    return line


def _slug(line: str) -> str:
    """The decoded part behind `/in/`. Raises AddressInvalid."""
    found = _url(line)
    if found is None:
        raise refusal(line, "not the URL of one profile on linkedin.com/in/")
    slug = _decoded(found["slug"])
    if not trimmed(slug) or not all(map(_may_stand_in_slug, slug)):
        raise refusal(line, "not the URL of one profile on linkedin.com/in/")
    return slug


def _decoded(slug: str) -> str:
    """The slug without percent-encoding, however often it was encoded. Raises AddressInvalid."""
    while "%" in slug:
        try:
            decoded = unquote(slug, errors="strict")
        except UnicodeDecodeError:
            raise AddressInvalid("a percent-encoding that is not UTF-8") from None
        if decoded == slug:
            raise AddressInvalid("an incomplete percent-encoding")
        slug = decoded
    return slug


def _may_stand_in_slug(char: str) -> bool:
    """Whether a person's part of a URL may have the character: letters of all scripts, digits,
    marks, symbols such as emoji, and some punctuation."""
    if char.isalnum() or char in _PUNCTUATION or char in _JOINERS:
        return True
    if char.isascii() or char == "…":  # the end of a URL that was cut
        return False
    return not char.isspace() and not is_invisible(char)
