"""Readers of the engine's committed records: senders, which answer commands, and a monitor of
facts. Each measures the longest gap between records while there is traffic."""

import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from schemas.base.provider_codes import WINDOW_CLOSED
from schemas.internal.topics import COMMANDS, Topic
from schemas.public.codec import encode_event
from schemas.public.example_events import sample_model
from streams.base.settings import Settings
from streams.kafka.clients import idempotent_producer
from streams.kafka.reader import partitions_of
from tests.chaos import calls, prospects, talent
from tests.chaos.calls import SlotLedger
from tests.chaos.traffic import (
    BOUNCES,
    FAILS_ONCE,
    OPENS,
    OPENS_EACH,
    REPEATS_ANSWER,
    REVIEWS,
    Contact,
    behaviour_of,
    parse_json,
)
from tests.testing.live_senders import may_be_sent

Headers = list[tuple[str, bytes | None]]

SLOT_FACTS = frozenset(
    ("call.slot_granted", "call.slot_freed", "call.slot_expired", "call.overrun")
)


class MeasuringReader(ABC):
    """A thread that reads the committed records of topics from their beginning. `gaps` are the
    longest gaps in seconds, by stream."""

    def __init__(self, settings: Settings, topics: Sequence[Topic]) -> None:
        self.gaps: dict[str, float] = {}
        self.seen = 0
        self._measuring = False
        self._last: dict[str, float] = {}
        self._ended = False
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.bootstrap_servers,
                **settings.kafka,
                "group.id": f"{settings.topic_prefix}watching",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                # A reader must find the next leader sooner than the engine.
                "topic.metadata.refresh.interval.ms": 2_000,
                "socket.timeout.ms": 10_000,
                "log_level": 2,
            }
        )
        positions = []
        for topic in topics:
            name = f"{settings.topic_prefix}{topic}"
            numbers = partitions_of(self._consumer, name)
            positions += [TopicPartition(name, number, OFFSET_BEGINNING) for number in numbers]
        self._consumer.assign(positions)
        self._thread = threading.Thread(target=self._work, name=type(self).__name__, daemon=True)
        self._thread.start()

    def measure(self, on: bool) -> None:
        """Starts or stops measuring gaps."""
        self._last = dict.fromkeys(self._last, time.monotonic())
        self._measuring = on

    def take_gaps(self) -> dict[str, float]:
        """The longest gaps since the last call."""
        gaps, self.gaps = self.gaps, {}
        return gaps

    def close(self) -> None:
        self._ended = True
        self._thread.join(30)
        self._consumer.close()

    @abstractmethod
    def process(self, message: Message) -> None:
        """Processes a record."""

    def stream_of(self, message: Message) -> str:
        """The stream of a record, in which gaps are measured: its partition."""
        return f"{message.topic()}[{message.partition()}]"

    def _work(self) -> None:
        while not self._ended:
            for message in self._consumer.consume(500, 0.05):
                if message.error() is None:
                    self._note_record(self.stream_of(message))
                    self.seen += 1
                    self.process(message)
            if self._measuring:
                for stream in list(self._last):
                    self._measure_gap(stream)

    def _note_record(self, stream: str) -> None:
        if self._measuring:
            self._measure_gap(stream)
        self._last[stream] = time.monotonic()

    def _measure_gap(self, stream: str) -> None:
        gap = time.monotonic() - self._last.get(stream, time.monotonic())
        self.gaps[stream] = max(gap, self.gaps.get(stream, 0.0))


class AnswerProducer:
    """Publishes events on one topic. The id of an event derives from its cause, so a repeated
    answer has the same id."""

    def __init__(self, settings: Settings, topic: Topic, source: str) -> None:
        self._topic, self._source = f"{settings.topic_prefix}{topic}", source
        self._producer = idempotent_producer(settings)

    def publish(self, kind: str, tenant: str, contact: str, cause: str, **fields: object) -> None:
        who = {"tenant_id": tenant, "contact_id": contact}
        headers, value = encode_event(
            kind,
            sample_model(kind, **who, **fields),
            event_id=f"{cause}-{kind}-{fields.get('outcome', '')}",
            source=self._source,
        )
        self._producer.produce(self._topic, value, f"{tenant}/{contact}", headers=[*headers])
        self._producer.poll(0)

    def flush(self) -> None:
        """Waits until the broker has all events."""
        self._producer.flush(30)


