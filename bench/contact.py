"""The contact processor with its real logic: contact-log in, changelog, facts and requests out."""

import time
from collections.abc import Callable, Iterator

from bench import people, profile, prospects
from bench.harness import Line, Spent, Stopwatch, alone, broker, fill, topics
from bench.our_engine import drain
from bench.report import Figure, middle
from processors.contact import ContactProcessor
from processors.fold.task import Record, Task
from schemas.internal.topics import Topic
from streams.base.settings import Settings
from streams.runtime.role_process import build_worker
from streams.runtime.worker import STEPS_MAX, raise_gc_threshold

TARGET = 60_000
ROUNDS = 3
BATCH = 1_000

Lives = Callable[..., Iterator[Line]]


def run(quick: bool = False) -> Figure:
    """Review campaigns alone."""
    return _figure("contact", "contact-log", people.lives, _REVIEWS, quick)


def run_mixed(quick: bool = False) -> Figure:
    """Half of the people in review campaigns, half in four-channel sequences."""
    what = "a contact-log of review and four-channel campaigns"
    return _figure("contact-mix", what, prospects.mixed, _MIX, quick)


_REVIEWS = "job, commanded, sent, delivered, opened 1/2, clicked 1/5, left 1/20"
_MIX = f"half: {_REVIEWS}; half: known, enrolled, commanded, sent, accepted 2/3, opened, replied"


def _figure(name: str, log: str, lives: Lives, mix: str, quick: bool) -> Figure:
    """Through Kafka and the bare fold in turn."""
    contacts = 20_000 if quick else 100_000
    ours, folds = [], []
    with broker() as settings:
        for _ in range(ROUNDS):
            with topics(settings) as named:
                now = time.time_ns() // 1_000
                number = fill(named, Topic.CONTACT_LOG, lives(contacts, now))
                ours.append(alone(kafka, named, number))
            folds.append(alone(fold, contacts, lives))
            print(f"  {ours[-1].per_second:,.0f}/s, fold {folds[-1].per_second:,.0f}/s", flush=True)
        with topics(settings) as named:
            number = fill(named, Topic.CONTACT_LOG, lives(contacts, time.time_ns() // 1_000))
            where_to = profile.goes(kafka, named, number)
    speeds, bare = [s.per_second for s in ours], [s.per_second for s in folds]
    return Figure(
        name=name,
        what=f"records of {log} through the contact processor, exactly-once, on one core",
        value=middle(speeds),
        unit="records/s",
        target=TARGET,
        ratio=middle(a / b for a, b in zip(speeds, bare, strict=True)),
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
            "fold alone, records/s": middle(bare),
            "where the time goes": where_to,
            "CPU us a record": middle(s.cpu_s / s.records * 1e6 for s in ours),
            "fold alone, CPU us a record": middle(s.cpu_s / s.records * 1e6 for s in folds),
        },
    )


def kafka(settings: Settings, number: int) -> Spent:
    """Through worker and transport, as `touchstream run` builds them."""
    worker, transport = build_worker("contact", settings)
    spent = drain(worker, number)
    transport.close()
    return spent


def fold(contacts: int, lives: Lives = people.lives) -> Spent:
    """The same records through one task and nothing around it: no log, no encoding of outputs."""
    now = time.time_ns() // 1_000
    lines = list(lives(contacts, now, 1))
    inbox = [Record(n, now, line.key, line.value) for n, line in enumerate(lines)]
    task = Task(ContactProcessor(), 0)
    raise_gc_threshold()
    watch = Stopwatch()
    for first in range(0, len(inbox), BATCH):
        task.feed(inbox[first : first + BATCH])
        while task.advance(STEPS_MAX):
            task.outputs.clear()
        task.commit(task.changes())
    return watch.spent(len(inbox))
