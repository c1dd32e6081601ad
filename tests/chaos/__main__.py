"""`python -m tests.chaos --cycles N [--seed S] [--data DIR]`: exit status 0 if nothing is lost,
repeated or blocked, 1 if something is, and 3 if a signal has ended it before. SIGINT and SIGTERM
show the results until then."""

import argparse
import shutil
import signal
import sys
import time
from pathlib import Path

from streams.embedded.stack import Stack, heap_mb
from tests.chaos.broker_disturbances import BROKER_DISTURBANCES
from tests.chaos.campaign import ChaosCampaign, default_disturbances, own_directory
from tests.chaos.disturbances import DISTURBANCES
from tests.testing.startup_classes import with_startup_classes, write_startup_classes


def main() -> int:
    """Runs a campaign on a new stack, and returns the exit status. The directory of the stack is
    deleted, unless there were problems or `--data` names it."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--cycles", type=int, default=24)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--data", type=Path, help="a directory that is used and kept")
    parser.add_argument("--brokers", type=int, default=3, choices=(1, 3), help="of Kafka")
    parser.add_argument("--rate", type=float, default=5.0, help="contacts per second")
    names = {d.__name__: d for d in (*BROKER_DISTURBANCES, *DISTURBANCES)}
    parser.add_argument(
        "--only", nargs="+", choices=names, default=[], metavar="NAME", help="these disturbances"
    )
    parser.add_argument("--no-nights", action="store_true", help="no nights with senders down")
    parser.add_argument(
        "--disturb-every", type=int, default=2, help="cycles from one disturbance to the next"
    )
    parser.add_argument(
        "--conversions", type=int, default=10_000, help="conversions at the end of each round"
    )
    options = parser.parse_args()
    directory = own_directory(options.data)
    print(f"seed {options.seed}, data in {directory}", flush=True)
    began = time.monotonic()
    classes = directory.resolve() / "startup.aot"
    write_startup_classes(classes, heap_mb=heap_mb(options.brokers))
    jvm_options = with_startup_classes(classes)
    with Stack(directory, brokers=options.brokers, jvm_options=jvm_options) as stack:
        disturbances = [names[name] for name in options.only]
        if not disturbances:
            every = default_disturbances(stack)
            first = options.seed % len(every)
            disturbances = every[first:] + every[:first]
        campaign = ChaosCampaign(
            stack,
            directory / "logs",
            seed=options.seed,
            rate=options.rate,
            report=_report,
            disturb_every=options.disturb_every,
            disturbances=disturbances,
            conversions=options.conversions,
            nights=not options.no_nights,
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, campaign.cut)
        total = campaign.run(options.cycles)
    for line in total.lines():
        print(line)
    print(f"took {time.monotonic() - began:.0f} s")
    if total.problems:
        print(f"FAILED: the data is kept in {directory}; again with --seed {options.seed}")
        return 1
    if options.data is None:
        shutil.rmtree(directory, ignore_errors=True)
    return 3 if total.cut else 0


def _report(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
