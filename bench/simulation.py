"""Throughput and memory of the simulator: a campaign of a week on many people, on one core."""

import resource
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from bench import contact, prospects
from bench.harness import Measurement, Stopwatch, run_pinned
from bench.report import Figure, rounded_median
from schemas.base.times import DAY, parse_rfc3339
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.internal import messages as m
from streams.runtime.worker import raise_gc_threshold
from streams.simulation.behaviour import Behaviour
from streams.simulation.population import Population
from streams.simulation.report import open_report
from streams.simulation.run import Listener
from streams.simulation.scenario import Scenario, SimulatedCampaign
from streams.simulation.senders import SimulatedSenders
from streams.simulation.summary import Summary

TARGET = 60_000
MOST_GB = 4.0
ROUNDS = 3
SEED = 7
START = parse_rfc3339("2026-03-02T15:00:00Z")

BEHAVIOUR = {
    "email": {
        "failed": {"probability": 0.01},
        "bounced": {"probability": 0.02},
        "delivered": {"probability": 0.99},
        "opened": {"probability": 0.45},
        "clicked": {"probability": 0.2},
        "unsubscribed": {"probability": 0.01},
        "reviewed": {"probability": 0.3},
    },
    "sms": {"delivered": {"probability": 0.98}, "clicked": {"probability": 0.15}},
}


class SimulatedWeek(NamedTuple):
    """The measurement of a simulated week, and the peak memory of its process."""

    spent: Measurement
    peak_gb: float


def run(quick: bool = False) -> Figure:
    """Measures the simulator and the fold of contact-log alone, in turn."""
    people = 5_000 if quick else 100_000
    weeks, folds = [], []
    for _ in range(ROUNDS):
        weeks.append(run_pinned(simulate_week, people))
        folds.append(run_pinned(contact.fold_alone, people // 5, prospects.mixed_contact_log))
        spent = weeks[-1].spent
        print(f"  {spent.per_second:,.0f}/s, {spent.seconds:.1f} s", flush=True)
    kept = run_pinned(simulate_week, people, write_simulation_report=True)
    speeds = [run.spent.per_second for run in weeks]
    return Figure(
        name="simulate",
        what="log records a second of `touchstream simulate`, all three processors on one core",
        value=rounded_median(speeds),
        unit="records/s",
        target=TARGET,
        ratio=rounded_median(a / b.per_second for a, b in zip(speeds, folds, strict=True)),
        of="the fold of contact-log alone",
        runs=speeds,
        settings={"people": people, "campaign": "three touches in 168 hours, jobs over a day"},
        beside={
            "records": weeks[0].spent.records,
            "seconds (target <= 30 for 100,000 people)": rounded_median(
                w.spent.seconds for w in weeks
            ),
            "CPU us a record": rounded_median(w.spent.cpu_s / w.spent.records * 1e6 for w in weeks),
            "peak RSS, GB": rounded_median(w.peak_gb for w in weeks),
            "seconds with --out": kept.spent.seconds,
            "fold alone, records/s": rounded_median(fold.per_second for fold in folds),
        },
    )


def run_million(quick: bool = False) -> Figure:
    """Measures a million people once: a run takes minutes, and memory is the same in every run."""
    people = 20_000 if quick else 1_000_000
    done = run_pinned(simulate_week, people)
    return Figure(
        name="simulate-million",
        what=f"memory of a simulated week of {people:,} people",
        value=done.peak_gb,
        unit="GB RSS",
        target=MOST_GB,
        ratio=done.peak_gb / MOST_GB,
        of="the memory allowed",
        at_most=True,
        runs=[done.peak_gb],
        settings={"people": people, "campaign": "three touches in 168 hours, jobs over a day"},
        beside={
            "seconds (target <= 300)": done.spent.seconds,
            "CPU seconds": done.spent.cpu_s,
            "records": done.spent.records,
            "records/s": done.spent.per_second,
        },
    )


def simulate_week(people: int, write_simulation_report: bool = False) -> SimulatedWeek:
    """Simulates one job for each person over a day, and what follows from it within a week."""
    raise_gc_threshold()
    given = _scenario(people)
    summary = Summary(given)
    watch = Stopwatch()
    if write_simulation_report:
        with (
            TemporaryDirectory(prefix="touchstream-bench-") as directory,
            open_report(Path(directory) / "report") as writer,
        ):
            listeners: list[Listener] = [summary, writer]
            result = given.run(listeners)
            writer.write_summary(summary.to_dict(result, given.describe()))
    else:
        result = given.run([summary])
        summary.to_dict(result, given.describe())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024 / 1e9
    return SimulatedWeek(watch.measure(result.records), peak)


def _scenario(people: int) -> Scenario:
    found = validate_definition(document())
    assert isinstance(found, Definition)
    limits: dict[str, int | None] = dict.fromkeys(("email", "sms"))
    owner = m.UpsertTenant("acme", "owner#1", START, "America/Chicago", limits=limits)
    crowd = Population.generated(people, ["America/Chicago", "Europe/Berlin"], SEED)
    senders = SimulatedSenders(Behaviour.of(BEHAVIOUR), SEED)
    campaigns = [SimulatedCampaign(found, document())]
    return Scenario(campaigns, {"acme": owner}, crowd, None, senders, START, START + 30 * DAY, DAY)


def document() -> dict[str, Any]:
    """Returns a campaign of 168 hours: a mail after a day, a text after three, a mail after
    seven."""
    steps = (("mail-1", "email", 24), ("text-1", "sms", 48), ("mail-2", "email", 96))
    return {
        "tenant_id": "acme",
        "campaign_id": "reviews",
        "name": "Reviews",
        "steps": [
            {"id": name, "channel": channel, "delay_hours": hours, "template_id": f"t-{name}"}
            for name, channel, hours in steps
        ],
    }
