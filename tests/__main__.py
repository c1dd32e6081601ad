"""Runs all tests in two processes at once: the live tests wait for most of their time, and the
others use the processor meanwhile. What is printed is the same as of one after the other."""

import shutil
import subprocess
import sys
import tempfile

PYTEST = (sys.executable, "-m", "pytest")
LESS_URGENT = ("nice", "-n", "10")
"""The others get what the live tests leave, so that these do not wait for them."""


def run() -> int:
    """The exit status: that of the first of both that failed, or 0."""
    with tempfile.TemporaryFile() as output:
        others = subprocess.Popen(
            [*LESS_URGENT, *PYTEST, "-m", "not live"], stdout=output, stderr=subprocess.STDOUT
        )
        try:
            live_status = subprocess.run([*PYTEST, "-m", "live"], check=False).returncode
            others_status = others.wait()
        finally:
            others.kill()
            others.wait()
            output.seek(0)
            shutil.copyfileobj(output, sys.stdout.buffer)
    return live_status or others_status


if __name__ == "__main__":
    sys.exit(run())
