"""Python's hash order has no influence on the results (promise 1)."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_three_hash_seeds_leave_the_same_bytes() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-m", "tests.crash.digest"],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(digests) == 1
    assert " 0 commands" not in digests.pop()
