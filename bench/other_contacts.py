"""Records about other contacts while something happens in a contact worker: how long they wait."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench import engine, people
from schemas.internal import facts
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.topics import Topic
from streams.base.settings import Settings
from streams.kafka.clients import idempotent_producer

PARTITIONS = 12
RATE = 500
OTHERS = 5_000
"""Contacts of another tenant, about whom records come."""

WARM_UP_S = 5.0
CAUGHT_UP_S = 0.5

OTHER = people.tenant_of(1)
_SWEEP_TURN = m.encode(m.SweepTurn(1))[:-2]
"""How the records of sweeps begin."""


class Traffic:
    """Records about other contacts, and the facts that follow from them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._sent: dict[str, float] = {}
        self._waits: list[float] = []
        self.swept_at = 0.0

    @contextmanager
    def running(self) -> Iterator["Traffic"]:
        """Produces and reads within the context."""
        targets = (self._produce, self._read_facts, self._read_turns)
        threads = [threading.Thread(target=target) for target in targets]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def wait_for_facts(self) -> None:
        """Waits until the worker has restored its states and folded what has come meanwhile."""
        while not self._waits or self._longest_open() > CAUGHT_UP_S:
            time.sleep(0.1)

    def longest_ms(self) -> float:
        """The longest wait since the last call, of records that were answered or still wait."""
        waits, self._waits = self._waits, []
        return max([*waits, self._longest_open()]) * 1e3

    def _longest_open(self) -> float:
        now = time.monotonic()
        return max((now - sent for sent in list(self._sent.values())), default=0.0)

    def _produce(self) -> None:
        writer = idempotent_producer(self._settings)
        name = self._settings.topic_prefix + Topic.CONTACT_LOG
        number = 0
        while not self._stop.wait(0.01):
            for _ in range(RATE // 100):
                number += 1
                contact_id, cause = people.contact_of(number % OTHERS), f"/web#{number}"
                person = m.Person(first_name=f"Ann-{number}")
                event = m.ContactUpserted(OTHER, contact_id, cause, number, person)
                self._sent[cause] = time.monotonic()
                writer.produce(name, m.encode(event), m.contact_key(OTHER, contact_id))
            writer.poll(0)
        writer.flush(10)

    def _read_facts(self) -> None:
        for value in self._read(Topic.FACTS, 4):
            fact = facts.decode(value)
            if fact.fact == FactKind.CONTACT_UPDATED:
                self._waits.append(time.monotonic() - self._sent.pop(fact.cause or ""))

    def _read_turns(self) -> None:
        for value in self._read(Topic.CONTACT_LOG, PARTITIONS):
            if value.startswith(_SWEEP_TURN):
                self.swept_at = time.monotonic()

    def _read(self, topic: Topic, partitions: int) -> Iterator[bytes]:
        consumer = engine.consumer_of(self._settings, topic, partitions)
        while not self._stop.is_set():
            for message in consumer.consume(500, 0.01):
                if message.error() is None:
                    yield message.value() or b""
        consumer.close()
