"""What an aborted transaction, and a record that cannot be folded, cost other contacts: how much
longer these wait, at most."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from unittest.mock import patch

from bench import people
from bench.harness import InputRecord, broker, fill, topics
from bench.other_contacts import PARTITIONS, RATE, WARM_UP_S, Traffic
from bench.report import Figure, rounded_median
from schemas.internal.topics import Layout, Topic
from streams.base.settings import Settings
from streams.base.transport import GroupOffset, Partition, TransactionAborted
from streams.kafka.transport import KafkaTransport
from streams.runtime.role_process import run_role

TARGET_ABORT_MS, TARGET_POISON_MS = 50, 100
SPAN_S = 1.5
"""Waits are compared over so long, with and without what happens, in turn."""

_POISON = b"\xc1 no message"


def run_abort(quick: bool = False) -> Figure:
    """Aborts the transaction of a contact worker at a commit, again and again."""
    return _figure("abort", "an aborted transaction costs other contacts", TARGET_ABORT_MS, quick)


def run_poison(quick: bool = False) -> Figure:
    """Writes a record that is no message into one of the worker's partitions, again and again."""
    what = "a record that cannot be folded costs other contacts"
    return _figure("poison", what, TARGET_POISON_MS, quick)


def _figure(name: str, what: str, target: int, quick: bool) -> Figure:
    rounds = 5 if quick else 25
    with broker(None) as settings, topics(settings, Layout(contact=PARTITIONS)) as named:
        fill(named, Topic.CONTACT_LOG, people.announcements(time.time_ns() // 1_000, PARTITIONS))
        calm, disturbed = _compare(named, name, rounds)
    costs = [after - before for before, after in zip(calm, disturbed, strict=True)]
    value = rounded_median(costs)
    return Figure(
        name=name,
        what=f"{what}: how much longer the longest wait is, the median",
        value=value,
        unit="ms",
        target=target,
        at_most=True,
        ratio=value / target,
        of="the time allowed",
        runs=[round(cost, 1) for cost in costs],
        settings={"partitions": PARTITIONS, "records a second": RATE, "rounds": rounds},
        beside={
            "longest wait without it, ms": round(median(calm), 1),
            "longest wait with it, ms": round(median(disturbed), 1),
            "at most, ms": round(max(disturbed), 1),
        },
    )


def _compare(settings: Settings, name: str, rounds: int) -> tuple[list[float], list[float]]:
    """The longest waits without and with what happens, round by round."""
    calm, disturbed = [], []
    with _contact_worker(settings) as abort, Traffic(settings).running() as traffic:
        traffic.wait_for_facts()
        time.sleep(WARM_UP_S)
        cause = abort if name == "abort" else lambda: _write_poison(settings)
        for _ in range(rounds):
            calm.append(_longest_ms(traffic, lambda: None))
            disturbed.append(_longest_ms(traffic, cause))
    return calm, disturbed


def _longest_ms(traffic: Traffic, cause: Callable[[], None]) -> float:
    """The longest wait of a record while `cause` has its effect."""
    traffic.longest_ms()
    time.sleep(SPAN_S / 5)
    cause()
    time.sleep(SPAN_S)
    return traffic.longest_ms()


def _write_poison(settings: Settings) -> None:
    fill(settings, Topic.CONTACT_LOG, [InputRecord(b"poison", _POISON, None, 0)])


@contextmanager
def _contact_worker(settings: Settings) -> Iterator[Callable[[], None]]:
    """Runs the contact role in a process. Yields a function that lets its next commit fail."""
    context = multiprocessing.get_context("spawn")
    abort, stop = context.Event(), context.Event()
    process = context.Process(target=_run_contact, args=(settings, abort, stop))
    process.start()
    try:
        yield abort.set
    finally:
        stop.set()
        process.join(20)


def _run_contact(settings: Settings, abort: threading.Event, stop: threading.Event) -> None:
    original = KafkaTransport.commit

    def commit(transport: KafkaTransport, offsets: dict[Partition, GroupOffset]) -> None:
        if abort.is_set():
            abort.clear()
            raise TransactionAborted("as the benchmark asks for")
        original(transport, offsets)

    with patch.object(KafkaTransport, "commit", commit):
        run_role("contact", settings, stop.is_set)
