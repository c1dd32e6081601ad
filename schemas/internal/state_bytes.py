"""The bytes of a state in the store and in a changelog: its due moment, a flag, then msgpack.

A restore needs only the first nine bytes of each state (when is its timer, can it be in a queue or
a group) and does not decode the rest, so it is as fast as the consumer.
"""

from collections.abc import Callable
from struct import Struct

from schemas.base.times import MomentUs

_HEAD = Struct(">qB")
HEAD = _HEAD.size
"""How many bytes stand before an encoded state."""

NEVER: MomentUs = 2**63 - 1
"""The due moment of a state without a timer: later than every other moment."""

head: Callable[[MomentUs, int], bytes] = _HEAD.pack
"""The bytes before an encoded state, from its due moment and its flag: 1 if it can queue, plus 2 if
it can be a member of groups."""

_due = Struct(">q").unpack_from


def pack(due: MomentUs | None, flag: int, payload: bytes) -> bytes:
    """The bytes of an encoded state with what stands before it."""
    return head(NEVER if due is None else due, flag) + payload


def due_of(value: bytes) -> MomentUs:
    """The due moment of the state; NEVER if it has no timer."""
    due: MomentUs = _due(value)[0]
    return due


def flag_of(value: bytes) -> int:
    """The flag of the state, as `pack` got it."""
    return value[8]


def payload_of(value: bytes) -> bytes:
    """The encoded state, as a copy: a memoryview would be slower."""
    return value[HEAD:]
