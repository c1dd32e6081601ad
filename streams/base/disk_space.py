"""Whether a server or command failed because its disk is full: by what is free, and by the words of
its log."""

import errno
import os
from pathlib import Path

FREE_MIN_BYTES = 16 * 1024 * 1024
"""Kafka and PostgreSQL extend their logs by steps of this size or less."""

_FULL = ("No space left on device", "Disk quota exceeded")
_FULL_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT})


def free_bytes(directory: Path) -> int:
    """The bytes that an ordinary user may still write to the file system of `directory`, which need
    not exist yet."""
    while not directory.exists():
        directory = directory.parent
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


def full_disk(directory: Path, text: str = "") -> str | None:
    """A sentence if the disk of `directory` is full now, or if `text`, the end of a log, shows that
    it was full; otherwise None."""
    free = free_bytes(directory)
    if free >= FREE_MIN_BYTES and not any(words in text for words in _FULL):
        return None
    return f"the disk is full: {free / 1e6:,.0f} MB are free in {directory}; make room there"


def is_full_disk(error: OSError) -> bool:
    """Whether the error is that of a full disk or of an exhausted quota."""
    return error.errno in _FULL_ERRORS
