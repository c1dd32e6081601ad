"""Reads dead letters with their retries, and sends them back to the topics they came from, once.

A retry is one transaction: the original records, and a marker for each in dead-letters that names
its place. All retries share a transactional id: of two at the same time, Kafka fences the one that
began first, and it writes nothing.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, KafkaError, Message, Producer, TopicPartition

from processors.fold.task import TIMER_FAILED
from schemas.internal.topics import CHANGELOGS, LOGS, Topic
from streams.base.settings import Settings
from streams.cli.errors import EXIT_NO, EXIT_USAGE, CommandError
from streams.kafka.clients import read_committed_consumer, transactional_producer
from streams.runtime.dead_letter import RETRIED

CALL_TIMEOUT_S = 15.0
ORIGINAL_PREFIX = "original_"


class StoredDeadLetter(msgspec.Struct, kw_only=True):
    """One record of dead-letters. Its place is PARTITION/OFFSET in that topic.

    `origin_ms` is the original record's timestamp, `retried` the number of retries. `cut` means
    that key, value or headers were too large to be kept whole.
    """

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


def read_dead_letters(settings: Settings) -> dict[str, StoredDeadLetter]:
    """Every dead letter by its place, the oldest first."""
    letters: dict[str, StoredDeadLetter] = {}
    for message in _messages(settings):
        headers = _headers(message)
        marked = [v.decode() for name, v in headers if name == RETRIED and v is not None]
        if marked:
            if marked[0] in letters:
                letters[marked[0]].retried += 1
            continue
        letter = _parse(message, headers)
        letters[letter.place] = letter
    return letters


def _messages(settings: Settings) -> Iterator[Message]:
    """The committed records of dead-letters, from the beginning to the present end."""
    consumer = read_committed_consumer(settings)
    name = settings.topic_prefix + Topic.DEAD_LETTERS
    numbers = consumer.list_topics(name, timeout=CALL_TIMEOUT_S).topics[name].partitions
    consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for number in numbers])
    unfinished = set(numbers)
    while unfinished:
        for message in consumer.consume(1_000, 0.2):
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                unfinished.discard(message.partition() or 0)
    consumer.close()


def _headers(message: Message) -> list[tuple[str, Any]]:
    """The headers as a list: the client's type allows a dict, which it never returns."""
    headers: Any = message.headers()
    return list(headers or ())


def _parse(message: Message, headers: list[tuple[str, Any]]) -> StoredDeadLetter:
    own = {name: value for name, value in headers if not name.startswith(ORIGINAL_PREFIX)}
    text = {name: (value or b"").decode(errors="replace") for name, value in own.items()}
    return StoredDeadLetter(
        place=f"{message.partition()}/{message.offset()}",
        at_ms=message.timestamp()[1],
        reason=text.get("reason", "UNKNOWN"),
        detail=text.get("detail", ""),
        origin_topic=text.get("origin_topic", ""),
        origin_partition=_number(text.get("origin_partition")),
        origin_offset=_number(text.get("origin_offset")),
        key=own.get("origin_key"),
        value=message.value(),
        headers=[
            (name.removeprefix(ORIGINAL_PREFIX), value or b"")
            for name, value in headers
            if name.startswith(ORIGINAL_PREFIX)
        ],
        origin_ms=int(stamp) if (stamp := text.get("origin_timestamp", "")).isdecimal() else None,
        cut="cut" in text,
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else -1


def parse_place(text: str) -> str:
    """The place that a person has typed: PARTITION/OFFSET, or OFFSET for partition 0. Raises
    CommandError."""
    partition, slash, offset = text.rpartition("/")
    if not offset.isdecimal() or (slash and not partition.isdecimal()):
        message = f"{text} is not a place (PARTITION/OFFSET, as `dead-letters list` shows it)"
        raise CommandError(message, EXIT_USAGE)
    return f"{int(partition or 0)}/{int(offset)}"


def select(letters: dict[str, StoredDeadLetter], places: Sequence[str]) -> list[StoredDeadLetter]:
    """The letters at these places, each once. Raises CommandError for a place without a letter."""
    missing = [place for place in places if place not in letters]
    if missing:
        message = f"no dead letter at {', '.join(missing)}: touchstream dead-letters list"
        raise CommandError(message, EXIT_NO)
    return [letters[place] for place in dict.fromkeys(places)]


class RetryProducer:
    """Sends dead letters back in one transaction. Creating it fences every earlier one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        transactional_id = f"{settings.topic_prefix}dead-letters-retry"
        self._clock = settings.scaled_clock()
        self._producer: Producer = transactional_producer(settings, transactional_id)
        self._producer.init_transactions(CALL_TIMEOUT_S)

    def send(self, letters: Sequence[StoredDeadLetter]) -> None:
        """Sends the original records and a marker for each. Raises KafkaException, and has then
        sent nothing."""
        self._producer.begin_transaction()
        for letter in letters:
            headers: list[tuple[str, Any]] = [*letter.headers]
            if letter.origin_topic in LOGS:
                headers.append((RETRIED, letter.place.encode()))
            now_ms = self._clock.now() // 1_000
            # The original timestamp: it is the time of an event that has no ce_time.
            timestamp_ms = now_ms if letter.origin_ms is None else letter.origin_ms
            number = letter.origin_partition
            self._produce(
                letter.origin_topic, letter.value, letter.key, headers, number, timestamp_ms
            )
            place = letter.place.encode()
            number = int(letter.place.partition("/")[0])
            self._produce(Topic.DEAD_LETTERS, None, place, [(RETRIED, place)], number, now_ms)
        self._producer.commit_transaction(CALL_TIMEOUT_S)

    def _produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: list[tuple[str, Any]],
        partition: int,
        timestamp_ms: int,
    ) -> None:
        while True:
            try:
                self._producer.produce(
                    self._settings.topic_prefix + topic,
                    value,
                    key,
                    partition,
                    headers=headers,
                    timestamp=timestamp_ms,
                )
                return
            except BufferError:
                self._producer.poll(0.1)


def retry_refusal(letter: StoredDeadLetter, *, force: bool) -> str | None:
    """The reason why a letter must not be sent back; None if it may be."""
    if letter.origin_topic in (*CHANGELOGS, Topic.FACTS):
        return (
            "its record is valid and stays in its log; an old state sent again would replace a "
            "newer one. Project it again with: touchstream rebuild"
        )
    if letter.reason == TIMER_FAILED:
        return "it holds the state of a timer that failed, not an event"
    if letter.cut:
        return "it was too large to be kept whole; publish the whole record again from its origin"
    if letter.origin_topic not in tuple(Topic) or letter.origin_partition < 0:
        return "its origin is not known"
    if letter.retried and not force:
        return f"it was retried {letter.retried} times already; --force retries it again"
    return None
