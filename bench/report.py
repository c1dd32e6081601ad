"""A figure, and the files with all figures: docs/benchmarks.json and docs/benchmarks.md.

A figure that is not measured in a run keeps its last values.
"""

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import confluent_kafka
import msgspec
import psutil

DOCS = Path(__file__).parent.parent / "docs"
PACKAGES = ("confluent-kafka", "msgspec", "pydantic", "fastavro", "psycopg")


class Figure(msgspec.Struct, kw_only=True):
    """One row of the table. `ratio` is the value in relation to `of`, measured in the same run;
    `beside` has further measurements."""

    name: str
    what: str
    value: float
    unit: str
    target: float
    ratio: float
    of: str
    at_most: bool = False
    runs: list[float] = []
    settings: dict[str, Any] = {}
    beside: dict[str, Any] = {}
    command: str = ""
    load: float = 0.0
    stolen: float | None = None
    machine: dict[str, str] = {}

    @property
    def reached(self) -> bool:
        return self.value <= self.target if self.at_most else self.value >= self.target

    def line(self) -> str:
        """Returns the line that `make bench` prints at its end."""
        target = f"{'<=' if self.at_most else '>='}{_plain(self.target)}"
        value = _plain(self.value)
        return (
            f"bar {self.name} {value} {self.unit} target {target}"
            f" ratio {self.ratio:.3g} of {self.of}"
        )


def rounded_median(values: Iterable[float]) -> float:
    """Returns the median with four significant digits."""
    return float(f"{median(values):.4g}")


def machine() -> dict[str, str]:
    """Returns the properties of the machine on which the figures depend."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "librdkafka": confluent_kafka.libversion()[0],
        **{name: version(name) for name in PACKAGES},
    }


def processor_time() -> tuple[float, float]:
    """Returns the seconds of all cores since the start of the machine, and how many of them the
    host gave to other guests. If these are many, the figures say little."""
    times = psutil.cpu_times()
    return sum(times[:8]), getattr(times, "steal", 0.0)


def read() -> list[Figure]:
    """Returns the figures of docs/benchmarks.json."""
    path = DOCS / "benchmarks.json"
    return msgspec.json.decode(path.read_bytes(), type=list[Figure]) if path.exists() else []


def write(measured: Sequence[Figure], order: Sequence[str]) -> list[Figure]:
    """Replaces measured figures in both files. Returns all figures in the given order."""
    by_name = {figure.name: figure for figure in [*read(), *measured]}
    figures = [by_name[name] for name in order if name in by_name]
    DOCS.mkdir(exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(figures), indent=2)
    (DOCS / "benchmarks.json").write_bytes(text + b"\n")
    (DOCS / "benchmarks.md").write_text(render_page(figures))
    return figures


def render_page(figures: Sequence[Figure]) -> str:
    """Returns the figures as a page of Markdown."""
    head = "| figure | value | target | ratio | what |\n|---|---|---|---|---|\n"
    rows = "".join(_row(figure) for figure in figures)
    lines = "\n".join(figure.line() for figure in figures)
    sections = "".join(map(_section, figures))
    return (
        _INTRODUCTION
        + _machine_comparison(figures)
        + head
        + rows
        + sections
        + f"\n```\n{lines}\n```\n"
    )


_INTRODUCTION = """# How fast it is

Written by `make bench`; each section has the command that measured its figure. Values are medians
of the runs beside them. A ratio is the median of ratios that were measured run by run in turn.
Broker and client share one machine, so absolute figures depend on the machine and on what else it
does: `load` is its load average before the measurement, and `stolen` is the share of the processors
that the host gave to other guests meanwhile. If that is more than a twentieth, the figure says
little. To compare two checkouts, measure the same figures in each of them in turn.

"""


REFERENCE_CONSUME = 1_830_000
"""Events of workload W a second that the client alone consumed on one core of the machine on which
the targets were set."""

PER_CORE = ("runtime", "contact", "contact-mix", "intake-json", "intake-avro", "simulate")


def _machine_comparison(figures: Sequence[Figure]) -> str:
    """Returns a paragraph that compares this machine with the one on which the targets were set."""
    by_name = {figure.name: figure for figure in figures}
    consume = by_name["runtime"].beside["consume, events/s"] if "runtime" in by_name else None
    if consume is None:
        return ""
    share = consume / REFERENCE_CONSUME
    targets = ", ".join(
        f"{name} {_plain(by_name[name].target * share)}" for name in PER_CORE if name in by_name
    )
    return (
        "The targets were set on a machine on which the Kafka client alone consumes"
        f" {REFERENCE_CONSUME:,} events of\nworkload W a second on one core. On this machine it"
        f" consumes {consume:,.0f} in the same runs as the figure\n`runtime`: {share:.2f} of that."
        f" Scaled by that share, the targets of a core would be: {targets}.\nThe table compares"
        " the figures with the targets as they were set.\n\n"
    )


def _row(figure: Figure) -> str:
    mark = "" if figure.reached else " **missed**"
    sign = "≤" if figure.at_most else "≥"
    return (
        f"| [{figure.name}](#{figure.name}) | {_plain(figure.value)} {figure.unit}{mark} "
        f"| {sign} {_plain(figure.target)} | {figure.ratio:.3g} of {figure.of} | {figure.what} |\n"
    )


def _section(figure: Figure) -> str:
    on = ", ".join(f"{name} {value}" for name, value in figure.machine.items())
    runs = ", ".join(map(_plain, figure.runs))
    lines = [
        f"\n## {figure.name}\n",
        f"{figure.what}.\n",
        f"    {figure.command}\n",
        f"- runs: {runs} {figure.unit}; load {figure.load:.1f}{_stolen(figure)}",
        *(f"- {name}: {_plain_value(value)}" for name, value in figure.beside.items()),
        *(f"- setting {name}: {_plain_value(value)}" for name, value in figure.settings.items()),
        f"- on: {on}",
    ]
    return "\n".join(lines) + "\n"


def _stolen(figure: Figure) -> str:
    return "" if figure.stolen is None else f"; stolen {figure.stolen:.1%}"


def _plain_value(value: Any) -> str:
    match value:
        case list():
            return ", ".join(map(_plain_value, value))
        case dict():
            return ", ".join(f"{name} {_plain_value(inner)}" for name, inner in value.items())
        case int() | float():
            return _plain(value)
    return str(value)


def _plain(value: float) -> str:
    return f"{value:,.0f}".replace(",", "") if abs(value) >= 1_000 else f"{value:.4g}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
