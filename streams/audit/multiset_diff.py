"""The multiset difference between expected records and records found on a topic, in any order.

Of a topic whose beginning is cut off, the records of each source are missing up to the first one
that is found: the records of a source are in a partition in the order in which it wrote them.
"""

from collections.abc import Hashable, Iterator
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
        self._may_be_found: set[bytes] = set()
        self._cut_off: dict[Hashable, dict[bytes, None]] = {}  # of each source, in order
        self._source_of: dict[bytes, Hashable] = {}  # of what is in `_cut_off`
        self._begun: set[Hashable] = set()

    def add_expected(
        self,
        record: ComparedRecord,
        older: ComparedRecord | None = None,
        *,
        optional: bool = False,
        cut_source: Hashable = None,
    ) -> None:
        """Adds a record that the refold has produced. `older` is the record as an older version
        would have written it: either of them is found. An `optional` one may be missing, because an
        older version would not have written it at all. With a `cut_source` it is written to a
        partition whose beginning is cut off: the records of this source may be missing before the
        first one that is found."""
        hashed = _hashed(record)
        if cut_source is not None and cut_source not in self._begun:
            if self._is_found(hashed) or (older is not None and self._is_found(_hashed(older))):
                self._begin(cut_source, hashed)
            else:
                self._cut_off.setdefault(cut_source, {})[hashed] = None
                self._source_of[hashed] = cut_source
        if optional:
            self._optional.add(hashed)
        if older is not None:
            before = _hashed(older)
            if self._counts.get(before, 0) < 0:
                self._add(before, older, 1)
                return
            self._older[hashed], self._newer[before] = before, hashed
        self._add(hashed, record, 1)

    def add_found(self, record: ComparedRecord, *, optional: bool = False) -> None:
        """Adds a record that is on the topic. For an `optional` one none is expected, because what
        has led to it may be cut off."""
        hashed = _hashed(record)
        hashed = self._newer.get(hashed, hashed)
        if hashed in self._source_of:
            self._begin(self._source_of[hashed], hashed)
        if optional:
            self._may_be_found.add(hashed)
        self._add(hashed, record, -1)

    def _is_found(self, hashed: bytes) -> bool:
        return self._counts.get(hashed, 0) < 0

    def _begin(self, source: Hashable, first: bytes) -> None:
        """Forgets what is expected of a source before the `first` record of it that is found."""
        self._begun.add(source)
        behind = False
        for hashed in self._cut_off.pop(source, {}):
            self._source_of.pop(hashed, None)
            behind = behind or hashed == first
            if not behind:
                self._forget(hashed)
                self._counts.pop(hashed, None)

    def _forget(self, hashed: bytes) -> None:
        self._texts.pop(hashed, None)
        self._optional.discard(hashed)
        self._may_be_found.discard(hashed)
        self._newer.pop(self._older.pop(hashed, b""), None)

    def _add(self, hashed: bytes, record: ComparedRecord, count: int) -> None:
        if record.value == TICK:
            return
        remaining = self._counts.pop(hashed, 0) + count
        if remaining == 0:
            self._forget(hashed)
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
            if count > 0 and digest not in self._optional and digest not in self._source_of
        )

    def unexpected(self) -> Iterator[str]:
        """The records that were found more often than they are expected, as text."""
        return (
            self._text(digest)
            for digest, count in self._counts.items()
            if count < 0 and digest not in self._may_be_found
        )

    def _text(self, digest: bytes) -> str:
        return self._texts.get(digest, f"a record of hash {digest.hex()}")


def _hashed(record: ComparedRecord) -> bytes:
    key = record.key or b""
    hashed = blake2b(b"%d/%d/" % (record.partition, len(key)) + key, digest_size=16)
    hashed.update(record.value or b"")
    for header, content in record.headers:
        hashed.update(f"/{header}=".encode() + (content or b""))
    return hashed.digest()
