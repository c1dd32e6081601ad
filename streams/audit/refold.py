"""A log folded by a fresh task outside any transaction, poison and all: what the worker must
have done."""

from collections.abc import Callable, Iterable
from itertools import islice

from processors.fold.store import StateTooLarge
from processors.fold.task import Poison, Record, Task
from processors.fold.turn import Output
from streams.base.transport import Partition
from streams.runtime.dead_letter import dead_letter_of

BATCH = 2_000


def refold(
    partition: Partition, task: Task, records: Iterable[Record], hear: Callable[[Output], None]
) -> None:
    """Folds `records`, which go on where the last ones ended; `hear` gets every output once."""
    stream = iter(records)
    while batch := list(islice(stream, BATCH)):
        task.feed(batch)
        while task.inbox or not task.nothing_due:
            try:
                while task.advance(BATCH):
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
                hear(output)
            task.commit(changes)
