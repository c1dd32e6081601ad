"""`python -m tests.chaos --cycles N [--seed S] [--data DIR]`: exit status 0 if nothing is lost,
repeated or blocked."""

import argparse
import shutil
import sys
import time
from pathlib import Path

from streams.embedded.stack import Stack
from tests.chaos.campaign import Campaign, own_directory


def main() -> int:
    """A stack of its own, disturbed; kept where something was wrong, or where it was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--cycles", type=int, default=24)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--data", type=Path, help="a directory to use, and to keep")
    parser.add_argument("--rate", type=float, default=30.0, help="contacts a second")
    parser.add_argument("--special-every", type=int, default=3, help="else than a SIGKILL")
    asked = parser.parse_args()
    directory = own_directory(asked.data)
    print(f"seed {asked.seed}, data in {directory}", flush=True)
    began = time.monotonic()
    with Stack(directory) as stack:
        campaign = Campaign(
            stack,
            directory / "logs",
            seed=asked.seed,
            rate=asked.rate,
            tell=_tell,
            special_every=asked.special_every,
        )
        total = campaign.run(asked.cycles)
    for line in total.lines():
        print(line)
    print(f"took {time.monotonic() - began:.0f} s")
    if total.wrong:
        print(f"WRONG: everything is kept in {directory}; again with --seed {asked.seed}")
        return 1
    if asked.data is None:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


def _tell(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
