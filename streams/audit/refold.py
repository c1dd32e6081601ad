"""The refold: folds a log outside of any transaction, and treats poison as the worker does."""

from collections.abc import Callable, Iterable
from itertools import islice

from processors.fold.store import StateTooLarge
from processors.fold.task import Poison, Record, Task
from processors.fold.turn import Output
from streams.base.transport import Partition
from streams.runtime.dead_letter import dead_letter_of

BATCH_SIZE = 2_000


def refold(
    partition: Partition, task: Task, records: Iterable[Record], on_output: Callable[[Output], None]
) -> None:
    """Folds `records` with `task`, whose last call ended just before them. Calls `on_output` once
    with every output, dead letters included."""
    stream = iter(records)
    while batch := list(islice(stream, BATCH_SIZE)):
        task.feed(batch)
        while task.inbox or not task.nothing_due:
            try:
                while task.advance(BATCH_SIZE):
                    pass
                changes = task.changes()
            except Poison as poison:
                task.rollback()
                if poison.alone:
                    task.replace_with_dead_letter(dead_letter_of(partition, poison, task))
                else:
                    task.retry_alone(poison)
                task.feed(batch)
                continue
            except StateTooLarge:
                task.rollback()
                task.feed(batch)
                continue
            for output in task.outputs:
                on_output(output)
            task.commit(changes)
