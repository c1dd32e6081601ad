"""The replay: fresh tasks of the current code fold each log as it was recorded, and their outputs
are compared with the recorded ones."""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from processors.fold.task import Task
from processors.fold.turn import Output
from schemas.internal.topics import LOGS, Layout, Topic
from schemas.public.codec import DecodeEvent
from streams.audit.refold import refold
from streams.audit.replay.cause import Cause, cause_of
from streams.audit.replay.compared_outputs import current_output, recorded_outputs
from streams.audit.replay.diff import DiffKind, OutputDiff, OutputDifference
from streams.audit.replay.recording import RecordBatch, Recording, WriteBatch
from streams.audit.replay.stamped_task import stamped_task
from streams.base.transport import Partition

PROGRESS_EVERY = 10_000
Progress = Callable[[str], None]


class ReplayResult(NamedTuple):
    """The result of a replay: the numbers of folded records by topic, of compared outputs by kind,
    and of differences by kind of output and of difference; the first difference and its cause.
    `parked` is the number of records and timers that the current code cannot fold."""

    folded: Counter[Topic]
    compared: Counter[str]
    different: Counter[tuple[str, DiffKind]]
    parked: int
    first: OutputDifference | None
    cause: Cause | None


def replay(
    recording: Recording,
    decode: DecodeEvent,
    *,
    keep: WriteBatch = lambda _: None,
    progress: Progress = lambda _: None,
) -> ReplayResult:
    """Replays a recording, and finds the cause of the first difference. `decode` reads commands,
    and `keep` is called with every batch that is read. Raises the errors of the recording."""
    fold = ReplayFold(recording.layout, decode)
    records = 0
    for batch in recording.batches():
        keep(batch)
        fold.fold_batch(batch)
        records += len(batch[1])
        if reported := records // PROGRESS_EVERY * PROGRESS_EVERY:
            progress(f"{reported:,} records read")
    different, first = fold.diff.close()
    cause = None
    if first is not None:
        progress("looking for the cause")
        cause = cause_of(first, recording)
    return ReplayResult(fold.folded, fold.diff.compared, different, fold.parked, first, cause)


class ReplayFold:
    """The tasks of a replay, and the diff of their outputs against the recorded ones."""

    def __init__(self, layout: Layout, decode: DecodeEvent) -> None:
        self.folded: Counter[Topic] = Counter()
        self.parked = 0
        self.diff = OutputDiff()
        self._layout, self._decode = layout, decode
        self._tasks: dict[Partition, Task] = {}

    def fold_batch(self, batch: RecordBatch) -> None:
        """Folds the next records of a partition, and adds the recorded outputs among them to the
        diff."""
        partition, entries = batch
        if partition.topic in LOGS:
            task = self._tasks.get(partition)
            if task is None:
                task = self._tasks[partition] = stamped_task(partition, self._layout)
            records = (entry.record for entry in entries)
            refold(partition, task, records, lambda output: self._add_current(output, partition))
            self.folded[partition.topic] += len(entries)
        for recorded in recorded_outputs(batch, self._layout, self._decode):
            self.diff.add_recorded(recorded)

    def _add_current(self, output: Output, log: Partition) -> None:
        if output.topic is Topic.DEAD_LETTERS:
            self.parked += 1
            return
        current = current_output(output, log, self._layout)
        if current is not None:
            self.diff.add_current(current)
