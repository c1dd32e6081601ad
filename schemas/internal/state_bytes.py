"""A state's bytes in store and changelog: when it is due, a flag, then msgpack.

The first nine bytes answer what a restart asks of every state (wake it when? does it queue?)
without decoding it, so restoring a million states is consume speed.
"""

from struct import Struct

_HEAD = Struct(">qB")
_DUE = Struct(">q")
NEVER = 2**63 - 1
"""The due moment of a state that waits for nothing: later than every other."""


def pack(due: int | None, flag: int, payload: bytes) -> bytes:
    """`due` in microseconds or None, `flag` 0-255 (1: the state may queue), the encoded state."""
    return _HEAD.pack(NEVER if due is None else due, flag) + payload


def due_of(value: bytes) -> int:
    """When the state wants to be woken; NEVER where it does not."""
    due: int = _DUE.unpack_from(value)[0]
    return due


def flag_of(value: bytes) -> int:
    """The flag byte."""
    return value[8]


def payload_of(value: bytes) -> bytes:
    """The encoded state: copied, which is cheaper than a view of it."""
    return value[_HEAD.size :]
