"""SIGTERM and Ctrl-C for commands that run until they are stopped."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

from streams.cli.errors import EXIT_INTERRUPTED

FORCED_EXIT_S = 9.0


class StopSignals:
    """Handles SIGTERM and SIGINT inside a `with` block: sets `requested`, and, while `interrupts`
    is true, raises KeyboardInterrupt once, in the main thread.

    A stop that is not finished after FORCED_EXIT_S ends this process: servers and workers die with
    it. `before_exit` is called just before that.
    """

    def __init__(self, before_exit: Callable[[], object] = lambda: None) -> None:
        self.interrupts = True
        self.requested = threading.Event()
        self._before_exit = before_exit
        self._previous: dict[int, Any] = {}
        self._watchdog: threading.Timer | None = None

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self._watchdog is not None:
            self._watchdog.cancel()

    def _handle(self, _: int, __: FrameType | None) -> None:
        if self._watchdog is None:
            self._watchdog = threading.Timer(FORCED_EXIT_S, self._force_exit)
            self._watchdog.daemon = True
            self._watchdog.start()
        self.requested.set()
        if self.interrupts:
            self.interrupts = False
            raise KeyboardInterrupt

    def _force_exit(self) -> None:
        self._before_exit()
        os._exit(EXIT_INTERRUPTED)
