"""Ids that derive from their cause, so that the same send always has the same id (promise 5, X-2).

An id is the BLAKE2b hash of length-prefixed parts, written as a UUIDv8 (RFC 9562). Ids are strings
everywhere, because senders return them as strings.
"""

from hashlib import blake2b


def derive(kind: str, *parts: str) -> str:
    """The id of a kind and its parts. Other parts have another id, because parts are
    length-prefixed."""
    for part in parts:
        kind += f"\x1f{len(part)}:{part}"
    digest = bytearray(blake2b(kind.encode(), digest_size=16).digest())
    digest[6] = digest[6] & 0x0F | 0x80  # version 8
    digest[8] = digest[8] & 0x3F | 0x80  # the RFC's variant
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def derived_contact_id(address: str, identity: str) -> str:
    """The id of a person who has none, from the name of an address and what identifies the person
    in it (C-18)."""
    return "c-" + blake2b(f"{address}:{identity}".encode(), digest_size=12).hexdigest()


def enrollment_id(tenant: str, campaign: str, contact: str, cycle: int) -> str:
    """The id of one run of a contact through a campaign; `cycle` counts these runs from 1
    (C-18)."""
    return derive("enrollment", tenant, campaign, contact, str(cycle))


def command_id(
    tenant: str, campaign: str, contact: str, cycle: int, step: str, attempt: int
) -> str:
    """The id of one attempt to send a touch. A retry after a failure is another attempt and has
    another id; a repeated command keeps its id (C-9)."""
    return derive("command", tenant, campaign, contact, str(cycle), step, str(attempt))
