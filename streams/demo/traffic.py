"""The world outside the engine, in one thread: upstream systems, channel senders and recipients.

A heap of what will be said and when, by the lapse's clock; a consumer of the command topics that
adds to it. Everything is published with that clock's time.
"""

import heapq
import threading
import time
from collections import Counter
from collections.abc import Iterable
from itertools import count
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from schemas.internal.topics import COMMANDS
from schemas.public.codec import Decoder, encode_event
from schemas.public.command_models import CommandRevoked, TouchDue
from schemas.public.events import EVENTS
from streams.base.settings import Settings
from streams.demo.behaviour import Said, fate, is_lost
from streams.demo.upstream_events import SOURCE, TORN, Event
from streams.kafka.clients import group_consumer, idempotent_producer

LISTENS = COMMANDS
WAIT_S = 0.01
COMMIT_S = 1.0


class Saying(NamedTuple):
    """On the heap; `order` settles ties, `command_id` lets a revocation take it back."""

    at: int
    order: int
    event: Event
    command_id: str | None


class Senders:
    """The channel senders, without any Kafka: a command comes, what is to be said goes out.

    An id that was seen is dropped (design 2.5); a revocation holds what was not sent yet.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._seen: set[str] = set()
        self._lost: set[str] = set()
        self._unsent: set[str] = set()
        self._revoked: set[str] = set()

    def take(self, command: TouchDue) -> list[Said]:
        """What will be heard of it; nothing for one that was seen, or is lost."""
        name = command.command_id
        self.counts["commands"] += 1
        if name in self._seen:
            self.counts["repeats dropped"] += 1
            return []
        if is_lost(command) and name not in self._lost:
            self._lost.add(name)
            self.counts["commands lost"] += 1
            return []
        self._seen.add(name)
        self._unsent.add(name)
        return fate(command)

    def revoke(self, order: CommandRevoked) -> None:
        """Not sent yet: it never will be. Too late: nothing."""
        self.counts["revocations"] += 1
        if order.command_id in self._unsent:
            self._revoked.add(order.command_id)
            self.counts["revoked in time"] += 1
        self._seen.add(order.command_id)

    def may_say(self, command_id: str) -> bool:
        """Asked when its moment comes: whether it was not revoked."""
        self._unsent.discard(command_id)
        return command_id not in self._revoked


class Traffic(threading.Thread):
    """Runs until `stop`. `failure` is what ended it otherwise; `notes` is for the screen."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="demo-traffic", daemon=True)
        self.senders = Senders()
        self.published = 0
        self.notes: list[tuple[int, str]] = []
        self.failure: BaseException | None = None
        self._settings = settings
        self._clock = settings.scaled_clock()
        self._heap: list[Saying] = []
        self._order = count()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._at_end: dict[tuple[str, int], bool] = {}
        self._reached: dict[tuple[str, int], int] = {}
        self._producer = idempotent_producer(settings)
        self._decode = Decoder().decode

    def plan(self, events: Iterable[Event], start: int = 0) -> None:
        """To be published at their moments, counted from `start`."""
        with self._lock:
            for event in events:
                moment = event._replace(at=event.at + start)
                heapq.heappush(self._heap, Saying(moment.at, next(self._order), moment, None))

    @property
    def idle(self) -> bool:
        """Nothing more to say, and every command read."""
        return not self._heap and bool(self._at_end) and all(self._at_end.values())

    def stop(self) -> None:
        """End, and wait for that a little."""
        self._stopping.set()
        if self.is_alive():
            self.join(3)

    def run(self) -> None:
        """The thread."""
        group = f"{self._settings.topic_prefix}demo-senders"
        consumer = group_consumer(self._settings, group, f"{group}-0", report_partition_ends=True)
        names = [self._settings.topic_prefix + topic.value for topic in LISTENS]
        consumer.subscribe(names, on_assign=self._assigned)
        committed_at = 0.0
        try:
            while not self._stopping.is_set():
                self._hear(consumer.consume(500, WAIT_S))
                self._say_what_is_due()
                self._producer.poll(0)
                if time.monotonic() > committed_at + COMMIT_S:
                    committed_at = time.monotonic()
                    self._commit(consumer)
        except BaseException as error:
            self.failure = error
        finally:
            self._producer.flush(1)
            consumer.close()

    # hearing

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            self._at_end[place.topic, place.partition] = False
            place.offset = OFFSET_BEGINNING  # the ids seen live in memory: all or nothing
        consumer.incremental_assign(partitions)

    def _hear(self, messages: list[Message]) -> None:
        for message in messages:
            place = (message.topic() or "", message.partition() or 0)
            error = message.error()
            if error is None:
                self._at_end[place] = False
                self._reached[place] = (message.offset() or 0) + 1
                self._take(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._at_end[place] = True
            elif error.fatal():
                raise RuntimeError(f"senders: {error.str()}")

    def _take(self, message: Message) -> None:
        data = self._decode(message.headers(), message.value()).data  # type: ignore[arg-type]
        if isinstance(data, CommandRevoked):
            self.senders.revoke(data)
            return
        now = self._clock.now()
        for index, said in enumerate(self.senders.take(data)):
            ids = {name: getattr(data, name) for name in ("tenant_id", "contact_id", "command_id")}
            event_id = f"{data.command_id}:{index}"
            event = Event(now + said.after, event_id, said.ce_type, {**ids, **said.fields})
            with self._lock:
                saying = Saying(event.at, next(self._order), event, data.command_id)
                heapq.heappush(self._heap, saying)

    def _commit(self, consumer: Consumer) -> None:
        places = [TopicPartition(*place, offset) for place, offset in self._reached.items()]
        if places:
            consumer.commit(offsets=places, asynchronous=True)

    # saying

    def _say_what_is_due(self) -> None:
        now = self._clock.now()
        while self._heap and self._heap[0].at <= now:
            with self._lock:
                saying = heapq.heappop(self._heap)
            if saying.command_id is None or self.senders.may_say(saying.command_id):
                self._publish(saying.event)

    def _publish(self, event: Event) -> None:
        if event.note:
            self.notes.append((event.at, event.note))
        kind = EVENTS[event.ce_type]
        assert kind.topic is not None
        key, value = b"torn", TORN
        headers: list[tuple[str, bytes]] = []
        if event.data is not None:
            key = _key(event.data)
            model = kind.model.model_validate_json(msgspec.json.encode(event.data))
            headers, value = encode_event(
                event.ce_type, model, event_id=event.event_id, source=SOURCE, time=event.at
            )
        self._producer.produce(
            self._settings.topic_prefix + kind.topic.value,
            value,
            key,
            headers=[*headers],
            timestamp=self._clock.now() // 1_000,
        )
        self.published += 1


def _key(data: dict[str, Any]) -> bytes:
    contact = data.get("contact_id") or data.get("customer", {}).get("contact_id", "")
    return f"{data['tenant_id']}/{contact}".encode()
