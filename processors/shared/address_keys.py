"""Which addresses are the same: the keys by which states know an address.

One rule for all who ask (S4-85, C-35): two texts are one address where their canonical forms are
equal (schemas/addresses). The states hold digests, so that they hold no list of addresses.

Older versions compared the texts themselves. Their digests are looked up too, after the new ones:
what they have closed stays closed.
"""

from hashlib import blake2b

from processors.shared.tenant_lookup import country_of
from schemas.channels import ADDRESSES, CHANNELS
from schemas.internal.states import KnownTenant


def known_digest(name: str, text: str, country: str) -> bytes:
    """The digest by which a contact knows its address `name`, in any spelling."""
    return digest_of(ADDRESSES[name].canonical(text, country))


def known_digest_before(text: str) -> bytes:
    """The digest by which a contact knew an address in older versions."""
    return digest_of(text)


def digest_of(form: str) -> bytes:
    """The digest of a canonical form, as a contact keeps it."""
    return blake2b(form.encode(), digest_size=8).digest()


def other_spelling(text: str, recipient: str) -> str:
    """The text of an address where older versions knew it by another key than its recipient; else
    empty."""
    if text == recipient or _comparable_before(text) == _comparable_before(recipient):
        return ""
    return text


def address_key(tenant: KnownTenant | None, channel: str, recipient: str) -> str:
    """The key of an address of a channel: a digest, in hex. All spellings have one key."""
    return _key(CHANNELS[channel].address.canonical(recipient, country_of(tenant)))


def address_keys(
    tenant: KnownTenant | None, channel: str, recipient: str, spelling: str = ""
) -> list[str]:
    """The keys under which an address may be known: first its key, then those of older versions
    and those of a tenant whose country was not known yet, where they differ.

    `spelling` is the text that became the recipient, empty where they are alike.
    """
    canonical = CHANNELS[channel].address.canonical
    form, form_before = canonical(recipient, country_of(tenant)), _comparable_before(recipient)
    if form == form_before and not spelling:  # nearly every address
        return [_key(form)]
    forms = [form, form_before]
    if spelling:
        forms += [canonical(spelling, ""), _comparable_before(spelling)]
    return [*map(_key, dict.fromkeys(forms))]


def _key(form: str) -> str:
    return blake2b(form.encode(), digest_size=16).hexdigest()


def _comparable_before(text: str) -> str:
    """The form by which older versions compared addresses."""
    return text.strip().lower()
