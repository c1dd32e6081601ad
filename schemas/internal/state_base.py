"""The base of all states."""

from typing import ClassVar

import msgspec

from schemas.base.times import MomentUs


class State(msgspec.Struct, array_like=True, tag=True):
    """Base of all states. A task keeps one state for each of its keys."""

    queued: ClassVar[bool] = False
    """Whether the state can have a place in a queue."""

    def due(self) -> MomentUs | None:
        """The moment of the next timer of this state."""
        return None
