"""Readers of what the engine has committed: the channels' senders, who answer, and a witness of
facts. Each measures its longest wait while there is traffic."""

import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from schemas.internal.topics import COMMANDS, Topic
from schemas.public.codec import encode_event
from schemas.public.example_events import sample_model
from streams.base.settings import Settings
from streams.kafka.clients import idempotent_producer
from tests.chaos import prospects
from tests.chaos.traffic import Contact, kind_of, text

Headers = list[tuple[str, bytes | None]]


class Reader(ABC):
    """A thread that reads whole topics, committed records alone, from their beginning."""

    def __init__(self, settings: Settings, topics: Sequence[Topic]) -> None:
        self.gaps: dict[str, float] = {}
        self.seen = 0
        self._measuring = False
        self._last: dict[str, float] = {}
        self._ended = False
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.bootstrap_servers,
                "group.id": f"{settings.topic_prefix}watching",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "log_level": 2,
            }
        )
        places = []
        for topic in topics:
            name = f"{settings.topic_prefix}{topic}"
            numbers = self._consumer.list_topics(name, timeout=15).topics[name].partitions
            places += [TopicPartition(name, number, OFFSET_BEGINNING) for number in numbers]
        self._consumer.assign(places)
        self._thread = threading.Thread(target=self._work, name=type(self).__name__, daemon=True)
        self._thread.start()

    def measure(self, on: bool) -> None:
        """Gaps count from now on, or no more."""
        self._last = dict.fromkeys(self._last, time.monotonic())
        self._measuring = on

    def close(self) -> None:
        self._ended = True
        self._thread.join(30)
        self._consumer.close()

    @abstractmethod
    def take(self, message: Message) -> None:
        """A record."""

    def stream_of(self, message: Message) -> str:
        """What must not stand still: a partition, by itself."""
        return f"{message.topic()}[{message.partition()}]"

    def _work(self) -> None:
        while not self._ended:
            for message in self._consumer.consume(500, 0.05):
                if message.error() is None:
                    self._note(self.stream_of(message))
                    self.seen += 1
                    self.take(message)
            if self._measuring:
                for stream in list(self._last):
                    self._gap(stream)

    def _note(self, stream: str) -> None:
        if self._measuring:
            self._gap(stream)
        self._last[stream] = time.monotonic()

    def _gap(self, stream: str) -> None:
        gap = time.monotonic() - self._last.get(stream, time.monotonic())
        self.gaps[stream] = max(gap, self.gaps.get(stream, 0.0))


class Voice:
    """Says events on one topic; each has an id that derives from what caused it."""

    def __init__(self, settings: Settings, topic: Topic, source: str) -> None:
        self._topic, self._source = f"{settings.topic_prefix}{topic}", source
        self._producer = idempotent_producer(settings)

    def say(self, kind: str, tenant: str, contact: str, cause: str, **fields: object) -> None:
        who = {"tenant_id": tenant, "contact_id": contact}
        headers, value = encode_event(
            kind,
            sample_model(kind, **who, **fields),
            event_id=f"{cause}-{kind}",
            source=self._source,
        )
        self._producer.produce(self._topic, value, f"{tenant}/{contact}", headers=[*headers])
        self._producer.poll(0)

    def flush(self) -> None:
        """All of it is with the broker."""
        self._producer.flush(30)


class Witness(Reader):
    """Reads facts, partition by partition; whoever a reply has paused is resumed, as a person who
    looks at it would do."""

    def __init__(self, settings: Settings) -> None:
        self.declined: set[str] = set()
        self.refused: Counter[str] = Counter()
        self.tenants = self.ready = self.resumed = 0
        self._resume = Voice(settings, Topic.CONTACTS, "person")
        super().__init__(settings, [Topic.FACTS])

    def take(self, message: Message) -> None:
        fact = text(message.value())
        if fact["fact"] == "enrollment.declined" and fact["reason"] == "CAMPAIGN_PAUSED":
            self.declined.add(fact["cause"])
        elif fact["fact"] == "campaign.ready":
            self.ready += 1
        elif fact["fact"] == "tenant.updated":
            self.tenants += 1
        elif fact["fact"] == "event.refused":
            self.refused[fact["reason"]] += 1
        elif fact["fact"] == "enrollment.frozen" and fact["reason"] == "reply":
            self.resumed += 1
            who = (fact["tenant_id"], fact["contact_id"])
            self._resume.say("contact.resumed", *who, fact["cause"], campaign_id=None)

    def flush(self) -> None:
        """Whoever was resumed is, as far as the broker."""
        self._resume.flush()


class Senders(Reader):
    """Reads commands and answers each as its contact would: sent, failed, opened, reviewed.

    An answer's event id derives from the command's, as a sender that repeats itself would do.
    """

    def __init__(self, settings: Settings) -> None:
        self.times: Counter[str] = Counter()
        self.commanded: dict[Contact, set[str]] = {}
        self.attempts: Counter[tuple[str, ...]] = Counter()
        self.revoked = self.prospects = 0
        self._voice = Voice(settings, Topic.ENGAGEMENT, "sender")
        super().__init__(settings, COMMANDS)

    def stream_of(self, message: Message) -> str:
        """Some partitions have few commands; and WhatsApp and calls come last in a run."""
        topic = str(message.topic())
        return topic if topic.endswith(("email", "sms")) else "commands of prospects"

    def take(self, message: Message) -> None:
        headers = dict(cast(Headers, message.headers() or []))
        self.times[(headers["ce_id"] or b"").decode()] += 1
        if headers["ce_type"] == b"command.revoked":
            self.revoked += 1
            return
        command = text(message.value())
        contact = (command["tenant_id"], command["contact_id"])
        self.commanded.setdefault(contact, set()).add(command["step_id"])
        name = (*contact, command["campaign_id"], command["step_id"], str(command["attempt"]))
        self.attempts[name] += 1
        if prospects.is_prospect(contact[1]):
            self.prospects += 1
            for kind, fields in prospects.answers(
                contact[1], command["step_id"], command["attempt"]
            ):
                self._say(kind, *contact, command["command_id"], **fields)
        else:
            self._answer(command["attempt"], command["step_id"], *contact, command["command_id"])

    @property
    def commands(self) -> int:
        return sum(self.times.values())

    def repeated(self) -> list[str]:
        """Event ids, and attempts at one touch, that stand there more than once."""
        found = [name for name, times in self.times.items() if times > 1]
        return found + ["/".join(name) for name, times in self.attempts.items() if times > 1]

    def flush(self) -> None:
        """All answers are with the broker."""
        self._voice.flush()

    def _answer(self, attempt: int, step: str, tenant: str, contact: str, command: str) -> None:
        kind = kind_of(contact)
        if kind == 8 and attempt == 1 and step == "s1":
            self._say("touch.failed", tenant, contact, command, code="503", permanent=False)
            return
        self._say("touch.sent", tenant, contact, command)
        if kind in (2, 7):
            self._say("touch.opened", tenant, contact, command)
        if kind == 3:
            self._say("touch.bounced", tenant, contact, command)
        if kind == 9 and step == "s1":
            self._say("review.clicked", tenant, contact, command, campaign_id=None)
        if kind == 4:  # its word comes twice
            self._say("touch.sent", tenant, contact, command)

    def _say(self, kind: str, tenant: str, contact: str, command: str, **fields: object) -> None:
        self._voice.say(kind, tenant, contact, command, command_id=command, **fields)
