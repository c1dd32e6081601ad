"""The base of all states."""

from typing import ClassVar

import msgspec

from schemas.base.times import MomentUs


class State(msgspec.Struct, array_like=True, tag=True):
    """Base of all states. A task keeps one state for each of its keys."""

    queued: ClassVar[bool] = False
    """Whether the state can have a place in a queue."""

    grouped: ClassVar[bool] = False
    """Whether the state can be a member of groups, whose members the store counts."""

    def due(self) -> MomentUs | None:
        """The moment of the next timer of this state."""
        return None

    def groups(self) -> tuple[bytes, ...]:
        """The groups that this state is a member of."""
        return ()
