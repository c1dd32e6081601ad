"""Throughput of the runtime under workload W, beside the limits of the Kafka client and beside
other engines."""

from collections.abc import Callable

from bench import client_ceiling, kafkastreams, our_engine, profile, quix, workload
from bench.harness import Measurement, broker, fill, records, run_pinned, topics
from bench.report import Figure, rounded_median
from schemas.internal.topics import Topic
from streams.base.settings import Settings

TARGET = 150_000
ROUNDS = 3


def run(quick: bool = False) -> Figure:
    """Measures all engines in turn, each with new topics and the same events."""
    number = 200_000 if quick else 1_000_000
    runs: dict[str, list[Measurement]] = {}
    checks: dict[str, workload.OutputCheck] = {}
    with broker() as settings:
        for _ in range(ROUNDS):
            for name, engine in _engines().items():
                spent, checked = _measure(settings, engine, number, check=name in _WITH_OUTPUTS)
                runs.setdefault(name, []).append(spent)
                if checked is not None:
                    checks[name] = checked
                print(f"  {name}: {spent.per_second:,.0f}/s {checked or ''}", flush=True)
        with topics(settings) as named:
            fill(named, Topic.CONTACT_LOG, workload.input_records(number))
            hot_spots = profile.hot_functions(our_engine.run, named, number)
    return _figure(runs, checks, number, hot_spots)


WorkloadEngine = Callable[[Settings, int], Measurement]
_WITH_OUTPUTS = ("ours", "Quix Streams", "Kafka Streams")
"""The engines whose outputs are checked. The others measure limits of the client and have none."""


def _engines() -> dict[str, WorkloadEngine]:
    engines: dict[str, WorkloadEngine] = {
        "ours": lambda settings, number: run_pinned(our_engine.run, settings, number),
        "consume": lambda settings, number: run_pinned(client_ceiling.consume, settings, number),
        "copy": lambda settings, number: run_pinned(client_ceiling.copy, settings, number),
        "Quix Streams": quix.run,
    }
    reason = kafkastreams.why_unavailable()
    if reason is None:
        engines["Kafka Streams"] = kafkastreams.run
    else:
        print(f"  Kafka Streams is left out: {reason}")
    return engines


def _measure(
    settings: Settings, engine: WorkloadEngine, number: int, *, check: bool
) -> tuple[Measurement, workload.OutputCheck | None]:
    with topics(settings) as named:
        fill(named, Topic.CONTACT_LOG, workload.input_records(number))
        spent = engine(named, number)
        outputs = (value for _, value in records(named, Topic.FACTS)) if check else ()
        return spent, workload.check_outputs(number, outputs) if check else None


def _figure(
    runs: dict[str, list[Measurement]],
    checks: dict[str, workload.OutputCheck],
    number: int,
    hot_spots: list[str],
) -> Figure:
    speeds = {name: [spent.per_second for spent in spents] for name, spents in runs.items()}
    ours = speeds["ours"]
    return Figure(
        name="runtime",
        what="workload W through the runtime, exactly-once, on one core",
        value=rounded_median(ours),
        unit="events/s",
        target=TARGET,
        ratio=_ratio(ours, speeds["Quix Streams"]),
        of="Quix Streams exactly-once (target >= 3)",
        runs=ours,
        settings={
            "events": number,
            "contacts": workload.CONTACTS,
            "partitions": 4,
            "commit interval": "100 ms",
            "Quix Streams": "exactly-once, commit every 5 s (its default), RocksDB, changelog",
            "Kafka Streams": "exactly_once_v2, store in memory, changelog, commit every 100 ms",
            "cores": "broker 0, client 1",
        },
        beside={f"{name}, events/s": rounded_median(found) for name, found in speeds.items()}
        | {f"ratio to {name}": _ratio(ours, speeds[name]) for name in speeds if name != "ours"}
        | {f"{name}, CPU us an event": _cpu(spents) for name, spents in runs.items()}
        | {"where the time goes": hot_spots}
        | {f"{name}, outputs": checked._asdict() for name, checked in checks.items()},
    )


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return rounded_median(a / b for a, b in zip(ours, theirs, strict=True))


def _cpu(spents: list[Measurement]) -> float:
    return rounded_median(spent.cpu_s / spent.records * 1e6 for spent in spents)
