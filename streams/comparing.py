"""Bags of records: what was said and what stands there, equal as multisets whatever their order."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from schemas.messages import TICK

TEXTS_MAX = 10_000


class Said(NamedTuple):
    """A record without its offset."""

    key: bytes | None
    value: bytes | None
    partition: int


class Bag:
    """Counts records by hash; keeps the text of a few, to tell a difference by."""

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}
        self._texts: dict[bytes, str] = {}

    def add(self, said: Said) -> None:
        """One record. Ticks are time, not something said."""
        if said.value == TICK:
            return
        place = b"%d/" % said.partition
        key = said.key or b""
        hashed = blake2b(place + b"%d/" % len(key) + key, digest_size=16)
        hashed.update(said.value or b"")
        name = hashed.digest()
        self._counts[name] = self._counts.get(name, 0) + 1
        if len(self._texts) < TEXTS_MAX:
            value = (said.value or b"")[:200]
            self._texts[name] = f"[{said.partition}] {said.key!r} {value!r}"

    def beyond(self, other: "Bag") -> Iterator[str]:
        """What is here more often than there."""
        for name, count in self._counts.items():
            if count > other._counts.get(name, 0):
                yield self._texts.get(name, f"a record of hash {name.hex()}")

    def missing_in(self, other: "Bag") -> bool:
        """Whether something is here that is not there."""
        return any(True for _ in self.beyond(other))

    def __len__(self) -> int:
        return sum(self._counts.values())
