"""The topics as a recording: read until they stand still.

A command stands on its topic a moment after the record that led to it, and an engine that is behind
has not said yet what its logs will make it say. So what is read is everything up to where all is
folded and nothing comes; where that does not come in time, NotAtRest says what moved.
"""

import time
from collections.abc import Iterator
from contextlib import closing

import msgspec

from schemas.internal.state_bytes import payload_of
from schemas.internal.states import POSITION_KEY, TaskPosition
from schemas.internal.topics import CHANGELOG_OF, CHANGELOGS, LOGS, Topic
from streams.audit.replay.recording import RECORDED, Piece
from streams.audit.verify import AGAIN_S, NotAtRest
from streams.base.settings import Settings
from streams.base.transport import Partition
from streams.kafka.reader import TopicEntry, TopicReader
from streams.kafka.topics import layout_of

_decode_place = msgspec.msgpack.Decoder(TaskPosition).decode


class Topics:
    """A deployment's. `pieces` raises NotAtRest after `wait_s`, LogCut, Dead."""

    def __init__(self, settings: Settings, *, wait_s: float) -> None:
        self.layout = layout_of(settings)
        self._settings, self._wait_s = settings, wait_s
        self._read: dict[Partition, int] = {}  # the last offset of each
        self._places: dict[Partition, TaskPosition] = {}

    def pieces(self) -> Iterator[Piece]:
        """A piece of each topic in turn, so that what was said soon meets what stands there."""
        readers = {t: TopicReader(self._settings, t) for t in (*RECORDED, *CHANGELOGS)}
        deadline = time.monotonic() + self._wait_s
        try:
            while True:
                yield from self._look(readers)
                moving = self._moving(readers)
                if moving is None:
                    return
                if time.monotonic() > deadline:
                    raise NotAtRest(moving)
                time.sleep(AGAIN_S)
        finally:
            for reader in readers.values():
                reader.close()

    def partition(self, place: Partition) -> Iterator[TopicEntry]:
        """One partition once more, no further than it was read."""
        end = self._read.get(place, -1)
        with closing(TopicReader(self._settings, place.topic, place.number)) as reader:
            for _, entries in reader.read():
                yield from (entry for entry in entries if entry.record.offset <= end)

    def _look(self, readers: dict[Topic, TopicReader]) -> Iterator[Piece]:
        under_way = [(topic, reader.read()) for topic, reader in readers.items()]
        while under_way:
            left = []
            for topic, pieces in under_way:
                if (piece := next(pieces, None)) is not None:
                    left.append((topic, pieces))
                    yield from self._taken(Partition(topic, piece[0]), piece[1])
            under_way = left

    def _taken(self, place: Partition, entries: list[TopicEntry]) -> Iterator[Piece]:
        if place.topic in CHANGELOGS:
            for entry in entries:
                if entry.record.key == POSITION_KEY and entry.value is not None:
                    self._places[place] = _decode_place(payload_of(entry.value))
            return
        self._read[place] = entries[-1].record.offset
        yield place, entries

    def _moving(self, readers: dict[Topic, TopicReader]) -> str | None:
        """What has not come to an end yet. A changelog has the place of a task only once all that
        it has said stands there too."""
        for place, last in self._read.items():
            if place.topic in LOGS:
                at = self._places.get(Partition(CHANGELOG_OF[place.topic], place.number))
                if at is None or at.next_offset <= last or not _settled(at):
                    return f"{place.topic}[{place.number}] is not folded to its end"
        has_grown = (topic for topic, reader in readers.items() if reader.has_grown())
        return next((f"{topic} is growing" for topic in has_grown), None)


def _settled(place: TaskPosition) -> bool:
    return place.next_due is None or place.next_due > place.stream_time
