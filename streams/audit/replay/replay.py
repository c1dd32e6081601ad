"""The replay: each log folded as it was recorded, by fresh tasks of the present code."""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from processors.fold.task import Task
from processors.fold.turn import Output
from schemas.internal.topics import LOGS, Layout, Topic
from schemas.public.codec import DecodeEvent
from streams.audit.refold import refold
from streams.audit.replay.cause import Cause, cause_of
from streams.audit.replay.compared_outputs import recorded, said_now
from streams.audit.replay.diff import Difference, Meeting, What
from streams.audit.replay.recording import Keep, Piece, Recording
from streams.audit.replay.stamped_task import witnessed
from streams.base.transport import Partition

TOLD_EACH = 10_000
Progress = Callable[[str], None]


class Replayed(NamedTuple):
    """What was folded and compared, and what differs. `parked` counts the records and timers that
    the present code cannot fold."""

    folded: Counter[Topic]
    compared: Counter[str]
    different: Counter[tuple[str, What]]
    parked: int
    first: Difference | None
    cause: Cause | None


def replay(
    recording: Recording,
    decode: DecodeEvent,
    *,
    keep: Keep = lambda _: None,
    progress: Progress = lambda _: None,
) -> Replayed:
    """All of it, and why the first thing that differs does. `decode` reads commands; `keep` gets
    every piece as it is read. Raises what reading raises."""
    folding = Folding(recording.layout, decode)
    read = 0
    for piece in recording.pieces():
        keep(piece)
        folding.take(piece)
        read += len(piece[1])
        if told := read // TOLD_EACH * TOLD_EACH:
            progress(f"{told:,} records read")
    different, first = folding.meeting.close()
    cause = None
    if first is not None:
        progress("looking for the cause")
        cause = cause_of(first, recording)
    return Replayed(
        folding.folded, folding.meeting.compared, different, folding.parked, first, cause
    )


class Folding:
    """The tasks, and what they say against what stands there."""

    def __init__(self, layout: Layout, decode: DecodeEvent) -> None:
        self.folded: Counter[Topic] = Counter()
        self.parked = 0
        self.meeting = Meeting()
        self._layout, self._decode = layout, decode
        self._tasks: dict[Partition, Task] = {}

    def take(self, piece: Piece) -> None:
        """The next records of a partition."""
        place, entries = piece
        if place.topic in LOGS:
            task = self._tasks.get(place)
            if task is None:
                task = self._tasks[place] = witnessed(place, self._layout)
            records = (entry.record for entry in entries)
            refold(place, task, records, lambda output: self._hear(output, place))
            self.folded[place.topic] += len(entries)
        for order in recorded(piece, self._layout, self._decode):
            self.meeting.then(order)

    def _hear(self, output: Output, log: Partition) -> None:
        if output.topic is Topic.DEAD_LETTERS:
            self.parked += 1
            return
        order = said_now(output, log, self._layout)
        if order is not None:
            self.meeting.now(order)
