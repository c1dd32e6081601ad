"""The systems outside the engine, in one thread: upstream systems, channel senders and recipients.

The thread keeps a heap of events by the time at which to publish them. A consumer of the command
topics adds the reactions to commands. All times are those of the demo's fast clock, and so are the
timestamps of the published records.
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

from schemas.base.provider_codes import WINDOW_CLOSED
from schemas.base.times import MomentUs
from schemas.internal.topics import COMMANDS
from schemas.public.codec import Decoder, encode_event
from schemas.public.command_models import CommandRevoked, TouchDue
from schemas.public.events import EVENTS
from streams.base.settings import Settings
from streams.demo.behaviour import SenderReaction, is_lost, reactions_to
from streams.demo.upstream_events import SOURCE, TORN_RECORD, UpstreamEvent
from streams.kafka.clients import group_consumer, idempotent_producer

"""The fields of the answer to a command that may not be sent any more."""

POLL_TIMEOUT_S = 0.01
COMMIT_EVERY_S = 1.0


class ScheduledEvent(NamedTuple):
    """An event on the heap. `order` decides between events of the same time; an event with a
    `command_id` is a reaction, and is dropped if the command was revoked in time."""

    at: int
    order: int
    event: UpstreamEvent
    command_id: str | None


class DemoSenders:
    """The channel senders without Kafka: they receive commands and return the reactions.

    A command whose id was received before is dropped (promise 5). A revoked command is not sent if
    the revocation comes in time. A command whose sender comes to it too late is not sent, and its
    repeat may be.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._received: set[str] = set()
        self._lost: set[str] = set()
        self._unsent: set[str] = set()
        self._revoked: set[str] = set()

    def receive(self, command: TouchDue, now: MomentUs) -> list[SenderReaction]:
        """Returns the reactions to a command that comes at `now`; none if it was received before,
        or is lost."""
        command_id = command.command_id
        self.counts["commands"] += 1
        if command_id in self._received:
            self.counts["repeats dropped"] += 1
            return []
        if is_lost(command) and command_id not in self._lost:
            self._lost.add(command_id)
            self.counts["commands lost"] += 1
            return []
        self._unsent.add(command_id)
        reactions = reactions_to(command)
        if is_too_late(command, now + reactions[0].after_us):
            self.counts["window closed"] += 1
            return [SenderReaction(reactions[0].after_us, "touch.failed", {"code": WINDOW_CLOSED})]
        self._received.add(command_id)
        return reactions

    def revoke(self, revocation: CommandRevoked) -> None:
        """Prevents the send of a command that is not sent yet."""
        self.counts["revocations"] += 1
        if revocation.command_id in self._unsent:
            self._revoked.add(revocation.command_id)
            self.counts["revoked in time"] += 1
        self._received.add(revocation.command_id)

    def may_send(self, command_id: str) -> bool:
        """Whether the command is not revoked. From this call on it counts as sent."""
        self._unsent.discard(command_id)
        return command_id not in self._revoked


def is_too_late(command: TouchDue, at: MomentUs) -> bool:
    """Whether a sender that comes to the command at this moment must leave it: the send window has
    closed, or no call may be placed any more."""
    if at >= (command.send_before or command.expires_at):
        return True
    return command.call is not None and at > command.call.place_by


class Traffic(threading.Thread):
    """The thread. It runs until `stop`; `failure` is the exception that ended it before. `notes`
    are the incidents for the screen, with their times."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="demo-traffic", daemon=True)
        self.senders = DemoSenders()
        self.published = 0
        self.notes: list[tuple[int, str]] = []
        self.failure: BaseException | None = None
        self._settings = settings
        self._clock = settings.scaled_clock()
        self._heap: list[ScheduledEvent] = []
        self._order = count()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._at_end: dict[tuple[str, int], bool] = {}
        self._next_offsets: dict[tuple[str, int], int] = {}
        self._producer = idempotent_producer(settings)
        self._decode = Decoder().decode

    def schedule(self, events: Iterable[UpstreamEvent], start: int = 0) -> None:
        """Schedules events; their times count from `start` (microseconds)."""
        with self._lock:
            for event in events:
                timed = event._replace(at=event.at + start)
                heapq.heappush(self._heap, ScheduledEvent(timed.at, next(self._order), timed, None))

    @property
    def idle(self) -> bool:
        """Whether no event is scheduled and every command is read."""
        return not self._heap and bool(self._at_end) and all(self._at_end.values())

    def stop(self) -> None:
        """Ends the thread and waits for it, at most three seconds."""
        self._stopping.set()
        if self.is_alive():
            self.join(3)

    def run(self) -> None:
        """Reads commands and publishes events until `stop`."""
        group = f"{self._settings.topic_prefix}demo-senders"
        consumer = group_consumer(self._settings, group, f"{group}-0", report_partition_ends=True)
        names = [self._settings.topic_prefix + topic.value for topic in COMMANDS]
        consumer.subscribe(names, on_assign=self._assigned)
        committed_at = 0.0
        try:
            while not self._stopping.is_set():
                self._read_commands(consumer.consume(500, POLL_TIMEOUT_S))
                self._publish_due_events()
                self._producer.poll(0)
                if time.monotonic() > committed_at + COMMIT_EVERY_S:
                    committed_at = time.monotonic()
                    self._commit(consumer)
        except BaseException as error:
            self.failure = error
        finally:
            self._producer.flush(1)
            consumer.close()

    # Commands in

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            self._at_end[partition.topic, partition.partition] = False
            # The ids received before are in memory only, so all commands are read again.
            partition.offset = OFFSET_BEGINNING
        consumer.incremental_assign(partitions)

    def _read_commands(self, messages: list[Message]) -> None:
        for message in messages:
            partition = (message.topic() or "", message.partition() or 0)
            error = message.error()
            if error is None:
                self._at_end[partition] = False
                self._next_offsets[partition] = (message.offset() or 0) + 1
                self._receive(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._at_end[partition] = True
            elif error.fatal():
                raise RuntimeError(f"senders: {error.str()}")

    def _receive(self, message: Message) -> None:
        received = self._decode(message.headers(), message.value())  # type: ignore[arg-type]
        data: Any = received.data
        if isinstance(data, CommandRevoked):
            self.senders.revoke(data)
            return
        now = self._clock.now()
        for index, reaction in enumerate(self.senders.receive(data, now)):
            ids = {name: getattr(data, name) for name in ("tenant_id", "contact_id", "command_id")}
            event_id = f"{received.id}:{index}"  # the emissions of a command differ in it
            event = UpstreamEvent(
                now + reaction.after_us, event_id, reaction.ce_type, {**ids, **reaction.fields}
            )
            with self._lock:
                scheduled = ScheduledEvent(event.at, next(self._order), event, data.command_id)
                heapq.heappush(self._heap, scheduled)

    def _commit(self, consumer: Consumer) -> None:
        positions = [
            TopicPartition(*partition, offset) for partition, offset in self._next_offsets.items()
        ]
        if positions:
            consumer.commit(offsets=positions, asynchronous=True)

    # Events out

    def _publish_due_events(self) -> None:
        now = self._clock.now()
        while self._heap and self._heap[0].at <= now:
            with self._lock:
                scheduled = heapq.heappop(self._heap)
            command_id = scheduled.command_id
            if command_id is None or self.senders.may_send(command_id):
                self._publish(scheduled.event)

    def _publish(self, event: UpstreamEvent) -> None:
        if event.note:
            self.notes.append((event.at, event.note))
        kind = EVENTS[event.ce_type]
        assert kind.topic is not None
        key, value = b"torn", TORN_RECORD
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
