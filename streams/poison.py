"""The dead letter of a record that cannot be folded."""

from processors.task import Poison
from schemas.messages import DeadLetter
from streams.transport import Partition


def letter_of(partition: Partition, poison: Poison) -> DeadLetter:
    """Why, where from, and the bytes as they were."""
    record = poison.record
    return DeadLetter(
        "FOLD_FAILED",
        str(poison)[:300],
        partition.topic,
        partition.number,
        record.offset,
        record.key,
        record.value,
    )
