"""A disk without space for one server: the kernel refuses to let its files grow. A file system of a
small size would need the rights of root; the server gets an error for the same calls."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from streams.embedded.processes import Process


@contextmanager
def without_disk_space(process: Process) -> Iterator[None]:
    """Refuses the process and its children to write to any file, and lets them again at the end if
    they still run."""
    _limit(process, 0)
    try:
        yield
    finally:
        if process.running:
            _limit(process, psutil.RLIM_INFINITY)


def _limit(process: Process, size: int) -> None:
    server = psutil.Process(process.pid)
    for each in (server, *server.children(recursive=True)):
        try:
            each.rlimit(psutil.RLIMIT_FSIZE, (size, psutil.RLIM_INFINITY))
        except psutil.NoSuchProcess:
            continue
