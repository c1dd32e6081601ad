"""A simulation from beginning to end: orders, people, recorded events and senders, told to the
engine in order of time.

At a moment the orders come first, then people, then what is recorded, then what the senders say;
and everything told at a moment is settled before time goes on.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from typing import NamedTuple, Protocol

from schemas.internal.facts import Fact
from schemas.internal.messages import DeadLetter, contact_key, encode
from schemas.internal.state_bytes import NEVER
from schemas.internal.topics import Topic
from streams.simulation.engine import (
    COMMIT_EVERY,
    Command,
    OwnedEnrollment,
    SimulationEngine,
    log_timestamp,
)
from streams.simulation.population import PlannedRecord
from streams.simulation.senders import CommandedTouch, DrawnSignal, SimulatedSenders
from streams.simulation.simulated_events import SimulatedEvent, event

SETTLE_EVERY_RECORDS = 500
"""Records told before the engine has its turn, however many are told at one moment."""


PROGRESS_EVERY_MOMENTS = 512
"""Moments between two words about how far it is."""


class Listener(Protocol):
    """Who hears what happens, as it happens."""

    def facts(self, facts: list[Fact], now: int) -> None: ...
    def command(self, command: Command, now: int) -> None: ...
    def event(self, who: CommandedTouch, said: DrawnSignal, told: SimulatedEvent) -> None: ...


SimulationProgress = Callable[[int, int], None]
"""Hears now and then how far it is: the time, and how many records there were."""

OnDeadLetter = Callable[[DeadLetter], None]
"""Hears of what cannot be folded."""


def ignore(*_: object) -> None:
    """For whoever does not ask."""


class SimulationResult(NamedTuple):
    """`finished` says that nothing was left to happen; else time was up, with something left.
    `enrollments` are all that there were, as they stand then."""

    at: int
    records: int
    finished: bool
    enrollments: Iterable[OwnedEnrollment]


class Simulation:
    """`listeners` hear everything in the order in which it happens."""

    def __init__(
        self,
        start: int,
        listeners: Iterable[Listener],
        senders: SimulatedSenders | None,
        *,
        commit_every: int = COMMIT_EVERY,
        progress: SimulationProgress = ignore,
        park: OnDeadLetter = ignore,
    ) -> None:
        self._listeners = tuple(listeners)
        self._senders = senders
        self._progress = progress
        self.engine = SimulationEngine(
            start, self._facts, self._command, park, commit_every=commit_every
        )
        self.told = 0

    def run(
        self, setup_records: Iterable[PlannedRecord], planned: Iterable[PlannedRecord], until: int
    ) -> SimulationResult:
        """`planned` is in order of time; an order is done before the next record is told."""
        engine = self.engine
        for order in setup_records:
            self._tell(order)
            engine.settle()
        coming = iter(planned)
        following = next(coming, None)
        moments = 0
        while True:
            at = NEVER if following is None else following.at
            if self._senders is not None:
                at = min(at, self._senders.next_at)
            at = engine.next_due(at)
            if at > until:
                return SimulationResult(
                    engine.now, engine.records, at == NEVER, engine.enrollments()
                )
            engine.now = max(engine.now, log_timestamp(at))
            while following is not None and following.at <= engine.now:
                self._tell(following)
                following = next(coming, None)
            if self._senders is not None:
                self._hear(self._senders)
            engine.settle()
            moments += 1
            if moments % PROGRESS_EVERY_MOMENTS == 0:
                self._progress(engine.now, engine.records)

    def _tell(self, planned: PlannedRecord) -> None:
        self.engine.tell(planned.topic, planned.key, planned.value)
        self._count()
        if planned.topic is Topic.CAMPAIGN_LOG:
            self.engine.settle()

    def _hear(self, senders: SimulatedSenders) -> None:
        """What senders and people say by now."""
        engine = self.engine
        while senders.next_at <= engine.now:
            found = senders.pop()
            if found is not None:
                who, said = found
                told = event(who, said)
                key = contact_key(who.tenant_id, who.contact_id)
                engine.tell(Topic.CONTACT_LOG, key, encode(told.message))
                for listener in self._listeners:
                    listener.event(who, said, told)
                self._count()

    def _count(self) -> None:
        self.told += 1
        if self.told % SETTLE_EVERY_RECORDS == 0:
            self.engine.settle()
            self._progress(self.engine.now, self.engine.records)

    def _facts(self, facts: list[Fact]) -> None:
        for listener in self._listeners:
            listener.facts(facts, self.engine.now)

    def _command(self, command: Command) -> None:
        for listener in self._listeners:
            listener.command(command, self.engine.now)
        if self._senders is not None:
            self._senders.take(command, self.engine.now)


def merge_by_time(*sources: Iterable[PlannedRecord]) -> Iterator[PlannedRecord]:
    """By time; at one moment in the order of the sources."""
    return merge(*sources, key=_at)


def _at(planned: PlannedRecord) -> int:
    return planned.at
