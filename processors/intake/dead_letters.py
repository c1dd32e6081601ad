"""Dead letters of intake: as much of a refused record as fits into a record."""

from collections.abc import Iterator
from typing import Any

from processors.fold.task import Record
from schemas.base.error_codes import RefusalCode, Refused
from schemas.internal.messages import DeadLetter
from schemas.internal.topics import Topic

VALUE_MAX_BYTES, KEY_MAX_BYTES, HEADERS_MAX_BYTES = 2_000_000, 65_536, 500_000
"""How much of a record a dead letter keeps. A public record may be larger, and decompressed even
larger than what the broker accepts. Its dead letter is then cut; the record stays at its origin."""


def headers_of(record: Record) -> Any:
    """The headers of a record in the form of the Kafka client. Raises Refused."""
    try:
        return record.headers()
    except (SystemError, UnicodeError):  # what the client raises for a name that is not UTF-8
        raise Refused(RefusalCode.NOT_CLOUDEVENT, "a header's name is not UTF-8") from None


def dead_letter(
    topic: Topic, partition: int, record: Record, headers: Any, refused: Refused
) -> DeadLetter:
    """The dead letter of a refused record. `headers` is None where they could not be read."""
    kept = tuple(_kept_headers(headers or ()))
    large = len(record.key) > KEY_MAX_BYTES or len(record.value) > VALUE_MAX_BYTES
    return DeadLetter(
        str(refused.code),
        refused.detail,
        topic,
        partition,
        record.offset,
        record.key[:KEY_MAX_BYTES],
        record.value[:VALUE_MAX_BYTES],
        kept,
        record.timestamp,
        large or len(kept) < len(headers or ()),
    )


def _kept_headers(headers: Any) -> Iterator[tuple[str, bytes | None]]:
    """The first headers that together are within the limit."""
    left = HEADERS_MAX_BYTES
    for name, value in headers:
        left -= len(name) + len(value or b"")
        if left < 0:
            return
        yield name, value.encode() if isinstance(value, str) else value
