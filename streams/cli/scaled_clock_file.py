"""The clock of a data directory: the wall's, or a time lapse that goes on where it stopped.

A time lapse stands still while the stack is down. It never jumps back: after a crash it begins a
little later than what was last kept.
"""

import os
from pathlib import Path

from streams.base.clock import ScaledClock, parse_clock
from streams.cli.errors import EXIT_USAGE, CommandError

KEEP_S = 1.0
MARGIN_S = 3.0
"""More than lies between two keepings, so that a crash does not turn the time back."""


class ClockFile:
    """`DIR/clock`. Its presence says that the logs of DIR carry this clock's time."""

    def __init__(self, directory: Path, speed: float | None) -> None:
        self._path = directory / "clock"
        kept = self._read()
        if kept is None and speed not in (None, 1.0) and (directory / "kafka").exists():
            raise CommandError(
                f"{directory} was made without --speed, and its logs carry the broker's time: "
                "use another --data for a time lapse",
                EXIT_USAGE,
            )
        self.clock = _begin(kept, speed)
        self._ended = False

    @property
    def scaled(self) -> bool:
        return self.clock.scaled

    def keep(self, *, end: bool = False) -> None:
        """Write down how late it is; `end` says that nothing runs any more."""
        if not self.scaled:
            return
        now = self.clock.with_speed(self.clock.speed)
        margin = 0 if end else int(MARGIN_S * 1_000_000 * self.clock.speed)
        later = ScaledClock(now.real_at, now.shown_at + margin, now.speed)
        room = self._path.with_suffix(".new")
        room.write_text(later.text())
        room.replace(self._path)

    def _read(self) -> ScaledClock | None:
        if not self._path.exists():
            return None
        try:
            return parse_clock(self._path.read_text().strip())
        except ValueError:
            raise CommandError(f"{self._path} is not a clock: real:shown:speed", EXIT_USAGE) from None


def _begin(kept: ScaledClock | None, speed: float | None) -> ScaledClock:
    if kept is not None:
        started = ScaledClock().with_speed(kept.speed if speed is None else speed)
        return ScaledClock(started.real_at, max(kept.shown_at, started.shown_at), started.speed)
    if speed in (None, 1.0):
        return ScaledClock()
    return ScaledClock().with_speed(speed or 1.0)


def write_private(path: Path, text: str) -> None:
    """A file that only its owner can read, all at once."""
    room = path.with_name(path.name + ".new")
    room.unlink(missing_ok=True)
    descriptor = os.open(room, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    room.replace(path)
