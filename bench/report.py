"""A figure, and the two files that hold them: docs/benchmarks.json for programs, docs/benchmarks.md
for people.

A figure that was not taken this time stays as it was taken last.
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
    """One line of the table. `ratio` is of `of`, measured in the same run; `beside` is what else
    was seen."""

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
        """As `make bench` ends."""
        target = f"{'<=' if self.at_most else '>='}{_plain(self.target)}"
        value = _plain(self.value)
        return (
            f"bar {self.name} {value} {self.unit} target {target}"
            f" ratio {self.ratio:.3g} of {self.of}"
        )


def middle(values: Iterable[float]) -> float:
    """The median, in as many digits as mean something."""
    return float(f"{median(values):.4g}")


def machine() -> dict[str, str]:
    """Where figures are taken: they move with it."""
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
    """Seconds of all cores since the machine began, and how many of them its host gave to others:
    a guest that is short of them measures its neighbours."""
    times = psutil.cpu_times()
    return sum(times[:8]), getattr(times, "steal", 0.0)


def read() -> list[Figure]:
    """The figures as last taken."""
    path = DOCS / "benchmarks.json"
    return msgspec.json.decode(path.read_bytes(), type=list[Figure]) if path.exists() else []


def write(taken: Sequence[Figure], order: Sequence[str]) -> list[Figure]:
    """New figures in place of old ones; all that there are, in their order."""
    all_of_them = {figure.name: figure for figure in [*read(), *taken]}
    figures = [all_of_them[name] for name in order if name in all_of_them]
    DOCS.mkdir(exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(figures), indent=2)
    (DOCS / "benchmarks.json").write_bytes(text + b"\n")
    (DOCS / "benchmarks.md").write_text(page(figures))
    return figures


def page(figures: Sequence[Figure]) -> str:
    """The figures as a page."""
    head = "| figure | value | target | ratio | what |\n|---|---|---|---|---|\n"
    rows = "".join(_row(figure) for figure in figures)
    lines = "\n".join(figure.line() for figure in figures)
    sections = "".join(map(_section, figures))
    return _INTRODUCTION + _proportion(figures) + head + rows + sections + f"\n```\n{lines}\n```\n"


_INTRODUCTION = """# How fast it is

Written by `make bench`; each section has the command that took its figure. Values are medians of
the runs beside them; a ratio is taken in the same run as its value, run by run in turn. Broker and
client share one machine, so absolute figures move with it, and with what else it does (`load` is
its load average before the figure was taken, `stolen` the part of the processors that the host
gave to others meanwhile: with more than a twentieth the figure says little).

"""


CONSUME_THERE = 1_830_000
"""Events of workload W that the client alone consumed on a core of the machine that the targets
were set on."""

PER_CORE = ("runtime", "contact", "contact-mix", "intake-json", "intake-avro", "simulate")


def _proportion(figures: Sequence[Figure]) -> str:
    """How fast this machine is beside that one: absolute targets say as much about machines."""
    by_name = {figure.name: figure for figure in figures}
    consume = by_name["runtime"].beside["consume, events/s"] if "runtime" in by_name else None
    if consume is None:
        return ""
    share = consume / CONSUME_THERE
    asked = ", ".join(
        f"{name} {_plain(by_name[name].target * share)}" for name in PER_CORE if name in by_name
    )
    return (
        f"The targets were set on a machine where the Kafka client alone consumes {CONSUME_THERE:,}"
        f" events of workload W a\nsecond on a core. Here, in the same runs as the figure"
        f" `runtime`, it does {consume:,.0f}: {share:.2f} of that. In that\nproportion the targets"
        f" by core would be: {asked}. The table holds the figures to the targets as they were"
        " set.\n\n"
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
        *(f"- {name}: {_told(value)}" for name, value in figure.beside.items()),
        *(f"- setting {name}: {_told(value)}" for name, value in figure.settings.items()),
        f"- on: {on}",
    ]
    return "\n".join(lines) + "\n"


def _stolen(figure: Figure) -> str:
    return "" if figure.stolen is None else f"; stolen {figure.stolen:.1%}"


def _told(value: Any) -> str:
    match value:
        case list():
            return ", ".join(map(_told, value))
        case dict():
            return ", ".join(f"{name} {_told(inner)}" for name, inner in value.items())
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
