"""Bags of records: what was said and what stands there, equal as multisets whatever their order."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from schemas.messages import TICK


class Said(NamedTuple):
    """A record without its place."""

    key: bytes | None
    value: bytes | None
    partition: int | None


class Bag:
    """Counts records by hash; keeps the text of a few, to tell a difference by."""

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}
        self._texts: dict[bytes, str] = {}

    def add(self, said: Said) -> None:
        """One record. Ticks are time, not something said."""
        if said.value == TICK:
            return
        name = blake2b(said.value or b"", digest_size=16, key=(said.key or b"")[:64]).digest()
        self._counts[name] = self._counts.get(name, 0) + 1
        if name not in self._texts:
            self._texts[name] = f"{said.key!r} {(said.value or b'')[:200]!r}"

    def beyond(self, other: "Bag") -> Iterator[str]:
        """What is here more often than there."""
        for name, count in self._counts.items():
            if count > other._counts.get(name, 0):
                yield self._texts[name]

    def missing_in(self, other: "Bag") -> bool:
        """Whether something is here that is not there."""
        return any(True for _ in self.beyond(other))

    def __len__(self) -> int:
        return sum(self._counts.values())
