"""What a simulation is given, put together: who owns what, what is told when, and who answers."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from processors.intake import address, understood
from schemas.base.times import format_rfc3339
from schemas.campaigns.definition import Definition
from schemas.internal.messages import ChangeCampaign, Message, PublishCampaign, UpsertTenant, encode
from schemas.public.codec import Event
from streams.simulation.engine import COMMIT_EVERY, log_timestamp
from streams.simulation.population import PlannedRecord, Population, entry_records
from streams.simulation.run import (
    Listener,
    OnDeadLetter,
    Simulation,
    SimulationProgress,
    SimulationResult,
    ignore,
    merge_by_time,
)
from streams.simulation.senders import SimulatedSenders
from streams.simulation.simulated_events import SOURCE

Key = tuple[str, str]
"""A campaign's: its tenant and its id."""


class SimulatedCampaign(NamedTuple):
    """A definition, and the document that it was read from."""

    definition: Definition
    document: Any

    @property
    def key(self) -> Key:
        return self.definition.tenant_id, self.definition.campaign_id


class RecordedAnswer(NamedTuple):
    """A recorded event that answers a touch."""

    at: int
    event_id: str
    ce_type: str
    tenant_id: str
    contact_id: str
    command_id: str


TimedEvent = tuple[int, Event]
"""When an event is told, 0 where nobody knows, and the event."""


def with_event_times(events: Iterable[Event]) -> Iterator[TimedEvent]:
    """Each when it happened by its own account."""
    for event in events:
        yield event.time or 0, event


class RecordedEvents:
    """Public events, in order of time; one without a time happened at the beginning.

    A published version of a campaign that is simulated is left out: what is simulated stands in for
    it.
    """

    def __init__(
        self, events: Iterable[TimedEvent], campaigns: Sequence[SimulatedCampaign], usual: int
    ) -> None:
        """`usual` is the beginning where no event has a time."""
        mine = {campaign.key for campaign in campaigns}
        self.tenants: dict[str, UpsertTenant] = {}
        self.left_out = 0
        told: list[TimedEvent] = []
        for at, event in events:
            ours = (event.data.tenant_id, getattr(event.data, "campaign_id", ""))
            if event.type == "campaign.published" and ours in mine:
                self.left_out += 1
            else:
                told.append((at, event))
        told.sort(key=_first)
        self.begins = next((at for at, _ in told if at), usual)
        self.heard: list[RecordedAnswer] = []
        self.published: set[Key] = set()
        self._records: list[tuple[str | Key | None, PlannedRecord]] = []
        for at, event in told:
            self._remember(at, event)
            message = understood(event, self.begins)
            about: str | Key | None = None
            if isinstance(message, UpsertTenant):
                about = message.tenant_id
                self.tenants.setdefault(message.tenant_id, message)
            elif isinstance(message, PublishCampaign):
                about = message.tenant_id, message.campaign_id
                self.published.add(about)
            topic, key = address(message)
            self._records.append((about, PlannedRecord(at, topic, key, encode(message))))

    def _remember(self, at: int, event: Event) -> None:
        command_id = getattr(event.data, "command_id", None)
        if command_id is not None:
            who = (event.data.tenant_id, event.data.contact_id, command_id)
            self.heard.append(RecordedAnswer(at or self.begins, event.id, event.type, *who))

    def __len__(self) -> int:
        return len(self._records)

    def answered(self) -> dict[str, int]:
        """When each command was last said to be sent, or not."""
        found: dict[str, int] = {}
        for heard in self.heard:
            if heard.ce_type in ("touch.sent", "touch.failed"):
                found[heard.command_id] = max(heard.at, found.get(heard.command_id, 0))
        return found

    def planned(self, start: int, settled: Collection[str | Key] = ()) -> Iterator[PlannedRecord]:
        """Each at its time; what was before the start, at the start. What is recorded of tenants
        that are `settled`, and of versions of campaigns, is left out."""
        for about, record in self._records:
            if about not in settled:
                yield record._replace(at=log_timestamp(max(record.at, start)))


def _first(told: TimedEvent) -> int:
    return told[0]


def setup_records(
    campaigns: Sequence[SimulatedCampaign], tenants: dict[str, UpsertTenant], start: int
) -> Iterator[PlannedRecord]:
    """Tenants first, then their campaigns. A draft is tried as if it were activated."""
    for tenant in tenants.values():
        cause = f"{SOURCE}#{tenant.tenant_id}"  # where it is recorded it comes again, at its time
        yield _setup_record(msgspec.structs.replace(tenant, at=start, cause=cause), start)
    for definition, document in campaigns:
        ids = (definition.tenant_id, definition.campaign_id)
        cause = f"{SOURCE}#{definition.campaign_id}"
        text = msgspec.json.encode(document)
        yield _setup_record(PublishCampaign(*ids, cause, start, text), start)
        if definition.status == "draft":
            activation = f"{cause}:activated"
            yield _setup_record(ChangeCampaign(*ids, "activated", activation, start), start)


def _setup_record(message: Message, start: int) -> PlannedRecord:
    topic, key = address(message)
    return PlannedRecord(start, topic, key, encode(message))


class Scenario(NamedTuple):
    """All that a simulation is given. `over` is how long people keep coming; what is recorded of
    tenants that are `settled` does not count."""

    campaigns: Sequence[SimulatedCampaign]
    tenants: dict[str, UpsertTenant]
    population: Population | None
    recorded: RecordedEvents | None
    senders: SimulatedSenders | None
    start: int
    until: int
    over: int | None = None
    settled: frozenset[str] = frozenset()

    def run(
        self,
        listeners: Iterable[Listener],
        progress: SimulationProgress = ignore,
        *,
        park: OnDeadLetter = ignore,
        commit_every: int = COMMIT_EVERY,
    ) -> SimulationResult:
        """From beginning to end. Once: what is recorded and drawn is used up by it."""
        simulation = Simulation(
            self.start,
            listeners,
            self.senders,
            commit_every=commit_every,
            progress=progress,
            park=park,
        )
        asked = setup_records(self.campaigns, self.tenants, self.start)
        return simulation.run(asked, self.planned(), self.until)

    def planned(self) -> Iterator[PlannedRecord]:
        """All that comes from outside beside the orders, in order of time."""
        sources: list[Iterable[PlannedRecord]] = []
        definitions = [campaign.definition for campaign in self.campaigns]
        if self.population is not None:
            sources.append(entry_records(self.population, definitions, self.start, self.over))
        if self.recorded is not None:
            settled: set[str | Key] = {*self.settled, *(each.key for each in self.campaigns)}
            sources.append(self.recorded.planned(self.start, settled))
        return merge_by_time(*sources) if len(sources) > 1 else iter(*sources or [()])

    def owners(self) -> dict[str, UpsertTenant]:
        """All tenants, the recorded ones too."""
        recorded = {} if self.recorded is None else self.recorded.tenants
        return {**recorded, **self.tenants}

    def about(self) -> dict[str, Any]:
        """What the summary says of it."""
        return {
            "start": format_rfc3339(self.start),
            "until": format_rfc3339(self.until),
            "people": self.population.size if self.population is not None else 0,
            "recorded_events": len(self.recorded) if self.recorded is not None else 0,
            "campaigns": [
                f"{campaign.definition.tenant_id}/{campaign.definition.campaign_id}"
                for campaign in self.campaigns
            ],
        }
