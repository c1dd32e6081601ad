"""How a child process ended, in words: the name of its signal, and the last line of its log."""

import os
import signal
from pathlib import Path

from streams.base.redaction import redact

_TAIL_BYTES = 8_192
_LINE_CHARACTERS_MAX = 400
_FRAMES = ("at ", "... ")


def status_text(status: int) -> str:
    """An exit status as `subprocess` reports it: "status 2", or "SIGKILL" for -9."""
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def last_line(log: Path | None) -> str:
    """The last line of a log file, without secrets and shortened; empty if there is none. Empty
    lines and the frames of Java's stack traces do not count."""
    lines = [line.strip() for line in log_tail(log).splitlines()]
    lines = [line for line in lines if line and not line.startswith(_FRAMES)]
    return redact(lines[-1])[:_LINE_CHARACTERS_MAX] if lines else ""


def log_tail(log: Path | None) -> str:
    """The end of a log file; empty if the file cannot be read."""
    if log is None:
        return ""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
