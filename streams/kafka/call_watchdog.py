"""Ends the process when a client call does not come back: nothing else in it ever would.

librdkafka's send_offsets_to_transaction ignores its own timeout when the group's coordinator went
away (its issues 5456 and 5511). A process that starts anew aborts what this one left open.
"""

import logging
import os
import threading
import time
from collections.abc import Callable

log = logging.getLogger("touchstream.watchdog")

LOOK_S = 0.5
STATUS = 3
"""As when the client says itself that a clean process should start."""


def end_process() -> None:
    """At once: no handler, no buffer and no destructor may wait for the client again."""
    logging.shutdown()
    os._exit(STATUS)


class Watchdog:
    """`begin` before a call and `done` after it; both cost next to nothing."""

    def __init__(self, limit_s: float, end: Callable[[], None] = end_process) -> None:
        self._limit_s = limit_s
        self._end = end
        self._since: float | None = None
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def begin(self) -> None:
        """A call is under way."""
        self._since = time.monotonic()

    def done(self) -> None:
        """It came back."""
        self._since = None

    def close(self) -> None:
        """Nobody is watched any more."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_S):
            since = self._since
            if since is not None and time.monotonic() - since > self._limit_s:
                log.error(
                    "a client call does not come back: a clean process should start",
                    extra={"seconds": round(time.monotonic() - since, 1)},
                )
                self._end()
                return
