"""The base of all states."""

from typing import Any, ClassVar

import msgspec

from schemas.base.times import MomentUs

QUEUED, GROUPED = 1, 2
"""The bits of a state's flag: which indexes it can be in."""


class State(msgspec.Struct, array_like=True, tag=True):
    """Base of all states. A task keeps one state for each of its keys."""

    queued: ClassVar[bool] = False
    """Whether the state can have a place in a queue."""

    grouped: ClassVar[bool] = False
    """Whether the state can be a member of groups, whose members the store counts."""

    indexed: ClassVar[int] = 0
    """The flag of the state, from the two above."""

    def __init_subclass__(cls, **config: Any) -> None:
        super().__init_subclass__(**config)
        cls.indexed = QUEUED * cls.queued | GROUPED * cls.grouped

    def due(self) -> MomentUs | None:
        """The moment of the next timer of this state."""
        return None

    def groups(self) -> tuple[bytes, ...]:
        """The groups that this state is a member of."""
        return ()
