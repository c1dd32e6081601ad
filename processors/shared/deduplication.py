"""Recognizes events that come twice, by source and id (promise 9)."""

from hashlib import blake2b

CAUSES_MAX = 256
"""The number of causes that a state keeps. The oldest is removed for a new one."""


def add_if_new(seen: list[bytes], cause: str) -> bool:
    """Adds a cause to a state's list of causes. False where the list has it already."""
    digest = _digest(cause)
    if digest in seen:
        return False
    seen.append(digest)
    if len(seen) > CAUSES_MAX:
        del seen[0]
    return True


def is_known(seen: list[bytes], cause: str) -> bool:
    """Whether the list has a cause."""
    return bool(seen) and _digest(cause) in seen


def forget(seen: list[bytes], cause: str) -> None:
    """Removes a cause from the list, so that the event may come again and act then."""
    digest = _digest(cause)
    if digest in seen:
        seen.remove(digest)


def _digest(cause: str) -> bytes:
    return blake2b(cause.encode(), digest_size=8).digest()
