"""E-mail addresses: one mailbox, whatever the case of its letters and the form of its domain
(S4-38, S4-99).

The name before the `@` keeps its dots and its `+tag`: which of them are one mailbox, only its
provider knows.
"""

import re
from functools import lru_cache

import idna

from schemas.addresses.texts import (
    CACHED,
    AddressInvalid,
    Forms,
    folded,
    no_address,
    one_line,
    refusal,
)

PLAIN = re.compile(
    r"[a-z0-9]{1,20}+(?:[._+-][a-z0-9]{1,20}+){0,2}+"
    r"@(?:[a-z0-9]{1,30}+(?:-[a-z0-9]{1,30}+)?+\.){1,3}+[a-z]{2,63}"
)
"""Addresses that are in all forms already: nearly every one is. No part is tried twice, so that the
pattern is fast for every event."""

_is_plain = PLAIN.fullmatch

_name = re.compile(r"[^\s@<>()\[\]\\,;:\".]+(?:\.[^\s@<>()\[\]\\,;:\".]+)*").fullmatch
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_domain = re.compile(rf"(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{2,59}})").fullmatch
_NAME_MAX, _DOMAIN_MAX = 64, 255  # RFC 5321, 4.5.3.1


def clean(text: str) -> str:
    """The address as it is stored, and the empty text for itself. Raises AddressInvalid."""
    if _is_plain(text) or (text.isascii() and _is_plain(text.lower())) or not text:
        return text
    line = one_line(text)
    _split(line)
    return line


def forms(text: str, country: str = "") -> Forms:
    """One form for all spellings of one mailbox; and the address with its name as written and its
    domain in lower-case ASCII, empty if the text is no address."""
    return (text, text) if _is_plain(text) else _forms(text)


@lru_cache(maxsize=CACHED)
def _forms(text: str) -> Forms:
    try:
        name, domain = _split(one_line(text))
    except AddressInvalid:
        return no_address(text)
    return f"{folded(name)}@{domain}", f"{name}@{domain}"


def _split(line: str) -> tuple[str, str]:
    """The name and the ASCII domain of an address. Raises AddressInvalid."""
    if "<" in line or ">" in line or '"' in line:
        raise refusal(line, "a display name or quotes beside the address")
    if line[:7].lower() == "mailto:":
        raise refusal(line, "a link in place of an address")
    if re.search(r"[\s,;]", line) or line.count("@") > 1:
        raise refusal(line, "more than one address, or text beside it")
    name, _, domain = line.rpartition("@")
    if len(name) > _NAME_MAX or _name(name) is None:
        raise refusal(line, "no valid name before the @")
    return name, _ascii(domain)


def _ascii(domain: str) -> str:
    """The domain in lower-case ASCII, by IDNA. Raises AddressInvalid."""
    form = domain.lower()
    if not form.isascii():
        try:
            form = idna.encode(domain, uts46=True).decode()
        except idna.IDNAError:
            form = ""
    if len(form) > _DOMAIN_MAX or _domain(form) is None:
        raise AddressInvalid("no valid domain behind the @")
    return form
