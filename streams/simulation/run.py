"""A simulation from beginning to end: set-up records, people, recorded events and senders' signals
are appended to the engine in order of time.

At one moment the order is: set-up records, people, recorded events, drawn signals. Everything
appended at a moment is settled before the time moves on.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from operator import attrgetter
from typing import NamedTuple, Protocol, runtime_checkable

from schemas.internal.facts import Fact
from schemas.internal.facts import decode as decode_fact
from schemas.internal.messages import DeadLetter, RunsCounted, contact_key, encode
from schemas.internal.state_bytes import NEVER
from schemas.internal.states import CampaignRecord
from schemas.internal.topics import Topic
from streams.simulation.drawn_signals import DrawnSignal
from streams.simulation.engine import (
    COMMIT_EVERY,
    Command,
    OwnedEnrollment,
    SimulationEngine,
    log_timestamp,
)
from streams.simulation.population import PlannedRecord
from streams.simulation.senders import CommandedTouch, SimulatedSenders
from streams.simulation.simulated_events import SimulatedEvent, build_event

_CONTACT_LOG = Topic.CONTACT_LOG  # looking up an enum member costs a Python call

SETTLE_EVERY_RECORDS = 500
"""Records appended at one moment before the engine settles."""

PROGRESS_EVERY_MOMENTS = 512
"""Moments between two progress reports."""


class Listener(Protocol):
    """Receives facts, commands and drawn events as they happen; `now` is the virtual time in
    microseconds."""

    def on_facts(self, facts: list[Fact], now: int) -> None: ...
    def on_command(self, command: Command, now: int) -> None: ...
    def on_event(
        self, touch: CommandedTouch, signal: DrawnSignal, event: SimulatedEvent
    ) -> None: ...


SimulationProgress = Callable[[int, int], None]
"""Receives the virtual time (microseconds) and the number of records so far, now and then."""

OnDeadLetter = Callable[[DeadLetter], None]
"""Receives one dead letter for each record or timer that cannot be folded."""


def ignore(*_: object) -> None:
    """The callback of callers that need none."""


@runtime_checkable
class CountsListener(Protocol):
    """A listener that also receives the reports of counts, each before it is folded, with the
    campaign as it is before."""

    def on_counts(self, counts: RunsCounted, campaign: CampaignRecord, now: int) -> None: ...


class SimulationResult(NamedTuple):
    """How a simulation ended.

    `finished` is true if nothing was left to happen; otherwise the time limit was reached.
    `enrollments` yields the final state of every enrollment, `engine` has the rest.
    """

    ended_at: int
    records: int
    finished: bool
    enrollments: Iterable[OwnedEnrollment]
    engine: SimulationEngine


class Simulation:
    """One simulation that starts at `start` (microseconds). Each listener receives everything, in
    the order in which it happens."""

    def __init__(
        self,
        start: int,
        listeners: Iterable[Listener],
        senders: SimulatedSenders | None,
        *,
        commit_every: int = COMMIT_EVERY,
        progress: SimulationProgress = ignore,
        on_dead_letter: OnDeadLetter = ignore,
    ) -> None:
        self._listeners = tuple(listeners)
        self._of_counts = [each for each in self._listeners if isinstance(each, CountsListener)]
        self._senders = senders
        self._progress = progress
        self.engine = SimulationEngine(
            start,
            self._on_facts,
            self._on_command,
            on_dead_letter,
            self._on_counts,
            commit_every=commit_every,
        )
        self._appended = 0

    def run(
        self, setup: Iterable[PlannedRecord], inputs: Iterable[PlannedRecord], until: int
    ) -> SimulationResult:
        """Appends the set-up records, then runs until nothing is left to happen, or until the next
        moment is after `until`.

        Each set-up record is settled before the next one is appended. `inputs` are in order of
        time.
        """
        engine = self.engine
        for record in setup:
            self._append(record)
            engine.settle()
        remaining = iter(inputs)
        following = next(remaining, None)
        moments = 0
        while True:
            at = NEVER if following is None else following.at
            if self._senders is not None:
                at = min(at, self._senders.next_at)
            is_alone = at == NEVER  # no people, no signals: only timers are left
            at = engine.next_due(at)
            if at > until or (is_alone and engine.is_over()):
                finished = at == NEVER or (is_alone and engine.is_over())
                counts = engine.now, engine.records
                return SimulationResult(*counts, finished, engine.enrollments(), engine)
            engine.now = max(engine.now, log_timestamp(at))
            while following is not None and following.at <= engine.now:
                self._append(following)
                following = next(remaining, None)
            if self._senders is not None:
                self._append_signals(self._senders)
            engine.settle()
            moments += 1
            if moments % PROGRESS_EVERY_MOMENTS == 0:
                self._progress(engine.now, engine.records)

    def _append(self, record: PlannedRecord) -> None:
        if record.topic is Topic.FACTS:  # a fact of intake
            self._on_facts([decode_fact(record.value)])
            return
        self.engine.append(record.topic, record.key, record.value)
        self._count_append()
        if record.topic is Topic.CAMPAIGN_LOG:
            self.engine.settle()

    def _append_signals(self, senders: SimulatedSenders) -> None:
        """Appends every signal that senders and people give by now."""
        engine, listeners = self.engine, self._listeners
        while senders.next_at <= engine.now:
            drawn = senders.pop()
            if drawn is not None:
                touch, signal = drawn
                event = build_event(touch, signal)
                key = contact_key(touch.tenant_id, touch.contact_id)
                engine.append(_CONTACT_LOG, key, encode(event.message))
                for listener in listeners:
                    listener.on_event(touch, signal, event)
                self._count_append()

    def _count_append(self) -> None:
        self._appended += 1
        if self._appended % SETTLE_EVERY_RECORDS == 0:
            self.engine.settle()
            self._progress(self.engine.now, self.engine.records)

    def _on_facts(self, facts: list[Fact]) -> None:
        for listener in self._listeners:
            listener.on_facts(facts, self.engine.now)

    def _on_counts(self, counts: RunsCounted) -> None:
        if not self._of_counts:
            return
        campaign = self.engine.campaign(counts.tenant_id, counts.campaign_id)
        if campaign is not None:
            for listener in self._of_counts:
                listener.on_counts(counts, campaign, self.engine.now)

    def _on_command(self, command: Command) -> None:
        for listener in self._listeners:
            listener.on_command(command, self.engine.now)
        if self._senders is not None:
            self._senders.receive(command, self.engine.now)


def merge_by_time(*sources: Iterable[PlannedRecord]) -> Iterator[PlannedRecord]:
    """Merges sources that are each in order of time. Records of the same moment keep the order of
    the sources."""
    return merge(*sources, key=attrgetter("at"))
