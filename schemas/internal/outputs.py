"""What processors write besides messages and facts: commands and dead letters.

The worker encodes each of them for its topic; `schemas/public/commands.py` encodes the commands.
"""

import msgspec

from schemas.base.times import MomentUs
from schemas.internal.dispatch_messages import RequestTouch


class CommandDue(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """A command to send the requested touch: the public command touch.due.

    `send_before` is the end of the send window that is open now, or the expiry if that is earlier:
    from then on the touch must not be sent. No call may be placed after `place_by`.
    """

    touch: RequestTouch
    send_before: MomentUs
    place_by: MomentUs = 0


class CommandRevoked(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """A command not to send a touch that has not been sent yet: the public command
    command.revoked."""

    command_id: str
    tenant_id: str
    contact_id: str
    channel: str
    reason: str


class DeadLetter(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """A record that could not be read or folded, or the state of a timer that could not fire
    (promise 10).

    `code` and `detail` are the reason; the other fields are the record as it was. `timestamp` is
    the record's own, in microseconds.
    """

    code: str
    detail: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp: int = 0
    cut: bool = False
    """Whether `value` is only the beginning of a larger record."""
