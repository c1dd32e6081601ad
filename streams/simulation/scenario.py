"""The inputs of a simulation: campaigns, tenants, pools and sender accounts, people, recorded
events and senders."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import msgspec

from processors.intake import destination, dropped_fields_fact, internal_message
from schemas.base.times import format_rfc3339
from schemas.campaigns.campaign_kinds import KINDS
from schemas.campaigns.compiled_definition import Definition
from schemas.internal import facts
from schemas.internal.messages import (
    ChangeCampaign,
    ContactEnrolled,
    Message,
    PublishCampaign,
    UpsertPool,
    UpsertSender,
    UpsertTenant,
    encode,
)
from schemas.internal.topics import Topic
from schemas.public.codec import PublicEvent
from streams.simulation.engine import COMMIT_EVERY, log_timestamp
from streams.simulation.platform_setup import NO_SETUP, PlatformSetup, SenderKey
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

CampaignKey = tuple[str, str]
"""Tenant id and campaign id."""

Subject = str | tuple[str, ...]
"""What an event sets up: a tenant id, a campaign key, a pool (`pool`, id) or a sender account
(`sender`, tenant id, id)."""


class SimulatedCampaign(NamedTuple):
    """A compiled definition and the document that it was read from."""

    definition: Definition
    document: Any

    @property
    def key(self) -> CampaignKey:
        return self.definition.tenant_id, self.definition.campaign_id


class RecordedAnswer(NamedTuple):
    """A recorded event about a command: its time in microseconds, and its ids."""

    at: int
    event_id: str
    ce_type: str
    tenant_id: str
    contact_id: str
    command_id: str


TimedEvent = tuple[int, PublicEvent]
"""An event and the time (microseconds) at which it reaches the engine; 0 if the time is unknown."""


def with_event_times(events: Iterable[PublicEvent]) -> Iterator[TimedEvent]:
    """Pairs each event with its own time, or 0 if it has none."""
    for event in events:
        yield event.time or 0, event


class RecordedEvents:
    """Recorded public events in order of time. Events without a time come first, at `begins_at`.

    `campaign.published` of a simulated campaign is left out, because the simulated definition
    replaces it.
    """

    def __init__(
        self,
        events: Iterable[TimedEvent],
        campaigns: Sequence[SimulatedCampaign],
        default_begins_at: int,
    ) -> None:
        """`default_begins_at` (microseconds) is used if no event has a time."""
        simulated_keys = {campaign.key for campaign in campaigns}
        self.tenants: dict[str, UpsertTenant] = {}
        self.pools: dict[str, UpsertPool] = {}
        self.senders: dict[SenderKey, UpsertSender] = {}
        timed: list[TimedEvent] = []
        for at, event in events:
            campaign_key = (event.data.tenant_id, getattr(event.data, "campaign_id", ""))
            if event.type != "campaign.published" or campaign_key not in simulated_keys:
                timed.append((at, event))
        timed.sort(key=itemgetter(0))
        self.begins_at = next((at for at, _ in timed if at), default_begins_at)
        self.ends_at = max(self.begins_at, timed[-1][0] if timed else 0)
        self.answers: list[RecordedAnswer] = []
        self.published: set[CampaignKey] = set()
        self.first_enrolled: dict[CampaignKey, int] = {}
        """When the first person was enrolled by hand, in microseconds, by campaign."""

        self._records: list[tuple[Subject | None, PlannedRecord]] = []
        for at, event in timed:
            self._collect_answer(at, event)
            message = internal_message(event, self.begins_at)
            subject = self._collect_setup(message)
            if isinstance(message, ContactEnrolled):
                campaign_key = (message.tenant_id, message.campaign_id)
                self.first_enrolled.setdefault(campaign_key, log_timestamp(at or self.begins_at))
            topic, key = destination(message)
            self._records.append((subject, PlannedRecord(at, topic, key, encode(message))))
            if event.dropped is not None:
                fact = dropped_fields_fact(event, message, at or self.begins_at)
                planned = PlannedRecord(at, Topic.FACTS, fact.key(), facts.encode(fact))
                self._records.append((subject, planned))

    def _collect_setup(self, message: Message) -> Subject | None:
        """Keeps the first order about each tenant, pool and sender account, and what is published.
        Returns what the message sets up; None for any other message."""
        match message:
            case UpsertTenant(tenant_id=tenant_id):
                self.tenants.setdefault(tenant_id, message)
                return tenant_id
            case PublishCampaign(tenant_id=tenant_id, campaign_id=campaign_id):
                self.published.add((tenant_id, campaign_id))
                return tenant_id, campaign_id
            case UpsertPool(pool_id=pool_id):
                self.pools.setdefault(pool_id, message)
                return pool_subject(pool_id)
            case UpsertSender(tenant_id=tenant_id, sender=sender):
                self.senders.setdefault((tenant_id, sender.sender_id), message)
                return sender_subject(tenant_id, sender.sender_id)
        return None

    def _collect_answer(self, at: int, event: PublicEvent) -> None:
        command_id = getattr(event.data, "command_id", None)
        if command_id is not None:
            ids = (event.data.tenant_id, event.data.contact_id, command_id)
            self.answers.append(RecordedAnswer(at or self.begins_at, event.id, event.type, *ids))

    def __len__(self) -> int:
        return sum(record.topic is not Topic.FACTS for _, record in self._records)

    def last_answered_at(self) -> dict[str, int]:
        """Returns, by command id, the time of the last `touch.sent` or `touch.failed`."""
        times: dict[str, int] = {}
        for answer in self.answers:
            if answer.ce_type in ("touch.sent", "touch.failed"):
                times[answer.command_id] = max(answer.at, times.get(answer.command_id, 0))
        return times

    def input_records(
        self, start: int, excluded: Collection[Subject] = ()
    ) -> Iterator[PlannedRecord]:
        """Yields the events as records, each at its time and none before `start`. Those that set up
        something in `excluded` are left out."""
        for subject, record in self._records:
            if subject not in excluded:
                yield record._replace(at=log_timestamp(max(record.at, start)))


def pool_subject(pool_id: str) -> Subject:
    return "pool", pool_id, ""


def sender_subject(tenant_id: str, sender_id: str) -> Subject:
    return "sender", tenant_id, sender_id


def setup_records(
    campaigns: Sequence[SimulatedCampaign],
    tenants: dict[str, UpsertTenant],
    start: int,
    platform: PlatformSetup = NO_SETUP,
) -> Iterator[PlannedRecord]:
    """Yields records that create the tenants, pools and sender accounts, then the campaigns. A
    draft is activated, unless its kind is prepared: it is when its first people are in it."""
    for tenant in tenants.values():
        # A recorded event of this tenant comes again at its own time, so the cause is another one.
        cause = f"{SOURCE}#{tenant.tenant_id}"
        yield _setup_record(msgspec.structs.replace(tenant, at=start, cause=cause), start)
    for order in platform.without_tenants():
        yield _setup_record(msgspec.structs.replace(order, at=start), start)
    for definition, document in campaigns:
        ids = (definition.tenant_id, definition.campaign_id)
        cause = f"{SOURCE}#{definition.campaign_id}"
        text = msgspec.json.encode(document)
        yield _setup_record(PublishCampaign(*ids, cause, start, text), start)
        if definition.status == "draft" and not is_prepared(definition):
            yield _activation(definition, start)


def is_prepared(definition: Definition) -> bool:
    """Whether people are added to the draft of a campaign before it is activated."""
    return definition.status == "draft" and KINDS[definition.kind].prepared


def _activation(definition: Definition, at: int) -> PlannedRecord:
    ids = (definition.tenant_id, definition.campaign_id)
    cause = f"{SOURCE}#{definition.campaign_id}:activated"
    return _setup_record(ChangeCampaign(*ids, "activated", cause, at), at)


def _setup_record(message: Message, at: int) -> PlannedRecord:
    topic, key = destination(message)
    return PlannedRecord(at, topic, key, encode(message))


class Scenario(NamedTuple):
    """All inputs of a simulation from `start` to `until` (microseconds).

    People arrive over `arrival_span_us`. Recorded changes of the tenants in `fixed_tenants` are
    ignored, and so are those of the pools and sender accounts of `platform`, whose tenants are in
    `tenants` already.
    """

    campaigns: Sequence[SimulatedCampaign]
    tenants: dict[str, UpsertTenant]
    population: Population | None
    recorded: RecordedEvents | None
    senders: SimulatedSenders | None
    start: int
    until: int
    arrival_span_us: int | None = None
    fixed_tenants: frozenset[str] = frozenset()
    platform: PlatformSetup = NO_SETUP

    def run(
        self,
        listeners: Iterable[Listener],
        progress: SimulationProgress = ignore,
        *,
        on_dead_letter: OnDeadLetter = ignore,
        commit_every: int = COMMIT_EVERY,
    ) -> SimulationResult:
        """Runs the simulation. A scenario can run only once, because the senders keep state."""
        simulation = Simulation(
            self.start,
            listeners,
            self.senders,
            commit_every=commit_every,
            progress=progress,
            on_dead_letter=on_dead_letter,
        )
        setup = setup_records(self.campaigns, self.tenants, self.start, self.platform)
        return simulation.run(setup, self.input_records(), self.until)

    def input_records(self) -> Iterator[PlannedRecord]:
        """Yields the records of people and recorded events, in order of time."""
        sources: list[Iterable[PlannedRecord]] = []
        definitions = [campaign.definition for campaign in self.campaigns]
        if self.population is not None:
            sources.append(
                entry_records(self.population, definitions, self.start, self.arrival_span_us)
            )
        if self.recorded is not None:
            excluded: set[Subject] = {*self.fixed_tenants}
            excluded.update(campaign.key for campaign in self.campaigns)
            excluded.update(map(pool_subject, self.platform.pools))
            excluded.update(sender_subject(*key) for key in self.platform.senders)
            sources.append(self.recorded.input_records(self.start, excluded))
        sources.append(self._activations(definitions))
        return merge_by_time(*sources)

    def _activations(self, definitions: Iterable[Definition]) -> Iterator[PlannedRecord]:
        """Yields the activations of drafts that are prepared, in order of time. Each comes after
        the first people of its campaign: those of the start, or the first recorded ones."""
        enrolled = {} if self.recorded is None else self.recorded.first_enrolled
        at_start = log_timestamp(self.start)
        planned = []
        for each in filter(is_prepared, definitions):
            first = enrolled.get((each.tenant_id, each.campaign_id), at_start)
            at = at_start if self.population is not None else max(at_start, first)
            planned.append(_activation(each, at))
        yield from sorted(planned, key=attrgetter("at"))

    def all_tenants(self) -> dict[str, UpsertTenant]:
        """Returns the tenants by id: the recorded ones, and the ones given, which take
        precedence."""
        recorded = {} if self.recorded is None else self.recorded.tenants
        return {**recorded, **self.tenants}

    def all_senders(self) -> dict[SenderKey, UpsertSender]:
        """Returns the sender accounts by tenant and id, as `all_tenants` does."""
        recorded = {} if self.recorded is None else self.recorded.senders
        return {**recorded, **self.platform.senders}

    def all_pools(self) -> dict[str, UpsertPool]:
        """Returns the call pools by id, as `all_tenants` does."""
        recorded = {} if self.recorded is None else self.recorded.pools
        return {**recorded, **self.platform.pools}

    def describe(self) -> dict[str, Any]:
        """Returns the part of the summary that describes the inputs."""
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
