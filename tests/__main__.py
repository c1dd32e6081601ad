"""Runs all tests, in several processes at once: a live test waits for most of its time, for servers
and for real time-outs, and the others use the processors meanwhile."""

import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from typing import IO

PYTEST = (sys.executable, "-m", "pytest")
PARTS = (
    (*PYTEST, "-m", "live", "tests/live"),
    (*PYTEST, "-m", "live", "--ignore=tests/live"),
    ("nice", "-n", "10", *PYTEST, "-m", "not live"),
)
"""The live tests of the engine, those of the command line and the demo, each with servers of their
own, and all others, which get the time that the live tests leave."""


def run() -> int:
    """The exit status: that of the first part that failed, or 0. The first part prints at once, and
    the others when it has ended."""
    with ExitStack() as ending:
        outputs: list[IO[bytes]] = [ending.enter_context(tempfile.TemporaryFile()) for _ in PARTS]
        running: list[subprocess.Popen[bytes]] = []
        for part, output in zip(PARTS, outputs, strict=True):
            kept = output if running else None
            running.append(subprocess.Popen(part, stdout=kept, stderr=subprocess.STDOUT))
            ending.callback(running[-1].terminate)
        statuses = []
        for process, output in zip(running, outputs, strict=True):
            statuses.append(process.wait())
            output.seek(0)
            shutil.copyfileobj(output, sys.stdout.buffer)
            sys.stdout.flush()
    return next((status for status in statuses if status), 0)


if __name__ == "__main__":
    sys.exit(run())
