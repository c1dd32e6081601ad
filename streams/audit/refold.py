"""The refold: folds a log outside of any transaction, and treats poison as the worker does."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from processors.fold.store import StateTooLarge
from processors.fold.task import Poison, Record, Task
from processors.fold.turn import Output
from streams.base.fold_progress import FoldProgress
from streams.base.transport import Partition
from streams.runtime.dead_letter import dead_letter_of

BATCH_SIZE = 2_000


class ProgressNotReached(Exception):
    """A log does not lead to the progress that a group has committed: it is another log, or other
    code has folded it."""


def refold(
    partition: Partition, task: Task, records: Iterable[Record], on_output: Callable[[Output], None]
) -> None:
    """Folds `records` with `task`, whose last call ended just before them. Calls `on_output` once
    with every output, dead letters included."""
    stream = iter(records)
    while batch := list(islice(stream, BATCH_SIZE)):
        task.feed(batch)
        while task.inbox or not task.nothing_due:
            for output in _fold(partition, task):
                on_output(output)


def refold_to(
    partition: Partition, task: Task, records: Iterable[Record], progress: FoldProgress | None
) -> None:
    """Folds `records`, all that a new task's group had folded, up to its committed `progress`; the
    outputs are dropped, since the group has written them. Without a progress all timers that are
    due count as fired. Raises ProgressNotReached."""
    last: list[Record] = []
    refold(partition, task, _all_but_last(records, last), lambda _: None)
    task.feed(last)
    while task.inbox:
        _fold(partition, task, steps_max=1)
    if progress is None:
        while not task.nothing_due:
            _fold(partition, task)
        return
    while task.fired < progress.fired:
        if task.nothing_due:
            task.stream_time = max(task.stream_time, progress.stream_time)
            if task.nothing_due:
                break
        _fold(partition, task, steps_max=1)
    task.stream_time = max(task.stream_time, progress.stream_time)
    if (task.stream_time, task.fired) != (progress.stream_time, progress.fired):
        raise ProgressNotReached(
            f"{partition.topic}[{partition.number}] leads to the stream time {task.stream_time} and"
            f" {task.fired} timers after its last record, but the group has committed"
            f" {progress.stream_time} and {progress.fired}"
        )


def _all_but_last(records: Iterable[Record], last: list[Record]) -> Iterator[Record]:
    """The records without the last one, which is put into `last`."""
    for record in records:
        if last:
            yield last.pop()
        last.append(record)


def _fold(partition: Partition, task: Task, steps_max: int | None = None) -> list[Output]:
    """Folds what is fed and due, at most `steps_max` steps, commits it, and returns its outputs.
    After a failure the batch is rolled back: the next call goes on."""
    try:
        if steps_max is None:
            while task.advance(BATCH_SIZE):
                pass
        else:
            task.advance(steps_max)
        changes = task.changes()
    except Poison as poison:
        task.rollback()
        if poison.alone:
            task.replace_with_dead_letter(dead_letter_of(partition, poison, task))
        else:
            task.retry_alone(poison)
        return []
    except StateTooLarge:
        task.rollback()
        return []
    outputs = task.outputs
    task.commit(changes)
    return outputs
