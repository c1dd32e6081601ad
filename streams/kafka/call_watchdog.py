"""A watchdog that ends the process when a call of the Kafka client does not return.

librdkafka's send_offsets_to_transaction ignores its own timeout when the coordinator of the group
has gone away (librdkafka issues 5456 and 5511). The process that is started next aborts the
transaction which this one left open.
"""

import logging
import os
import threading
import time
from collections.abc import Callable

from streams.base.exit_status import EXIT_RESTART

log = logging.getLogger("touchstream.watchdog")

CHECK_INTERVAL_S = 0.5


def end_process() -> None:
    """Ends the process at once: an exit handler, a buffer or a destructor could wait for the client
    again."""
    logging.shutdown()
    os._exit(EXIT_RESTART)


class Watchdog:
    """Calls `on_timeout` when a call takes longer than `limit_s` seconds. The owner calls `begin`
    before each call and `done` after it; both only set a variable."""

    def __init__(self, limit_s: float, on_timeout: Callable[[], None] = end_process) -> None:
        self._limit_s = limit_s
        self._on_timeout = on_timeout
        self._call_began_s: float | None = None
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def begin(self) -> None:
        """A call begins."""
        self._call_began_s = time.monotonic()

    def done(self) -> None:
        """The call has returned."""
        self._call_began_s = None

    def close(self) -> None:
        """Ends the watchdog's thread."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(CHECK_INTERVAL_S):
            began_s = self._call_began_s
            if began_s is not None and time.monotonic() - began_s > self._limit_s:
                log.error(
                    "a client call does not return: ending the process",
                    extra={"seconds": round(time.monotonic() - began_s, 1)},
                )
                self._on_timeout()
                return
