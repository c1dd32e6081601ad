"""Tasks that record, for each output, the stream time and the input offset that produced it."""

from collections.abc import Callable
from typing import Any

from processors.fold.key_lists import ListsOf
from processors.fold.task import Processor, Record, Task
from processors.fold.turn import Output, Turn
from schemas.internal.states import State
from schemas.internal.topics import Layout
from streams.base.transport import Partition
from streams.runtime.roles import PROCESSORS, task_maker


class StampedOutput(Output):
    """An output with the stream time in microseconds, and the offset of the record that led to it;
    None for an output of a timer."""

    at: int = 0
    offset: int | None = None


class StampingProcessor:
    """A processor whose outputs become StampedOutputs."""

    def __init__(self, processor: Processor) -> None:
        self.decode_state: Callable[[bytes], State] = processor.decode_state
        self.lists_of: ListsOf = processor.lists_of
        self._processor = processor

    def apply(self, turn: Turn, record: Record) -> None:
        """Processes a record, and stamps its outputs with the record's offset."""
        before = len(turn.outputs)
        self._processor.apply(turn, record)
        _stamp(turn, before, record.offset)

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        """Processes a timer, and stamps its outputs."""
        before = len(turn.outputs)
        self._processor.fire(turn, key, state)
        _stamp(turn, before, None)


def _stamp(turn: Turn, begin: int, offset: int | None) -> None:
    for index in range(begin, len(turn.outputs)):
        output = turn.outputs[index]
        turn.outputs[index] = StampedOutput(
            output.topic, output.key, output.message, output.partition, turn.now, offset
        )


_ROLE_OF_LOG = {log: role for role, (log, _) in PROCESSORS.items()}


def stamped_task(partition: Partition, layout: Layout) -> Task:
    """A fresh task for a partition of a log, with stamped outputs."""
    task = task_maker(_ROLE_OF_LOG[partition.topic], layout)(partition)
    task.processor = StampingProcessor(task.processor)
    return task
