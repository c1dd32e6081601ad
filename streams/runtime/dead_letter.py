"""The dead letter of a record, or of a timer, that cannot be folded."""

from processors.fold.task import TIMER_FAILED, Poison, Task
from schemas.internal.messages import DeadLetter
from streams.base.transport import Partition

FOLD_FAILED = "FOLD_FAILED"
"""The reason for a record that its processor cannot fold."""

PROJECTION_FAILED = "PROJECTION_FAILED"
"""The reason of the projector: the record cannot be written to a table."""

RETRIED = "retried"
"""The header that names a retried dead letter. It is on the marker in dead-letters, and on the
record that was sent back to its log."""


DETAIL_MAX = 300
"""Characters of the error's text that a dead letter keeps."""


def dead_letter_of(partition: Partition, poison: Poison, task: Task) -> DeadLetter:
    """The dead letter of `poison`: its reason, its origin, and the bytes of the record, or of the
    state whose timer failed. The batch is rolled back already, so the origin of a timer is the
    offset of the next record."""
    record, detail = poison.record, str(poison)[:DETAIL_MAX]
    if record is None:
        state = task.store.value(poison.key)
        origin = (partition.topic, partition.number, task.next_offset)
        return DeadLetter(TIMER_FAILED, detail, *origin, poison.key, state)
    origin = (partition.topic, partition.number, record.offset)
    letter = (FOLD_FAILED, detail, *origin, record.key, record.value)
    return DeadLetter(*letter, timestamp=record.timestamp)
