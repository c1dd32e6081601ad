"""Events that must not act twice are known again by their source and id (design 2.9)."""

from hashlib import blake2b

SEEN_MAX = 256
"""So many are remembered in one state; of more the oldest is forgotten."""


def first_time(seen: list[bytes], cause: str) -> bool:
    """Whether `cause` is new; from now on it is not."""
    name = _name(cause)
    if name in seen:
        return False
    seen.append(name)
    if len(seen) > SEEN_MAX:
        del seen[0]
    return True


def forget(seen: list[bytes], cause: str) -> None:
    """It may come again, and act then."""
    name = _name(cause)
    if name in seen:
        seen.remove(name)


def _name(cause: str) -> bytes:
    return blake2b(cause.encode(), digest_size=8).digest()
