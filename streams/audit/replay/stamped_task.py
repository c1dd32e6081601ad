"""Tasks whose every word is stamped with when it was said, and at which record."""

from collections.abc import Callable
from typing import Any

from processors.fold.task import Processor, Record, Task
from processors.fold.turn import Output, Turn
from schemas.internal.states import State
from schemas.internal.topics import Layout
from streams.base.transport import Partition
from streams.runtime.roles import PROCESSORS, task_maker


class Stamped(Output):
    """What a processor has said, and when: at this record, or at a timer."""

    at: int = 0
    offset: int | None = None


class Witness:
    """A processor whose every word is stamped."""

    def __init__(self, processor: Processor) -> None:
        self.decode_state: Callable[[bytes], State] = processor.decode_state
        self._processor = processor

    def apply(self, turn: Turn, record: Record) -> None:
        """One record."""
        before = len(turn.outputs)
        self._processor.apply(turn, record)
        _stamp(turn, before, record.offset)

    def fire(self, turn: Turn, key: bytes, state: Any) -> None:
        """One timer."""
        before = len(turn.outputs)
        self._processor.fire(turn, key, state)
        _stamp(turn, before, None)


def _stamp(turn: Turn, begin: int, offset: int | None) -> None:
    for index in range(begin, len(turn.outputs)):
        said = turn.outputs[index]
        turn.outputs[index] = Stamped(
            said.topic, said.key, said.message, said.partition, turn.now, offset
        )


_ROLE_OF = {log: role for role, (log, _) in PROCESSORS.items()}


def witnessed(place: Partition, layout: Layout) -> Task:
    """A fresh task whose every word is stamped."""
    task = task_maker(_ROLE_OF[place.topic], layout)(place)
    task.processor = Witness(task.processor)
    return task
