"""Commands that read states read those of an engine in memory."""

from collections.abc import Iterator
from unittest.mock import Mock

import pytest

from processors.fold.task import Record
from schemas.internal.topics import Topic
from streams.base.transport import Partition
from streams.kafka.reader import TopicEntry
from tests.testing.world import World


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
    settings.scaled_clock = lambda: Mock(now=lambda: world.now, scaled=False)
    monkeypatch.setattr(
        "streams.cli.stored_states.TopicReader",
        lambda _, topic, partition=None: MemoryReader(world, topic, partition),
    )
    for module in READING:
        monkeypatch.setattr(f"streams.cli.{module}.connected_settings", lambda: settings)
        monkeypatch.setattr(f"streams.cli.{module}.layout_of", lambda _: world.layout)


READING = ("contact_orders", "contacts")
"""The modules of commands that read states."""
