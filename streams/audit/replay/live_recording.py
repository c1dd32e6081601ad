"""The topics of a deployment as a recording.

A command reaches its topic a moment after the record that led to it, and an engine that is behind
has not produced all outputs of its logs yet. So the topics are read until all logs are folded to
their ends and no topic grows.
"""

import time
from collections.abc import Iterator
from contextlib import closing

import msgspec

from schemas.internal.state_bytes import payload_of
from schemas.internal.states import POSITION_KEY, TaskPosition
from schemas.internal.topics import CHANGELOG_OF, CHANGELOGS, LOGS
from streams.audit.replay.recording import RECORDED, RecordBatch
from streams.audit.rest import POLL_INTERVAL_S, NotAtRest
from streams.base.settings import Settings
from streams.base.transport import Partition
from streams.kafka.reader import TopicEntry, TopicReader, read_in_turns
from streams.kafka.topics import layout_of

_decode_position = msgspec.msgpack.Decoder(TaskPosition).decode


class LiveRecording:
    """The recording of a running or stopped deployment. `batches` raises NotAtRest if the topics
    are not at rest within `wait_s` seconds, LogTruncated and FatalClientError."""

    def __init__(self, settings: Settings, *, wait_s: float) -> None:
        self.layout = layout_of(settings)
        self._settings, self._wait_s = settings, wait_s
        self._last_offsets: dict[Partition, int] = {}
        self._positions: dict[Partition, TaskPosition] = {}

    def batches(self) -> Iterator[RecordBatch]:
        """All records, a batch of each topic in turn."""
        readers = [TopicReader(self._settings, topic) for topic in (*RECORDED, *CHANGELOGS)]
        deadline_s = time.monotonic() + self._wait_s
        try:
            while True:
                for partition, entries in read_in_turns(readers):
                    if partition.topic in CHANGELOGS:
                        self._note_position(partition, entries)
                    else:
                        self._last_offsets[partition] = entries[-1].record.offset
                        yield partition, entries
                moving = self._moving(readers)
                if moving is None:
                    return
                if time.monotonic() > deadline_s:
                    raise NotAtRest(moving)
                time.sleep(POLL_INTERVAL_S)
        finally:
            for reader in readers:
                reader.close()

    def read_partition(self, partition: Partition) -> Iterator[TopicEntry]:
        """The records of one partition again, up to the last that `batches` has read."""
        last_offset = self._last_offsets.get(partition, -1)
        with closing(TopicReader(self._settings, *partition)) as reader:
            for _, entries in reader.read():
                yield from (entry for entry in entries if entry.record.offset <= last_offset)

    def _note_position(self, partition: Partition, entries: list[TopicEntry]) -> None:
        for entry in entries:
            if entry.record.key == POSITION_KEY and entry.value is not None:
                self._positions[partition] = _decode_position(payload_of(entry.value))

    def _moving(self, readers: list[TopicReader]) -> str | None:
        """What is not at rest, in words; None if everything is. A task's position is in its
        changelog only when all its outputs are on their topics too."""
        for partition, last_offset in self._last_offsets.items():
            if partition.topic in LOGS:
                changelog = Partition(CHANGELOG_OF[partition.topic], partition.number)
                position = self._positions.get(changelog)
                if position is None or position.next_offset <= last_offset or _is_due(position):
                    return f"{partition.topic}[{partition.number}] is not folded to its end"
        growing = (reader.topic for reader in readers if reader.has_grown())
        return next((f"{topic} is growing" for topic in growing), None)


def _is_due(position: TaskPosition) -> bool:
    """Whether a timer of the task is due by its stream time."""
    return position.next_due is not None and position.next_due <= position.stream_time
