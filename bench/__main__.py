"""Measures the figures of docs/benchmarks.md, by default all of them."""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable

from bench import (
    bare_client,
    calls,
    contact,
    counting,
    experiments,
    floor,
    flow,
    importing,
    intake,
    latency,
    memory,
    overshoot,
    projection_figure,
    report,
    restart,
    rewinds,
    runtime,
    senders,
    simulation,
    sql_figure,
    storm,
    sweep,
    traffic,
    triggers,
    why,
)
from bench.report import Figure

FIGURES: dict[str, Callable[[bool], Figure]] = {
    "runtime": runtime.run,
    "contact": contact.run,
    "contact-mix": contact.run_mixed,
    "floor": floor.run,
    "floor-mix": floor.run_mixed,
    "floor-dispatch": floor.run_dispatch,
    "floor-sweeps": floor.run_sweeps,
    "floor-kafka": bare_client.run,
    "floor-intake-json": bare_client.run_json,
    "floor-intake-avro": bare_client.run_avro,
    "counting": counting.run,
    "intake-json": intake.run_json,
    "intake-avro": intake.run_avro,
    "projection": projection_figure.run,
    "end-to-end": flow.run,
    "sql": sql_figure.run,
    "traffic": traffic.run,
    "latency": latency.run,
    "million": memory.run,
    "storm": storm.run,
    "restart": restart.run,
    "sweep": sweep.run,
    "abort": rewinds.run_abort,
    "poison": rewinds.run_poison,
    "triggers": triggers.run,
    "calls": calls.run,
    "experiments": experiments.run,
    "overshoot": overshoot.run,
    "import": importing.run,
    "simulate": simulation.run,
    "simulate-million": simulation.run_million,
    "why": why.run,
    "senders": senders.run,
}


_COMPARE = (
    "To compare two checkouts, measure the same figure in each in turn, several times: "
    "(cd A && python -m bench NAME); (cd B && python -m bench NAME); and again. "
    "Each checkout has the figures in its own docs/benchmarks.json."
)


def main() -> int:
    """Measures the figures and writes docs/benchmarks.json and .md; prints one line for each. Small
    sizes are no figures, so `--quick` writes nothing."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, epilog=_COMPARE)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument(
        "--quick",
        action="store_true",
        help="smaller sizes, to check that it works: no figure is written",
    )
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(FIGURES)
    if unknown:
        parser.error(
            f"unknown figure {', '.join(sorted(unknown))}: choose from {', '.join(FIGURES)}"
        )
    logging.basicConfig(level=logging.WARNING)
    measured = [_measure(name, arguments.quick) for name in arguments.names or FIGURES]
    if not arguments.quick:
        report.write(measured, list(FIGURES))
    for figure in measured:
        print(figure.line())
    return 0


def _measure(name: str, quick: bool) -> Figure:
    load, began = os.getloadavg()[0], time.monotonic()
    before = report.processor_time()
    print(f"{name} …", flush=True)
    figure = FIGURES[name](quick)
    figure.command = f"python -m bench {name}" + (" --quick" if quick else "")
    passed, stolen = (b - a for a, b in zip(before, report.processor_time(), strict=True))
    figure.load, figure.stolen, figure.machine = load, stolen / passed, report.machine()
    print(f"  {figure.line()} ({time.monotonic() - began:.0f} s)", flush=True)
    return figure


if __name__ == "__main__":
    sys.exit(main())
