"""How the demo ends early: Ctrl-C and SIGTERM, in whatever it is doing, and what is left to do
then."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress

from streams.embedded.stack import Stack

SIGNALS = (signal.SIGINT, signal.SIGTERM)
POLL_S = 0.1


class Interrupts:
    """Turns both signals into KeyboardInterrupt, and remembers: one that was raised where an
    exception is swallowed is raised again at the next `check`."""

    def __init__(self) -> None:
        self._asked = False

    def check(self) -> None:
        """Raises KeyboardInterrupt if one was asked for."""
        if self._asked:
            raise KeyboardInterrupt

    @contextmanager
    def heard(self) -> Iterator[None]:
        """While the demo runs."""
        before = {number: signal.signal(number, self._ask) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _ask(self, number: int, _: object) -> None:
        self._asked = True
        raise KeyboardInterrupt


@contextmanager
def at_last(clean_up: Callable[[], None]) -> Iterator[None]:
    """Whatever happens inside, `clean_up` is done to its end: a second Ctrl-C does not stop it."""
    try:
        yield
    finally:
        before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
        try:
            clean_up()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def start(stack: Stack) -> None:
    """Start it. Interrupted, it need not become ready first: servers that come up are killed."""
    with ThreadPoolExecutor(max_workers=1) as starter:
        started = starter.submit(stack.start)
        try:
            while not started.done():
                wait([started], POLL_S)
        except BaseException:
            while not started.done():
                for server in (stack.kafka, stack.postgres):
                    with suppress(Exception):  # not there yet, or gone already
                        server.kill()
                wait([started], POLL_S)
            raise
        started.result()
