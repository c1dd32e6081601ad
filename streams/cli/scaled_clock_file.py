"""The file DIR/clock: keeps the clock of a data directory over restarts of `touchstream up`.

A scaled clock stops while the stack is down and never goes back: after a crash it continues a
little later than the time that was last written.
"""

import os
from pathlib import Path

from streams.base.clock import ScaledClock, parse_clock
from streams.cli.errors import EXIT_USAGE, CommandError

WRITE_INTERVAL_S = 1.0
MARGIN_S = 3.0
"""More real seconds than pass between two writes, so that a crash does not turn the time back."""


class ScaledClockFile:
    """The clock of `directory`: `clock` continues from the file, or starts at `speed`.

    The file exists only if the logs of the directory carry the time of a scaled clock. Raises
    CommandError for a file that cannot be parsed, and for a speed in a directory whose logs carry
    the broker's time.
    """

    def __init__(self, directory: Path, speed: float | None) -> None:
        self._path = directory / "clock"
        written = self._read()
        if written is None and speed not in (None, 1.0) and (directory / "kafka").exists():
            raise CommandError(
                f"{directory} was created without --speed, so its logs carry the broker's time: "
                "use another --data directory for a faster clock",
                EXIT_USAGE,
            )
        self.clock = _start(written, speed)

    @property
    def scaled(self) -> bool:
        """Whether the clock differs from the wall clock."""
        return self.clock.scaled

    def write(self, *, last: bool = False) -> None:
        """Writes the present time of a scaled clock, plus a margin unless this is the `last` write
        of this run."""
        if not self.scaled:
            return
        now = self.clock.with_speed(self.clock.speed)
        margin_us = 0 if last else int(MARGIN_S * 1_000_000 * self.clock.speed)
        later = ScaledClock(now.real_at, now.shown_at + margin_us, now.speed)
        new = self._path.with_suffix(".new")
        new.write_text(later.text())
        new.replace(self._path)

    def _read(self) -> ScaledClock | None:
        if not self._path.exists():
            return None
        try:
            return parse_clock(self._path.read_text().strip())
        except ValueError:
            raise CommandError(
                f"{self._path} does not hold a clock (real:shown:speed)", EXIT_USAGE
            ) from None


def _start(written: ScaledClock | None, speed: float | None) -> ScaledClock:
    """A clock that starts now: at the time that was written, or at the wall clock's time."""
    if written is not None:
        started = ScaledClock().with_speed(written.speed if speed is None else speed)
        return ScaledClock(started.real_at, max(written.shown_at, started.shown_at), started.speed)
    if speed in (None, 1.0):
        return ScaledClock()
    return ScaledClock().with_speed(speed or 1.0)


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, in one step (by a rename)."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    new.replace(path)
