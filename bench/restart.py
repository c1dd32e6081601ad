"""kill -9 of a contact worker that holds 100,000 enrollments, with records coming: when does it
commit again?"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench import engine, people
from bench.harness import broker, fill, topics, watching
from bench.memory import changelog
from bench.report import Figure, middle
from schemas.base.times import HOUR
from schemas.internal import messages as m
from schemas.internal.topics import Topic
from streams.base.settings import Settings
from streams.kafka.clients import idempotent_producer
from streams.runtime.supervisor import Supervisor

TARGET_S = 5.0
ROUNDS = 3
RATE = 500
PATIENCE_S = 60.0


def run(quick: bool = False) -> Figure:
    """Killed again and again; the supervisor brings it back under the same identity."""
    contacts = 10_000 if quick else 100_000
    with broker(None) as settings, topics(settings) as named:
        now = time.time_ns() // 1_000
        lines = changelog(range(contacts), now, lambda index: now + 24 * HOUR + index)
        fill(named, Topic.CONTACT_CHANGELOG, lines)
        with (
            _traffic(named, contacts),
            engine.roles(named, ["contact"]) as supervisor,
            watching(named, "contact", Topic.CONTACT_LOG) as committed,
        ):
            _advance(supervisor, committed, 0)
            outages = [_outage(supervisor, committed) for _ in range(ROUNDS)]
    return Figure(
        name="restart",
        what=f"kill -9 of a contact worker with {contacts:,} enrollments until it commits again",
        value=middle(outages),
        unit="s",
        target=TARGET_S,
        at_most=True,
        ratio=middle(outages) / TARGET_S,
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
    _advance(supervisor, committed, committed())
    outage = time.monotonic() - killed
    print(f"  {outage:.2f} s", flush=True)
    return outage


def _advance(supervisor: Supervisor, committed: Callable[[], int], place: int) -> None:
    """Until the group's offsets are past `place`."""
    deadline = time.monotonic() + PATIENCE_S
    while committed() <= place:
        if time.monotonic() > deadline:
            raise RuntimeError("the worker does not come back")
        supervisor.check()
        time.sleep(0.02)


@contextmanager
def _traffic(settings: Settings, contacts: int) -> Iterator[None]:
    """Records for all partitions, as long as it lasts."""
    over = threading.Event()
    thread = threading.Thread(target=_tell, args=(settings, contacts, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _tell(settings: Settings, contacts: int, over: threading.Event) -> None:
    writer, name = idempotent_producer(settings), settings.topic_prefix + Topic.CONTACT_LOG
    index = 0
    while not over.wait(0.02):
        for _ in range(RATE // 50):
            index = (index + 7) % contacts
            who = (people.tenant_of(index), people.contact_of(index), f"/web#{index}", 0)
            value = m.encode(m.ContactUpserted(*who, m.Person(first_name="Ann")))
            writer.produce(name, value, people.key_of(index))
        writer.poll(0)
    writer.flush(10)
