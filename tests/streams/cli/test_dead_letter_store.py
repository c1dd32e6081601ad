"""Which dead letters may be retried, and what a dead letter keeps of its record."""

import msgspec
import pytest

from processors.fold.store import Store
from processors.fold.task import TIMER_FAILED, Record
from processors.fold.turn import Output, Turn
from processors.intake import IntakeProcessor
from processors.intake.dead_letters import HEADERS_MAX_BYTES, KEY_MAX_BYTES, VALUE_MAX_BYTES
from schemas.internal.messages import DeadLetter
from schemas.internal.topics import Topic
from schemas.public.codec import Decoder
from streams.cli.dead_letter_store import StoredDeadLetter, retry_refusal
from streams.runtime.output_encoding import dead_letter_headers

AT = 1_772_463_600_000_000


def parked(key: bytes = b"k", value: bytes = b"{", headers: int = 0) -> DeadLetter:
    """The dead letter that intake makes of bytes that are not an event."""
    outputs: list[Output] = []
    intake = IntakeProcessor(Topic.JOBS, Decoder().decode)
    turn = Turn(AT, Store(intake.decode_state), outputs, 0)
    intake.apply(turn, Record(7, AT, key, value, lambda: [("h", b"x" * headers)]))
    letter = outputs[0].message
    assert isinstance(letter, DeadLetter)
    return letter


def letter(**changed: object) -> StoredDeadLetter:
    """A dead letter that may be retried, with some fields changed."""
    found = StoredDeadLetter(
        place="0/1",
        at_ms=0,
        reason="NOT_JSON",
        detail="",
        origin_topic="jobs",
        origin_partition=0,
        origin_offset=1,
        key=b"k",
        value=b"{",
        headers=[],
    )
    return msgspec.structs.replace(found, **changed)


def test_a_dead_letter_has_the_timestamp_of_its_record() -> None:
    headers = dict(dead_letter_headers(parked()))
    assert headers["origin_timestamp"] == str(AT // 1_000).encode()
    assert "cut" not in headers


@pytest.mark.parametrize(
    "large",
    [
        {"key": b"k" * (KEY_MAX_BYTES + 1)},
        {"value": b"{" * (VALUE_MAX_BYTES + 1)},
        {"headers": HEADERS_MAX_BYTES + 1},
    ],
)
def test_a_dead_letter_of_a_too_large_record_is_marked_as_cut(large: dict[str, object]) -> None:
    assert dict(dead_letter_headers(parked(**large)))["cut"] == b"true"  # type: ignore[arg-type]


def test_only_whole_records_are_retried_and_only_once() -> None:
    assert retry_refusal(letter(), force=False) is None
    assert "too large" in str(retry_refusal(letter(cut=True), force=True))
    assert "timer" in str(retry_refusal(letter(reason=TIMER_FAILED), force=True))
    assert "newer" in str(retry_refusal(letter(origin_topic="contact-changelog"), force=True))
    assert "already" in str(retry_refusal(letter(retried=1), force=False))
    assert retry_refusal(letter(retried=1), force=True) is None
