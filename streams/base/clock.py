"""The clock of a process, in real time or scaled for a time lapse.

Processors never read it: time reaches them in records (promise 2).
"""

import time
from typing import Protocol

import msgspec


class Clock(Protocol):
    """Anything that knows the current time."""

    def now(self) -> int:
        """The current time: microseconds since 1970, UTC."""


class ScaledClock(msgspec.Struct, frozen=True):
    """A clock that showed `shown_at` at the real time `real_at`, and has run `speed` times as fast
    as real time since. Both moments are microseconds since 1970, UTC.

    All processes of a deployment share these three numbers, so they agree about the time, and a
    restart does not change it. The default is the real time.
    """

    real_at: int = 0
    shown_at: int = 0
    speed: float = 1.0

    def now(self) -> int:
        """The time that this clock shows: microseconds since 1970, UTC."""
        real_now = time.time_ns() // 1_000
        if self.speed == 1.0 and self.real_at == self.shown_at:
            return real_now
        return self.shown_at + int((real_now - self.real_at) * self.speed)

    def wall_seconds(self, duration_us: float) -> float:
        """The real seconds in which this clock advances by `duration_us` microseconds."""
        return duration_us / self.speed / 1_000_000

    def record_time(self, stamp: int) -> int:
        """The time that this clock showed at the real time `stamp`, with which a client of another
        program has stamped a record; both are microseconds.

        It depends on no present time, so a record that is read later has the same time.
        """
        if not self.scaled:
            return stamp
        if stamp < self.real_at:  # written before this run of the lapse began
            return max(stamp, self.shown_at)
        return max(stamp, self.shown_at + int((stamp - self.real_at) * self.speed))

    def with_speed(self, speed: float) -> "ScaledClock":
        """A clock that shows what this one shows now, and runs at `speed` from now on."""
        real_now = time.time_ns() // 1_000
        return ScaledClock(real_now, self.now(), speed)

    def text(self) -> str:
        """The clock as the setting TOUCHSTREAM_CLOCK: `real_at:shown_at:speed`."""
        return f"{self.real_at}:{self.shown_at}:{self.speed}"

    @property
    def scaled(self) -> bool:
        """Whether this clock differs from the real time, so that records must carry its time
        instead of the broker's."""
        return not (self.speed == 1.0 and self.real_at == self.shown_at)


def parse_clock(text: str) -> ScaledClock:
    """The clock that `ScaledClock.text` has written; empty text means the real time. Raises
    ValueError for any other text."""
    if not text:
        return ScaledClock()
    real_at, shown_at, speed = text.split(":")
    return ScaledClock(int(real_at), int(shown_at), float(speed))
