"""Signs of life of a child process, through a pipe that its parent has opened.

The loop of the child calls `beat`, so a child whose loop is blocked, or that is stopped by a
signal, is silent. Its parent sums the silence only over the time in which the parent itself ran:
after the whole machine was suspended, no child counts as silent.
"""

import os
import time
from contextlib import suppress

BEAT_INTERVAL_S = 0.5
ELAPSED_MAX_S = 1.0
"""The most that one check of the parent adds to the silence."""


class Heartbeat:
    """The child's end of the pipe. Without a descriptor nobody listens."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._next_s = 0.0
        if descriptor is not None:
            os.set_blocking(descriptor, False)

    def beat(self) -> None:
        """Writes a sign of life, at most every BEAT_INTERVAL_S seconds. Never waits."""
        now_s = time.monotonic()
        if self._descriptor is None or now_s < self._next_s:
            return
        self._next_s = now_s + BEAT_INTERVAL_S
        with suppress(OSError):  # the pipe is full, or the parent has ended
            os.write(self._descriptor, b".")


class HeartbeatListener:
    """The parent's end of the pipe. `child_descriptor` goes to the child; `child_started` closes
    the parent's copy of it."""

    def __init__(self) -> None:
        self._descriptor, self.child_descriptor = os.pipe()
        os.set_blocking(self._descriptor, False)
        self._checked_at_s = time.monotonic()
        self._silent_s = 0.0

    def child_started(self) -> None:
        os.close(self.child_descriptor)

    def silent_s(self) -> float:
        """The seconds since the last sign of life, as far as this process has run meanwhile."""
        now_s = time.monotonic()
        self._silent_s += min(now_s - self._checked_at_s, ELAPSED_MAX_S)
        self._checked_at_s = now_s
        with suppress(BlockingIOError):  # nothing has arrived
            os.read(self._descriptor, 4_096)
            self._silent_s = 0.0
        return self._silent_s

    def close(self) -> None:
        os.close(self._descriptor)
