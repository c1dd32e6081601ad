"""Records the stored states of each kept history as the present code writes them.

    python -m tests.histories.record_states FORMAT DIR

FORMAT is the number of the format of the stored states, for example `1`. For each recording of
`tests/histories` and each share in SHARES it folds that share of every log and writes the
changelogs that a worker would have left there into DIR. A file is never written again.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from processors.fold.task import Record, Task
from schemas.internal.topics import CHANGELOG_OF, LOGS
from streams.audit.refold import refold
from streams.audit.replay.recording import RecordBatch, Recording, RecordingFile, new_recording
from streams.base.transport import Partition
from streams.kafka.reader import TopicEntry
from streams.runtime.roles import PROCESSORS, task_maker

HISTORIES = sorted(Path(__file__).parent.glob("*.gz"))
SHARES = (25, 50, 75)
"""Percent of each log that is folded before the states are recorded."""

ROLE_OF = {log: role for role, (log, _) in PROCESSORS.items()}


def logs_of(recording: Recording) -> Iterator[tuple[Partition, list[Record], Task]]:
    """Each partition of each log with its records and a new task that folds it."""
    for log in LOGS:
        make_task = task_maker(ROLE_OF[log], recording.layout)
        for number in range(recording.layout.partitions(log)):
            partition = Partition(log, number)
            records = [line.record for line in recording.read_partition(partition)]
            yield partition, records, make_task(partition)


def changelogs(recording: Recording, percent: int) -> Iterator[RecordBatch]:
    """The compacted changelog of each task after `percent` of its log."""
    for partition, records, task in logs_of(recording):
        refold(partition, task, records[: len(records) * percent // 100], lambda _: None)
        stored = [*task.store.items(), *task.changes()]
        lines = [
            TopicEntry(Record(offset, 0, key, value or b""), value)
            for offset, (key, value) in enumerate(stored)
        ]
        yield Partition(CHANGELOG_OF[partition.topic], partition.number), lines


def main(number: str, directory: Path) -> None:
    """One file for each history and share."""
    for history in HISTORIES:
        recording = RecordingFile(history)
        for percent in SHARES:
            name = f"{number}.{history.name.partition('.')[0]}.{percent}.jsonl.gz"
            with new_recording(directory / name, recording.layout) as keep:
                for batch in changelogs(recording, percent):
                    keep(batch)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
