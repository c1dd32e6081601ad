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
    AddressForms,
    AddressInvalid,
    folded,
    no_address,
    one_line,
    refusal,
)

_ATOM = r"[a-z0-9_+-]{1,15}"
PLAIN = re.compile(
    rf"{_ATOM}(?:\.{_ATOM}){{0,3}}@(?:[a-z0-9](?:[a-z0-9-]{{0,61}}[a-z0-9])?\.){{1,3}}[a-z]{{2,63}}"
)
"""Addresses that are in all forms already: nearly every one is."""

_is_plain = PLAIN.fullmatch

_name = re.compile(r"[^\s@<>()\[\]\\,;:\"./]+(?:\.[^\s@<>()\[\]\\,;:\"./]+)*").fullmatch
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_domain = re.compile(rf"(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{2,59}})").fullmatch
_NAME_MAX, _DOMAIN_MAX = 64, 255  # RFC 5321, 4.5.3.1


def clean(text: str) -> str:
    """The address as it is stored, and the empty text for itself. Raises AddressInvalid."""
    if _is_plain(text) or not text:
        return text
    line = one_line(text)
    _split(line)
    return line


def canonical(text: str, country: str = "") -> str:
    """One form for all spellings of one mailbox."""
    return text if _is_plain(text) else _forms(text).canonical


def recipient(text: str, country: str = "") -> str:
    """The address with its name as written and its domain in lower-case ASCII; empty if the text is
    no address."""
    return text if _is_plain(text) else _forms(text).recipient


@lru_cache(maxsize=CACHED)
def _forms(text: str) -> AddressForms:
    try:
        name, domain = _split(one_line(text))
    except AddressInvalid:
        return no_address(text)
    return AddressForms(f"{folded(name)}@{domain}", f"{name}@{domain}")


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
