"""Dead letters: read with what became of them, and sent back to where they came from, once.

A retry is one transaction: the originals, and a marker for each in dead-letters that names its
place. Two retries at once share a transactional id: the earlier one is fenced and writes
nothing.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, KafkaError, Message, Producer, TopicPartition

from processors.fold.task import TIMER_FAILED
from schemas.internal.topics import CHANGELOGS, LOGS, Topic
from streams.base.settings import Settings
from streams.cli.errors import NO, USAGE, CommandError
from streams.kafka.clients import reader, transactional_producer
from streams.runtime.dead_letter import RETRIED

CALL_S = 15.0
ORIGINAL = "original_"


class StoredDeadLetter(msgspec.Struct, kw_only=True):
    """One record that was set aside. `place` names it: PARTITION/OFFSET of dead-letters."""

    place: str
    at_ms: int
    reason: str
    detail: str
    origin_topic: str
    origin_partition: int
    origin_offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    retried: int = 0
    origin_ms: int | None = None
    cut: bool = False


def read(settings: Settings) -> dict[str, StoredDeadLetter]:
    """Every letter that there is, by place, oldest first."""
    found: dict[str, StoredDeadLetter] = {}
    for message in _all(settings):
        headers: list[tuple[str, Any]] = _pairs(message)
        marked = [v.decode() for name, v in headers if name == RETRIED and v is not None]
        if marked:
            if marked[0] in found:
                found[marked[0]].retried += 1
            continue
        letter = _letter(message, headers)
        found[letter.place] = letter
    return found


def _all(settings: Settings) -> Iterator[Message]:
    """From the beginning to the end of what is committed."""
    consumer = reader(settings)
    name = settings.topic_prefix + Topic.DEAD_LETTERS
    numbers = consumer.list_topics(name, timeout=CALL_S).topics[name].partitions
    consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for number in numbers])
    left = set(numbers)
    while left:
        for message in consumer.consume(1_000, 0.2):
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard(message.partition() or 0)
    consumer.close()


def _pairs(message: Message) -> list[tuple[str, Any]]:
    """The client's types allow for a dict, which it never gives."""
    found: Any = message.headers()
    return list(found or ())


def _letter(message: Message, headers: list[tuple[str, Any]]) -> StoredDeadLetter:
    said = {name: value for name, value in headers if not name.startswith(ORIGINAL)}
    text = {name: (value or b"").decode(errors="replace") for name, value in said.items()}
    return StoredDeadLetter(
        place=f"{message.partition()}/{message.offset()}",
        at_ms=message.timestamp()[1],
        reason=text.get("reason", "UNKNOWN"),
        detail=text.get("detail", ""),
        origin_topic=text.get("origin_topic", ""),
        origin_partition=_number(text.get("origin_partition")),
        origin_offset=_number(text.get("origin_offset")),
        key=said.get("origin_key"),
        value=message.value(),
        headers=[
            (name.removeprefix(ORIGINAL), value or b"")
            for name, value in headers
            if name.startswith(ORIGINAL)
        ],
        origin_ms=int(stamp) if (stamp := text.get("origin_timestamp", "")).isdecimal() else None,
        cut="cut" in text,
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else -1


def place_of(text: str) -> str:
    """`0/17`, also for `17`. Raises Halt."""
    partition, slash, offset = text.rpartition("/")
    if not offset.isdecimal() or (slash and not partition.isdecimal()):
        raise CommandError(
            f"{text} is no place: PARTITION/OFFSET, as `dead-letters list` shows it", USAGE
        )
    return f"{int(partition or 0)}/{int(offset)}"


def select(letters: dict[str, StoredDeadLetter], places: Sequence[str]) -> list[StoredDeadLetter]:
    """The letters at these places. Raises Halt where there is none."""
    missing = [place for place in places if place not in letters]
    if missing:
        raise CommandError(
            f"no dead letter at {', '.join(missing)}: touchstream dead-letters list", NO
        )
    return [letters[place] for place in dict.fromkeys(places)]


class RetryProducer:
    """The one who sends letters back; from its making on, every earlier one is fenced."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        identity = f"{settings.topic_prefix}dead-letters-retry"
        self._clock = settings.scaled_clock()
        self._producer: Producer = transactional_producer(settings, identity)
        self._producer.init_transactions(CALL_S)

    def send(self, letters: Sequence[StoredDeadLetter]) -> None:
        """All of them and their markers, or nothing."""
        self._producer.begin_transaction()
        for letter in letters:
            headers: list[tuple[str, Any]] = [*letter.headers]
            if letter.origin_topic in LOGS:
                headers.append((RETRIED, letter.place.encode()))
            now = self._clock.now() // 1_000
            # Its own time: without a ce_time that is when the event happened.
            stamp = now if letter.origin_ms is None else letter.origin_ms
            number = letter.origin_partition
            self._put(letter.origin_topic, letter.value, letter.key, headers, number, stamp)
            place = letter.place.encode()
            number = int(letter.place.partition("/")[0])
            self._put(Topic.DEAD_LETTERS, None, place, [(RETRIED, place)], number, now)
        self._producer.commit_transaction(CALL_S)

    def _put(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: list[tuple[str, Any]],
        partition: int,
        stamp: int,
    ) -> None:
        while True:
            try:
                self._producer.produce(
                    self._settings.topic_prefix + topic,
                    value,
                    key,
                    partition,
                    headers=headers,
                    timestamp=stamp,
                )
                return
            except BufferError:
                self._producer.poll(0.1)


def retry_refusal(letter: StoredDeadLetter, *, force: bool) -> str | None:
    """Why a letter must not be sent back, None if it may be."""
    if letter.origin_topic in (*CHANGELOGS, Topic.FACTS):
        return (
            "it stands in its log and is right there; an old state sent again would replace a "
            "newer one. Project it again with: touchstream rebuild"
        )
    if letter.reason == TIMER_FAILED:
        return "it holds the state of a timer that failed, not an event"
    if letter.cut:
        return "it was too large to be kept whole; its origin holds all of it: publish that anew"
    if letter.origin_topic not in tuple(Topic) or letter.origin_partition < 0:
        return "it does not say where it came from"
    if letter.retried and not force:
        return f"it was retried {letter.retried} times already; --force does it again"
    return None
