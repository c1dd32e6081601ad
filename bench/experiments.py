"""The time in which the campaign processor looks at an experiment after a report of its counts.

Twelve partitions have reported the counts of a campaign. Each measured report has other counts, so
nothing is known from the look before. The fold runs alone, without Kafka.
"""

from collections.abc import Callable, Iterable
from time import perf_counter

import msgspec

from bench.harness import run_pinned
from bench.report import Figure, rounded_median
from processors.campaign import CampaignProcessor
from processors.fold.task import Record, Task
from processors.shared import experiment_rules as rules
from processors.shared.experiment_counts import strata
from processors.shared.experiment_statistics import experiment_result
from schemas.base.times import MomentUs, parse_rfc3339
from schemas.campaigns.compiled_definition import Experiment
from schemas.internal import messages as m
from schemas.internal.count_names import add_counts, of_experiment
from schemas.internal.topics import Layout
from streams.runtime.worker import STEPS_MAX, raise_gc_threshold

TARGET_MS = 5.0
ROUNDS, LOOKS, LOOKS_QUICK = 3, 200, 20
PARTITIONS = 12
TENANT, CAMPAIGN, EXPERIMENT = "acme", "java-q1", "java-q1"
START: MomentUs = parse_rfc3339("2026-03-02T09:00:00Z")
SUCCESSES, SHARE = 3_000, 0.15
"""So many responses, of the people that were reached."""

TESTED = Experiment(EXPERIMENT, "a", "b", primary_metric="response")
LARGE = 15_000
"""The responses of 100,000 people."""


class LookMeasurement(msgspec.Struct):
    """The milliseconds of one report, of its look alone, of one of 100,000 people, and of all
    figures for people."""

    report: float
    look: float
    large: float
    figures: float


def run(quick: bool = False) -> Figure:
    """Measures each round in a process of its own."""
    looks = LOOKS_QUICK if quick else LOOKS
    found = [run_pinned(measured, looks) for _ in range(ROUNDS)]
    value = rounded_median(each.report for each in found)
    return Figure(
        name="experiments",
        what=f"a report of counts with its look at an experiment of {SUCCESSES:,} successes",
        value=value,
        unit="ms",
        target=TARGET_MS,
        ratio=value / TARGET_MS,
        of="the time allowed",
        at_most=True,
        runs=[each.report for each in found],
        settings={"successes": SUCCESSES, "partitions": PARTITIONS, "reports": looks},
        beside={
            "the look alone, ms": rounded_median(each.look for each in found),
            f"the look at {LARGE:,} successes, ms": rounded_median(each.large for each in found),
            "all figures for people, ms": rounded_median(each.figures for each in found),
        },
    )


def measured(looks: int) -> LookMeasurement:
    """Measures looks at counts that grow by one success each."""
    raise_gc_threshold()
    return LookMeasurement(
        report=_median_ms(map(_Campaign().report, range(SUCCESSES, SUCCESSES + looks))),
        look=_times_ms(_look, SUCCESSES, looks),
        large=_times_ms(_look, LARGE, looks),
        figures=_times_ms(_figures, SUCCESSES, looks),
    )


def _look(counts: dict[str, int]) -> None:
    parts = strata(counts, EXPERIMENT)
    e = rules.e_of_metric(parts, TESTED.primary_metric)
    rules.e_of_ratio(parts)
    assert not rules.winner(TESTED, parts, e)


def _figures(counts: dict[str, int]) -> None:
    experiment_result(TESTED, counts)


def _times_ms(work: Callable[[dict[str, int]], None], successes: int, looks: int) -> float:
    rules.e_value.cache_clear()
    return _median_ms(_timed(work, _counts(successes + number)) for number in range(looks))


def _timed(work: Callable[[dict[str, int]], None], counts: dict[str, int]) -> float:
    began = perf_counter()
    work(counts)
    return perf_counter() - began


def _median_ms(seconds: Iterable[float]) -> float:
    return rounded_median(each * 1e3 for each in seconds)


def _counts(successes: int) -> dict[str, int]:
    """The counts of an experiment without a difference, with as many responses."""
    of_a, reached = successes // 2, int(successes / SHARE / 2)
    numbers = {"A": of_a, "B": successes - of_a}
    return {
        of_experiment(EXPERIMENT, 50, variant, name): count
        for variant, responses in numbers.items()
        for name, count in (
            *(("runs", reached), ("reached", reached), ("responses", responses)),
            *(("conversions", responses // 10), ("opt_outs", 9), ("bounces", 7)),
        )
    }


class _Campaign:
    """A task of campaigns with an active campaign, whose other partitions have reported."""

    def __init__(self) -> None:
        self.task = Task(CampaignProcessor(Layout(contact=PARTITIONS)), 0)
        self.task.restored()
        self.offset = 0
        tenant = m.UpsertTenant(TENANT, "t#1", START, "America/Chicago")
        document = msgspec.json.encode(_document())
        publish = m.PublishCampaign(TENANT, CAMPAIGN, "p#1", START, document)
        self.fold(tenant, publish)
        share = {name: count // PARTITIONS for name, count in _counts(SUCCESSES).items()}
        self.fold(*(self._counted(number, 1, share) for number in range(1, PARTITIONS)))
        self.others = add_counts([share] * (PARTITIONS - 1))

    def report(self, successes: int) -> float:
        """The seconds of a report with which the campaign has as many successes."""
        counts = {name: n - self.others[name] for name, n in _counts(successes).items()}
        message = self._counted(0, successes, counts)
        began = perf_counter()
        self.fold(message)
        return perf_counter() - began

    @staticmethod
    def _counted(partition: int, seq: int, counts: dict[str, int]) -> m.RunsCounted:
        return m.RunsCounted(TENANT, CAMPAIGN, partition, seq, counts, START, version=1)

    def fold(self, *messages: m.Message) -> None:
        """Folds and commits messages."""
        records = [
            Record(self.offset + place, START, TENANT.encode(), m.encode(message))
            for place, message in enumerate(messages)
        ]
        self.offset += len(records)
        self.task.feed(records)
        while self.task.advance(STEPS_MAX):
            self.task.outputs.clear()
        self.task.commit(self.task.changes())


def _document() -> dict[str, object]:
    tested = {
        "id": EXPERIMENT,
        "variant_a_template_id": "a",
        "variant_b_template_id": "b",
        "primary_metric": "response",
    }
    step = {"id": "first", "channel": "email", "delay_hours": 24, "experiment": tested}
    return {"tenant_id": TENANT, "campaign_id": CAMPAIGN, "name": "Test", "steps": [step]}
