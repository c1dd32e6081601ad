"""What was said against what stands there, as multisets, whatever their order."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from schemas.internal.messages import TICK

TEXTS_MAX = 10_000


class Said(NamedTuple):
    """A record without its offset; headers where they are part of what is said."""

    key: bytes | None
    value: bytes | None
    partition: int
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Balance:
    """Counts records by hash; what is equal on both sides is forgotten, so that memory holds the
    differences only. Keeps the text of a few, to tell a difference by."""

    def __init__(self) -> None:
        self._left: dict[bytes, int] = {}  # said more often, or, below 0, found more often
        self._texts: dict[bytes, str] = {}

    def said(self, record: Said) -> None:
        """One record that the logs account for."""
        self._add(record, 1)

    def found(self, record: Said) -> None:
        """One record that stands there."""
        self._add(record, -1)

    def _add(self, said: Said, count: int) -> None:
        """Ticks are time, not something said."""
        if said.value == TICK:
            return
        key = said.key or b""
        hashed = blake2b(b"%d/%d/" % (said.partition, len(key)) + key, digest_size=16)
        hashed.update(said.value or b"")
        for header, content in said.headers:
            hashed.update(f"/{header}=".encode() + (content or b""))
        name = hashed.digest()
        left = self._left.pop(name, 0) + count
        if left == 0:
            self._texts.pop(name, None)
            return
        self._left[name] = left
        if len(self._texts) < TEXTS_MAX:
            value = (said.value or b"")[:200]
            self._texts[name] = f"[{said.partition}] {said.key!r} {value!r}"

    def missing(self) -> Iterator[str]:
        """What was said and does not stand there, or not as often."""
        return (self._text(name) for name, left in self._left.items() if left > 0)

    def beyond(self) -> Iterator[str]:
        """What stands there and was not said, or not as often."""
        return (self._text(name) for name, left in self._left.items() if left < 0)

    def _text(self, name: bytes) -> str:
        return self._texts.get(name, f"a record of hash {name.hex()}")
