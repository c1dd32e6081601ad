"""The one place that reads the clock. Processors never do: time reaches them in records (design
2.2)."""

import time
from typing import Protocol

import msgspec


class Clock(Protocol):
    """Now, in microseconds, UTC."""

    def now(self) -> int: ...


class ScaledClock(msgspec.Struct, frozen=True):
    """A clock that ran `speed` times faster since `real`, when it showed `shown`: a time lapse.

    All processes of a stack share its three numbers, and so its time; they survive a restart.
    """

    real: int = 0
    shown: int = 0
    speed: float = 1.0

    def now(self) -> int:
        """The scaled moment, microseconds, UTC."""
        real = time.time_ns() // 1_000
        if self.speed == 1.0 and self.real == self.shown:
            return real
        return self.shown + int((real - self.real) * self.speed)

    def wall(self, micros: float) -> float:
        """How many real seconds `micros` of this clock last."""
        return micros / self.speed / 1_000_000

    def at_speed(self, speed: float) -> "ScaledClock":
        """The same time from here on at another speed: it does not jump."""
        real = time.time_ns() // 1_000
        return ScaledClock(real, self.now(), speed)

    def text(self) -> str:
        """For a setting: `real:shown:speed`."""
        return f"{self.real}:{self.shown}:{self.speed}"

    @property
    def scaled(self) -> bool:
        """Whether records must carry this clock's time instead of the broker's."""
        return not (self.speed == 1.0 and self.real == self.shown)


def clock_from(text: str) -> ScaledClock:
    """The clock that `text()` wrote; empty is the wall clock. Anything else: ValueError."""
    if not text:
        return ScaledClock()
    real, shown, speed = text.split(":")
    return ScaledClock(int(real), int(shown), float(speed))
