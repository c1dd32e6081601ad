"""Reads the engine's answer to an admin event from the topic facts."""

import time
from collections.abc import Iterator

import msgspec
from confluent_kafka import Message, TopicPartition

from schemas.internal import facts
from schemas.internal.facts import Fact, FactKind
from schemas.internal.topics import Topic
from schemas.public.events import EVENTS
from streams.base.settings import Settings
from streams.kafka.clients import read_committed_consumer
from streams.kafka.reader import watermarks

CALL_TIMEOUT_S = 15.0

DONE_FACTS: dict[str, FactKind] = {
    **{name: FactKind.CAMPAIGN_STATUS_CHANGED for name in EVENTS if name.startswith("campaign.")},
    "campaign.published": FactKind.CAMPAIGN_READY,
    "campaign.migrated": FactKind.CAMPAIGN_MIGRATED,
    "tenant.upserted": FactKind.TENANT_UPDATED,
    "tenant.deleted": FactKind.TENANT_DELETED,
    "sender.upserted": FactKind.SENDER_UPDATED,
    "sender.removed": FactKind.SENDER_REMOVED,
    "sender.complaints_reported": FactKind.SENDER_COMPLAINTS_REPORTED,
    "pool.upserted": FactKind.POOL_UPDATED,
}
"""The fact that reports that an admin event has taken effect, by its ce_type. Events published on
other topics before that fact may be processed before the admin event."""

_ORDER_FACTS: dict[str, FactKind] = {
    "contact.resubscribed": FactKind.CONTACT_RESUBSCRIBED,
    "address.reopened": FactKind.ADDRESS_REOPENED,
    "contact.stopped": FactKind.ENROLLMENT_STOPPED,
}
"""The fact that reports that an order about people has taken effect."""

REFUSALS = (FactKind.CAMPAIGN_REFUSED, FactKind.EVENT_REFUSED)


class AnswerReader:
    """Reads the facts that are written after its creation, so create it before the event is
    published that they answer."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = read_committed_consumer(settings)
        name = settings.topic_prefix + Topic.FACTS
        topic = self._consumer.list_topics(name, timeout=CALL_TIMEOUT_S).topics[name]
        self._consumer.assign([self._end(name, number) for number in topic.partitions])

    def wait(self, kind: str, cause: str, timeout_s: float) -> Fact | None:
        """The fact that reports that the event of ce_type `kind` and cause `cause` is done or
        refused; None after the timeout. That of a published campaign has the values of both of its
        facts."""
        answer = _ExpectedAnswer((DONE_FACTS | _ORDER_FACTS)[kind], cause)
        fact = next(filter(answer.matches, self.facts(timeout_s)), None)
        return None if fact is None else answer.whole(fact)

    def facts(self, timeout_s: float) -> Iterator[Fact]:
        """All facts as they are written, until the timeout."""
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            for message in self._consumer.consume(500, min(left_s, 0.1)):
                if message.error() is None:
                    yield _fact(message)

    def close(self) -> None:
        self._consumer.close()

    def _end(self, name: str, number: int) -> TopicPartition:
        partition = TopicPartition(name, number)
        _, partition.offset = watermarks(self._consumer, partition)
        return partition


class _ExpectedAnswer:
    """Recognizes the answer to one event.

    A campaign version is also live when the same version, published again, or a later version is
    ready: such a fact names another cause.
    """

    def __init__(self, done: FactKind, cause: str) -> None:
        self._done, self._cause = done, cause
        self._published: Fact | None = None

    def matches(self, fact: Fact) -> bool:
        if fact.cause == self._cause:
            if fact.fact is FactKind.CAMPAIGN_PUBLISHED:
                self._published = fact
            return fact.fact is self._done or fact.fact in REFUSALS
        published = self._published
        return (
            published is not None
            and fact.fact is self._done
            and (fact.tenant_id, fact.campaign_id) == (published.tenant_id, published.campaign_id)
            and (fact.version or 0) >= (published.version or 0)
        )

    def whole(self, fact: Fact) -> Fact:
        """The answer with the values of the fact campaign.published, such as changed splits."""
        published = self._published
        if published is None or fact.fact is not FactKind.CAMPAIGN_READY:
            return fact
        values = {**(published.values or {}), **(fact.values or {})}
        return msgspec.structs.replace(fact, values=values or None)


def _fact(message: Message) -> Fact:
    return facts.decode(message.value() or b"{}")
