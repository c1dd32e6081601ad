"""Identity derives from its cause: the same send asked for twice has the same id (design 2.5, X-2).

An id is BLAKE2b over length-prefixed parts, written as a UUIDv8 (RFC 9562: 122 bits of our own
making). Ids are strings throughout: that is how senders echo them.
"""

from hashlib import blake2b


def derive(kind: str, *parts: str) -> str:
    """The id of `kind` that belongs to these parts and to no others: parts are length-prefixed."""
    for part in parts:
        kind += f"\x1f{len(part)}:{part}"
    digest = bytearray(blake2b(kind.encode(), digest_size=16).digest())
    digest[6] = digest[6] & 0x0F | 0x80  # version 8
    digest[8] = digest[8] & 0x3F | 0x80  # the RFC's variant
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def enrollment_id(tenant: str, campaign: str, contact: str, cycle: int) -> str:
    """One run of one contact through one campaign; `cycle` counts the runs from 1 (C-18)."""
    return derive("enrollment", tenant, campaign, contact, str(cycle))


def command_id(
    tenant: str, campaign: str, contact: str, cycle: int, step: str, attempt: int
) -> str:
    """One send: a retry after a failure is another attempt, so another id; a repeat keeps it
    (C-9)."""
    return derive("command", tenant, campaign, contact, str(cycle), step, str(attempt))
