"""The early end of the demo: Ctrl-C and SIGTERM at any moment, and the clean-up afterwards."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress

from streams.embedded.stack import Stack

SIGNALS = (signal.SIGINT, signal.SIGTERM)
POLL_S = 0.1


class Interrupts:
    """Turns SIGINT and SIGTERM into KeyboardInterrupt.

    A KeyboardInterrupt that some library swallows is raised again by the next `check`.
    """

    def __init__(self) -> None:
        self._interrupted = False

    def check(self) -> None:
        """Raises KeyboardInterrupt if a signal has come."""
        if self._interrupted:
            raise KeyboardInterrupt

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handles the signals within the context."""
        before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _: object) -> None:
        self._interrupted = True
        raise KeyboardInterrupt


@contextmanager
def cleanup_on_exit(clean_up: Callable[[], None]) -> Iterator[None]:
    """Calls `clean_up` at the end of the context in any case, and ignores the signals meanwhile."""
    try:
        yield
    finally:
        before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
        try:
            clean_up()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def start_stack(stack: Stack) -> None:
    """Starts the stack. On an interrupt it kills the servers that are starting, without waiting
    until they are ready."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        started = executor.submit(stack.start)
        try:
            while not started.done():
                wait([started], POLL_S)
        except BaseException:
            while not started.done():
                for server in (stack.kafka, stack.postgres):
                    with suppress(Exception):  # not started yet, or dead already
                        server.kill()
                wait([started], POLL_S)
            raise
        started.result()
