"""The time from kill -9 of a contact worker with 100,000 enrollments to its next commit, while
records arrive."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench import engine, people
from bench.harness import broker, fill, topics, watch_committed
from bench.memory import contact_changelog
from bench.report import Figure, rounded_median
from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.topics import Topic
from streams.base.settings import Settings
from streams.kafka.clients import idempotent_producer
from streams.runtime.supervisor import Supervisor

TARGET_S = 5.0
ROUNDS = 3
RATE = 500
COMMIT_TIMEOUT_S = 60.0


def run(quick: bool = False) -> Figure:
    """Kills the worker several times. The supervisor restarts it with the same identity."""
    contacts = 10_000 if quick else 100_000
    with broker(None) as settings, topics(settings) as named:
        now = time.time_ns() // 1_000
        lines = contact_changelog(range(contacts), now, lambda index: now + 24 * HOUR + index)
        fill(named, Topic.CONTACT_CHANGELOG, lines)
        with (
            _traffic(named, contacts),
            engine.run_roles(named, ["contact"]) as supervisor,
            watch_committed(named, "contact", Topic.CONTACT_LOG) as committed,
        ):
            _wait_for_commit(supervisor, committed, 0)
            outages = [_outage(supervisor, committed) for _ in range(ROUNDS)]
    return Figure(
        name="restart",
        what=f"kill -9 of a contact worker with {contacts:,} enrollments until it commits again",
        value=rounded_median(outages),
        unit="s",
        target=TARGET_S,
        at_most=True,
        ratio=rounded_median(outages) / TARGET_S,
        of="the time allowed",
        runs=outages,
        settings={"enrollments": contacts, "partitions": 4, "records a second meanwhile": RATE},
        beside={"includes": "start of Python, the dead twin's transaction aborted, state restored"},
    )


def _outage(supervisor: Supervisor, committed: Callable[[], int]) -> float:
    time.sleep(2)
    (child,) = supervisor.children
    assert child.process is not None
    os.kill(child.process.pid, signal.SIGKILL)
    killed = time.monotonic()
    child.process.wait()
    _wait_for_commit(supervisor, committed, committed())
    outage = time.monotonic() - killed
    print(f"  {outage:.2f} s", flush=True)
    return outage


def _wait_for_commit(supervisor: Supervisor, committed: Callable[[], int], offset: int) -> None:
    """Waits until the committed offsets of the group are greater than `offset`."""
    deadline = time.monotonic() + COMMIT_TIMEOUT_S
    while committed() <= offset:
        if time.monotonic() > deadline:
            raise RuntimeError("the worker does not commit again")
        supervisor.check()
        time.sleep(0.02)


@contextmanager
def _traffic(settings: Settings, contacts: int) -> Iterator[None]:
    """Produces records for all partitions within the context."""
    stop = threading.Event()
    thread = threading.Thread(target=_produce, args=(settings, contacts, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _produce(settings: Settings, contacts: int, stop: threading.Event) -> None:
    writer, name = idempotent_producer(settings), settings.topic_prefix + Topic.CONTACT_LOG
    index = 0
    while not stop.wait(0.02):
        for _ in range(RATE // 50):
            index = (index + 7) % contacts
            head = (people.tenant_of(index), people.contact_of(index), f"/web#{index}", 0)
            value = m.encode(m.ContactUpserted(*head, m.Person(first_name="Ann")))
            writer.produce(name, value, people.key_of(index))
        writer.poll(0)
    writer.flush(10)
