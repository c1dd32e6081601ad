"""What the client library (librdkafka) logs, as lines of the engine's own log.

With a logger a client keeps its lines until it is polled: so whoever makes one that nothing else
polls must poll it now and then, and before it is closed.
"""

import logging
import re
import threading
import time

log = logging.getLogger("touchstream.kafka.client")

REPEAT_AFTER_S = 30.0
CAUSES_MAX = 500
"""So many causes are remembered; the one that was shown longest ago is forgotten first."""

_THREAD = re.compile(r"^\[thrd:[^]]*\]: ")
_COUNTS = re.compile(r"\s*\([^()]*\)|(?<=\s)\d\S*")
"""What differs between two lines of the same cause: how long, how often."""


class ClientLog:
    """Takes the place of a logger in the options of a client. A line of the same kind of client and
    cause is written once in REPEAT_AFTER_S, with the number of those that were left out since the
    one before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shown: dict[tuple[str, str, str], float] = {}
        self._left_out: dict[tuple[str, str, str], int] = {}

    def log(self, level: int, form: str, facility: str, client: str, text: str) -> None:
        """Writes a line, as the client calls it: `client` is its name (touchstream#producer-3)."""
        text = _THREAD.sub("", text)
        kind = client.rpartition("#")[2].partition("-")[0]
        cause, now_s = (kind, facility, _COUNTS.sub("", text)), time.monotonic()
        with self._lock:
            if now_s - self._shown.get(cause, -REPEAT_AFTER_S) < REPEAT_AFTER_S:
                self._left_out[cause] = self._left_out.get(cause, 0) + 1
                return
            self._shown.pop(cause, None)
            self._shown[cause] = now_s
            left_out = self._left_out.pop(cause, 0)
            if len(self._shown) > CAUSES_MAX:
                oldest = next(iter(self._shown))
                del self._shown[oldest]
                self._left_out.pop(oldest, None)
        fields = {"client": client, "facility": facility, "left_out": left_out}
        log.log(level, text, extra=fields)


CLIENT_LOG = ClientLog()
"""That of all clients of this process."""
