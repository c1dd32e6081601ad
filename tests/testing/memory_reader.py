"""Commands that read states read those of an engine in memory."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest

from processors.fold.task import Record
from schemas.internal.facts import Fact
from schemas.internal.topics import Topic
from streams.base.transport import Partition
from streams.kafka.reader import TopicEntry
from tests.testing.world import START, World


class MemoryReader:
    """The part of TopicReader that reads everything, over the logs of a world."""

    def __init__(self, world: World, topic: Topic, partition: int | None) -> None:
        self._world, self._topic = world, topic
        numbers = range(world.layout.partitions(topic))
        self._numbers = [*numbers] if partition is None else [partition]

    def read(self) -> Iterator[tuple[int, list[TopicEntry]]]:
        for number in self._numbers:
            log = self._world.broker.log(Partition(self._topic, number))
            yield (
                number,
                [
                    TopicEntry(
                        Record(r.offset, r.timestamp, r.key or b"", r.value or b"", lambda: None),
                        r.value,
                    )
                    for r in log
                ],
            )

    def close(self) -> None:
        pass


def read_states_of(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the commands read the states of `world`, at its time and in its layout."""
    settings = Mock(topic_prefix="")
    settings.scaled_clock = lambda: Mock(now=lambda: world.now, scaled=False, speed=1.0)
    monkeypatch.setattr(
        "streams.cli.stored_states.TopicReader",
        lambda _, topic, partition=None: MemoryReader(world, topic, partition),
    )
    for module in READING:
        monkeypatch.setattr(f"streams.cli.{module}.connected_settings", lambda: settings)
        monkeypatch.setattr(
            f"streams.cli.{module}.layout_of", lambda _: world.layout, raising=False
        )


READING = (
    *("contact_orders", "contacts", "forecast", "sender", "pool", "queue"),
    *("campaign_list", "campaign_show", "campaign_report", "experiment"),
)
"""The modules of commands that read states."""


class PublishedOrders:
    """What commands publish, and the fact that answers the next one."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.answer: Fact | None = None

    def send(self, kind: str, event: Any, *_: object, **__: object) -> str:
        self.events.append((kind, event))
        return "cli#1"

    def last(self) -> Any:
        return self.events[-1][1]


def answer_orders(monkeypatch: pytest.MonkeyPatch) -> PublishedOrders:
    """Has the commands publish to the returned object instead of to Kafka."""
    orders = PublishedOrders()
    publisher = Mock(send=orders.send, now=lambda: START)
    reader = Mock(wait=lambda *_: orders.answer)
    for name, value in (
        ("layout_of", Mock()),
        ("EventPublisher", lambda _: publisher),
        ("AnswerReader", lambda _: reader),
    ):
        monkeypatch.setattr(f"streams.cli.request_reply.{name}", value)
    for module in ANSWERED:
        monkeypatch.setattr(f"streams.cli.{module}.connected_settings", Mock())
    return orders


ANSWERED = ("sender", "pool", "tenant", "campaign")
"""The modules of commands that publish an order and wait for its answer."""
