"""The dead letter of a record, or of a timer, that cannot be folded."""

from processors.fold.task import TIMER_FAILED, Poison, Task
from schemas.internal.messages import DeadLetter
from streams.base.transport import Partition

PROJECTION_FAILED = "PROJECTION_FAILED"
"""The projector's reason: no table takes the record."""

RETRIED = "retried"
"""The header of a marker in dead-letters, and of a record sent back to its log: which letter it
is about."""


def letter_of(partition: Partition, poison: Poison, task: Task) -> DeadLetter:
    """Why, where from, and the bytes as they were: a record's, or the state whose timer it is.
    The batch is rolled back by now, so a timer's place is the record that comes next."""
    record, detail = poison.record, str(poison)[:300]
    if record is None:
        state = task.store.value(poison.key)
        place = (partition.topic, partition.number, task.next_offset)
        return DeadLetter(TIMER_FAILED, detail, *place, poison.key, state)
    place = (partition.topic, partition.number, record.offset)
    letter = ("FOLD_FAILED", detail, *place, record.key, record.value)
    return DeadLetter(*letter, timestamp=record.timestamp)
