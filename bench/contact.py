"""Throughput of the contact processor: contact-log in; changelog, facts and requests out."""

import time
from collections.abc import Callable, Iterator

from bench import people, profile, prospects
from bench.harness import (
    InputRecord,
    Measurement,
    Stopwatch,
    broker,
    fill,
    run_pinned,
    topics,
)
from bench.our_engine import run_until_committed
from bench.report import Figure, rounded_median
from processors.contact import ContactProcessor
from processors.fold.task import Record, Task
from schemas.internal.topics import Topic
from streams.base.settings import Settings
from streams.runtime.role_process import build_worker
from streams.runtime.worker import STEPS_MAX, raise_gc_threshold

TARGET = 60_000
ROUNDS = 3
BATCH = 1_000

MakeRecords = Callable[..., Iterator[InputRecord]]


def run(quick: bool = False) -> Figure:
    """Measures review campaigns only."""
    return _figure("contact", "contact-log", people.contact_log_records, _REVIEWS, quick)


def run_mixed(quick: bool = False) -> Figure:
    """Measures half of the contacts in review campaigns and half in four-channel sequences."""
    what = "a contact-log of review and four-channel campaigns"
    return _figure("contact-mix", what, prospects.mixed_contact_log, _MIX, quick)


_REVIEWS = "job, commanded, sent, delivered, opened 1/2, clicked 1/5, left 1/20"
_MIX = f"half: {_REVIEWS}; half: known, enrolled, commanded, sent, accepted 2/3, opened, replied"


def _figure(name: str, log: str, make_records: MakeRecords, mix: str, quick: bool) -> Figure:
    """Measures the worker with Kafka and the fold alone, in turn."""
    contacts = 20_000 if quick else 100_000
    ours, folds = [], []
    with broker() as settings:
        for _ in range(ROUNDS):
            with topics(settings) as named:
                now = time.time_ns() // 1_000
                number = fill(named, Topic.CONTACT_LOG, make_records(contacts, now))
                ours.append(run_pinned(fold_with_kafka, named, number))
            folds.append(run_pinned(fold_alone, contacts, make_records))
            print(f"  {ours[-1].per_second:,.0f}/s, fold {folds[-1].per_second:,.0f}/s", flush=True)
        with topics(settings) as named:
            number = fill(named, Topic.CONTACT_LOG, make_records(contacts, time.time_ns() // 1_000))
            hot_spots = profile.hot_functions(fold_with_kafka, named, number)
    speeds, bare = [s.per_second for s in ours], [s.per_second for s in folds]
    return Figure(
        name=name,
        what=f"records of {log} through the contact processor, exactly-once, on one core",
        value=rounded_median(speeds),
        unit="records/s",
        target=TARGET,
        ratio=rounded_median(a / b for a, b in zip(speeds, bare, strict=True)),
        of="the fold alone, without Kafka and encoding",
        runs=speeds,
        settings={
            "contacts": contacts,
            "records": ours[0].records,
            "mix": mix,
            "partitions": 4,
            "commit interval": "20 ms",
            "cores": "broker 0, client 1",
        },
        beside={
            "fold alone, records/s": rounded_median(bare),
            "where the time goes": hot_spots,
            "CPU us a record": rounded_median(s.cpu_s / s.records * 1e6 for s in ours),
            "fold alone, CPU us a record": rounded_median(s.cpu_s / s.records * 1e6 for s in folds),
        },
    )


def fold_with_kafka(settings: Settings, number: int) -> Measurement:
    """Folds `number` records with worker and transport, as `touchstream run` builds them."""
    worker, transport = build_worker("contact", settings)
    spent = run_until_committed(worker, number)
    transport.close()
    return spent


def fold_alone(
    contacts: int, make_records: MakeRecords = people.contact_log_records
) -> Measurement:
    """Folds the same records with one task alone: without a log and without encoding outputs."""
    now = time.time_ns() // 1_000
    lines = list(make_records(contacts, now, 1))
    inbox = [Record(n, now, line.key, line.value) for n, line in enumerate(lines)]
    task = Task(ContactProcessor(), 0)
    raise_gc_threshold()
    watch = Stopwatch()
    for first in range(0, len(inbox), BATCH):
        task.feed(inbox[first : first + BATCH])
        while task.advance(STEPS_MAX):
            task.outputs.clear()
        task.commit(task.changes())
    return watch.measure(len(inbox))
