"""Notices a partition that stands still: it has work in hand, and for too long nothing of it is
committed."""

import logging
import time
from collections.abc import Iterable
from typing import Protocol

from streams.base.transport import Partition, Stalled

log = logging.getLogger("touchstream.worker")

STALLED_AFTER_S = 30.0
"""Longer than any outage that the clients bridge by themselves, shorter than the time after which
the supervisor kills a process that does not answer."""


class Watched(Protocol):
    """What a worker owns of one partition."""

    @property
    def unfinished(self) -> bool:
        """Whether there is work in hand, even if something holds it back."""

    @property
    def mark(self) -> object:
        """A value that changes whenever something of the work is done for good."""


class Progress:
    """The progress of the partitions of one worker. `reason` is what went wrong last, in words."""

    def __init__(self, stalled_after_s: float = STALLED_AFTER_S) -> None:
        self._stalled_after_s = stalled_after_s
        self._marks: dict[Partition, tuple[object, float]] = {}
        self._progress_s = time.monotonic()
        self.reason = ""

    def check(self, owned: Iterable[tuple[Partition, Watched]]) -> None:
        """Looks at each partition; the owner calls it in every round. Raises Stalled if none of
        them makes progress; one that stands still beside others is only logged, again and again,
        because the others would suffer."""
        now_s = time.monotonic()
        marks: dict[Partition, tuple[object, float]] = {}
        standing, idle = [], True
        for partition, watched in owned:
            mark, since_s = self._marks.get(partition, (None, now_s))
            if watched.mark != mark:
                mark = watched.mark
                self._progress_s = since_s = now_s
            if not watched.unfinished:
                since_s = now_s
            else:
                idle = False
                if now_s - since_s > self._stalled_after_s:
                    standing.append(partition)
                    since_s = now_s
            marks[partition] = mark, since_s
        self._marks = marks
        if idle:
            self._progress_s, self.reason = now_s, ""
        if standing:
            self._report(standing, now_s)

    def _report(self, standing: list[Partition], now_s: float) -> None:
        seconds = round(now_s - self._progress_s)
        names = ", ".join(f"{topic}[{number}]" for topic, number in standing)
        why = self.reason or "no error is known"
        if now_s - self._progress_s > self._stalled_after_s:
            raise Stalled(f"{names}: work in hand, and nothing committed for {seconds} s: {why}")
        fields = {"partitions": standing, "reason": why}
        log.error("work in hand, and nothing committed for long: others go on", extra=fields)

    def excuse(self) -> None:
        """Begins to count anew: what is waited for is known and is no fault of this process."""
        self._marks = {}