class FactMonitor(MeasuringReader):
    """Reads facts, and counts those that the campaign waits for or must explain. It resumes
    every run that a reply has paused, as the owner would."""

    def __init__(self, settings: Settings) -> None:
        self.declined: set[str] = set()
        self.refused: Counter[str] = Counter()
        self.tenants = self.ready = self.resumed = 0
        self.slots = SlotLedger()
        self.outreach = talent.OutreachMonitor()
        self._resume = AnswerProducer(settings, Topic.CONTACTS, "person")
        super().__init__(settings, [Topic.FACTS])

    def process(self, message: Message) -> None:
        fact = parse_json(message.value())
        if fact.get("tenant_id") == talent.TENANT:
            self.outreach.on_fact(fact)
        if fact["fact"] == "enrollment.declined" and fact["reason"] == "CAMPAIGN_PAUSED":
            self.declined.add(fact["cause"])
        elif fact["fact"] == "campaign.ready":
            self.ready += 1
        elif fact["fact"] == "tenant.updated":
            self.tenants += 1
        elif fact["fact"] in SLOT_FACTS:
            self.slots.on_fact(fact)
        elif fact["fact"] == "event.refused":
            self.refused[fact["reason"]] += 1
        elif fact["fact"] == "enrollment.frozen" and fact["reason"] == "reply":
            self.resumed += 1
            who = (fact["tenant_id"], fact["contact_id"])
            self._resume.publish("contact.resumed", *who, fact["cause"], campaign_id=None)

    def flush(self) -> None:
        """Waits until the broker has all events that resume a run."""
        self._resume.flush()


class ChaosSenders(MeasuringReader):
    """Reads commands, and answers each as its sender and its contact would."""

    def __init__(self, settings: Settings) -> None:
        self.times: Counter[str] = Counter()
        self.commanded: dict[Contact, set[str]] = {}
        self.attempts: Counter[tuple[str, ...]] = Counter()
        self.revoked = self.prospects = 0
        self._answers = AnswerProducer(settings, Topic.ENGAGEMENT, "sender")
        super().__init__(settings, COMMANDS)

    def stream_of(self, message: Message) -> str:
        """A topic, because single partitions have few commands. The channels that only prospects
        use are one stream."""
        topic = str(message.topic())
        return topic if topic.endswith(("email", "sms")) else "commands of prospects"

    def process(self, message: Message) -> None:
        headers = dict(cast(Headers, message.headers() or []))
        self.times[(headers["ce_id"] or b"").decode()] += 1
        if headers["ce_type"] == b"command.revoked":
            self.revoked += 1
            return
        command = parse_json(message.value())
        contact = (command["tenant_id"], command["contact_id"])
        if not may_be_sent(command, time.time_ns() // 1_000):
            self._publish("touch.failed", *contact, command["command_id"], code=WINDOW_CLOSED)
            return
        self.commanded.setdefault(contact, set()).add(command["step_id"])
        name = (*contact, command["campaign_id"], command["step_id"], str(command["attempt"]))
        self.attempts[name] += 1
        if calls.is_called(contact[1]):
            for kind, fields in calls.answers(contact[1], command["attempt"]):
                self._publish(kind, *contact, command["command_id"], **fields)
        elif talent.is_candidate(contact[1]):
            for kind, fields in talent.answers(contact[1], command["variant"]):
                self._publish(kind, *contact, command["command_id"], **fields)
        elif prospects.is_prospect(contact[1]):
            self.prospects += 1
            for kind, fields in prospects.answers(
                contact[1], command["step_id"], command["attempt"]
            ):
                self._publish(kind, *contact, command["command_id"], **fields)
        else:
            self._answer(command["attempt"], command["step_id"], *contact, command["command_id"])

    @property
    def commands(self) -> int:
        return sum(self.times.values())

    def repeated(self) -> list[str]:
        """The command ids, and the attempts at one touch, that were read more than once."""
        times, attempts = self.times.copy(), self.attempts.copy()  # the thread adds to them
        repeated = [name for name, number in times.items() if number > 1]
        return repeated + ["/".join(name) for name, number in attempts.items() if number > 1]

    def flush(self) -> None:
        """Waits until the broker has all answers."""
        self._answers.flush()

    def _answer(self, attempt: int, step: str, tenant: str, contact: str, command: str) -> None:
        behaviour = behaviour_of(contact)
        if behaviour == FAILS_ONCE and attempt == 1 and step == "s1":
            self._publish("touch.failed", tenant, contact, command, code="503", permanent=False)
            return
        self._publish("touch.sent", tenant, contact, command)
        if behaviour in (OPENS, OPENS_EACH):
            self._publish("touch.opened", tenant, contact, command)
        if behaviour == BOUNCES:
            self._publish("touch.bounced", tenant, contact, command)
        if behaviour == REVIEWS and step == "s1":
            self._publish("review.clicked", tenant, contact, command, campaign_id=None)
        if behaviour == REPEATS_ANSWER:
            self._publish("touch.sent", tenant, contact, command)

    def _publish(
        self, kind: str, tenant: str, contact: str, command: str, **fields: object
    ) -> None:
        self._answers.publish(kind, tenant, contact, command, command_id=command, **fields)
