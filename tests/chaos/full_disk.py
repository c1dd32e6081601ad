"""A disk without space for one server: the kernel refuses to let its files grow. A file system of a
small size would need the rights of root; the server gets an error for the same calls."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from streams.embedded.processes import Process


@contextmanager
def without_disk_space(process: Process) -> Iterator[None]:
    """Refuses the process and its children to write to any file, and lets them again at the end if
    they still run."""
    _limit(process, "0")
    try:
        yield
    finally:
        if process.running:
            _limit(process, "unlimited")


def _limit(process: Process, size: str) -> None:
    server = psutil.Process(process.pid)
    for each in (server, *server.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            # as the user of the server: another user would need a right that containers do not give
            root = os.getuid() == 0
            limited = subprocess.run(
                ["prlimit", f"--pid={each.pid}", f"--fsize={size}:"],
                user=each.uids().real if root else None,
                group=each.gids().real if root else None,
                extra_groups=[] if root else None,
                check=False,
            )
            if limited.returncode and each.is_running():
                raise RuntimeError(f"the limit of process {each.pid} cannot be changed")
