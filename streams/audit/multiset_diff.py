"""The multiset difference between expected records and records found on a topic, in any order."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from schemas.internal.messages import TICK

TEXTS_MAX = 10_000
VALUE_BYTES_MAX = 200


class ComparedRecord(NamedTuple):
    """A record without its offset. `headers` are those that must be equal too."""

    key: bytes | None
    value: bytes | None
    partition: int
    headers: tuple[tuple[str, bytes | None], ...] = ()


class MultisetDiff:
    """Counts records by their hashes. Equal records cancel at once, so memory holds the differences
    only, and the text of the first TEXTS_MAX of them. Ticks are left out: workers append them as
    time passes, and no fold leads to them."""

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}  # expected minus found
        self._texts: dict[bytes, str] = {}
        self._older: dict[bytes, bytes] = {}  # of expected records: their older form
        self._newer: dict[bytes, bytes] = {}  # and back
        self._optional: set[bytes] = set()

    def add_expected(
        self, record: ComparedRecord, older: ComparedRecord | None = None, *, optional: bool = False
    ) -> None:
        """Adds a record that the refold has produced. `older` is the record as an older version
        would have written it: either of them is found. An `optional` one may be missing, because an
        older version would not have written it at all."""
        hashed = _hashed(record)
        if optional:
            self._optional.add(hashed)
        if older is not None:
            before = _hashed(older)
            if self._counts.get(before, 0) < 0:
                self._add(before, older, 1)
                return
            self._older[hashed], self._newer[before] = before, hashed
        self._add(hashed, record, 1)

    def add_found(self, record: ComparedRecord) -> None:
        """Adds a record that is on the topic."""
        hashed = _hashed(record)
        self._add(self._newer.get(hashed, hashed), record, -1)

    def _add(self, hashed: bytes, record: ComparedRecord, count: int) -> None:
        if record.value == TICK:
            return
        remaining = self._counts.pop(hashed, 0) + count
        if remaining == 0:
            self._texts.pop(hashed, None)
            self._optional.discard(hashed)
            self._newer.pop(self._older.pop(hashed, b""), None)
            return
        self._counts[hashed] = remaining
        if len(self._texts) < TEXTS_MAX:
            value = (record.value or b"")[:VALUE_BYTES_MAX]
            self._texts[hashed] = f"[{record.partition}] {record.key!r} {value!r}"

    def missing(self) -> Iterator[str]:
        """The records that are expected more often than they were found, as text."""
        return (
            self._text(digest)
            for digest, count in self._counts.items()
            if count > 0 and digest not in self._optional
        )

    def unexpected(self) -> Iterator[str]:
        """The records that were found more often than they are expected, as text."""
        return (self._text(digest) for digest, count in self._counts.items() if count < 0)

    def _text(self, digest: bytes) -> str:
        return self._texts.get(digest, f"a record of hash {digest.hex()}")


def _hashed(record: ComparedRecord) -> bytes:
    key = record.key or b""
    hashed = blake2b(b"%d/%d/" % (record.partition, len(key)) + key, digest_size=16)
    hashed.update(record.value or b"")
    for header, content in record.headers:
        hashed.update(f"/{header}=".encode() + (content or b""))
    return hashed.digest()
