"""Public events out to their topics, and what the engine says to them on the topic facts."""

import time
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any

from confluent_kafka import KafkaError, Message, TopicPartition
from pydantic import BaseModel

from schemas.internal import facts
from schemas.internal.facts import Fact, FactKind
from schemas.internal.messages import contact_key
from schemas.internal.topics import Topic
from schemas.public.codec import Encoding, encode_event
from schemas.public.events import EVENTS
from streams.base.settings import Settings
from streams.cli.errors import UNREACHABLE, CommandError
from streams.kafka.clients import producer, reader
from streams.kafka.reader import watermarks

SOURCE = "/touchstream/cli"
FLUSH_S = 30.0
CALL_TIMEOUT_S = 15.0

ANSWERS: dict[str, FactKind] = {
    **{name: FactKind.CAMPAIGN_STATUS_CHANGED for name in EVENTS if name.startswith("campaign.")},
    "campaign.published": FactKind.CAMPAIGN_READY,
    "campaign.migrated": FactKind.CAMPAIGN_MIGRATED,
    "tenant.upserted": FactKind.TENANT_UPDATED,
    "tenant.deleted": FactKind.TENANT_DELETED,
}
"""What the engine says when an order is done; until then, what follows on other topics may come
first."""

REFUSALS = (FactKind.CAMPAIGN_REFUSED, FactKind.EVENT_REFUSED)


class Publisher:
    """Sends events; `flush` makes sure of them."""

    def __init__(self, settings: Settings, encoding: Encoding = "json") -> None:
        self._settings = settings
        self._encoding = encoding
        self._clock = settings.scaled_clock()
        self._producer = producer(settings, only_failures=True)
        self._failure: KafkaError | None = None

    def send(
        self,
        kind: str,
        data: Any,
        event_id: str | None,
        source: str = SOURCE,
        at: int | None = None,
    ) -> str:
        """One event, on its way; the cause that its facts will name. Without an id it has its
        content's."""
        headers, value = encode_event(
            kind, data, self._encoding, event_id=event_id, source=source, time=at
        )
        topic = EVENTS[kind].topic
        if topic is None:
            raise ValueError(f"{kind} is a command")
        while True:
            try:
                self._producer.produce(
                    self._settings.topic_prefix + topic,
                    value,
                    key_of(data),
                    headers=[*headers],
                    timestamp=self._clock.now() // 1_000,
                    on_delivery=self._delivered,
                )
                break
            except BufferError:
                self._producer.poll(0.1)
        self._producer.poll(0)
        return f"{source}#{dict(headers)['ce_id'].decode()}"

    def now(self) -> int:
        """The deployment's time."""
        return self._clock.now()

    def flush(self) -> None:
        """Every event sent so far is safe with Kafka. Raises Halt."""
        left = self._producer.flush(FLUSH_S)
        if self._failure is not None:
            raise CommandError(f"Kafka did not take an event: {self._failure.str()}", UNREACHABLE)
        if left:
            raise CommandError(f"Kafka did not take {left} events in {FLUSH_S:.0f} s", UNREACHABLE)

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        self._failure = self._failure or error


def key_of(data: Any) -> bytes:
    """tenant/contact where there is a contact, so that a person's events stay in order."""
    contact = _contact_of(data.__class__)(data)
    tenant: str = data.tenant_id
    return contact_key(tenant, contact) if contact else tenant.encode()


@cache
def _contact_of(kind: type[BaseModel]) -> Callable[[Any], str | None]:
    """Asking a model for what it has not is slow, so its kind is asked once."""
    if "customer" in kind.model_fields:
        return attrgetter("customer.contact_id")
    return attrgetter("contact_id") if "contact_id" in kind.model_fields else lambda _: None


class AnswerReader:
    """The facts from now on: to be made before the event is sent that they answer."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = reader(settings)
        name = settings.topic_prefix + Topic.FACTS
        found = self._consumer.list_topics(name, timeout=CALL_TIMEOUT_S).topics[name]
        self._consumer.assign([self._end(name, number) for number in found.partitions])

    def wait(self, kind: str, cause: str, timeout_s: float) -> Fact | None:
        """The fact that says that the order is done or refused; None when none came in time."""
        answer = _Answer(ANSWERS[kind], cause)
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            for message in self._consumer.consume(500, min(left, 0.1)):
                if message.error() is None and answer.is_it(fact := _fact(message)):
                    return fact
        return None

    def close(self) -> None:
        self._consumer.close()

    def _end(self, name: str, number: int) -> TopicPartition:
        place = TopicPartition(name, number)
        _, place.offset = watermarks(self._consumer, place)
        return place


class _Answer:
    """A version is live too when a later publication of it, or a later version, has made it so."""

    def __init__(self, done: FactKind, cause: str) -> None:
        self._done, self._cause = done, cause
        self._published: Fact | None = None

    def is_it(self, fact: Fact) -> bool:
        if fact.cause == self._cause:
            if fact.fact is FactKind.CAMPAIGN_PUBLISHED:
                self._published = fact
            return fact.fact is self._done or fact.fact in REFUSALS
        ours = self._published
        return (
            ours is not None
            and fact.fact is self._done
            and (fact.tenant_id, fact.campaign_id) == (ours.tenant_id, ours.campaign_id)
            and (fact.version or 0) >= (ours.version or 0)
        )


def _fact(message: Message) -> Fact:
    return facts.decode(message.value() or b"{}")
