"""Ids that derive from their cause, so that the same send always has the same id (promise 5, X-2).

An id is the BLAKE2b hash of length-prefixed parts, written as a UUIDv8 (RFC 9562). Ids are strings
everywhere, because senders return them as strings.
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b


def _prefixed(parts: Iterable[str]) -> str:
    return "".join(f"\x1f{len(part)}:{part}" for part in parts)


def _uuid(text: str) -> str:
    """The hash of a text as a UUID, with version 8 and the RFC's variant in it."""
    hashed = blake2b(text.encode(), digest_size=16).hexdigest()
    variant = _VARIANTS[hashed[16]]
    return f"{hashed[:8]}-{hashed[8:12]}-8{hashed[13:16]}-{variant}{hashed[17:20]}-{hashed[20:]}"


_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
"""The hexadecimal digit of the RFC's variant in the place of each digit: its first bits are 10."""


def derived_contact_id(address: str, identity: str) -> str:
    """The id of a person who has none, from the name of an address and what identifies the person
    in it (C-18)."""
    return "c-" + blake2b(f"{address}:{identity}".encode(), digest_size=12).hexdigest()


def enrollment_id(tenant: str, campaign: str, contact: str, cycle: int) -> str:
    """The id of one run of a contact through a campaign; `cycle` counts these runs from 1
    (C-18)."""
    begin, end = _before_contact("enrollment", tenant, campaign), _after_contact(str(cycle))
    return _uuid(f"{begin}\x1f{len(contact)}:{contact}{end}")


def command_id(
    tenant: str, campaign: str, contact: str, cycle: int, step: str, attempt: int
) -> str:
    """The id of one attempt to send a touch. A retry after a failure is another attempt and has
    another id; a repeated command keeps its id (C-9)."""
    begin = _before_contact("command", tenant, campaign)
    end = _after_contact(str(cycle), step, str(attempt))
    return _uuid(f"{begin}\x1f{len(contact)}:{contact}{end}")


# The parts before and after the contact are the same for many contacts. An id is made for every
# touch, and joining all of its parts would take as long as hashing them.


@lru_cache(maxsize=4096)
def _before_contact(kind: str, *parts: str) -> str:
    return kind + _prefixed(parts)


@lru_cache(maxsize=4096)
def _after_contact(*parts: str) -> str:
    return _prefixed(parts)
