"""Workload W through our own runtime, between what the client can do at most and what other engines
do with it."""

from collections.abc import Callable

from bench import client_ceiling, kafkastreams, our_engine, profile, quix, workload
from bench.harness import Spent, alone, broker, fill, records, topics
from bench.report import Figure, middle
from schemas.internal.topics import Topic
from streams.base.settings import Settings

TARGET = 150_000
ROUNDS = 3


def run(quick: bool = False) -> Figure:
    """All engines in turn, each over fresh topics with the same events."""
    number = 200_000 if quick else 1_000_000
    runs: dict[str, list[Spent]] = {}
    outcomes: dict[str, workload.Outcome] = {}
    with broker() as settings:
        for _ in range(ROUNDS):
            for name, engine in _engines().items():
                spent, outcome = _one(settings, engine, number, judged=name in _JUDGED)
                runs.setdefault(name, []).append(spent)
                if outcome is not None:
                    outcomes[name] = outcome
                print(f"  {name}: {spent.per_second:,.0f}/s {outcome or ''}", flush=True)
        with topics(settings) as named:
            fill(named, Topic.CONTACT_LOG, workload.lines(number))
            where_to = profile.goes(our_engine.run, named, number)
    return _figure(runs, outcomes, number, where_to)


Engine = Callable[[Settings, int], Spent]
_JUDGED = ("ours", "Quix Streams", "Kafka Streams")
"""The others are limits of the client, and do nothing with what they read."""


def _engines() -> dict[str, Engine]:
    engines: dict[str, Engine] = {
        "ours": lambda settings, number: alone(our_engine.run, settings, number),
        "consume": lambda settings, number: alone(client_ceiling.consume, settings, number),
        "copy": lambda settings, number: alone(client_ceiling.copy, settings, number),
        "Quix Streams": quix.run,
    }
    reason = kafkastreams.missing()
    if reason is None:
        engines["Kafka Streams"] = kafkastreams.run
    else:
        print(f"  Kafka Streams is left out: {reason}")
    return engines


def _one(
    settings: Settings, engine: Engine, number: int, *, judged: bool
) -> tuple[Spent, workload.Outcome | None]:
    with topics(settings) as named:
        fill(named, Topic.CONTACT_LOG, workload.lines(number))
        spent = engine(named, number)
        outputs = (value for _, value in records(named, Topic.FACTS)) if judged else ()
        return spent, workload.judge(number, outputs) if judged else None


def _figure(
    runs: dict[str, list[Spent]],
    outcomes: dict[str, workload.Outcome],
    number: int,
    where_to: list[str],
) -> Figure:
    speeds = {name: [spent.per_second for spent in spents] for name, spents in runs.items()}
    ours = speeds["ours"]
    return Figure(
        name="runtime",
        what="workload W through the runtime, exactly-once, on one core",
        value=middle(ours),
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
        beside={f"{name}, events/s": middle(found) for name, found in speeds.items()}
        | {f"ratio to {name}": _ratio(ours, speeds[name]) for name in speeds if name != "ours"}
        | {f"{name}, CPU us an event": _cpu(spents) for name, spents in runs.items()}
        | {"where the time goes": where_to}
        | {f"{name}, outputs": outcome._asdict() for name, outcome in outcomes.items()},
    )


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return middle(a / b for a, b in zip(ours, theirs, strict=True))


def _cpu(spents: list[Spent]) -> float:
    return middle(spent.cpu_s / spent.records * 1e6 for spent in spents)
