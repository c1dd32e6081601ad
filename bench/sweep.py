"""Sweeps over the contacts of a campaign while records of other contacts come: how long these wait,
at most."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench import engine, people
from bench.harness import InputRecord, broker, fill, topics
from bench.memory import contact_changelog
from bench.report import Figure
from schemas.base.times import HOUR
from schemas.campaigns.compiled_definition import Definition
from schemas.campaigns.definition import validate_definition
from schemas.internal import facts
from schemas.internal import messages as m
from schemas.internal.facts import FactKind
from schemas.internal.topics import Layout, Topic
from streams.base.settings import Settings
from streams.kafka.clients import idempotent_producer

TARGET_MS = 250
PARTITIONS = 12
RATE = 500
OTHERS = 5_000
"""Contacts of another tenant, about whom records come."""

WARM_UP_S = 5.0
CAUGHT_UP_S = 0.5
QUIET_S = 3.0
"""A sweep is over when its partitions have asked for no further turn for so long."""

TENANT, OTHER = people.tenant_of(0), people.tenant_of(1)
_SWEEP_TURN = m.encode(m.SweepTurn(1))[:-2]
"""How the records of sweeps begin."""


def run(quick: bool = False) -> Figure:
    """Publishes a version, pauses the campaign and deletes a template, one after the other."""
    contacts = 50_000 if quick else 1_000_000
    with broker(None) as settings, topics(settings, Layout(contact=PARTITIONS)) as named:
        now = time.time_ns() // 1_000
        who = range(0, 50 * contacts, 50)  # all of one tenant
        due = now + 24 * HOUR
        fill(
            named,
            Topic.CONTACT_CHANGELOG,
            contact_changelog(who, now, lambda index: due + index, tuple(range(PARTITIONS))),
        )
        with engine.run_roles(named, ["contact"]), _Traffic(named).running() as traffic:
            traffic.wait_for_facts()
            traffic.longest_ms()
            time.sleep(WARM_UP_S)
            calm = traffic.longest_ms()
            spans = {name: _sweep(named, traffic, make) for name, make in ORDERS.items()}
    longest = {name: span[0] for name, span in spans.items()}
    return Figure(
        name="sweep",
        what=f"longest wait of other contacts while sweeps visit {contacts:,} contacts",
        value=round(max(longest.values()), 1),
        unit="ms",
        target=TARGET_MS,
        at_most=True,
        ratio=max(longest.values()) / TARGET_MS,
        of="the time allowed",
        runs=[round(each, 1) for each in longest.values()],
        settings={"contacts": contacts, "partitions": PARTITIONS, "records a second": RATE},
        beside={
            "orders": ", ".join(longest),
            "seconds of each sweep": [round(span[1], 1) for span in spans.values()],
            "longest wait without a sweep, ms": round(calm, 1),
        },
    )


def _publish(number: int) -> m.Message:
    definition = validate_definition(people.document(TENANT, 24))
    assert isinstance(definition, Definition)
    ids = (TENANT, people.CAMPAIGN)
    return m.CampaignAnnounced(*ids, 2, "active", definition, "owner#2", m.SWEEP_RULES)


ORDERS: dict[str, Callable[[int], m.Message]] = {
    "publish": _publish,
    "delete a template": lambda _: m.TemplateGone(TENANT, "t-none", "owner#3", m.SWEEP_RULES),
    "pause": lambda _: m.StatusAnnounced(
        TENANT, people.CAMPAIGN, "paused", "owner#4", m.SWEEP_RULES
    ),
    "resume": lambda _: m.StatusAnnounced(
        TENANT, people.CAMPAIGN, "active", "owner#5", m.SWEEP_RULES
    ),
}


def _sweep(
    settings: Settings, traffic: "_Traffic", make: Callable[[int], m.Message]
) -> tuple[float, float]:
    """The longest wait in milliseconds during a sweep, and the seconds that the sweep took."""
    value = m.encode(make(0))
    traffic.longest_ms()
    began = time.monotonic()
    fill(
        settings,
        Topic.CONTACT_LOG,
        (InputRecord(TENANT.encode(), value, None, n) for n in range(PARTITIONS)),
    )
    while time.monotonic() < max(began, traffic.swept_at) + QUIET_S:
        time.sleep(0.1)
    longest, seconds = traffic.longest_ms(), traffic.swept_at - began
    print(f"  {longest:.0f} ms, {seconds:.1f} s", flush=True)
    return longest, seconds


class _Traffic:
    """Records about other contacts, and the facts that follow from them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._sent: dict[str, float] = {}
        self._waits: list[float] = []
        self.swept_at = 0.0

    @contextmanager
    def running(self) -> Iterator["_Traffic"]:
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
